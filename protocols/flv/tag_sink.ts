/**
 * Where the demuxer puts what it finds in tags, and why it finds some of them useless.
 *
 * @module
 */
import type { Track } from "../media/track.ts";

/** Receives what a publisher's tags hold, in order. Called synchronously. */
export interface TagSink {
  /** A track appeared or its configuration changed; its frames follow. */
  track(track: Track, timestampMs: number): void;
  /**
   * One frame of a track reported before.
   *
   * @param timestampMs Decode time as received, 0 to 2^32 - 1, wrapping.
   * @param nanoOffset Nanoseconds to add to it, 0 to 999,999 (enhanced RTMP only).
   * @param compositionUs Presentation minus decode time, in microseconds.
   * @param data In the one form of its codec (see `Frame.data`); a view of the tag's body wherever
   * that is in this form already.
   */
  frame(
    track: Track,
    timestampMs: number,
    nanoOffset: number,
    compositionUs: number,
    keyframe: boolean,
    data: Uint8Array,
  ): void;
  /** Script data, or metadata of the first video track; `payload` is a view of the tag's body. */
  data(carrier: "script" | "video", name: string, payload: Uint8Array, timestampMs: number): void;
  /** Something was left out; `reason` is one of a small fixed set, fit to be counted by. */
  dropped(reason: DropReason): void;
}

/** Reasons why a tag, or a track's part of one, is left out. */
export const DROP_REASON = {
  videoCodec: "video codec that is not carried: only H.264, H.265, AV1, VP8 and VP9 are",
  audioCodec: "audio codec that is not carried: only AAC, MP3, G.711, Opus, FLAC and AC-3 are",
  packetType: "packet type that the specification does not define",
  trackNumber: "track number beyond the largest carried",
  unconfigured: "frame before its sequence header",
  nalUnits: "frame whose NAL unit lengths do not fit its size",
  frameBytes: "frame larger than the largest carried",
  dataBytes: "script data larger than the largest carried",
  unnamed: "script data without a name",
  extraMetadata: "video metadata of a track that is not the first",
} as const;

export type DropReason = typeof DROP_REASON[keyof typeof DROP_REASON];
