/**
 * RTSP over HTTP on this worker: a GET that carries what we say, and POSTs that carry what the
 * client says, on whichever of the RTSP and HTTP ports they come.
 *
 * Both must reach the same worker process: a POST whose GET is elsewhere is refused with 454.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import {
  TunnelDecoder,
  type TunnelRequest,
  TunnelTable,
  writeTunnelAnswer,
  writeTunnelRefusal,
} from "../../protocols/rtsp/tunnel.ts";
import type { Timer } from "../runtime/ports.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Edge } from "./edge.ts";
import { RtspConnection } from "./rtsp_connection.ts";
import { PushedInput } from "./rtsp_input.ts";
import { isSocketClosed } from "./socket_closed.ts";

/** Input buffer of a half: requests, and what a publisher sends. */
const READ_BYTES = 16 * 1024;

/** POSTs of one tunnel at a time: a client opens the next one before it closes the last. */
const POSTS_MAX = 4;

/** How often it is looked whose client takes too long. */
const SWEEP_MS = 1_000;

/** The way to a client, and what its POSTs say. */
interface Half {
  readonly connection: RtspConnection;
  readonly input: PushedInput;
  readonly posts: Set<ClientSocket>;
}

export class RtspTunnels {
  readonly #edge: Edge;
  readonly #open = new Set<Half>();
  readonly #table = new TunnelTable<Half>();
  #timer: Timer | undefined;

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  /**
   * Serves one half until it is over, and closes its socket. Never rejects.
   *
   * @param rest What was read behind its head.
   */
  async serve(request: TunnelRequest, conn: ClientSocket, rest: Uint8Array): Promise<void> {
    try {
      if (request.half === "GET") await this.#get(request.cookie, conn);
      else await this.#post(request.cookie, conn, rest);
    } catch (error) {
      if (!isSocketClosed(error)) this.#edge.ports.log.error("tunnel failed", { error });
    }
    closeConn(conn);
  }

  async #get(cookie: string, conn: ClientSocket): Promise<void> {
    const input = new PushedInput();
    const connection = new RtspConnection(conn, this.#edge, input);
    const half: Half = { connection, input, posts: new Set() };
    if (!this.#table.offer(cookie, half)) return this.#refuse(connection);
    this.#open.add(half);
    this.#sweep();
    connection.outlet.send(writeTunnelAnswer());
    readToEnd(conn).finally(() => input.end());
    await connection.run();
    this.#table.delete(cookie);
    this.#open.delete(half);
    half.posts.forEach(closeConn);
  }

  async #post(cookie: string, conn: ClientSocket, rest: Uint8Array): Promise<void> {
    const half = this.#table.find(cookie);
    if (half === undefined || half.posts.size >= POSTS_MAX) {
      return void await conn.write(writeTunnelRefusal());
    }
    half.posts.add(conn);
    try {
      await pump(conn, rest, half.input);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#edge.admission.refuse("protocol-error");
      half.connection.leave(error.message, false);
    } finally {
      half.posts.delete(conn);
    }
  }

  #refuse(connection: RtspConnection): void {
    connection.outlet.send(writeTunnelRefusal());
    connection.outlet.closeWhenSent();
  }

  #sweep(): void {
    if (this.#timer !== undefined || this.#open.size === 0) return;
    this.#timer = this.#edge.ports.timers.after(SWEEP_MS, () => {
      this.#timer = undefined;
      for (const { connection, input } of this.#open) {
        const overdue = connection.overdue();
        if (overdue === undefined) continue;
        connection.leave(`took too long: ${this.#edge.admission.refuse(overdue)}`, false);
        input.end();
      }
      this.#sweep();
    });
  }
}

/** Decodes what a POST carries; ends with it, or with the tunnel that closes it. */
async function pump(conn: ClientSocket, rest: Uint8Array, input: PushedInput): Promise<void> {
  const decoder = new TunnelDecoder();
  const buffer = new Uint8Array(READ_BYTES);
  for (let bytes = rest;;) {
    const decoded = decoder.feed(bytes);
    if (decoded.length > 0) await input.push(decoded);
    const read = await conn.read(buffer);
    if (read === null) return;
    bytes = buffer.subarray(0, read);
  }
}

/** Resolves when the client has closed its side. A client says nothing behind a GET. */
async function readToEnd(conn: ClientSocket): Promise<void> {
  const buffer = new Uint8Array(64);
  try {
    while (await conn.read(buffer) !== null);
  } catch {
    // Closed all the same.
  }
}

function closeConn(conn: ClientSocket): void {
  try {
    conn.close();
  } catch {
    // Closed already.
  }
}
