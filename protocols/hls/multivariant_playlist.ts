/**
 * Multivariant playlist: what a player must know to choose, measured from the stream itself.
 *
 * Sources: RFC 8216, section 4.3.4.2; RFC 6381 (CODECS).
 *
 * @module
 */
import { codecString } from "../codecs/track_config.ts";
import type { VideoTrack } from "../media/track.ts";
import type { HlsSegmentView } from "./segment.ts";
import type { SegmenterView } from "./segmenter.ts";
import { type HlsContainer, mediaPlaylistUri } from "./uri.ts";

/** EXT-X-INDEPENDENT-SEGMENTS and fragmented MP4 (RFC 8216, section 7). */
const VERSION_FMP4 = 6;
const VERSION_TS = 3;

const SECOND_US = 1_000_000;

export interface MultivariantOptions {
  /** NAME of the stream, decoded; its last path element stands in the URI. */
  readonly name: string;
  readonly container: HlsContainer;
  /** Put behind the URI: credentials, percent-encoded, without "?". */
  readonly query?: string;
}

interface BitRate {
  readonly peak: number;
  readonly average: number;
}

/**
 * Writes the multivariant playlist of the stream's one rendition.
 *
 * @returns `undefined` while nothing can be measured: no complete segment, and for fragmented MP4
 * no complete part.
 * @throws {RangeError} `query` holds characters that no query may have.
 */
export function multivariantPlaylist(
  view: SegmenterView,
  { name, container, query }: MultivariantOptions,
): string | undefined {
  const newest = view.listed.at(-1) ?? view.open;
  const rate = segmentRate(view.listed, container) ?? partRate(view.open, container);
  if (newest === undefined || rate === undefined) return undefined;
  const attributes = [`BANDWIDTH=${rate.peak}`, `AVERAGE-BANDWIDTH=${rate.average}`];
  attributes.push(`CODECS="${newest.init.tracks.map(codecString).join(",")}"`);
  const video = newest.init.tracks.find((track) => track.kind === "video");
  if (video !== undefined) attributes.push(...pictureAttributes(video, newest));
  return [
    "#EXTM3U",
    `#EXT-X-VERSION:${container === "fmp4" ? VERSION_FMP4 : VERSION_TS}`,
    `#EXT-X-STREAM-INF:${attributes.join(",")}`,
    mediaPlaylistUri(name, container, query),
  ].join("\n") + "\n";
}

function pictureAttributes(track: VideoTrack, segment: HlsSegmentView): string[] {
  const { width, height } = track;
  const attributes = width > 0 && height > 0 ? [`RESOLUTION=${width}x${height}`] : [];
  const frameRate = track.frameRate > 0 ? track.frameRate : measuredFrameRate(segment);
  if (frameRate > 0) attributes.push(`FRAME-RATE=${frameRate.toFixed(3)}`);
  return attributes;
}

/** Video frames per second of a segment; 0 when it is not complete. */
function measuredFrameRate({ frames, durationUs }: HlsSegmentView): number {
  if (durationUs <= 0) return 0;
  const count = frames.filter(({ track }) => track.kind === "video").length;
  return count * SECOND_US / durationUs;
}

function segmentRate(
  segments: readonly HlsSegmentView[],
  container: HlsContainer,
): BitRate | undefined {
  return rateOf(segments.map((segment) => ({
    bytes: segment.bytes(container)!.length,
    durationUs: segment.durationUs,
  })));
}

/** Before the first segment is complete, its parts tell. */
function partRate(
  segment: HlsSegmentView | undefined,
  container: HlsContainer,
): BitRate | undefined {
  if (segment === undefined || container === "ts") return undefined;
  return rateOf(segment.parts.map(({ index, durationUs }) => ({
    bytes: segment.partBytes(index)!.length,
    durationUs,
  })));
}

function rateOf(
  stretches: readonly { readonly bytes: number; readonly durationUs: number }[],
): BitRate | undefined {
  let [peak, bytes, durationUs] = [0, 0, 0];
  for (const stretch of stretches) {
    peak = Math.max(peak, bitsPerSecond(stretch.bytes, stretch.durationUs));
    bytes += stretch.bytes;
    durationUs += stretch.durationUs;
  }
  if (durationUs <= 0) return undefined;
  return { peak, average: bitsPerSecond(bytes, durationUs) };
}

function bitsPerSecond(bytes: number, durationUs: number): number {
  return durationUs <= 0 ? 0 : Math.ceil(bytes * 8 * SECOND_US / durationUs);
}
