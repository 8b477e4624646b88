/**
 * One HTTP connection: reads requests one after the other and hands each to its route.
 *
 * A route gives an answer in bytes, or takes the connection over for a live body. Time is kept by
 * a deadline that the listener's sweep compares: for the next request, its head and body, and for
 * the client to take the answer.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../protocols/errors.ts";
import { refusal } from "../../protocols/http/answer.ts";
import {
  HEAD_TOO_LONG,
  parseRequestHead,
  type RequestHead,
} from "../../protocols/http/request_head.ts";
import { parseTunnelRequest, type TunnelRequest } from "../../protocols/rtsp/tunnel.ts";
import type { ClientSocket } from "./client_socket.ts";
import type { Edge } from "./edge.ts";
import type { Connection, Overdue } from "./listener.ts";
import { hostPort } from "./host_port.ts";
import { isSocketClosed } from "./socket_closed.ts";

/** Largest body of a request, in bytes; ours are small JSON objects. */
const BODY_BYTES_MAX = 64 * 1024;

/** Input buffer; grows up to a head or body of the largest size. */
const READ_BYTES = 2 * 1024;

/** A request and where it came from. */
export interface HttpRequest {
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly remote: Deno.NetAddr;
  /** It came over TLS. */
  readonly secure: boolean;
}

/** What a route answers with. */
export type HttpAnswer =
  /** A whole answer. */
  | Uint8Array
  /** A whole answer in pieces, such as a head and a shared body. */
  | readonly Uint8Array[]
  /** Pieces of an answer that ends with the connection. */
  | AsyncIterable<Uint8Array>
  /** The route has taken the connection; this resolves when it is done with it. */
  | { readonly taken: Promise<void> };

/**
 * Slowest that a whole answer may be taken, in bytes per second, and longest that it may take, on
 * top of what a client may take nothing for. Whoever loads a segment keeps it in memory.
 */
const ANSWER_BYTES_PER_SECOND = 16 * 1024;
const ANSWER_SECONDS_MAX = 60;

/**
 * What a small first write is filled up to over TLS, in bytes: one record of it, which leaves at
 * once. What follows may have to wait for the system's delayed acknowledgement, 40 ms, for nobody
 * can tell Deno's TLS not to (Nagle's algorithm).
 */
const GATHERED_BYTES = 16 * 1024;

const NOTHING = new Uint8Array(0);

/** Who answers what. */
export interface HttpRoutes {
  /**
   * Answers one request. `take` hands the socket over: nothing else reads or writes it then.
   * Never rejects for a client's fault.
   */
  answer(request: HttpRequest, take: () => TakenSocket): HttpAnswer | Promise<HttpAnswer>;
  /** Serves the halves of tunnels of RTSP; absent where nothing is served but the API. */
  readonly tunnels?: TunnelHalves;
}

/** Takes halves of tunnels. */
export interface TunnelHalves {
  /** Serves one until it is over; `rest` was read behind its head. Never rejects. */
  serve(request: TunnelRequest, conn: ClientSocket, rest: Uint8Array): Promise<void>;
}

/** A socket that a route took over. */
export interface TakenSocket {
  readonly conn: ClientSocket;
  /** What was read behind the request. */
  readonly rest: Uint8Array;
}

export class HttpConnection implements Connection {
  readonly #conn: ClientSocket;
  readonly #edge: Edge;
  readonly #routes: HttpRoutes;
  readonly #remote: Deno.NetAddr;
  #buffer = new Uint8Array(READ_BYTES);
  #filled = 0;
  /** What its client has left of its time; infinite while a route works or has the socket. */
  #secondsLeft: number;
  /** And what it has left for the answer as a whole, however often it takes some of it. */
  #answerSecondsLeft = Number.POSITIVE_INFINITY;
  /** What the client is expected to do until then. */
  #awaited: Overdue = "handshake-timeout";
  #taken = false;

  constructor(conn: ClientSocket, edge: Edge, routes: HttpRoutes) {
    this.#conn = conn;
    this.#edge = edge;
    this.#routes = routes;
    this.#remote = conn.remoteAddr;
    this.#secondsLeft = Math.ceil(edge.limits.handshakeMs / 1000);
  }

  overdue(): Overdue | undefined {
    const late = --this.#answerSecondsLeft < 0 || --this.#secondsLeft < 0;
    return late ? this.#awaited : undefined;
  }

