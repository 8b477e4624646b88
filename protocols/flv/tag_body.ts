/**
 * Frames and tracks as audio and video tag bodies, the bodies of FLV tags and RTMP messages alike.
 *
 * Sources: Adobe FLV and F4V 10.1, annexes E.4.2.1 and E.4.3.1; Enhanced RTMP v2, sections Enhanced
 * Audio and Enhanced Video. H.264, AAC, MP3 and G.711 go out in the legacy form, the others by
 * FourCC, tracks beyond the first as one track of a multitrack body. The bytes are those that ffmpeg
 * and OBS send for the same frame.
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import type { Track } from "../media/track.ts";
import {
  AAC_FLAGS,
  AAC_PACKET_TYPE,
  AUDIO_FOURCC,
  AUDIO_PACKET_TYPE,
  g711Flags,
  mp3Flags,
  SOUND_FORMAT,
} from "./audio_tag.ts";
import { MULTITRACK_TYPE } from "./enhanced_tag.ts";
import {
  AVC_HEADER_BYTES,
  AVC_PACKET_TYPE,
  EX_VIDEO_HEADER,
  VIDEO_CODEC_ID,
  VIDEO_FOURCC,
  VIDEO_FRAME_TYPE,
  VIDEO_PACKET_TYPE,
  writeSi24,
} from "./video_tag.ts";

export interface BodyOptions {
  /** The receiver takes tracks beyond the first of their kind. */
  readonly multitrack: boolean;
}

/** Most bytes that stand in front of a frame's data: multitrack with a composition time. */
export const BODY_HEAD_BYTES_MAX = 10;

const AAC_HEADER_BYTES = 2; // Flags, packet type.
const ENHANCED_HEADER_BYTES = 5; // Flags and packet type, FourCC.
const MULTITRACK_HEADER_BYTES = 7; // As above; multitrack type and packet type, track number.
const COMPOSITION_BYTES = 3;

/** What a signed 24-bit composition time can say, in milliseconds. */
const COMPOSITION_MS_MIN = -0x800000;
const COMPOSITION_MS_MAX = 0x7fffff;

/** Timestamp of a tag or message: whole milliseconds, rounded down, modulo 2^32. */
export function timestampMsOf(dtsUs: number): number {
  return Math.floor(dtsUs / 1000) >>> 0;
}

/**
 * Bytes that {@link writeFrameBodyHead} will write, at most {@link BODY_HEAD_BYTES_MAX}; 0 when the
 * frame has no place in the format: a track beyond the first without multitrack, or of G.711, which
 * has no FourCC; any track of G.726.
 */
export function frameBodyHeadBytes(frame: Frame, options: BodyOptions): number {
  const { track } = frame;
  if (!hasPlace(track, options)) return 0;
  if (track.index > 0) {
    return MULTITRACK_HEADER_BYTES + (writesComposition(frame) ? COMPOSITION_BYTES : 0);
  }
  switch (track.codec) {
    case "h264":
      return AVC_HEADER_BYTES;
    case "aac":
      return AAC_HEADER_BYTES;
    case "mp3":
    case "g711a":
    case "g711u":
      return 1;
    default:
      return ENHANCED_HEADER_BYTES + (writesComposition(frame) ? COMPOSITION_BYTES : 0);
  }
}

/**
 * Writes what stands in front of `frame.data`; together they are the body.
 *
 * @returns The offset behind the last byte written; `offset` itself when the frame has no place.
 */
export function writeFrameBodyHead(
  frame: Frame,
  target: Uint8Array,
  offset: number,
  options: BodyOptions,
): number {
  const { track } = frame;
  if (!hasPlace(track, options)) return offset;
  if (track.kind === "audio") {
    return writeAudioHead(track, AUDIO_PACKET_TYPE.codedFrames, target, offset);
  }
  if (track.codec === "h264" && track.index === 0) {
    const frameType = frame.keyframe ? VIDEO_FRAME_TYPE.key : VIDEO_FRAME_TYPE.inter;
    target[offset] = (frameType << 4) | VIDEO_CODEC_ID.avc;
    target[offset + 1] = AVC_PACKET_TYPE.nalUnits;
    return writeSi24(compositionMs(frame), target, offset + 2);
  }
  const packetType = codedFramesType(frame);
  const end = writeEnhancedVideoHead(track, frame.keyframe, packetType, target, offset);
  return writesComposition(frame) ? writeSi24(compositionMs(frame), target, end) : end;
}

/**
 * The sequence header of a track, in an array of its own; `undefined` when the format has none for
 * it (MP3 and G.711 in the legacy form) or the track has no place in it.
 */
export function sequenceStartBody(track: Track, options: BodyOptions): Uint8Array | undefined {
  if (!hasPlace(track, options)) return undefined;
  const head = new Uint8Array(BODY_HEAD_BYTES_MAX);
  const end = track.kind === "audio"
    ? writeAudioHead(track, AUDIO_PACKET_TYPE.sequenceStart, head, 0)
    : writeVideoStart(track, head);
  if (end === 1) return undefined; // Nothing but flags: a codec without configuration.
  const body = new Uint8Array(end + track.config.length);
  body.set(head.subarray(0, end));
  body.set(track.config, end);
  return body;
}

