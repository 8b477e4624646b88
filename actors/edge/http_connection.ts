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
const REQUEST_SECONDS_MAX = 10;

/** How long an idle connection is kept for the next request: longer than usual proxies keep it. */
const KEEP_ALIVE_SECONDS = 65;

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
  /** A whole answer in pieces, such as a head and a shared body. */
  | readonly Uint8Array[]
  /** Pieces of an answer that ends with the connection. */
  | AsyncIterable<Uint8Array>
  /** The route has taken the connection; this resolves when it is done with it. */
  | { readonly taken: Promise<void> };

type LongAnswer = Exclude<HttpAnswer, Uint8Array | readonly Uint8Array[]>;

const NOTHING = new Uint8Array(0);

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
  secondsLeft = REQUEST_SECONDS_MAX;
  #taken = false;

  constructor(conn: Deno.TcpConn, edge: Edge, routes: HttpRoutes) {
    this.#conn = conn;
    this.#edge = edge;
    this.#routes = routes;
    this.#remote = conn.remoteAddr as Deno.NetAddr;
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
    const head = this.#parseHead() ?? await this.#readHead();
    if (head === undefined) return false;
    const body = head.bodyBytes === 0 ? NOTHING : await this.#readBody(head);
    if (body === undefined) return false;
    this.secondsLeft = Number.POSITIVE_INFINITY;
    const request = { head, body, remote: this.#remote };
    let answer = this.#routes.answer(request, this.#take);
    if (answer instanceof Promise) answer = await answer;
    if (answer instanceof Uint8Array) await this.#writeAll(answer);
    else if (Array.isArray(answer)) { for (const piece of answer) await this.#writeAll(piece); }
    else return await this.#serveLong(answer as LongAnswer);
    this.secondsLeft = KEEP_ALIVE_SECONDS;
    return head.keepAlive;
  }

  /** An answer that ends with the connection. */
  async #serveLong(answer: LongAnswer): Promise<false> {
    if ("taken" in answer) await answer.taken;
    else for await (const piece of answer) await this.#writeAll(piece);
    return false;
  }

  /** The next head, if it has been read. */
  #parseHead(): RequestHead | undefined {
    if (this.#filled === 0) return undefined;
    const head = parseRequestHead(this.#buffer.subarray(0, this.#filled));
    if (head !== undefined) this.#drop(head.headBytes);
    return head;
  }

  /** Reads until there is a head; `undefined` when the client has left between requests. */
  async #readHead(): Promise<RequestHead | undefined> {
    while (true) {
      if (this.#filled > 0) this.secondsLeft = Math.min(this.secondsLeft, REQUEST_SECONDS_MAX);
      if (!await this.#read(HEAD_BYTES_MAX)) return undefined;
      const head = this.#parseHead();
      if (head !== undefined) return head;
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
    const free = this.#filled === 0 ? this.#buffer : this.#buffer.subarray(this.#filled);
    const bytes = await this.#conn.read(free);
    if (bytes === null) return false;
    this.#filled += bytes;
    return true;
  }

  /** Moves what was read behind the first `bytes` to the front. */
  #drop(bytes: number): void {
    if (bytes < this.#filled) this.#buffer.copyWithin(0, bytes, this.#filled);
    this.#filled -= bytes;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    const seconds = Math.ceil(this.#edge.viewerTimeoutMs / 1000);
    for (let rest = bytes;;) {
      this.secondsLeft = seconds;
      const written = await this.#conn.write(rest);
      if (written === rest.length) return;
      rest = rest.subarray(written);
    }
  }

  // Made once per connection: a request must not cost a closure.
  readonly #take = (): TakenSocket => {
    this.#taken = true;
    this.secondsLeft = Number.POSITIVE_INFINITY;
    const rest = this.#buffer.slice(0, this.#filled);
    this.#buffer = new Uint8Array(0); // A viewer needs none of it.
    return { conn: this.#conn, rest };
  };

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
