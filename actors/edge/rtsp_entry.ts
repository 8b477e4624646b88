/**
 * A connection to the RTSP port until its first bytes tell whether it speaks RTSP, or HTTP around
 * it.
 *
 * @module
 */
import { refusal } from "../../protocols/http/answer.ts";
import { parseRequestHead } from "../../protocols/http/request_head.ts";
import { parseTunnelRequest, startsWithHttp } from "../../protocols/rtsp/tunnel.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Edge } from "./edge.ts";
import type { Connection, Overdue } from "./listener.ts";
import { RtspConnection } from "./rtsp_connection.ts";
import { BegunInput } from "./rtsp_input.ts";
import type { RtspTunnels } from "./rtsp_tunnels.ts";

/** Room for the first bytes: a first request of RTSP, or the whole head of a tunnel's. */
const FIRST_BYTES = 2 * 1024;

/** What the connection has turned out to be. */
type Kind =
  | { readonly kind: "unknown" }
  | { readonly kind: "rtsp"; readonly connection: RtspConnection }
  /** Others look after its time. */
  | { readonly kind: "tunnel" };

export class RtspEntry implements Connection {
  readonly #conn: ClientSocket;
  readonly #edge: Edge;
  readonly #tunnels: RtspTunnels;
  #kind: Kind = { kind: "unknown" };
  #seconds = 0;

  constructor(conn: ClientSocket, edge: Edge, tunnels: RtspTunnels) {
    this.#conn = conn;
    this.#edge = edge;
    this.#tunnels = tunnels;
  }

  overdue(): Overdue | undefined {
    if (this.#kind.kind === "rtsp") return this.#kind.connection.overdue();
    if (this.#kind.kind === "tunnel") return undefined;
    return ++this.#seconds * 1000 > this.#edge.limits.handshakeMs ? "handshake-timeout" : undefined;
  }

  leave(reason: string, shared: boolean): void {
    if (this.#kind.kind === "rtsp") return this.#kind.connection.leave(reason, shared);
    this.#close();
  }

  async run(): Promise<void> {
    try {
      await this.#run(new Uint8Array(FIRST_BYTES));
    } catch {
      this.#close(); // The socket failed, or what came is no head.
    }
  }

  async #run(buffer: Uint8Array): Promise<void> {
    let filled = 0;
    while (true) {
      const bytes = await this.#conn.read(buffer.subarray(filled));
      if (bytes === null || bytes === 0) return this.#close();
      filled += bytes;
      const first = buffer.subarray(0, filled);
      const http = startsWithHttp(first);
      if (http === false) return await this.#serve(first);
      const head = http && parseRequestHead(first, FIRST_BYTES - 1);
      if (!head) continue;
      const request = parseTunnelRequest(head);
      if (request === undefined) return await this.#refuse();
      this.#kind = { kind: "tunnel" };
      return await this.#tunnels.serve(request, this.#conn, first.subarray(head.headBytes));
    }
  }

  async #serve(first: Uint8Array): Promise<void> {
    const input = new BegunInput(first, this.#conn);
    const connection = new RtspConnection(this.#conn, this.#edge, input);
    this.#kind = { kind: "rtsp", connection };
    await connection.run();
  }

  async #refuse(): Promise<void> {
    const text = "Cannot answer HTTP: this port speaks RTSP, alone or in a tunnel";
    await this.#conn.write(refusal(400, text, { close: true }));
    this.#close();
  }

  #close(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }
}
