/**
 * How far back a stream's log reaches.
 *
 * @module
 */
import { segmentUsMax } from "../../protocols/hls/settings.ts";
import type { HlsSettings } from "../../protocols/media/record.ts";

/** Besides its newest group of pictures, what a replay may ask for. */
const LOG_WINDOW_US_MIN = 5_000_000;

/** Segments besides those listed: the one being filled, and one that a player is still loading. */
const SEGMENTS_BESIDES = 2;

/** The window in microseconds: whoever opens a stream's HLS later must find the whole playlist. */
export function logWindowUs(settings: HlsSettings): number {
  const segments = settings.windowSegments + SEGMENTS_BESIDES;
  return Math.max(LOG_WINDOW_US_MIN, segments * segmentUsMax(settings));
}
