/**
 * `/APP/NAME.jpg`: the latest key frame of a live stream as a picture.
 *
 * Decoding is not ours: whoever composes the node brings a {@link PictureDecoder}, or none, and then
 * the answer says so. A key frame is decoded once, however many ask for it.
 *
 * @module
 */
import { answerHead, CORS, preflight, refusal, wholeAnswer } from "../../protocols/http/answer.ts";
import type { Frame } from "../../protocols/media/record.ts";
import { streamNameFromPath } from "../../protocols/media/stream_name.ts";
import type { StreamCore } from "../stream/stream_core.ts";
import type { Edge } from "./edge.ts";
import { refuseAccess } from "./http_access.ts";
import type { PictureDecoder, PictureResult } from "./picture_decoder.ts";
import type { HttpAnswer, HttpRequest } from "./http_connection.ts";

const ENDING = ".jpg";

/** Pictures made or in the making, by key frame; they go with it. */
const PICTURES = new WeakMap<Frame, Promise<PictureResult>>();

/** Whether a request target asks for a picture. */
export function isPictureTarget(target: string): boolean {
  return pathOf(target).endsWith(ENDING);
}

/** Answers a request for a picture. */
export async function answerPicture(
  edge: Edge,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const { method, target } = request.head;
  if (method === "OPTIONS") return preflight();
  const headOnly = method === "HEAD";
  if (method !== "GET" && !headOnly) {
    const text = `Cannot ${method} a picture: GET, HEAD and OPTIONS would fit`;
    return refusal(405, text, { fields: { Allow: "GET, HEAD, OPTIONS" } });
  }
  const path = pathOf(target);
  const name = streamNameFromPath(path.slice(0, -ENDING.length) + target.slice(path.length));
  if (!name.ok) {
    edge.admission.refuse("bad-name");
    return refusal(400, name.reason, { headOnly });
  }
  const stream = { app: name.app, name: name.name };
  const access = { request, stream, query: name.query, protocol: "hls" as const, headOnly };
  const denied = await refuseAccess(edge, access);
  if (denied !== undefined) return denied;
  await edge.finder.find(stream);
  const core = edge.hub.get(stream);
  if (core === undefined || !core.live) {
    edge.admission.refuse("not-found");
    const text = `Cannot show ${stream.app}/${stream.name}: nobody publishes it`;
    return refusal(404, text, { headOnly });
  }
  return await pictureAnswer(core, { decoder: edge.pictures, headOnly });
}

async function pictureAnswer(
  core: StreamCore,
  options: { decoder: PictureDecoder | undefined; headOnly: boolean },
): Promise<HttpAnswer> {
  const { decoder, headOnly } = options;
  if (!core.log.hasVideo) {
    return refusal(404, "Cannot show the stream: it has no video", { headOnly });
  }
  if (decoder === undefined) {
    const text = "Cannot make a picture: this node was given no decoder (--ffmpeg PATH)";
    return refusal(501, text, { headOnly });
  }
  const frame = keyFrameOf(core);
  if (frame === undefined) {
    const text = "Cannot show the stream: its next key frame has not come yet";
    return refusal(503, text, { headOnly, fields: { "Retry-After": "2" } });
  }
  const result = await pictureOf(frame, decoder);
  if (!result.ok) {
    return refusal(result.why === "busy" ? 503 : 501, result.reason, { headOnly });
  }
  const fields = { "Content-Type": "image/jpeg", "Cache-Control": "max-age=1", ...CORS };
  const length = { "Content-Length": String(result.jpeg.length) };
  return headOnly
    ? answerHead(200, { ...fields, ...length })
    : wholeAnswer(200, fields, result.jpeg);
}

function pictureOf(frame: Frame, decoder: PictureDecoder): Promise<PictureResult> {
  let picture = PICTURES.get(frame);
  if (picture !== undefined) return picture;
  picture = decoder.decode(frame);
  PICTURES.set(frame, picture);
  // Who comes when the decoder has time again shall find it.
  picture.then((result) => {
    if (!result.ok && result.why === "busy") PICTURES.delete(frame);
  });
  return picture;
}

function keyFrameOf({ log }: StreamCore): Frame | undefined {
  const record = log.joinSeq === undefined ? undefined : log.at(log.joinSeq);
  return record?.kind === "frame" ? record : undefined;
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
