/**
 * Which encoding an RTMP viewer reads.
 *
 * @module
 */
import { reframeRtmpPage, RtmpPageEncoder } from "../../protocols/rtmp/page_encoder.ts";
import type { EncodingClass } from "../stream/encodings.ts";

/** What changes the bytes of an RTMP viewer. */
export interface RtmpClassOptions {
  /** Message stream id its client plays on; nearly always 1. */
  readonly streamId: number;
  readonly audio: boolean;
  readonly video: boolean;
  /** The client announced that it understands tracks beyond the first. */
  readonly multitrack: boolean;
}

const USUAL: RtmpClassOptions = { streamId: 1, audio: true, video: true, multitrack: false };

/** The class for `options`; viewers with equal options share one. */
export function rtmpClass(options: RtmpClassOptions): EncodingClass {
  const { streamId, audio, video, multitrack } = options;
  const key = `rtmp/${streamId}/${audio ? "a" : ""}${video ? "v" : ""}${multitrack ? "m" : ""}`;
  const createEncoder = () => new RtmpPageEncoder(options);
  if (streamId === 1 && audio && video && !multitrack) return { key, createEncoder };
  const usual = rtmpClass(USUAL);
  return {
    key,
    createEncoder,
    // A client beyond the bound loses the extra tracks, never the stream.
    fallback: { usual, reframe: (bytes) => reframeRtmpPage(bytes, { streamId, audio, video }) },
  };
}
