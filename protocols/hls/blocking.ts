/**
 * Requests for what is not there yet: answer now, hold, or refuse.
 *
 * Source: draft-pantos-hls-rfc8216bis, sections 6.2.5.2 (blocking playlist reload) and 6.2.6
 * (preload hints). Pure decisions; who asks bounds the number of held requests and their time,
 * and decides again whenever the segmenter's revision has risen.
 *
 * @module
 */
import type { HlsSegmentView } from "./segment.ts";
import type { SegmenterView } from "./segmenter.ts";
import { partTargetUs } from "./settings.ts";
import { visibleParts } from "./visible_parts.ts";

/** How far ahead of the last complete segment a playlist may be asked for. */
const SEGMENTS_AHEAD_MAX = 2;

/** Media that parts may be asked for ahead of the last one, in microseconds (6.2.5.2). */
const PARTS_AHEAD_US = 3_000_000;

/** What a client asked a playlist for (6.2.5). */
export interface DeliveryDirectives {
  /** `_HLS_msn`: the playlist must have this segment. */
  readonly segment: number | undefined;
  /** `_HLS_part`: or at least this part of it. */
  readonly part: number | undefined;
  /** `_HLS_skip`: a delta update will do. */
  readonly skip: boolean;
}

/** Directives, or the reason for status 400. */
export type DirectivesResult =
  | { readonly ok: true; readonly directives: DeliveryDirectives }
  | { readonly ok: false; readonly reason: string };

/** `ready`: answer now; `wait`: hold the request; `refuse`: status 400 with the reason. */
export type PlaylistDecision =
  | { readonly kind: "ready" }
  | { readonly kind: "wait" }
  | { readonly kind: "refuse"; readonly reason: string };

/** `ready`: its bytes are there; `wait`: it is due; `absent`: status 404. */
export type MediaDecision = "ready" | "wait" | "absent";

/** The segmenter as far as {@link decidePart} and {@link decideSegment} need it. */
export interface SegmentFinder extends SegmenterView {
  /** A segment still kept, complete or open. */
  find(generation: number, segment: number): HlsSegmentView | undefined;
}

/**
 * Reads the delivery directives of a playlist request. Other parameters are none of its business;
 * a value of `_HLS_skip` that is not known asks for nothing.
 */
export function parseDeliveryDirectives(query: URLSearchParams): DirectivesResult {
  const segment = readNumber(query, "_HLS_msn");
  if (typeof segment === "string") return { ok: false, reason: segment };
  const part = readNumber(query, "_HLS_part");
  if (typeof part === "string") return { ok: false, reason: part };
  if (part !== undefined && segment === undefined) {
    return { ok: false, reason: "Cannot block: _HLS_part needs _HLS_msn beside it" };
  }
  const skip = query.get("_HLS_skip");
  return { ok: true, directives: { segment, part, skip: skip === "YES" || skip === "v2" } };
}

/** Decides on a request for the playlist with parts. */
export function decidePlaylist(
  view: SegmenterView,
  { segment, part }: DeliveryDirectives,
): PlaylistDecision {
  // A playlist that will not change is what there is to be had.
  if (segment === undefined || view.ended) return { kind: "ready" };
  const position = positionOf(view);
  if (position === undefined) return { kind: "wait" };
  const { last, parts, partsAheadMax } = position;
  if (segment > last + SEGMENTS_AHEAD_MAX) {
    const reason = `Cannot block: _HLS_msn ${segment} is more than ${SEGMENTS_AHEAD_MAX} ` +
      `ahead of ${last}`;
    return { kind: "refuse", reason };
  }
  if (segment <= last) return olderSegment(view, position, { segment, part });
  if (part === undefined) return { kind: "wait" };
  const listed = segment === last + 1 ? parts : 0;
  if (part < listed) return { kind: "ready" };
  if (part - listed < partsAheadMax) return { kind: "wait" };
  const reason = `Cannot block: _HLS_part ${part} is more than ${partsAheadMax} ahead`;
  return { kind: "refuse", reason };
}

/** Decides on a request for a part; one that is due soon is waited for, as the hint promised. */
export function decidePart(
  view: SegmentFinder,
  { generation, segment, part }: { generation: number; segment: number; part: number },
): MediaDecision {
  const found = view.find(generation, segment);
  if (found !== undefined && part < found.parts.length) return "ready";
  if (found?.complete === true || view.ended) return "absent";
  const position = positionOf(view);
  if (position === undefined) return "absent";
  const listed = found?.parts.length ?? 0;
  if (found !== undefined) return part - listed < position.partsAheadMax ? "wait" : "absent";
  return part < position.partsOfSegmentMax && isAhead(view, generation, segment)
    ? "wait"
    : "absent";
}

/** Decides on a request for a segment; another node may have listed it a moment before we do. */
export function decideSegment(
  view: SegmentFinder,
  { generation, segment }: { generation: number; segment: number },
): MediaDecision {
  const found = view.find(generation, segment);
  if (found?.complete === true) return "ready";
  if (view.ended) return "absent";
  return found !== undefined || isAhead(view, generation, segment) ? "wait" : "absent";
}

interface Position {
  /** Number of the last complete segment; the one before the first when there is none. */
  readonly last: number;
  /** Parts listed of the segment after it. */
  readonly parts: number;
  readonly partsAheadMax: number;
  /** Parts that any segment may have, at most. */
  readonly partsOfSegmentMax: number;
}

function positionOf({ anchor, listed, open }: SegmenterView): Position | undefined {
  const last = listed.at(-1)?.number ?? (open === undefined ? undefined : open.number - 1);
  if (anchor === undefined || last === undefined) return undefined;
  const targetUs = partTargetUs(anchor.hls);
  const parts = open === undefined ? 0 : visibleParts(open, targetUs).parts.length;
  const partsAheadMax = Math.max(3, Math.ceil(PARTS_AHEAD_US / targetUs));
  const partsOfSegmentMax = Math.max(partsAheadMax, Math.ceil(anchor.hls.segmentUs / targetUs) + 1);
  return { last, parts, partsAheadMax, partsOfSegmentMax };
}

/** A part beyond the last of a complete segment stands for the first of the next one. */
function olderSegment(
  { listed }: SegmenterView,
  { last, parts }: Position,
  { segment, part }: { segment: number; part: number | undefined },
): PlaylistDecision {
  if (segment < last || part === undefined) return { kind: "ready" };
  const whole = listed.at(-1);
  const beyond = whole !== undefined && part >= whole.parts.length;
  return { kind: beyond && parts === 0 ? "wait" : "ready" };
}

/**
 * A segment after the newest one that is known. A node that lags is asked for what others have
 * listed, which is no more than a playlist holds: it waits until it has that.
 */
function isAhead({ anchor, listed, open }: SegmenterView, generation: number, segment: number) {
  const newest = open ?? listed.at(-1);
  if (anchor === undefined || newest === undefined) return false;
  const ahead = segment - newest.number;
  // A node that is ahead of us may list the first segment of a later publish session.
  return generation >= anchor.generation && ahead > 0 && ahead <= anchor.hls.windowSegments;
}

/** The number, `undefined` when it was not given, or what is wrong with it. */
function readNumber(query: URLSearchParams, key: string): number | string | undefined {
  const text = query.get(key);
  if (text === null) return undefined;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(value) ? value : `Cannot block: ${key} is no decimal integer`;
}
