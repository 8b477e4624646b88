/**
 * What turns the PES packets of one stream into frames: one kind for video, one for audio.
 *
 * @module
 */
import type { Codec, Track } from "../media/track.ts";
import type { TsDropReason } from "./ts_sink.ts";

/** Times of a PES packet in microseconds, wraps undone. */
export interface PesTimes {
  readonly ptsUs: number;
  readonly dtsUs: number;
}

/** Where a reader puts its frames. */
export interface FrameSink {
  track(track: Track): void;
  frame(track: Track, times: PesTimes, keyframe: boolean, data: Uint8Array): void;
  dropped(reason: TsDropReason): void;
}

/** Reads the payloads of one stream. */
export interface StreamReader {
  readonly codec: Codec;
  /** Number among the tracks of its kind. */
  readonly index: number;
  /**
   * Takes the payload of one PES packet; a view that is valid during the call only.
   *
   * @param times Absent where the packet has none.
   */
  payload(bytes: Uint8Array, times: PesTimes | undefined, randomAccess: boolean): void;
  /** Packets are missing: what is half read will not be completed. */
  lost(): void;
}
