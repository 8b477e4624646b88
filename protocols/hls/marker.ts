/**
 * Where segments begin: decided once, by the ingest, and told to every node by MARK records.
 *
 * EXT-X-TARGETDURATION may never change (RFC 8216, section 6.2.1) while encoders change their
 * distance of key frames at will. So the target follows from the settings alone, and a segment is
 * cut at a key frame where one comes in time, and at any frame where none does.
 *
 * @module
 */
import type { HlsSettings, SegmentMark } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { sameTrack } from "../codecs/track_config.ts";
import { segmentUsMax, targetSeconds } from "./settings.ts";

/** How long a stream may hold back its video track before it counts as audio only. */
const AUDIO_ONLY_US = 1_000_000;

/** How far other tracks may run ahead before the leading one counts as silent. */
const SILENCE_US = 3_000_000;

/** Distance of frames until it has been seen, in microseconds. */
const FRAME_INTERVAL_US = 40_000;

/**
 * Most segments in a target duration, in the mean: one is cut early only when it has lasted at
 * least as long as the next group of pictures, and both together exceed the maximum.
 */
const SEGMENTS_PER_TARGET_MAX = 2;

/** What the marker wants to know of a frame. */
export interface MarkerFrame {
  readonly track: Track;
  readonly dtsUs: number;
  readonly keyframe: boolean;
}

export interface SegmentMarkerOptions {
  readonly settings: HlsSettings;
  /** Wall clock at the start of the generation, in microseconds since 1970. */
  readonly wallUs: number;
  /** The stream's last mark, if whoever granted the generation is sure of it. */
  readonly lastMark?: SegmentMark;
}

/**
 * Number of a stream's first segment when none before it is known. It runs ahead of any segment
 * count from an earlier time, so that numbers never go back without stored state.
 */
export function firstSegment(settings: HlsSettings, wallUs: number): number {
  const wallSeconds = wallUs / 1_000_000;
  return Math.floor(wallSeconds * SEGMENTS_PER_TARGET_MAX / targetSeconds(settings));
}

/** The marker of one generation. */
export class SegmentMarker {
  readonly #settings: HlsSettings;
  readonly #maxUs: number;
  readonly #tracks = new Map<number, Track>();
  #nextSegment: number;
  #discontinuities: number;
  /** The next mark does not continue the segment before. */
  #broken: boolean;
  /** A configuration changed: the next key frame opens a segment. */
  #changed = false;
  /** Decode time of the first frame seen, and of the open segment's first one. */
  #firstUs: number | undefined;
  #startUs: number | undefined;
  /** Leading track now; the default video, else the default audio track. */
  #lead: Track["kind"] = "video";
  #lastLeadUs: number | undefined;
  #intervalUs = FRAME_INTERVAL_US;
  #lastKeyUs: number | undefined;
  /** Distance of the last two key frames; 0 while unknown. */
  #gopUs = 0;

  constructor({ settings, wallUs, lastMark }: SegmentMarkerOptions) {
    this.#settings = settings;
    this.#maxUs = segmentUsMax(settings);
    this.#nextSegment = lastMark === undefined
      ? firstSegment(settings, wallUs)
      : lastMark.segment + 1;
    this.#discontinuities = lastMark?.discontinuities ?? 0;
    this.#broken = lastMark !== undefined;
  }

  /** A track appeared or was configured anew. */
  track(track: Track): void {
    const known = this.#tracks.get(trackId(track));
    this.#tracks.set(trackId(track), track);
    if (track.index !== 0 || this.#startUs === undefined) return;
    if (known === undefined || !sameTrack(known, track)) this.#changed = true;
  }

  /** Must be asked before each frame: the mark to set in front of it, if it opens a segment. */
  marks(frame: MarkerFrame): SegmentMark | undefined {
    this.#firstUs ??= frame.dtsUs;
    if (frame.track.index !== 0) return undefined;
    if (!this.#leads(frame)) return undefined;
    const elapsedUs = this.#startUs === undefined ? undefined : frame.dtsUs - this.#startUs;
    this.#note(frame);
    const opens = elapsedUs === undefined ? frame.keyframe : this.#opens(frame, elapsedUs);
    return opens ? this.#mark(frame, elapsedUs) : undefined;
  }

  /** Whether the frame is of the leading track; the lead may pass to it. */
  #leads({ track, dtsUs, keyframe }: MarkerFrame): boolean {
    if (track.kind === this.#lead) return true;
    if (track.kind === "video") {
      // Video is there (again): it leads from its next key frame on.
      if (keyframe) this.#takeLead("video");
      return keyframe;
    }
    const waitedUs = dtsUs - (this.#lastLeadUs ?? this.#firstUs!);
    const enoughUs = this.#tracks.has(0) ? SILENCE_US : AUDIO_ONLY_US;
    if (waitedUs < enoughUs) return false;
    this.#takeLead("audio");
    return true;
  }

  #takeLead(kind: Track["kind"]): void {
    this.#lead = kind;
    this.#changed = this.#startUs !== undefined;
    this.#lastLeadUs = this.#lastKeyUs = undefined;
    this.#intervalUs = FRAME_INTERVAL_US;
    this.#gopUs = 0;
  }

  #note({ dtsUs, keyframe }: MarkerFrame): void {
    if (this.#lastLeadUs !== undefined) this.#intervalUs = dtsUs - this.#lastLeadUs;
    this.#lastLeadUs = dtsUs;
    if (!keyframe) return;
    if (this.#lastKeyUs !== undefined) this.#gopUs = dtsUs - this.#lastKeyUs;
    this.#lastKeyUs = dtsUs;
  }

  #opens(frame: MarkerFrame, elapsedUs: number): boolean {
    const { segmentUs } = this.#settings;
    // The frame after this one would come too late.
    if (elapsedUs + this.#intervalUs > this.#maxUs) return true;
    if (frame.keyframe) {
      return this.#changed || elapsedUs >= segmentUs || elapsedUs + this.#gopUs > this.#maxUs;
    }
    if (elapsedUs < segmentUs || this.#gopUs === 0) return false;
    const nextKeyUs = this.#lastKeyUs! + this.#gopUs;
    return nextKeyUs - this.#startUs! > this.#maxUs;
  }

  #mark({ dtsUs }: MarkerFrame, elapsedUs: number | undefined): SegmentMark {
    const gap = elapsedUs !== undefined && elapsedUs > this.#maxUs;
    const discontinuity = this.#broken || this.#changed || gap;
    this.#broken = this.#changed = false;
    this.#startUs = dtsUs;
    if (discontinuity) this.#discontinuities++;
    const segment = this.#nextSegment++;
    return { segment, discontinuity, discontinuities: this.#discontinuities };
  }
}
