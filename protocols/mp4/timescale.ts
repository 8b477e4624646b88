/**
 * Microseconds to a track's ticks and back. Every time in an MP4 of ours is made here from an
 * absolute time, never by adding durations, so that rounding does not add up.
 *
 * Source: ISO/IEC 14496-12:2015, section 8.4.2 (the media's timescale).
 *
 * @module
 */
import { rescale } from "../media/rescale.ts";
import type { Track } from "../media/track.ts";

/** Ticks per second of every video track, the usual of MPEG: whole for all common frame rates. */
export const VIDEO_TIMESCALE = 90_000;

const SECOND_US = 1_000_000;

/** Ticks per second of a track: 90,000 for video, the sample rate for audio. */
export function timescaleOf(track: Track): number {
  // Opus tracks always say 48,000, the one rate that Opus-in-ISOBMFF 4.3 allows.
  return track.kind === "video" ? VIDEO_TIMESCALE : track.sampleRate;
}

/**
 * Ticks nearest to `us`, halves up; exact for any safe integer.
 *
 * @param us Microseconds, also below 0.
 * @param timescale Ticks per second, 1 to 2^32 - 1.
 */
export function toTicks(us: number, timescale: number): number {
  return rescale(us, SECOND_US, timescale);
}

/** Microseconds nearest to `ticks`, halves up; the inverse of {@link toTicks}. */
export function toMicroseconds(ticks: number, timescale: number): number {
  return rescale(ticks, timescale, SECOND_US);
}
