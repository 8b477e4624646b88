/**
 * The settings of HLS and the limits that follow from them, by one formula for every node.
 *
 * Sources: RFC 8216, section 4.3.3.1; draft-pantos-hls-rfc8216bis, sections 4.4.3.1, 4.4.3.7 and
 * 4.4.4.9.
 *
 * @module
 */
import type { HlsSettings } from "../media/record.ts";

/** Used unless the operator wants others. */
export const HLS_SETTINGS: HlsSettings = {
  segmentUs: 2_000_000,
  partUs: 200_000,
  windowSegments: 6,
};

/** Shortest and longest wanted segment: an eye's blink of overhead, and a minute of latency. */
export const SEGMENT_US_MIN = 500_000;
export const SEGMENT_US_MAX = 60_000_000;

/** Shortest wanted part: a few frames; below it requests cost more than media. */
export const PART_US_MIN = 50_000;

/** Playlists shorter than three target durations are not allowed (RFC 8216, section 6.2.2). */
export const WINDOW_SEGMENTS_MIN = 3;

/** Longest playlist: ten minutes of the shortest usual segments; memory is bounded by bytes. */
export const WINDOW_SEGMENTS_MAX = 600;

/**
 * How much longer than wanted a part may be, as a factor: room for one frame rate's remainder.
 * Five frames of 24 Hz are 208 ms and four are 167 ms: only the former is 85 % of what is announced.
 */
const PART_SLACK = 1.05;

/** Below this an EXTINF still rounds down to the target; above the target, in microseconds. */
const ROUNDING_US = 499_000;

const SECOND_US = 1_000_000;

/**
 * Checks settings from outside.
 *
 * @throws {RangeError} One of them lies outside of its bounds.
 */
export function checkHlsSettings({ segmentUs, partUs, windowSegments }: HlsSettings): void {
  checkRange("segment", segmentUs, SEGMENT_US_MIN, SEGMENT_US_MAX);
  checkRange("part", partUs, PART_US_MIN, segmentUs);
  checkRange("window", windowSegments, WINDOW_SEGMENTS_MIN, WINDOW_SEGMENTS_MAX);
}

/** EXT-X-TARGETDURATION: never changes while the settings do not. */
export function targetSeconds(settings: HlsSettings): number {
  return Math.ceil(settings.segmentUs / SECOND_US);
}

/** Longest segment whose EXTINF, rounded to the nearest second, is within the target. */
export function segmentUsMax(settings: HlsSettings): number {
  return targetSeconds(settings) * SECOND_US + ROUNDING_US;
}

/** PART-TARGET in microseconds, whole milliseconds: the longest part. */
export function partTargetUs(settings: HlsSettings): number {
  return Math.ceil(settings.partUs * PART_SLACK / 1000) * 1000;
}

/** Whether both cut alike and announce alike. */
export function sameHlsSettings(a: HlsSettings, b: HlsSettings): boolean {
  return a.segmentUs === b.segmentUs && a.partUs === b.partUs &&
    a.windowSegments === b.windowSegments;
}

function checkRange(what: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`Cannot use HLS ${what} ${value}: ${min} to ${max} fit`);
}
