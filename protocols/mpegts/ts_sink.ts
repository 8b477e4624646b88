/**
 * Where the demuxer puts what it finds in a transport stream, and why it finds some of it useless.
 *
 * @module
 */
import type { Track } from "../media/track.ts";

/** Receives the tracks and frames of a transport stream, in order. Called synchronously. */
export interface TsSink {
  /** A track appeared or its configuration changed; its frames follow. */
  track(track: Track): void;
  /**
   * One frame of a track reported before.
   *
   * @param dtsUs Decode time in microseconds, the wrap of 33 bits undone; as the sender counts,
   * so it may start anywhere, jump, and be a little below zero.
   * @param ptsUs Presentation time on the same clock.
   * @param data In the one form of its codec (see `Frame.data`); an array of its own.
   */
  frame(track: Track, dtsUs: number, ptsUs: number, keyframe: boolean, data: Uint8Array): void;
  /** Something was left out; `reason` is one of a small fixed set, fit to be counted by. */
  dropped(reason: TsDropReason): void;
}

/** Reasons why packets, sections or frames are left out. */
export const TS_DROP_REASON = {
  synchronisation: "bytes that are no transport packets",
  packet: "transport packet with a malformed header",
  transportError: "transport packet marked as damaged",
  scrambled: "scrambled transport packet",
  lost: "frame of which packets are missing",
  section: "malformed section",
  codec: "stream whose codec is not carried",
  trackNumber: "stream beyond the most that are carried",
  pesHeader: "PES packet with a malformed header",
  untimed: "frame without a timestamp",
  frameBytes: "frame larger than the largest carried",
  unconfigured: "frame before its parameter sets",
  configuration: "parameter sets that cannot be read",
  framing: "audio that does not start with a frame",
} as const;

export type TsDropReason = typeof TS_DROP_REASON[keyof typeof TS_DROP_REASON];
