/**
 * What a viewer gets, whatever the protocol: audio, video and data, in the form FLV gives them.
 *
 * @module
 */
import { WireError } from "./input.ts";

/** FLV tag types, which are also RTMP's message types. */
export const AUDIO = 8;
export const VIDEO = 9;
export const DATA = 18;

export interface MediaMessage {
  readonly typeId: number;
  readonly timestampMs: number;
  /** Valid until the reader gets more bytes. */
  readonly body: Uint8Array;
}

/** What a media message holds. */
export interface MediaContent {
  readonly kind: "configuration" | "frame" | "other";
  readonly keyframe: boolean;
  readonly compositionMs: number;
  readonly payload: Uint8Array;
}

/** Codecs whose frames carry a composition time when the packet type says so. */
const REORDERED = ["hvc1", "avc1"];

/** Looks into an audio or video body (FLV 10.1, annex E.4; Enhanced RTMP v1). */
export function contentOf({ typeId, body }: MediaMessage): MediaContent {
  if (body.length === 0) throw new WireError("An empty media message");
  if (typeId === VIDEO) return (body[0] & 0x80) === 0 ? legacyVideo(body) : enhancedVideo(body);
  if (body[0] >> 4 === 10) return content(body[1] === 0, true, 0, body.subarray(2)); // AAC
  return content(false, true, 0, body.subarray(1));
}

function legacyVideo(body: Uint8Array): MediaContent {
  if ((body[0] & 15) !== 7) throw new WireError(`Video codec ${body[0] & 15}`);
  const composition = ((body[2] << 24) | (body[3] << 16) | (body[4] << 8)) >> 8;
  if (body[1] > 1) return { ...content(false, false, 0, body.subarray(5)), kind: "other" };
  return content(body[1] === 0, body[0] >> 4 === 1, composition, body.subarray(5));
}

function enhancedVideo(body: Uint8Array): MediaContent {
  const packetType = body[0] & 15;
  const keyframe = ((body[0] >> 4) & 7) === 1;
  const fourCc = String.fromCharCode(...body.subarray(1, 5));
  if (packetType === 0) return content(true, keyframe, 0, body.subarray(5));
  if (packetType === 1 && REORDERED.includes(fourCc)) {
    const composition = ((body[5] << 24) | (body[6] << 16) | (body[7] << 8)) >> 8;
    return content(false, keyframe, composition, body.subarray(8));
  }
  if (packetType === 1 || packetType === 3) return content(false, keyframe, 0, body.subarray(5));
  return { kind: "other", keyframe, compositionMs: 0, payload: body.subarray(5) };
}

function content(
  configuration: boolean,
  keyframe: boolean,
  compositionMs: number,
  payload: Uint8Array,
): MediaContent {
  return { kind: configuration ? "configuration" : "frame", keyframe, compositionMs, payload };
}
