/**
 * `/APP/NAME.flv` over HTTP and WebSocket: from a request to a viewer, or to a refusal.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { liveHead, preflight, refusal } from "../../protocols/http/answer.ts";
import { FlvPageEncoder } from "../../protocols/flv/page_encoder.ts";
import { streamNameFromPath } from "../../protocols/media/stream_name.ts";
import { CLOSE_STATUS, closeFrame, OPCODE, serverFrame } from "../../protocols/websocket/frame.ts";
import { ClientFrameReader } from "../../protocols/websocket/frame_reader.ts";
import { acceptUpgrade, upgradeResponseHead } from "../../protocols/websocket/handshake.ts";
import { WebSocketFlvPageEncoder } from "../../protocols/websocket/page_encoder.ts";
import type { EncodingClass } from "../stream/encodings.ts";
import type { Edge } from "./edge.ts";
import { FlvViewer } from "./flv_viewer.ts";
import type { HttpAnswer, HttpRequest, TakenSocket } from "./http_connection.ts";

const SUFFIX = ".flv";

/** Longest User-Agent that is kept for the session list, in UTF-16 code units. */
const USER_AGENT_LENGTH_MAX = 256;

const HTTP_CLASS: EncodingClass = { key: "flv", createEncoder: () => new FlvPageEncoder() };

const WEBSOCKET_CLASS: EncodingClass = {
  key: "ws-flv",
  createEncoder: () => new WebSocketFlvPageEncoder(),
};

/** Whether a request target asks for FLV. */
export function isFlvTarget(target: string): boolean {
  return pathOf(target).endsWith(SUFFIX);
}

/** Answers a request for FLV; a viewer takes the socket. */
export function answerFlv(edge: Edge, request: HttpRequest, take: () => TakenSocket): HttpAnswer {
  const { method } = request.head;
  if (method === "OPTIONS") return preflight();
  if (method !== "GET" && method !== "HEAD") {
    const text = `Cannot ${method} a live stream: GET, HEAD and OPTIONS would fit`;
    return refusal(405, text, { fields: { Allow: "GET, HEAD, OPTIONS" } });
  }
  const found = find(edge, request);
  if (!found.ok) return found.answer;
  if (method === "HEAD") return liveHead("video/x-flv");
  const viewer = new FlvViewer({
    ...found,
    edge,
    conn: take().conn,
    protocol: "http-flv",
    encodingClass: HTTP_CLASS,
    accept: liveHead("video/x-flv"),
  });
  return { taken: viewer.run(() => {}) };
}

/** Answers a WebSocket upgrade for FLV. */
export function answerFlvUpgrade(
  edge: Edge,
  request: HttpRequest,
  take: () => TakenSocket,
): HttpAnswer {
  const headers = Object.fromEntries(request.head.headers);
  const upgrade = acceptUpgrade({ method: request.head.method, headers });
  if (!upgrade.ok) {
    const fields = upgrade.status === 426 ? { "Sec-WebSocket-Version": "13" } : undefined;
    return refusal(upgrade.status, upgrade.reason, { fields, close: true });
  }
  const found = find(edge, request);
  if (!found.ok) return found.answer;
  const { conn, rest } = take();
  const viewer = new FlvViewer({
    ...found,
    edge,
    conn,
    protocol: "ws-flv",
    encodingClass: WEBSOCKET_CLASS,
    accept: new TextEncoder().encode(upgradeResponseHead(upgrade.accept)),
  });
  const feed = frameFeeder(viewer);
  feed(rest);
  return { taken: viewer.run(feed) };
}

type Found =
  & Pick<ConstructorParameters<typeof FlvViewer>[0], "stream" | "core" | "userAgent" | "notFound">
  & { ok: true };

function find(edge: Edge, request: HttpRequest): Found | { ok: false; answer: Uint8Array } {
  const { method, target, headers } = request.head;
  const headOnly = method === "HEAD";
  const refuse = (status: number, text: string) => {
    return { ok: false as const, answer: refusal(status, text, { headOnly, close: !headOnly }) };
  };
  const path = pathOf(target);
  const name = streamNameFromPath(path.slice(0, -SUFFIX.length) + target.slice(path.length));
  if (!name.ok) {
    edge.admission.refuse("bad-name");
    return refuse(400, name.reason);
  }
  if (edge.admission.draining) {
    edge.admission.refuse("draining");
    return refuse(503, "Cannot play here: the node is draining; connect to another one");
  }
  const stream = { app: name.app, name: name.name };
  const missing = refuse(404, `Cannot play ${name.app}/${name.name}: nobody publishes it`).answer;
  if (!edge.hub.get(stream)?.live && (edge.playWaitMs === 0 || headOnly)) {
    edge.admission.refuse("not-found");
    return { ok: false, answer: missing };
  }
  const core = edge.hub.open(stream);
  if (core === undefined) {
    edge.admission.refuse("full");
    return refuse(503, "Cannot play: the node has as many streams as it can hold");
  }
  const userAgent = (headers.get("user-agent") ?? "").slice(0, USER_AGENT_LENGTH_MAX);
  return { ok: true, stream, core, userAgent, notFound: missing };
}

/** Reads what a player sends: pings, pongs and a close; anything else is ignored. */
function frameFeeder(viewer: FlvViewer): (bytes: Uint8Array) => void {
  const reader = new ClientFrameReader((frame) => {
    if (frame.opcode === OPCODE.ping) viewer.outlet.send(serverFrame(OPCODE.pong, frame.payload));
    if (frame.opcode !== OPCODE.close) return;
    viewer.outlet.send(closeFrame(CLOSE_STATUS.normal));
    viewer.outlet.closeWhenSent();
  });
  return (bytes) => {
    try {
      reader.feed(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      viewer.outlet.send(closeFrame(CLOSE_STATUS.protocolError));
      viewer.outlet.closeWhenSent();
    }
  };
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
