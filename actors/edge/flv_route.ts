/**
 * `/APP/NAME.flv` over HTTP and WebSocket: from a request to a viewer, or to a refusal.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { ProtocolError } from "../../protocols/errors.ts";
import { FlvPageEncoder } from "../../protocols/flv/page_encoder.ts";
import { streamNameFromPath } from "../../protocols/media/stream_name.ts";
import { CLOSE_STATUS, closeFrame, OPCODE, serverFrame } from "../../protocols/websocket/frame.ts";
import { ClientFrameReader } from "../../protocols/websocket/frame_reader.ts";
import { acceptUpgrade, upgradeResponseHead } from "../../protocols/websocket/handshake.ts";
import { WebSocketFlvPageEncoder } from "../../protocols/websocket/page_encoder.ts";
import type { EncodingClass } from "../stream/encodings.ts";
import type { Edge } from "./edge.ts";
import { FlvViewer } from "./flv_viewer.ts";
import { liveHead, preflight, refusal } from "./http_answer.ts";

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

/** Answers a request for FLV; the socket is ours from here on. */
export function answerFlv(edge: Edge, request: IncomingMessage): void {
  const socket = request.socket as Socket;
  if (request.method === "OPTIONS") return void socket.end(preflight());
  if (request.method !== "GET" && request.method !== "HEAD") {
    const text = `Cannot ${request.method} a live stream: GET, HEAD and OPTIONS would fit`;
    return void socket.end(refusal(405, text, { headers: { Allow: "GET, HEAD, OPTIONS" } }));
  }
  const found = find(edge, request);
  if (!found.ok) return void socket.end(found.answer);
  if (request.method === "HEAD") {
    return void socket.end(found.core.live ? liveHead("video/x-flv") : found.notFound);
  }
  new FlvViewer({
    ...found,
    edge,
    socket,
    protocol: "http-flv",
    encodingClass: HTTP_CLASS,
    accept: liveHead("video/x-flv"),
  });
}

/** Answers a WebSocket upgrade for FLV; `rest` is what came behind the request. */
export function answerFlvUpgrade(
  edge: Edge,
  request: IncomingMessage,
  socket: Socket,
  rest: Uint8Array,
): void {
  const upgrade = acceptUpgrade({ method: request.method ?? "", headers: request.headers });
  if (!upgrade.ok) {
    const headers = upgrade.status === 426 ? { "Sec-WebSocket-Version": "13" } : undefined;
    return void socket.end(refusal(upgrade.status, upgrade.reason, { headers }));
  }
  const found = find(edge, request);
  if (!found.ok) return void socket.end(found.answer);
  const viewer = new FlvViewer({
    ...found,
    edge,
    socket,
    protocol: "ws-flv",
    encodingClass: WEBSOCKET_CLASS,
    accept: new TextEncoder().encode(upgradeResponseHead(upgrade.accept)),
  });
  readFrames(viewer, socket, rest);
}

type Found =
  & Pick<ConstructorParameters<typeof FlvViewer>[0], "stream" | "core" | "userAgent" | "notFound">
  & { ok: true };

function find(edge: Edge, request: IncomingMessage): Found | { ok: false; answer: Uint8Array } {
  const bodyless = request.method === "HEAD";
  const refuse = (status: number, text: string) => {
    return { ok: false as const, answer: refusal(status, text, { bodyless }) };
  };
  const target = request.url ?? "";
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
  if (!edge.hub.get(stream)?.live && (edge.playWaitMs === 0 || bodyless)) {
    edge.admission.refuse("not-found");
    return { ok: false, answer: missing };
  }
  const core = edge.hub.open(stream);
  if (core === undefined) {
    edge.admission.refuse("full");
    return refuse(503, "Cannot play: the node has as many streams as it can hold");
  }
  const userAgent = (request.headers["user-agent"] ?? "").slice(0, USER_AGENT_LENGTH_MAX);
  return { ok: true, stream, core, userAgent, notFound: missing };
}

/** A player sends pings, pongs and a close; anything else is ignored. */
function readFrames(viewer: FlvViewer, socket: Socket, rest: Uint8Array): void {
  const reader = new ClientFrameReader((frame) => {
    if (frame.opcode === OPCODE.ping) viewer.outlet.send(serverFrame(OPCODE.pong, frame.payload));
    if (frame.opcode !== OPCODE.close) return;
    viewer.outlet.send(closeFrame(CLOSE_STATUS.normal));
    viewer.outlet.closeWhenSent();
  });
  const feed = (bytes: Uint8Array) => {
    try {
      reader.feed(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      viewer.outlet.send(closeFrame(CLOSE_STATUS.protocolError));
      viewer.outlet.closeWhenSent();
    }
  };
  socket.on("data", feed);
  socket.on("end", () => viewer.outlet.close());
  if (rest.length > 0) feed(rest);
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
