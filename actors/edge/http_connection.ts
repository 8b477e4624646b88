/**
 * One HTTP connection: reads requests one after the other and hands each to its route.
 *
 * A route gives an answer in bytes, or takes the connection over for a live body. Time is kept by
 * a deadline that the listener's sweep compares: for the next request, its head and body, and for
 * the client to take the answer.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { refusal } from "../../protocols/http/answer.ts";
import {
  HEAD_BYTES_MAX,
  parseRequestHead,
  type RequestHead,
} from "../../protocols/http/request_head.ts";
import type { Edge } from "./edge.ts";
import type { Connection } from "./listener.ts";
import { hostPort } from "./host_port.ts";
import { isSocketClosed } from "./socket_closed.ts";

/** Time for a request's head and body; a real client sends them in one piece. */
const REQUEST_MS_MAX = 10_000;

/** How long an idle connection is kept for the next request: longer than usual proxies keep it. */
const KEEP_ALIVE_MS = 65_000;

/** Largest body of a request, in bytes; ours are small JSON objects. */
const BODY_BYTES_MAX = 64 * 1024;

/** Input buffer; grows up to a head or body of the largest size. */
const READ_BYTES = 2 * 1024;

/** A request and where it came from. */
export interface HttpRequest {
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly remote: Deno.NetAddr;
}

/** What a route answers with. */
export type HttpAnswer =
  /** A whole answer. */
  | Uint8Array
  /** Pieces of an answer that ends with the connection. */
  | AsyncIterable<Uint8Array>
  /** The route has taken the connection; this resolves when it is done with it. */
  | { readonly taken: Promise<void> };

/** Who answers what. */
export interface HttpRoutes {
  /**
   * Answers one request. `take` hands the socket over: nothing else reads or writes it then.
   * Never rejects for a client's fault.
   */
  answer(request: HttpRequest, take: () => TakenSocket): HttpAnswer | Promise<HttpAnswer>;
}

/** A socket that a route took over. */
export interface TakenSocket {
  readonly conn: Deno.TcpConn;
  /** What was read behind the request. */
  readonly rest: Uint8Array;
}

export class HttpConnection implements Connection {
  readonly #conn: Deno.TcpConn;
  readonly #edge: Edge;
  readonly #routes: HttpRoutes;
  readonly #remote: Deno.NetAddr;
  #buffer = new Uint8Array(READ_BYTES);
  #filled = 0;
  /** Infinite while a route works or has the socket. */
  deadlineMs: number;
  #taken = false;

  constructor(conn: Deno.TcpConn, edge: Edge, routes: HttpRoutes) {
    this.#conn = conn;
    this.#edge = edge;
    this.#routes = routes;
    this.#remote = conn.remoteAddr as Deno.NetAddr;
    this.deadlineMs = edge.ports.clock.nowMs() + REQUEST_MS_MAX;
  }

  /** Serves the connection; resolves when it is over. Never rejects. */
  async run(): Promise<void> {
    try {
      while (await this.#serveOne());
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

  /** Serves one request; returns whether another may follow. */
  async #serveOne(): Promise<boolean> {
    const head = await this.#readHead();
    if (head === undefined) return false;
    const body = await this.#readBody(head);
    if (body === undefined) return false;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const request = { head, body, remote: this.#remote };
    const answer = await this.#routes.answer(request, () => this.#take());
    if (answer instanceof Uint8Array) {
      await this.#writeAll(answer);
      this.#expectWithin(KEEP_ALIVE_MS);
      return head.keepAlive;
    }
    if ("taken" in answer) await answer.taken;
    else for await (const piece of answer) await this.#writeAll(piece);
    return false;
  }

  /** The next head; `undefined` when the client has left between requests. */
  async #readHead(): Promise<RequestHead | undefined> {
    while (true) {
      const head = parseRequestHead(this.#buffer.subarray(0, this.#filled));
      if (head !== undefined) {
        this.#drop(head.headBytes);
        return head;
      }
      const begins = this.#filled === 0;
      if (!await this.#read(HEAD_BYTES_MAX)) return undefined;
      if (begins) this.#expectWithin(REQUEST_MS_MAX);
    }
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
      if (!await this.#read(BODY_BYTES_MAX)) return undefined;
    }
    const body = this.#buffer.slice(0, head.bodyBytes);
    this.#drop(head.bodyBytes);
    return body;
  }

  /** Reads some more behind what is there; false when the client has closed. */
  async #read(bytesMax: number): Promise<boolean> {
    if (this.#filled === this.#buffer.length) {
      const larger = new Uint8Array(Math.min(this.#buffer.length * 2, 2 * bytesMax));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    const bytes = await this.#conn.read(this.#buffer.subarray(this.#filled));
    if (bytes === null) return false;
    this.#filled += bytes;
    return true;
  }

  /** Moves what was read behind the first `bytes` to the front. */
  #drop(bytes: number): void {
    this.#buffer.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      this.#expectWithin(this.#edge.viewerTimeoutMs);
      rest = rest.subarray(await this.#conn.write(rest));
    }
  }

  #expectWithin(ms: number): void {
    this.deadlineMs = this.#edge.ports.clock.nowMs() + ms;
  }

  #take(): TakenSocket {
    this.#taken = true;
    this.deadlineMs = Number.POSITIVE_INFINITY;
    const rest = this.#buffer.slice(0, this.#filled);
    this.#buffer = new Uint8Array(0); // A viewer needs none of it.
    return { conn: this.#conn, rest };
  }

  async #explain(error: unknown): Promise<void> {
    if (error instanceof ProtocolError) {
      this.#edge.admission.refuse("protocol-error");
      return await this.#writeAll(refusal(400, error.message, { close: true })).catch(() => {});
    }
    if (isSocketClosed(error)) return;
    const peer = hostPort(this.#remote);
    this.#edge.ports.log.error("request failed", { peer, error });
  }
}
