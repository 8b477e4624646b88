/**
 * What the mesh stands on, on a real host: a directory, a network and a secret.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import type { Ports } from "../actors/runtime/ports.ts";
import type { Config } from "./config.ts";
import type { Directory } from "./directory/directory.ts";
import { DirectoryStore, MemoryDirectory } from "./directory/memory_directory.ts";
import { RedisDirectory } from "./directory/redis_directory.ts";
import { parseRedisUrl, type RedisTarget } from "./directory/redis_url.ts";
import { DenoTransport, type LinkTls } from "./link/deno_transport.ts";
import { DialError, type LinkTransport } from "./link/transport.ts";
import type { NodePlace } from "./running_node.ts";
import { StartError } from "./start_error.ts";
import { WORKERS_ADDRESS } from "./worker_command.ts";

export interface MeshHome {
  readonly directory: Directory;
  readonly transport: LinkTransport;
  /** What all nodes of the mesh share; nobody knows what it gives before {@link prepare}. */
  readonly secret: () => Uint8Array;
  /** Asks for the secret until it is known. */
  readonly prepare: () => Promise<void>;
  /** The directory has lost its data: newcomers must find the secret there again. */
  readonly shareAgain: () => Promise<void>;
  /** Where other nodes reach this one. */
  readonly address: string;
  /** Client addresses by protocol, "host:port". */
  readonly addresses: Readonly<Record<string, string>>;
}

/** Stands for the mesh port of a node that is alone, where nobody would ask for it. */
export const LONE_PORT = 1;

/** Bytes of a secret that the first node makes up. */
const SECRET_BYTES = 32;

/** Pause before the directory is asked for the secret again, in milliseconds. */
const SECRET_RETRY_MS = 300;

/** How long to wait for the connection that tells our own address, in milliseconds. */
const ADDRESS_TIMEOUT_MS = 1_000;

/** Nobody else is there. */
const NO_NETWORK: LinkTransport = {
  dial: () => Promise.reject(new DialError("Cannot dial: this node is alone", true)),
  listen: () => ({ port: LONE_PORT, close() {} }),
};

export interface MeshHomeOptions {
  readonly config: Config;
  readonly ports: Ports;
  readonly addresses: Readonly<Record<string, string>>;
  /** Address that listeners are bound to. */
  readonly hostname: string;
  readonly address: string;
  readonly place: NodePlace | undefined;
}

export function meshHome({ config, ports, ...options }: MeshHomeOptions): MeshHome {
  const { addresses, address, hostname, place } = options;
  const target = redisTarget(config);
  const acceptFailed = (error: unknown) => ports.log.warn("mesh port cannot accept", { error });
  if (place?.directory !== undefined) {
    const { directory, meshSecret } = place;
    const secret = new TextEncoder().encode(meshSecret);
    const transport = new DenoTransport({ hostname: WORKERS_ADDRESS, port: 0, acceptFailed });
    const nothing = () => Promise.resolve();
    const reached = { address: WORKERS_ADDRESS, addresses, prepare: nothing, shareAgain: nothing };
    return { directory, transport, secret: () => secret, ...reached };
  }
  if (target === undefined) {
    const directory = new MemoryDirectory(new DirectoryStore(ports.clock));
    const secret = randomBytes(SECRET_BYTES);
    const nothing = () => Promise.resolve();
    const nothings = { prepare: nothing, shareAgain: nothing };
    const common = { directory, address, addresses, secret: () => secret };
    return { ...common, ...nothings, transport: NO_NETWORK };
  }
  const directory = new RedisDirectory({ target, ports, mesh: config.mesh });
  const transport = new DenoTransport({
    hostname,
    port: config.meshPort,
    tls: config.meshTls === undefined ? undefined : readTls(config.meshTls),
    acceptFailed,
  });
  const shared = sharedSecret(directory, config.meshSecret, ports);
  return { directory, transport, address, ...shared, addresses };
}

/** @throws {StartError} A file cannot be read. */
function readTls(folder: string): LinkTls {
  const read = (name: string) => {
    try {
      return Deno.readTextFileSync(`${folder}/${name}`);
    } catch (error) {
      const reason = error instanceof Error ? error.name : "unknown error";
      throw new StartError(`--mesh-tls ${folder}: must hold ${name} as a readable file: ${reason}`);
    }
  };
  return { cert: read("cert.pem"), key: read("key.pem"), ca: read("ca.pem") };
}

/** Where Redis is; `undefined` when this node is alone. */
export function redisTarget({ redis }: Pick<Config, "redis">): RedisTarget | undefined {
  if (redis === undefined) return undefined;
  const parsed = parseRedisUrl(redis);
  return parsed.ok ? parsed.target : undefined; // The configuration has checked it.
}

/**
 * The address under which other hosts reach this one: the one from which it reaches Redis.
 *
 * @returns `undefined` when Redis does not answer.
 */
export async function ownAddress(
  { hosts }: RedisTarget,
  ports: Ports,
): Promise<string | undefined> {
  for (const { host: hostname, port } of hosts) {
    const aborted = new AbortController();
    const timer = ports.timers.after(ADDRESS_TIMEOUT_MS, () => aborted.abort());
    try {
      using conn = await Deno.connect({ hostname, port, signal: aborted.signal });
      return (conn.localAddr as Deno.NetAddr).hostname;
    } catch {
      // The next one may answer.
    } finally {
      timer.cancel();
    }
  }
  return undefined;
}

function sharedSecret(directory: Directory, given: string | undefined, ports: Ports) {
  const encoder = new TextEncoder();
  let known = given === undefined ? undefined : encoder.encode(given);
  const unknown = randomBytes(SECRET_BYTES);
  const proposed = randomBytes(SECRET_BYTES).toString("hex");
  return {
    secret(): Uint8Array {
      return known ?? unknown;
    },
    async shareAgain(): Promise<void> {
      if (given !== undefined || known === undefined) return;
      await directory.sharedSecret(new TextDecoder().decode(known)).catch(() => {});
    },
    async prepare(): Promise<void> {
      while (known === undefined) {
        try {
          known = encoder.encode(await directory.sharedSecret(proposed));
        } catch {
          await new Promise<void>((done) => void ports.timers.after(SECRET_RETRY_MS, done));
        }
      }
    },
  };
}
