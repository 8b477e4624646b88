/**
 * What a node and its transcoding worker say to each other.
 *
 * @module
 */
import type { AudioCodec } from "../../protocols/media/track.ts";
import type { AacFrames } from "../stream/transcoder.ts";

/** What the worker must know of a track. */
export interface TranscodeSource {
  readonly codec: AudioCodec;
  readonly config: Uint8Array;
  readonly sampleRate: number;
  readonly channels: number;
}

/** To the worker. */
export type TranscodeRequest =
  | { readonly kind: "open"; readonly id: number; readonly source: TranscodeSource }
  | {
    readonly kind: "frame";
    readonly id: number;
    readonly ptsUs: number;
    readonly data: Uint8Array;
  }
  | { readonly kind: "close"; readonly id: number };

/** From the worker: one answer for each "frame", in order, with what has become ready. */
export type TranscodeReply =
  | { readonly kind: "done"; readonly id: number; readonly frames: AacFrames }
  /** The track cannot be transcoded; nothing more comes of it. */
  | { readonly kind: "failed"; readonly id: number; readonly reason: string };
