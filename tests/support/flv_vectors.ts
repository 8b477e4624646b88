/**
 * The captured FLV files of tests/vectors, their tags, and a sink that turns tags into log records.
 *
 * @module
 */
import {
  DATA_OFFSET_MAX,
  parseFileHeader,
  PREVIOUS_TAG_SIZE_BYTES,
} from "../../protocols/flv/file_header.ts";
import { type DropReason, TagDemuxer, type TagSink } from "../../protocols/flv/tag_demuxer.ts";
import {
  parseTagHeader,
  TAG_HEADER_BYTES,
  TAG_TYPE,
  type TagType,
} from "../../protocols/flv/tag_header.ts";
import type { Frame, LogRecord } from "../../protocols/media/record.ts";
import type { Track } from "../../protocols/media/track.ts";
import { REPOSITORY } from "./paths.ts";

/** Files of tests/vectors/flv_small; the README there says what each holds. */
export const SMALL_FLV = [
  "h264_aac",
  "h264_mp3_48khz",
  "mp3",
  "mp3_stereo",
  "gst_mp3_8khz",
  "alaw",
  "mulaw",
  "gst_mulaw_stereo",
  "h263",
  "enhanced_hevc_opus",
  "enhanced_av1_flac",
  "enhanced_vp9_ac3",
  "tracks_h264_hevc_aac_opus",
  "tracks_hevc_h264_opus_aac",
  "tracks_hevc_h264_eac3_flac",
  "tracks_av1_vp9_mp3_mp3",
] as const;

/** One tag of a file. */
export interface FlvTag {
  readonly type: TagType;
  readonly dtsMs: number;
  readonly body: Uint8Array;
  /** Header, body and the size behind them. */
  readonly bytes: Uint8Array;
}

/** The bytes of a file, named as in {@link SMALL_FLV} or by its path below tests/vectors. */
export function flvFile(name: string): Uint8Array {
  const path = name.includes("/") ? name : `flv_small/${name}.flv`;
  return Deno.readFileSync(`${REPOSITORY}/tests/vectors/${path}`);
}

/** The whole tags of a file; what is cut short at its end is left out. */
export function flvTags(bytes: Uint8Array): FlvTag[] {
  const header = parseFileHeader(bytes);
  if (header === undefined || header.dataOffset > DATA_OFFSET_MAX) return [];
  const tags: FlvTag[] = [];
  let offset = header.dataOffset + PREVIOUS_TAG_SIZE_BYTES;
  while (true) {
    const tag = parseTagHeader(bytes, offset);
    if (tag === undefined) return tags;
    const start = offset + TAG_HEADER_BYTES;
    const end = start + tag.bodyBytes + PREVIOUS_TAG_SIZE_BYTES;
    if (end > bytes.length) return tags;
    const body = bytes.subarray(start, start + tag.bodyBytes);
    tags.push({ type: tag.type, dtsMs: tag.dtsMs, body, bytes: bytes.subarray(offset, end) });
    offset = end;
  }
}

/** Keeps what a demuxer reports as the log would, times taken as they are. */
export class RecordingSink implements TagSink {
  readonly records: LogRecord[] = [];
  readonly tracks: Track[] = [];
  readonly drops: DropReason[] = [];
  /** The nanosecond offset of each frame. */
  readonly nanoOffsets: number[] = [];

  track(track: Track, timestampMs: number): void {
    this.tracks.push(track);
    this.records.push({ kind: "track", seq: this.#nextSeq, dtsUs: timestampMs * 1000, track });
  }

  frame(
    track: Track,
    timestampMs: number,
    nanoOffset: number,
    compositionUs: number,
    keyframe: boolean,
    data: Uint8Array,
  ): void {
    const dtsUs = timestampMs * 1000;
    const ptsUs = dtsUs + compositionUs;
    this.nanoOffsets.push(nanoOffset);
    const seq = this.#nextSeq;
    this.records.push({ kind: "frame", seq, dtsUs, ptsUs, keyframe, track, data });
  }

  data(carrier: "script" | "video", name: string, payload: Uint8Array, timestampMs: number): void {
    const dtsUs = timestampMs * 1000;
    this.records.push({ kind: "data", seq: this.#nextSeq, dtsUs, carrier, name, payload });
  }

  dropped(reason: DropReason): void {
    this.drops.push(reason);
  }

  get #nextSeq(): number {
    return this.records.length + 1;
  }
}

/** Gives one tag to a demuxer. */
export function demuxTag(demuxer: TagDemuxer, tag: Pick<FlvTag, "type" | "dtsMs" | "body">): void {
  if (tag.type === TAG_TYPE.audio) demuxer.audio(tag.body, tag.dtsMs);
  else if (tag.type === TAG_TYPE.video) demuxer.video(tag.body, tag.dtsMs);
  else demuxer.script(tag.body, tag.dtsMs);
}

/** Demuxes a whole file. */
export function demuxFlv(bytes: Uint8Array): RecordingSink {
  const sink = new RecordingSink();
  const demuxer = new TagDemuxer(sink);
  for (const tag of flvTags(bytes)) demuxTag(demuxer, tag);
  return sink;
}

/** Demuxes bodies given in hexadecimal, all at time 0. */
export function demuxed(
  ...bodies: readonly (readonly ["audio" | "video" | "script", string])[]
): RecordingSink {
  const sink = new RecordingSink();
  const demuxer = new TagDemuxer(sink);
  for (const [kind, hex] of bodies) {
    demuxTag(demuxer, { type: TAG_TYPE[kind], dtsMs: 0, body: Uint8Array.fromHex(hex) });
  }
  return sink;
}

/** The frames among what was reported. */
export function framesOf(sink: RecordingSink): Frame[] {
  return sink.records.filter((record) => record.kind === "frame");
}

/** ASCII text in hexadecimal. */
export function ascii(text: string): string {
  return new TextEncoder().encode(text).toHex();
}
