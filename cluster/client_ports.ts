/**
 * The ports that clients connect to: bound before anything else starts, so that a port that is
 * taken is an error of the start.
 *
 * @module
 */
import { LISTENER_PROTOCOLS, type ListenerProtocol } from "../actors/edge/admission.ts";
import { hostPort } from "../actors/edge/host_port.ts";
import type { Ports } from "../actors/runtime/ports.ts";
import type { Config } from "./config.ts";
import type { NodePlace } from "./running_node.ts";
import { StartError } from "./start_error.ts";

/** Where an origin serves its operators. */
export const LOOPBACK = "127.0.0.1";

/** By protocol; an origin has HTTP alone, for its operators. */
export type ClientSockets =
  & { readonly [Protocol in ListenerProtocol]?: Deno.TcpListener }
  & { readonly http: Deno.TcpListener };

/** What is to be bound, and the flag that says so. */
export interface PortPlace {
  readonly flag: string;
  readonly port: number;
  readonly hostname: string;
}

/** The protocols that a node listens for; those in TLS only with a certificate. */
export function clientProtocols(
  { role, tlsCert }: Pick<Config, "role" | "tlsCert">,
): readonly ListenerProtocol[] {
  if (role === "origin") return ["http"];
  return LISTENER_PROTOCOLS.filter((protocol) => tlsCert !== undefined || !isSecure(protocol));
}

/** Whether a port is for TLS. */
export function isSecure(protocol: ListenerProtocol): boolean {
  return protocol.endsWith("s");
}

/**
 * Binds them all, or none. An origin takes no clients: its API, metrics and health are there for
 * the host itself.
 *
 * @throws {StartError} A port is taken, or the address cannot be bound.
 */
export function bindClientPorts(
  config: Config,
  hostname: string,
  place: NodePlace | undefined,
): ClientSockets {
  const address = config.role === "origin" ? LOOPBACK : hostname;
  const bound: [ListenerProtocol, Deno.TcpListener][] = [];
  try {
    for (const protocol of clientProtocols(config)) {
      const port = config[`${protocol}Port`];
      const wanted = { flag: `--${protocol}-port`, port, hostname: address };
      bound.push([protocol, bindPort(wanted, place)]);
    }
  } catch (error) {
    for (const [, socket] of bound) socket.close();
    throw error;
  }
  // HTTP is among them whatever the configuration says.
  return Object.fromEntries(bound) as Partial<ClientSockets> as ClientSockets;
}

/** "host:port" of each. */
export function clientAddresses(sockets: ClientSockets, hostname: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(sockets).map(([protocol, { addr: { port } }]) => {
      return [protocol, hostPort({ hostname, port })];
    }),
  );
}

/** `::` takes both families, but needs a system that has IPv6 at all. */
export function bindableHost(host: string, ports: Ports): string {
  if (host !== "::") return host;
  try {
    Deno.listen({ hostname: "::", port: 0 }).close();
    return host;
  } catch (error) {
    ports.log.warn("no IPv6 here, listening on IPv4 alone", { error: String(error) });
    return "0.0.0.0";
  }
}

/** Says what an operator can do when `bind` fails. @throws {StartError} It did. */
export function bound<T>({ flag, port, hostname }: PortPlace, bind: () => T): T {
  try {
    return bind();
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) {
      const text = "the port is taken; stop the other program or choose another port";
      throw new StartError(`${flag} ${port}: ${text}`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      const text = "the system does not let us bind it; choose a port from 1024 on";
      throw new StartError(`${flag} ${port}: ${text}`);
    }
    const found = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `--host ${hostname}: cannot be bound (${found}); choose an address of this host`,
    );
  }
}

/**
 * A plain bind fails although the other program would share the port, so that is what the first of
 * several workers tries before it shares the port with the others.
 */
function bindPort(
  { flag, hostname, port }: PortPlace,
  worker: NodePlace | undefined,
): Deno.TcpListener {
  return bound({ flag, hostname, port }, () => {
    if (worker === undefined || worker.count === 1) return Deno.listen({ hostname, port });
    const found = worker.portsKnown ? port : freePort({ hostname, port });
    return Deno.listen({ hostname, port: found, reusePort: true });
  });
}

function freePort(options: { readonly hostname: string; readonly port: number }): number {
  using listener = Deno.listen(options);
  return listener.addr.port;
}
