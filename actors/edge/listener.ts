/**
 * Accepts the connections of one protocol and looks after them until they end.
 *
 * @module
 */
import { every } from "../runtime/every.ts";
import type { Timer } from "../runtime/ports.ts";
import type { ListenerProtocol, Refusal } from "./admission.ts";
import type { Edge } from "./edge.ts";

/** After an accept that failed (out of descriptors, say), before the next try. */
const ACCEPT_RETRY_MS = 100;

/** A sweep takes a second off everybody's time. */
const SWEEP_MS = 1_000;

/** What a client took too long for. */
export type Overdue = Extract<Refusal, `${string}-timeout` | "slow-reader">;

/** One client's connection, whatever it speaks. */
export interface Connection {
  /**
   * Called once a second, so that nobody else has to read a clock: what its client has taken too
   * long for, if anything.
   */
  overdue(): Overdue | undefined;
  /** Serves it; resolves when it is over. Never rejects. */
  run(): Promise<void>;
  /**
   * Closes it, as politely as its protocol knows how.
   *
   * @param shared What it publishes goes on elsewhere: it has lost its socket, not ended.
   */
  leave(reason: string, shared: boolean): void;
}

export interface ListenerOptions {
  readonly edge: Edge;
  readonly protocol: ListenerProtocol;
  /** Bound already; from now on it belongs to the listener. */
  readonly socket: Deno.TcpListener;
  /** Makes the connection of an accepted socket. */
  readonly connect: (conn: Deno.TcpConn) => Connection;
  /** What a client is told that there is no room for. */
  readonly fullAnswer?: Uint8Array;
}

export class Listener {
  readonly #options: ListenerOptions;
  readonly #open = new Set<Connection>();
  readonly #sweepTimer: Timer;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#sweepTimer = every(options.edge.ports, SWEEP_MS, () => this.#sweep());
  }

  get port(): number {
    return (this.#options.socket.addr as Deno.NetAddr).port;
  }

  /** Accepts until {@link stop}; resolves then. Never rejects. */
  async run(): Promise<void> {
    const { edge, protocol, socket } = this.#options;
    while (!this.#closed) {
      try {
        this.#accept(await socket.accept());
      } catch (error) {
        if (this.#closed) return;
        edge.ports.log.warn("accept failed", { protocol, error: String(error) });
        await new Promise<void>((done) => edge.ports.timers.after(ACCEPT_RETRY_MS, done));
      }
    }
  }

  /** Accepts nobody any more; who is here stays. */
  stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.socket.close();
  }

  /** Sends everybody away; with `shared` what they publish goes on elsewhere. */
  leaveAll(reason: string, shared: boolean): void {
    this.#sweepTimer.cancel();
    for (const connection of this.#open) connection.leave(reason, shared);
  }

  #accept(conn: Deno.TcpConn): void {
    const { edge, protocol, connect } = this.#options;
    const { hostname } = conn.remoteAddr;
    if (edge.admission.enter(protocol, hostname) !== undefined) return this.#refuse(conn);
    conn.setNoDelay(true); // What is written has been gathered already.
    const connection = connect(conn);
    this.#open.add(connection);
    connection.run().finally(() => {
      this.#open.delete(connection);
      edge.admission.leave(protocol, hostname);
    });
  }

  /** Says why, as far as the socket takes it at once. */
  #refuse(conn: Deno.TcpConn): void {
    const { fullAnswer } = this.#options;
    if (fullAnswer === undefined) return conn.close();
    conn.write(fullAnswer).catch(() => {}).finally(() => conn.close());
  }

  #sweep(): void {
    for (const connection of this.#open) {
      const overdue = connection.overdue();
      if (overdue === undefined) continue;
      connection.leave(`took too long: ${this.#options.edge.admission.refuse(overdue)}`, false);
    }
  }
}
