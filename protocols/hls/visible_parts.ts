/**
 * Which parts of a segment a playlist may list.
 *
 * No part may be longer than PART-TARGET, which never changes (draft-pantos-hls-rfc8216bis,
 * section 4.4.4.9), but a single frame can last longer: a camera at two frames a second. Such a
 * segment is listed as a whole only, once it is complete.
 *
 * @module
 */
import type { HlsPart } from "./part_cutter.ts";
import type { HlsSegmentView } from "./segment.ts";

/** Parts that may be listed, and whether the segment has others that may not. */
export interface VisibleParts {
  readonly parts: readonly HlsPart[];
  /** Later parts stay unlisted: the segment itself must be awaited. */
  readonly cutShort: boolean;
}

/** Looks at a segment's complete parts; `targetUs` is PART-TARGET. */
export function visibleParts(segment: HlsSegmentView, targetUs: number): VisibleParts {
  const { parts, complete } = segment;
  const long = parts.findIndex(({ durationUs }) => durationUs > targetUs);
  if (long < 0) return { parts, cutShort: false };
  return { parts: complete ? [] : parts.slice(0, long), cutShort: true };
}
