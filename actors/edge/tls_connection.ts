/**
 * One client connection over TLS: first the handshake, under the time limit of all handshakes, then
 * the connection of its protocol.
 *
 * @module
 */
import type { ClientSocket } from "./client_socket.ts";
import type { Edge } from "./edge.ts";
import { hostPort } from "./host_port.ts";
import type { Connection, Overdue } from "./listener.ts";
import { isSocketClosed } from "./socket_closed.ts";
import type { TlsSocket } from "./tls_socket.ts";
import type { TlsTerminator } from "./tls_terminator.ts";

export interface TlsConnectionOptions {
  readonly edge: Edge;
  readonly terminator: TlsTerminator;
  /** Makes the connection of the protocol inside. */
  readonly connect: (socket: ClientSocket) => Connection;
}

export class TlsConnection implements Connection {
  readonly #conn: Deno.TcpConn;
  readonly #options: TlsConnectionOptions;
  #socket: TlsSocket | undefined;
  #served: Connection | undefined;
  #seconds = 0;
  #left = false;

  constructor(conn: Deno.TcpConn, options: TlsConnectionOptions) {
    this.#conn = conn;
    this.#options = options;
  }

  overdue(): Overdue | undefined {
    if (this.#served !== undefined) return this.#served.overdue();
    const { handshakeMs } = this.#options.edge.limits;
    return ++this.#seconds * 1000 > handshakeMs ? "handshake-timeout" : undefined;
  }

  async run(): Promise<void> {
    const socket = await this.#open();
    if (socket === undefined) return;
    this.#served = this.#options.connect(socket);
    await this.#served.run();
  }

  leave(reason: string, shared: boolean): void {
    if (this.#served !== undefined) return this.#served.leave(reason, shared);
    this.#left = true;
    if (this.#socket !== undefined) this.#socket.abort();
    else this.#closeConn();
  }

  /** The socket once the handshake is done; `undefined` when there will be none. */
  async #open(): Promise<TlsSocket | undefined> {
    try {
      this.#socket = await this.#options.terminator.wrap(this.#conn);
    } catch (error) {
      if (!this.#left) this.#options.edge.ports.log.warn("TLS not available", { error });
      this.#closeConn();
      return undefined;
    }
    if (this.#left) this.#socket.abort();
    try {
      await this.#socket.handshake();
      return this.#socket;
    } catch (error) {
      this.#refused(error);
      this.#socket.close();
      return undefined;
    }
  }

  /** Whoever hangs up, or is sent away for its slowness, has not refused anything. */
  #refused(error: unknown): void {
    if (this.#left || isSocketClosed(error)) return;
    const { admission, ports } = this.#options.edge;
    admission.refuse("tls-handshake");
    const reason = error instanceof Error ? error.message : String(error);
    ports.log.info("TLS handshake failed", { peer: hostPort(this.#conn.remoteAddr), reason });
  }

  #closeConn(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}
