/**
 * Accepts RTMP connections.
 *
 * @module
 */
import type { Edge } from "./edge.ts";
import { RtmpConnection } from "./rtmp_connection.ts";

/** After an accept that failed (out of descriptors, say), before the next try. */
const ACCEPT_RETRY_MS = 100;

export class RtmpListener {
  readonly #listener: Deno.TcpListener;
  readonly #edge: Edge;
  readonly #open = new Set<RtmpConnection>();
  #closed = false;

  /** @param listener Bound already; the listener's owner from now on is this object. */
  constructor(listener: Deno.TcpListener, edge: Edge) {
    this.#listener = listener;
    this.#edge = edge;
  }

  get address(): Deno.NetAddr {
    return this.#listener.addr as Deno.NetAddr;
  }

  /** Accepts until {@link stop}; resolves then. Never rejects. */
  async run(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#serve(await this.#listener.accept());
      } catch (error) {
        if (this.#closed) return;
        this.#edge.ports.log.warn("accept failed", { protocol: "rtmp", error: String(error) });
        await new Promise<void>((done) => this.#edge.ports.timers.after(ACCEPT_RETRY_MS, done));
      }
    }
  }

  /** Accepts nobody any more; who is here stays. */
  stop(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
  }

  /** Closes every connection, each after what it was last told. */
  closeAll(reason: string): void {
    for (const connection of this.#open) connection.leave(reason);
  }

  #serve(conn: Deno.TcpConn): void {
    const { admission } = this.#edge;
    if (admission.enter("rtmp") !== undefined) return conn.close();
    conn.setNoDelay(true); // What is written has been gathered already.
    const connection = new RtmpConnection(conn, this.#edge);
    this.#open.add(connection);
    connection.run().finally(() => {
      this.#open.delete(connection);
      admission.leave("rtmp");
    });
  }
}
