/**
 * Who answers which HTTP request: media routes by the ending of the path, the API all the rest.
 *
 * @module
 */
import { answerHead, refusal, wholeAnswer } from "../../protocols/http/answer.ts";
import { asksForWebSocket, type UpgradeRequest } from "../../protocols/websocket/handshake.ts";
import type { Edge } from "./edge.ts";
import { answerHls } from "./hls_route.ts";
import { isHlsTarget } from "./hls_target.ts";
import { answerLive, answerWebSocket, isLiveTarget, isWebSocketTarget } from "./live_route.ts";
import { answerPicture, isPictureTarget } from "./picture_route.ts";
import type { RtspTunnels } from "./rtsp_tunnels.ts";
import type { HttpAnswer, HttpRequest, HttpRoutes, TakenSocket } from "./http_connection.ts";

/** Web-standard handler of the API; `remoteAddress` is the peer's IP address. */
export type ApiFetch = (
  request: Request,
  env: { readonly remoteAddress: string },
) => Response | Promise<Response>;

export class Routes implements HttpRoutes {
  readonly #edge: Edge;
  readonly #api: ApiFetch;
  readonly tunnels: RtspTunnels | undefined;

  /** Without `tunnels` there is the API alone, and no media. */
  constructor(edge: Edge, api: ApiFetch, { tunnels }: { readonly tunnels?: RtspTunnels }) {
    this.#edge = edge;
    this.#api = api;
    this.tunnels = tunnels;
  }

  answer(request: HttpRequest, take: () => TakenSocket): HttpAnswer | Promise<HttpAnswer> {
    const { head } = request;
    const { target } = head;
    if (this.tunnels === undefined) return this.#answerApi(request);
    if (head.headers.has("upgrade") && asksForWebSocket(upgradeOf(request))) {
      if (isWebSocketTarget(target)) return answerWebSocket(this.#edge, request, take);
      return refusal(404, "Cannot upgrade: only /APP/NAME.flv speaks WebSocket", { close: true });
    }
    // First: segments of HLS end as live bodies do.
    if (isHlsTarget(target)) return answerHls(this.#edge, request);
    if (isLiveTarget(target)) return answerLive(this.#edge, request, take);
    if (isPictureTarget(target)) return answerPicture(this.#edge, request);
    return this.#answerApi(request);
  }

  async #answerApi({ head, body, remote, secure }: HttpRequest): Promise<HttpAnswer> {
    // A browser tells by the scheme, too, whether a page is ours.
    const url = `${secure ? "https" : "http"}://${
      head.headers.get("host") ?? "localhost"
    }${head.target}`;
    if (head.target === "*" || !URL.canParse(url)) {
      return refusal(400, "Cannot read request: target and Host make no URL");
    }
    const hasBody = head.method !== "GET" && head.method !== "HEAD" && body.length > 0;
    let request: Request;
    try {
      request = new Request(url, {
        method: head.method,
        headers: [...head.headers],
        body: hasBody ? new Uint8Array(body) : undefined,
      });
    } catch {
      return refusal(400, `Cannot read request: method ${head.method} is not one to answer`);
    }
    const response = await this.#api(request, { remoteAddress: remote.hostname });
    const fields = Object.fromEntries(response.headers);
    if (head.method === "HEAD") return answerHead(response.status, fields);
    if (fields["content-type"] === "text/event-stream" && response.body !== null) {
      return endlessAnswer(response.status, fields, response.body);
    }
    return wholeAnswer(response.status, fields, new Uint8Array(await response.arrayBuffer()));
  }
}

/** Ends with the connection, on either side. */
async function* endlessAnswer(
  status: number,
  fields: Readonly<Record<string, string>>,
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield answerHead(status, { ...fields, Connection: "close" });
  yield* body;
}

/** A request in the form that the WebSocket room takes. */
function upgradeOf({ head }: HttpRequest): UpgradeRequest {
  return { method: head.method, headers: Object.fromEntries(head.headers) };
}
