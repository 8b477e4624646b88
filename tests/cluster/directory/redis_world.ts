/**
 * Directories in a real Redis, for the tests that memory passes too.
 *
 * @module
 */
import { RELEASED_KEPT_MS } from "../../../cluster/directory/checks.ts";
import type { Redis } from "ioredis";
import type { Log, LogFields, Ports } from "../../../actors/runtime/ports.ts";
import {
  RedisDirectory,
  type RedisDirectoryOptions,
} from "../../../cluster/directory/redis_directory.ts";
import { encodeName, RedisKeys } from "../../../cluster/directory/redis_keys.ts";
import { parseRedisUrl, type RedisTarget } from "../../../cluster/directory/redis_url.ts";
import { systemPorts } from "../../../cluster/system_ports.ts";
import { delay, eventually } from "../../support/processes.ts";
import type { World } from "./world.ts";

/** Worlds so far: each has a mesh of its own. */
let worlds = 0;

/** Wait for an answer where none is meant to fail, in milliseconds: the machine may be busy. */
export const PATIENCE_MS = 10_000;

/** A log that keeps its lines. */
export interface KeptLog extends Log {
  readonly lines: { level: string; message: string; fields: LogFields }[];
}

export function keptLog(): KeptLog {
  const lines: KeptLog["lines"] = [];
  const write = (level: string) => (message: string, fields: LogFields = {}) =>
    void lines.push({ level, message, fields });
  const log: KeptLog = {
    lines,
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    with: () => log,
  };
  return log;
}

/** The real clock, timers and chance, with a log that is kept. */
export function realPorts(log: Log = keptLog()): Ports {
  return systemPorts(log);
}

/** @throws {Error} The URL is none. */
export function targetOf(url: string): RedisTarget {
  const result = parseRedisUrl(url);
  if (!result.ok) throw new Error(`A Redis URL must ${result.reason}`);
  return result.target;
}

/** A directory that can be used already. */
export async function connected(
  url: string,
  more: Partial<RedisDirectoryOptions> = {},
): Promise<RedisDirectory> {
  const callMs = PATIENCE_MS;
  const options = { target: targetOf(url), mesh: "test", ports: realPorts(), callMs };
  const directory = new RedisDirectory({ ...options, ...more });
  await answering(directory);
  return directory;
}

/** Waits until the directory answers. */
export async function answering(directory: RedisDirectory, timeoutMs = 10_000): Promise<void> {
  await eventually("a directory that answers", async () => {
    try {
      await directory.readTimeline("is anybody there");
      return true;
    } catch {
      return false;
    }
  }, timeoutMs);
}

export interface RedisWorld extends World {
  readonly mesh: string;
  readonly keys: RedisKeys;
}

/**
 * An empty mesh behind `url`, with `ways` directories that answer already: `open` gives them one
 * after the other.
 *
 * @param admins A client for each master.
 */
export async function redisWorld(
  url: string,
  admins: readonly Redis[],
  ways = 4,
): Promise<RedisWorld> {
  const mesh = `{c}:mesh * ${++worlds}`;
  const keys = new RedisKeys(mesh);
  const all = await Promise.all(Array.from({ length: ways }, () => connected(url, { mesh })));
  const unused = all.map((directory) => fromNow(directory));
  const pattern = `hw:${encodeName(mesh)}:*`;
  const pulse = async (fields: Record<string, number>) => {
    await inControlSlot(admins, (admin) => admin.hset(keys.control.pulse, fields));
  };
  return {
    mesh,
    keys,
    open() {
      const directory = unused.shift();
      if (directory === undefined) throw new Error(`Only ${ways} directories are open`);
      return directory;
    },
    pass: delay,
    dropLease: (node) => inControlSlot(admins, (admin) => admin.del(keys.lease(node))),
    goBlind: () => pulse({ tick: Date.now() - 2_000 }),
    regainSight: () => pulse({ tick: Date.now() + 5_000, blind: 0 }), // However slow the test is.
    async wipe() {
      for (const admin of admins) {
        for (const key of await keysLike(admin, pattern)) await admin.del(key);
      }
    },
    async passDay() {
      for (const admin of admins) {
        for (const key of await keysLike(admin, pattern)) {
          const leftMs = await admin.pttl(key);
          if (leftMs > 0 && leftMs <= RELEASED_KEPT_MS) await admin.del(key);
        }
      }
    },
    async close() {
      await Promise.all(all.map((directory) => directory.close()));
    },
  };
}

/** The directory, with its round trips counted from now on. */
function fromNow(directory: RedisDirectory): RedisDirectory {
  const before = directory.roundTrips;
  return new Proxy(directory, {
    get(target, name) {
      if (name === "roundTrips") return target.roundTrips - before;
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Does it at the master that has the slot of members; the others refuse. */
async function inControlSlot(
  admins: readonly Redis[],
  action: (admin: Redis) => Promise<unknown>,
): Promise<void> {
  for (const admin of admins) {
    try {
      await action(admin);
      return;
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith("MOVED")) throw error;
    }
  }
}

async function keysLike(admin: Redis, pattern: string): Promise<string[]> {
  const found: string[] = [];
  for await (const keys of admin.scanStream({ match: pattern, count: 1_000 })) found.push(...keys);
  return found;
}