/** Bytes of {@link writeVideoMetadataHead}. */
export const VIDEO_METADATA_HEAD_BYTES = ENHANCED_HEADER_BYTES;

/** Writes what stands in front of metadata that applies to the first video track. */
export function writeVideoMetadataHead(
  fourCc: number,
  target: Uint8Array,
  offset: number,
): number {
  // The frame type is to be ignored here; that of a command is what ffmpeg writes.
  target[offset] = EX_VIDEO_HEADER | (VIDEO_FRAME_TYPE.command << 4) | VIDEO_PACKET_TYPE.metadata;
  return writeFourCc(fourCc, target, offset + 1);
}

function hasPlace(track: Track, options: BodyOptions): boolean {
  if (track.index === 0) return track.codec !== "g726";
  return options.multitrack && fourCcOf(track) !== undefined;
}

function writeVideoStart(track: Track & { kind: "video" }, target: Uint8Array): number {
  if (track.codec === "h264" && track.index === 0) {
    target[0] = (VIDEO_FRAME_TYPE.key << 4) | VIDEO_CODEC_ID.avc;
    target[1] = AVC_PACKET_TYPE.sequenceHeader;
    return writeSi24(0, target, 2);
  }
  return writeEnhancedVideoHead(track, true, VIDEO_PACKET_TYPE.sequenceStart, target, 0);
}

function writeEnhancedVideoHead(
  track: Track & { kind: "video" },
  keyframe: boolean,
  packetType: number,
  target: Uint8Array,
  offset: number,
): number {
  const frameType = keyframe ? VIDEO_FRAME_TYPE.key : VIDEO_FRAME_TYPE.inter;
  const flags = EX_VIDEO_HEADER | (frameType << 4);
  const fourCc = VIDEO_FOURCC[track.codec];
  if (track.index === 0) {
    target[offset] = flags | packetType;
    return writeFourCc(fourCc, target, offset + 1);
  }
  target[offset] = flags | VIDEO_PACKET_TYPE.multitrack;
  return writeOneTrack(packetType, fourCc, track.index, target, offset + 1);
}

/** Audio heads of both forms; packet types 0 and 1 mean the same in AAC's legacy header. */
function writeAudioHead(
  track: Track & { kind: "audio" },
  packetType: number,
  target: Uint8Array,
  offset: number,
): number {
  const fourCc = AUDIO_FOURCC[track.codec];
  if (track.index > 0) {
    if (fourCc === undefined) return offset;
    target[offset] = (SOUND_FORMAT.enhanced << 4) | AUDIO_PACKET_TYPE.multitrack;
    return writeOneTrack(packetType, fourCc, track.index, target, offset + 1);
  }
  switch (track.codec) {
    case "aac": {
      const start = packetType === AUDIO_PACKET_TYPE.sequenceStart;
      target[offset] = AAC_FLAGS;
      target[offset + 1] = start ? AAC_PACKET_TYPE.sequenceHeader : AAC_PACKET_TYPE.raw;
      return offset + AAC_HEADER_BYTES;
    }
    case "mp3":
      target[offset] = mp3Flags(track.sampleRate, track.channels);
      return offset + 1;
    case "g711a":
    case "g711u":
      target[offset] = g711Flags(track.codec, track.channels);
      return offset + 1;
    default:
      target[offset] = (SOUND_FORMAT.enhanced << 4) | packetType;
      return writeFourCc(fourCc as number, target, offset + 1);
  }
}

/** The part of a multitrack header behind the first byte, for a body of one track. */
function writeOneTrack(
  packetType: number,
  fourCc: number,
  index: number,
  target: Uint8Array,
  offset: number,
): number {
  target[offset] = (MULTITRACK_TYPE.oneTrack << 4) | packetType;
  const end = writeFourCc(fourCc, target, offset + 1);
  target[end] = index; // Track number.
  return end + 1;
}

function writeFourCc(value: number, target: Uint8Array, offset: number): number {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
  return offset + 4;
}

function fourCcOf(track: Track): number | undefined {
  return track.kind === "video" ? VIDEO_FOURCC[track.codec] : AUDIO_FOURCC[track.codec];
}

/** H.264 and H.265 leave a composition time of zero out; the other codecs never have one. */
function codedFramesType(frame: Frame): number {
  const { codec } = frame.track;
  const hasComposition = codec === "h264" || codec === "h265";
  return hasComposition && compositionMs(frame) === 0
    ? VIDEO_PACKET_TYPE.codedFramesX
    : VIDEO_PACKET_TYPE.codedFrames;
}

function writesComposition(frame: Frame): boolean {
  const { codec } = frame.track;
  return (codec === "h264" || codec === "h265") && compositionMs(frame) !== 0;
}

/** Rounded, so that whole milliseconds survive; bounded by what the field can say. */
function compositionMs(frame: Frame): number {
  const rounded = Math.round((frame.ptsUs - frame.dtsUs) / 1000);
  return Math.max(COMPOSITION_MS_MIN, Math.min(COMPOSITION_MS_MAX, rounded));
}
