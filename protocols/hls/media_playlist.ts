/**
 * Media playlists: what is there to be loaded, as a pure function of the segmenter's state.
 *
 * Sources: RFC 8216, section 4.3; draft-pantos-hls-rfc8216bis, sections 4.4 and 6.2 (low latency
 * and delta updates). MPEG-TS has plain HLS; fragmented MP4 has parts.
 *
 * @module
 */
import type { HlsSettings } from "../media/record.ts";
import { writeDateTime } from "./date_time.ts";
import type { HlsSegmentView } from "./segment.ts";
import type { SegmenterView } from "./segmenter.ts";
import { partTargetUs, targetSeconds } from "./settings.ts";
import { type HlsContainer, writeHlsName } from "./uri.ts";
import { visibleParts } from "./visible_parts.ts";

/** Floating-point EXTINF (RFC 8216, section 7). */
const VERSION_TS = 3;

/**
 * EXT-X-SKIP (draft, section 8). Full playlists carry it too, as a client must be able to read
 * the delta updates that they promise; EXT-X-MAP alone would need 6.
 */
const VERSION_FMP4 = 9;

/** CAN-SKIP-UNTIL and HOLD-BACK at their least (draft, section 4.4.3.8), in target durations. */
const SKIP_TARGETS = 6;
const HOLD_BACK_TARGETS = 3;

/** PART-HOLD-BACK as the draft recommends it, in part targets. */
const PART_HOLD_BACK_TARGETS = 3;

/**
 * Parts farther from the end than this many target durations are no longer listed (4.4.4.9). Some
 * readers (hls-parser 0.16) count entries instead, with the one that is being filled; both fit.
 */
const PARTS_LISTED_TARGETS = 3;
const PARTS_LISTED_ENTRIES = 3;

const SECOND_US = 1_000_000;

export interface MediaPlaylistOptions {
  readonly container: HlsContainer;
  /** The client knows the playlist of a moment ago and takes a delta update (`_HLS_skip`). */
  readonly skip?: boolean;
  /** Put behind every URI: credentials, percent-encoded, without "?". */
  readonly query?: string;
}

/** All that the functions below need to know. */
interface Draft {
  readonly options: MediaPlaylistOptions;
  readonly settings: HlsSettings;
  readonly partTargetUs: number;
  readonly listed: readonly HlsSegmentView[];
  /** The segment being filled, when the playlist lists parts. */
  readonly open: HlsSegmentView | undefined;
  readonly ended: boolean;
  /** Media after the end of a listed segment, by its position, in microseconds. */
  readonly behindUs: readonly number[];
}

/**
 * Writes the media playlist.
 *
 * @returns `undefined` while there is nothing to list.
 * @throws {RangeError} `query` holds characters that no query may have.
 */
export function mediaPlaylist(
  view: SegmenterView,
  options: MediaPlaylistOptions,
): string | undefined {
  const draft = draftOf(view, options);
  if (draft === undefined) return undefined;
  const skipped = options.skip === true ? skippableSegments(draft) : 0;
  const lines = head(draft);
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
  let initHash: string | undefined;
  for (let i = skipped; i < draft.listed.length; i++) {
    initHash = pushSegment(lines, draft, draft.listed[i], { position: i, initHash });
  }
  pushOpen(lines, draft, initHash);
  if (draft.ended) lines.push("#EXT-X-ENDLIST");
  return lines.join("\n") + "\n";
}

function draftOf(view: SegmenterView, options: MediaPlaylistOptions): Draft | undefined {
  const { anchor, listed, ended } = view;
  if (anchor === undefined) return undefined;
  const targetUs = partTargetUs(anchor.hls);
  const open = options.container === "fmp4" ? view.open : undefined;
  const parts = open === undefined ? [] : visibleParts(open, targetUs).parts;
  if (listed.length === 0 && parts.length === 0) return undefined;
  const behindUs = new Array<number>(listed.length).fill(0);
  let afterUs = parts.reduce((sum, { durationUs }) => sum + durationUs, 0);
  for (let i = listed.length - 1; i >= 0; i--) {
    behindUs[i] = afterUs;
    afterUs += listed[i].durationUs;
  }
  const settings = anchor.hls;
  return { options, settings, partTargetUs: targetUs, listed, open, ended, behindUs };
}

