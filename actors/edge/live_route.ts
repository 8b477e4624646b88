/**
 * Live bodies, `/APP/NAME.flv` (also over WebSocket), `.ts` and `.mp4`: from a request to a viewer,
 * or to a refusal.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { liveHead, preflight, refusal } from "../../protocols/http/answer.ts";
import { FlvPageEncoder } from "../../protocols/flv/page_encoder.ts";
import { playableTracks } from "../../protocols/media/derived_audio.ts";
import type { Track } from "../../protocols/media/track.ts";
import { mp4Supports } from "../../protocols/mp4/mp4_support.ts";
import { Mp4PageEncoder } from "../../protocols/mp4/page_encoder.ts";
import { TsPageEncoder } from "../../protocols/mpegts/page_encoder.ts";
import { tsSupports } from "../../protocols/mpegts/ts_support.ts";
import { streamNameFromPath } from "../../protocols/media/stream_name.ts";
import { CLOSE_STATUS, closeFrame, OPCODE, serverFrame } from "../../protocols/websocket/frame.ts";
import { ClientFrameReader } from "../../protocols/websocket/frame_reader.ts";
import { acceptUpgrade, upgradeResponseHead } from "../../protocols/websocket/handshake.ts";
import { WebSocketFlvPageEncoder } from "../../protocols/websocket/page_encoder.ts";
import type { EncodingClass } from "../stream/encodings.ts";
import type { StreamName } from "../stream/stream_key.ts";
import type { EdgeProtocol } from "./session_table.ts";
import type { Edge } from "./edge.ts";
import { refuseViewer } from "./limit_refusal.ts";
import { refuseAccess } from "./http_access.ts";
import { LiveViewer, type LiveViewerOptions } from "./live_viewer.ts";
import type { HttpAnswer, HttpRequest, TakenSocket } from "./http_connection.ts";

/** Longest User-Agent that is kept for the session list, in UTF-16 code units. */
const USER_AGENT_LENGTH_MAX = 256;

/** A format that is a stream of bytes without an end. */
interface LiveFormat {
  readonly protocol: LiveProtocol;
  readonly contentType: string;
  readonly encodingClass: EncodingClass;
  /** Whether it can carry these tracks, and if not one sentence that says why. */
  supports(
    tracks: readonly Track[],
  ): { readonly ok: true } | { readonly ok: false; reason: string };
}

type LiveProtocol = Exclude<EdgeProtocol, "rtmp">;

/** By the ending of the path. */
const FORMATS: Readonly<Record<string, LiveFormat>> = {
  flv: {
    protocol: "http-flv",
    contentType: "video/x-flv",
    encodingClass: { key: "flv", createEncoder: () => new FlvPageEncoder() },
    supports: () => ({ ok: true }),
  },
  ts: {
    protocol: "http-ts",
    contentType: "video/mp2t",
    encodingClass: { key: "ts", createEncoder: (head) => new TsPageEncoder(head) },
    supports: tsSupports,
  },
  mp4: {
    protocol: "http-mp4",
    contentType: "video/mp4",
    encodingClass: { key: "mp4", createEncoder: () => new Mp4PageEncoder(), fixedTracks: true },
    supports: mp4Supports,
  },
};

const WEBSOCKET: LiveFormat = {
  ...FORMATS.flv,
  protocol: "ws-flv",
  encodingClass: { key: "ws-flv", createEncoder: () => new WebSocketFlvPageEncoder() },
};

/** Whether a request target asks for a live body. */
export function isLiveTarget(target: string): boolean {
  return formatOf(target) !== undefined;
}

/** Whether a request target may be upgraded to WebSocket. */
export function isWebSocketTarget(target: string): boolean {
  return formatOf(target) === FORMATS.flv;
}

/** Answers a request for a live body; a viewer takes the socket. */
export async function answerLive(
  edge: Edge,
  request: HttpRequest,
  take: () => TakenSocket,
): Promise<HttpAnswer> {
  const { method, target } = request.head;
  if (method === "OPTIONS") return preflight();
  if (method !== "GET" && method !== "HEAD") {
    const text = `Cannot ${method} a live stream: GET, HEAD and OPTIONS would fit`;
    return refusal(405, text, { fields: { Allow: "GET, HEAD, OPTIONS" } });
  }
  const format = formatOf(target)!;
  const found = await find(edge, request, format);
  if (!found.ok) return found.answer;
  const accept = liveHead(format.contentType);
  if (method === "HEAD") return accept;
  const viewer = new LiveViewer({ ...found, edge, conn: take().conn, accept });
  return { taken: viewer.run(() => {}) };
}

