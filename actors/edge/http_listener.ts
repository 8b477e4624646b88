/**
 * Accepts HTTP connections: media routes take the socket over, the rest goes to the API.
 *
 * Requests are read by `node:http`. A media body must not pay a stream object per viewer, so its
 * socket is written to directly; to the parser that request simply never ends. Whatever it still
 * reads from such a socket closes it.
 *
 * @module
 */
import { getRequestListener } from "@hono/node-server";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Edge } from "./edge.ts";
import { answerFlv, answerFlvUpgrade, isFlvTarget } from "./flv_route.ts";
import { refusal } from "./http_answer.ts";

/** Time for a request's head; a real client sends it in one piece. */
const HEADERS_MS_MAX = 10_000;

/** Time for a whole request with its (small) body. */
const REQUEST_MS_MAX = 30_000;

/** How long an idle connection is kept for the next request: longer than usual proxies keep it. */
const KEEP_ALIVE_MS = 65_000;

/** Largest head of a request, in bytes: an 8 KB token, cookies and the usual fields. */
const HEAD_BYTES_MAX = 16 * 1024;

/** How often the two times above are looked at. */
const CHECK_MS = 5_000;

export interface HttpListenerOptions {
  readonly edge: Edge;
  /** The API, as a handler of web requests. */
  readonly fetch: (request: Request, env: unknown) => Response | Promise<Response>;
}

/** Requests whose socket was taken over; a second request on such a socket is an offence. */
const TAKEN = new WeakSet<Socket>();

export class HttpListener {
  readonly #edge: Edge;
  readonly #server: Server;
  readonly #api: (request: IncomingMessage, response: ServerResponse) => void;

  constructor(options: HttpListenerOptions) {
    this.#edge = options.edge;
    this.#api = getRequestListener(options.fetch, { overrideGlobalObjects: false });
    this.#server = createServer({
      headersTimeout: HEADERS_MS_MAX,
      requestTimeout: REQUEST_MS_MAX,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: CHECK_MS,
      maxHeaderSize: HEAD_BYTES_MAX,
      noDelay: true,
    });
    this.#server.on("connection", (socket) => this.#connected(socket));
    this.#server.on("request", (request, response) => this.#requested(request, response));
    this.#server.on("upgrade", (request, socket, rest) => {
      this.#upgraded(request, socket as Socket, rest);
    });
    this.#server.on("clientError", (_error, socket) => socket.destroy());
  }

  /**
   * Binds and starts.
   *
   * @throws {Error} With `code` "EADDRINUSE" and the like when the address cannot be bound.
   */
  listen(address: { hostname: string; port: number }): Promise<AddressInfo> {
    const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
    this.#server.once("error", reject);
    this.#server.listen({ host: address.hostname, port: address.port }, () => {
      this.#server.off("error", reject);
      resolve(this.#server.address() as AddressInfo);
    });
    return promise;
  }

  /** Accepts nobody any more; who is here stays. */
  stop(): void {
    this.#server.close();
  }

  /** Closes every connection. */
  closeAll(): void {
    this.#server.closeAllConnections();
  }

  #connected(socket: Socket): void {
    const { admission } = this.#edge;
    const refused = admission.enter("http");
    if (refused !== undefined) {
      socket.end(refusal(503, "Cannot serve: the node has as many connections as it may have"));
      return void socket.destroySoon();
    }
    socket.on("close", () => admission.leave("http"));
  }

  #requested(request: IncomingMessage, response: ServerResponse): void {
    const socket = request.socket as Socket;
    if (TAKEN.has(socket)) return void socket.destroy();
    if (!isFlvTarget(request.url ?? "")) return this.#api(request, response);
    TAKEN.add(socket);
    socket.setTimeout(0);
    answerFlv(this.#edge, request);
  }

  #upgraded(request: IncomingMessage, socket: Socket, rest: Uint8Array): void {
    socket.on("error", () => socket.destroy());
    if (isFlvTarget(request.url ?? "")) return answerFlvUpgrade(this.#edge, request, socket, rest);
    socket.end(refusal(404, `Cannot upgrade: only /APP/NAME.flv speaks WebSocket`));
  }
}