function head({ options, settings, partTargetUs, listed, open }: Draft): string[] {
  const first = listed[0] ?? open;
  const target = targetSeconds(settings);
  const lowLatency = options.container === "fmp4";
  const lines = [
    "#EXTM3U",
    `#EXT-X-VERSION:${lowLatency ? VERSION_FMP4 : VERSION_TS}`,
    `#EXT-X-TARGETDURATION:${target}`,
  ];
  if (!lowLatency) {
    // Without it a player learns of a segment up to a target duration late.
    lines.push(
      `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=${HOLD_BACK_TARGETS * target}`,
    );
  } else {
    const partHoldBack = seconds(PART_HOLD_BACK_TARGETS * partTargetUs);
    lines.push(
      `#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=${SKIP_TARGETS * target},` +
        `HOLD-BACK=${HOLD_BACK_TARGETS * target},PART-HOLD-BACK=${partHoldBack}`,
      `#EXT-X-PART-INF:PART-TARGET=${seconds(partTargetUs)}`,
    );
  }
  // The first segment keeps its own discontinuity tag, which counts from here on.
  const discontinuities = first.discontinuities - (first.discontinuity ? 1 : 0);
  lines.push(
    `#EXT-X-MEDIA-SEQUENCE:${first.number}`,
    `#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuities}`,
  );
  const known = open === undefined || open.frames.length === 0 ? listed : [...listed, open];
  if (known.every(({ independent }) => independent)) lines.push("#EXT-X-INDEPENDENT-SEGMENTS");
  return lines;
}

/** Segments that end before the skip boundary (draft, section 6.2.5.1). */
function skippableSegments({ options, settings, behindUs }: Draft): number {
  if (options.container === "ts") return 0;
  const boundaryUs = SKIP_TARGETS * targetSeconds(settings) * SECOND_US;
  const kept = behindUs.findIndex((us) => us < boundaryUs);
  return kept < 0 ? behindUs.length : kept;
}

/** Writes a complete segment; returns the initialization now in force. */
function pushSegment(
  lines: string[],
  draft: Draft,
  segment: HlsSegmentView,
  { position, initHash }: { position: number; initHash: string | undefined },
): string | undefined {
  const { container, query } = draft.options;
  const hash = pushSegmentHead(lines, draft, segment, initHash);
  if (container === "fmp4" && isRecent(draft, position)) pushParts(lines, draft, segment);
  const { generation, number, durationUs } = segment;
  lines.push(
    `#EXTINF:${seconds(durationUs)},`,
    writeHlsName({ kind: "segment", generation, segment: number, container }, query),
  );
  return hash;
}

/** Whether a complete segment is near enough to the end for its parts to be listed. */
function isRecent({ listed, open, ended, settings, behindUs }: Draft, position: number): boolean {
  const entries = listed.length + (open === undefined || ended ? 0 : 1);
  const recentUs = PARTS_LISTED_TARGETS * targetSeconds(settings) * SECOND_US;
  return position >= entries - PARTS_LISTED_ENTRIES && behindUs[position] < recentUs;
}

function pushSegmentHead(
  lines: string[],
  { options }: Draft,
  { discontinuity, init, wallUs }: HlsSegmentView,
  initHash: string | undefined,
): string | undefined {
  if (discontinuity) lines.push("#EXT-X-DISCONTINUITY");
  let hash: string | undefined;
  if (options.container === "fmp4") {
    hash = init.hash;
    if (hash !== initHash) {
      lines.push(`#EXT-X-MAP:URI="${writeHlsName({ kind: "init", hash }, options.query)}"`);
    }
  }
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${writeDateTime(wallUs)}`);
  return hash;
}

function pushParts(lines: string[], draft: Draft, segment: HlsSegmentView): void {
  for (
    const { index, durationUs, independent } of visibleParts(segment, draft.partTargetUs).parts
  ) {
    const uri = partUri(draft, segment, index);
    const flag = independent ? ",INDEPENDENT=YES" : "";
    lines.push(`#EXT-X-PART:DURATION=${seconds(durationUs)},URI="${uri}"${flag}`);
  }
}

/** The parts of the segment that is being filled, and the part that comes next. */
function pushOpen(lines: string[], draft: Draft, initHash: string | undefined): void {
  const { open } = draft;
  if (open === undefined || draft.ended) return;
  const { parts, cutShort } = visibleParts(open, draft.partTargetUs);
  // What begins a new stretch is told with the hint: hls.js 1.7 gives up on a playlist when the
  // segment that it expected turns out to be behind a discontinuity.
  const stretch = open.discontinuity || open.init.hash !== initHash;
  if (parts.length > 0 || (stretch && !cutShort)) {
    pushSegmentHead(lines, draft, open, initHash);
    pushParts(lines, draft, open);
  }
  if (cutShort) return;
  const uri = partUri(draft, open, parts.length);
  lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${uri}"`);
}

function partUri({ options }: Draft, segment: HlsSegmentView, part: number): string {
  const { generation, number } = segment;
  return writeHlsName({ kind: "part", generation, segment: number, part }, options.query);
}

/** Microseconds as seconds, exactly. */
function seconds(us: number): string {
  return (us / SECOND_US).toFixed(6);
}