/** Answers a WebSocket upgrade for FLV. */
export async function answerWebSocket(
  edge: Edge,
  request: HttpRequest,
  take: () => TakenSocket,
): Promise<HttpAnswer> {
  const headers = Object.fromEntries(request.head.headers);
  const upgrade = acceptUpgrade({ method: request.head.method, headers });
  if (!upgrade.ok) {
    const fields = upgrade.status === 426 ? { "Sec-WebSocket-Version": "13" } : undefined;
    return refusal(upgrade.status, upgrade.reason, { fields, close: true });
  }
  const found = await find(edge, request, WEBSOCKET);
  if (!found.ok) return found.answer;
  const { conn, rest } = take();
  const accept = new TextEncoder().encode(upgradeResponseHead(upgrade.accept));
  const farewell = closeFrame(CLOSE_STATUS.goingAway);
  const viewer = new LiveViewer({ ...found, edge, conn, accept, farewell });
  const feed = frameFeeder(viewer);
  feed(rest);
  return { taken: viewer.run(feed) };
}

type Found =
  | (Omit<LiveViewerOptions, "edge" | "conn" | "accept"> & { readonly ok: true })
  | { readonly ok: false; readonly answer: Uint8Array };

/** Who is asked for, and whether the client may have it. */
async function find(edge: Edge, request: HttpRequest, format: LiveFormat): Promise<Found> {
  const { method, target } = request.head;
  const headOnly = method === "HEAD";
  const path = pathOf(target);
  const name = streamNameFromPath(path.slice(0, path.lastIndexOf(".")) + target.slice(path.length));
  if (!name.ok) {
    edge.admission.refuse("bad-name");
    return { ok: false, answer: refusal(400, name.reason, { headOnly, close: !headOnly }) };
  }
  const stream = { app: name.app, name: name.name };
  const { protocol } = format;
  const { query } = name;
  const denied = await refuseAccess(edge, { request, stream, query, protocol, headOnly });
  if (denied !== undefined) return { ok: false, answer: denied };
  await edge.finder.find(stream);
  return open(edge, { request, stream, format });
}

interface Wanted {
  readonly request: HttpRequest;
  readonly stream: StreamName;
  readonly format: LiveFormat;
}

function open(edge: Edge, { request, stream, format }: Wanted): Found {
  const { method, headers } = request.head;
  const headOnly = method === "HEAD";
  const answer = (status: number, text: string) =>
    refusal(status, text, { headOnly, close: !headOnly });
  if (edge.admission.draining) {
    edge.admission.refuse("draining");
    const text = "Cannot play here: the node is draining; connect to another one";
    return { ok: false, answer: answer(503, text) };
  }
  const full = refuseViewer(edge, stream);
  if (full !== undefined) {
    return { ok: false, answer: answer(503, `Cannot play: ${full.description}`) };
  }
  const known = edge.hub.get(stream);
  const { playWaitMs } = edge.applications.of(stream.app);
  const notFound = answer(404, `Cannot play ${stream.app}/${stream.name}: nobody publishes it`);
  if (!known?.live && (playWaitMs === 0 || headOnly)) {
    edge.admission.refuse("not-found");
    return { ok: false, answer: notFound };
  }
  const refuse = (tracks: readonly Track[]) => {
    const support = format.supports(playableTracks(tracks));
    return support.ok ? undefined : answer(406, support.reason);
  };
  const refused = known?.live ? refuse(known.log.head.tracks) : undefined;
  if (refused !== undefined) return { ok: false, answer: refused };
  const core = edge.hub.open(stream);
  if (core === undefined) {
    edge.admission.refuse("full");
    const text = "Cannot play: the node has as many streams as it can hold";
    return { ok: false, answer: answer(503, text) };
  }
  const userAgent = (headers.get("user-agent") ?? "").slice(0, USER_AGENT_LENGTH_MAX);
  const { protocol, encodingClass } = format;
  const options = { protocol, encodingClass, refuse, stream, core, userAgent, notFound };
  return { ok: true, ...options, playWaitMs };
}

/** Reads what a player sends: pings, pongs and a close; anything else is ignored. */
function frameFeeder(viewer: LiveViewer): (bytes: Uint8Array) => void {
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

function formatOf(target: string): LiveFormat | undefined {
  const path = pathOf(target);
  const ending = path.slice(path.lastIndexOf(".") + 1);
  return Object.hasOwn(FORMATS, ending) ? FORMATS[ending] : undefined;
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