  /** Serves the connection; resolves when it is over. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serveAll();
    } catch (error) {
      await this.#explain(error);
    }
    if (!this.#taken) this.leave();
  }

  leave(): void {
    try {
      this.#conn.close();
    } catch {
      // Closed already.
    }
  }

  /**
   * Serves request after request. One function, for each step of a small answer that pauses on its
   * own costs as much as reading the request.
   */
  async #serveAll(): Promise<void> {
    while (true) {
      const head = this.#parseHead();
      if (head === undefined) {
        const bytes = await this.#conn.read(this.#free(this.#edge.limits.headBytesMax));
        if (bytes === null) return;
        this.#filled += bytes;
        continue;
      }
      const tunnel = this.#routes.tunnels && parseTunnelRequest(head);
      if (tunnel !== undefined) {
        const { conn, rest } = this.#take();
        return await this.#routes.tunnels!.serve(tunnel, conn, rest);
      }
      const body = head.bodyBytes === 0 ? NOTHING : await this.#readBody(head);
      if (body === undefined) return;
      this.#secondsLeft = Number.POSITIVE_INFINITY;
      const request = { head, body, remote: this.#remote, secure: this.#conn.secure === true };
      let answer = this.#routes.answer(request, this.#take);
      if (answer instanceof Promise) answer = await answer;
      if (answer instanceof Uint8Array) {
        this.#expect("slow-reader", this.#edge.viewerTimeoutMs);
        const written = await this.#conn.write(answer);
        if (written < answer.length) await this.#writeAll(answer.subarray(written));
      } else if (!await this.#writeLong(answer)) return;
      if (!head.keepAlive) return;
      this.#expect("idle-timeout", this.#edge.limits.idleMs);
    }
  }

  /** Writes an answer of several pieces; returns whether another may follow. */
  async #writeLong(answer: Exclude<HttpAnswer, Uint8Array>): Promise<boolean> {
    if ("taken" in answer) {
      await answer.taken;
      return false;
    }
    const pieces = this.#conn.secure && Array.isArray(answer) ? gathered(answer) : answer;
    for await (const piece of pieces) await this.#writeAll(piece);
    return Array.isArray(answer);
  }

  /** The next head, if it has been read. */
  #parseHead(): RequestHead | undefined {
    if (this.#filled === 0) return undefined;
    const { headBytesMax, handshakeMs } = this.#edge.limits;
    const head = parseRequestHead(this.#buffer.subarray(0, this.#filled), headBytesMax);
    if (head !== undefined) this.#drop(head.headBytes);
    else if (this.#awaited !== "handshake-timeout") this.#expect("handshake-timeout", handshakeMs);
    return head;
  }

  async #readBody(head: RequestHead): Promise<Uint8Array | undefined> {
    if (head.bodyBytes > BODY_BYTES_MAX) {
      const text = `Cannot read body: ${head.bodyBytes} bytes, at most ${BODY_BYTES_MAX} fit`;
      await this.#writeAll(refusal(413, text, { close: true }));
      return undefined;
    }
    if (head.headers.get("expect")?.toLowerCase() === "100-continue") {
      await this.#writeAll(new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    while (this.#filled < head.bodyBytes) {
      const bytes = await this.#conn.read(this.#free(BODY_BYTES_MAX));
      if (bytes === null) return undefined;
      this.#filled += bytes;
    }
    const body = this.#buffer.slice(0, head.bodyBytes);
    this.#drop(head.bodyBytes);
    return body;
  }

  /** Room behind what was read; the buffer grows up to twice `bytesMax`. */
  #free(bytesMax: number): Uint8Array {
    if (this.#filled === 0) return this.#buffer;
    if (this.#filled === this.#buffer.length) {
      const larger = new Uint8Array(Math.min(this.#buffer.length * 2, 2 * bytesMax));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    return this.#buffer.subarray(this.#filled);
  }

  /** Moves what was read behind the first `bytes` to the front. */
  #drop(bytes: number): void {
    if (bytes < this.#filled) this.#buffer.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    const { viewerTimeoutMs } = this.#edge;
    const seconds = Math.min(bytes.length / ANSWER_BYTES_PER_SECOND, ANSWER_SECONDS_MAX);
    this.#answerSecondsLeft = Math.ceil(viewerTimeoutMs / 1000 + seconds);
    let took = 0;
    for (let rest = bytes; rest.length > 0; rest = rest.subarray(took)) {
      // It may be taking what the kernel took last; see `outlet_sweep.ts`.
      const hiddenMs = 1000 * took / ANSWER_BYTES_PER_SECOND;
      this.#expect("slow-reader", viewerTimeoutMs + Math.min(hiddenMs, 2 * viewerTimeoutMs));
      took = await this.#conn.write(rest);
    }
    this.#answerSecondsLeft = Number.POSITIVE_INFINITY;
  }

  #expect(what: Overdue, withinMs: number): void {
    this.#awaited = what;
    this.#secondsLeft = Math.ceil(withinMs / 1000);
  }

  // Made once per connection: a request must not cost a closure.
  readonly #take = (): TakenSocket => {
    this.#taken = true;
    this.#secondsLeft = Number.POSITIVE_INFINITY;
    const rest = this.#buffer.slice(0, this.#filled);
    this.#buffer = new Uint8Array(0); // A viewer needs none of it.
    return { conn: this.#conn, rest };
  };

  async #explain(error: unknown): Promise<void> {
    if (error instanceof ProtocolError) {
      const tooLong = error.section === HEAD_TOO_LONG;
      this.#edge.admission.refuse(tooLong ? "head-size" : "protocol-error");
      const answer = refusal(tooLong ? 431 : 400, error.message, { close: true });
      return await this.#writeAll(answer).catch(() => {});
    }
    if (isSocketClosed(error)) return;
    const peer = hostPort(this.#remote);
    this.#edge.ports.log.error("request failed", { peer, error });
  }
}

/** The same bytes, in a first piece of some size and the rest as it is. */
function gathered(pieces: readonly Uint8Array[]): Uint8Array[] {
  const first: Uint8Array[] = [];
  const rest: Uint8Array[] = [];
  let room = GATHERED_BYTES;
  for (const piece of pieces) {
    const taken = Math.min(room, piece.length);
    room -= taken;
    if (taken > 0) first.push(piece.subarray(0, taken));
    if (taken < piece.length) rest.push(piece.subarray(taken));
  }
  return [concatBytes(...first), ...rest];
}
