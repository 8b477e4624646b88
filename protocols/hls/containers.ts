/**
 * What HLS needs of the containers that carry it, and which tracks it hands them.
 *
 * @module
 */
import type { Frame, StreamHead } from "../media/record.ts";
import { playableTracks } from "../media/derived_audio.ts";
import { type Track, trackId } from "../media/track.ts";
import type { HlsContainer } from "./uri.ts";

/** Whether tracks can be carried, and if not one sentence that says why. */
export type HlsSupport = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** One part of a segment as fragmented MP4. */
export interface HlsFragment {
  /** Of the movie fragment header; 0 to 2^32 - 1. */
  readonly sequenceNumber: number;
  /** In the order of the log; at least one. */
  readonly frames: readonly Frame[];
  /** Decode time of the next frame of a track in microseconds, `undefined` when not known. */
  readonly endUs: (track: Track) => number | undefined;
}

/** The writers of both containers; each a pure function. */
export interface HlsContainers {
  readonly fmp4: {
    readonly supports: (tracks: readonly Track[]) => HlsSupport;
    readonly initSegment: (tracks: readonly Track[]) => Uint8Array;
    readonly fragment: (fragment: HlsFragment) => Uint8Array;
  };
  readonly ts: {
    readonly supports: (tracks: readonly Track[]) => HlsSupport;
    readonly segment: (head: StreamHead, frames: readonly Frame[]) => Uint8Array;
  };
}

/** Codecs that HLS carries in fragmented MP4 only (HLS authoring specification, section 1). */
const FMP4_ONLY: readonly string[] = ["h265", "av1", "vp8", "vp9", "flac"];

/**
 * The tracks that segments carry: the default one of each kind. Further ones would be renditions
 * of their own; players cannot choose among tracks of one segment.
 */
export function hlsTracks(tracks: readonly Track[]): Track[] {
  const playable = playableTracks(tracks).filter(({ index }) => index === 0);
  return playable.sort((a, b) => trackId(a) - trackId(b));
}

/** Whether tracks can be served in a container. */
export function hlsSupports(
  containers: HlsContainers,
  container: HlsContainer,
  tracks: readonly Track[],
): HlsSupport {
  const carried = hlsTracks(tracks);
  if (container === "fmp4") return containers.fmp4.supports(carried);
  const other = carried.find(({ codec }) => FMP4_ONLY.includes(codec));
  if (other === undefined) return containers.ts.supports(carried);
  const reason = `Cannot serve MPEG-TS: HLS carries ${other.codec} in fragmented MP4 only`;
  return { ok: false, reason };
}
