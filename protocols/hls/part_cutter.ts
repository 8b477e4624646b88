/**
 * Cuts a segment into parts, by the frames of the segment alone.
 *
 * A part ends in front of the frame of the leading track that would make it longer than
 * PART-TARGET. How long a frame lasts is known when the next one comes; so as not to wait for it,
 * the distance to the frame before is taken, unless the part would then be shorter than 85 % of
 * the target (draft-pantos-hls-rfc8216bis, section 4.4.4.9).
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import { trackId } from "../media/track.ts";

/** Shortest part but the last of a segment, as a share of the target. */
const PART_SHARE_MIN = 0.85;

/** Distance of frames where a segment has only one, in microseconds. */
const FRAME_INTERVAL_US = 40_000;

/** A stretch of a segment. */
export interface HlsPart {
  /** Position in the segment, from 0. */
  readonly index: number;
  /** Frames of the segment that it holds: from `first` to before `end`. */
  readonly first: number;
  readonly end: number;
  readonly startUs: number;
  readonly durationUs: number;
  /** Its first frame of the leading track is a key frame. */
  readonly independent: boolean;
}

interface Lead {
  readonly at: number;
  readonly dtsUs: number;
  readonly keyframe: boolean;
}

export class PartCutter {
  readonly #targetUs: number;
  /** Complete parts. */
  readonly parts: HlsPart[] = [];
  readonly frames: Frame[] = [];
  /** Number of the leading track: that of the first frame. */
  #leadId: number | undefined;
  /** First leading frame of the open part, and the newest one. */
  #opening: Lead | undefined;
  #newest: Lead | undefined;
  #firstOfPart = 0;
  #intervalUs = 0;

  constructor(targetUs: number) {
    this.#targetUs = targetUs;
  }

  /** Number of the leading track, once there is a frame. */
  get leadId(): number | undefined {
    return this.#leadId;
  }

  /** Adds the segment's next frame; true when it completed a part. */
  push(frame: Frame): boolean {
    const id = trackId(frame.track);
    this.#leadId ??= id;
    const cut = id === this.#leadId && this.#lead(frame);
    this.frames.push(frame);
    return cut;
  }

  /**
   * The segment is over.
   *
   * @param nextUs Where the media goes on, when it does; never before the last frame.
   * @returns Where the segment ends, in microseconds; `undefined` when it has no frames.
   */
  finish(nextUs: number | undefined): number | undefined {
    const newest = this.#newest;
    if (newest === undefined) return undefined;
    const usualUs = this.#intervalUs || FRAME_INTERVAL_US;
    const endUs = nextUs !== undefined && nextUs > newest.dtsUs ? nextUs : newest.dtsUs + usualUs;
    this.#cutBehind(endUs);
    this.#cut(this.frames.length, endUs, newest);
    return endUs;
  }

  #lead({ dtsUs, keyframe }: Frame): boolean {
    const lead = { at: this.frames.length, dtsUs, keyframe };
    const { parts } = this;
    const before = parts.length;
    if (this.#newest === undefined) {
      this.#opening = lead;
    } else {
      this.#intervalUs = dtsUs - this.#newest.dtsUs;
      this.#cutBehind(dtsUs);
      if (this.#isFull(dtsUs)) this.#cut(lead.at, dtsUs, lead);
    }
    this.#newest = lead;
    return parts.length > before;
  }

  /** The newest frame lasted longer than was taken for granted: it belongs to the next part. */
  #cutBehind(nextUs: number): void {
    const newest = this.#newest!;
    if (newest === this.#opening || nextUs - this.#opening!.dtsUs <= this.#targetUs) return;
    this.#cut(newest.at, newest.dtsUs, newest);
  }

  /** Whether the open part should end where a frame now begins. */
  #isFull(dtsUs: number): boolean {
    const durationUs = dtsUs - this.#opening!.dtsUs;
    return durationUs >= this.#targetUs * PART_SHARE_MIN &&
      durationUs + this.#intervalUs > this.#targetUs;
  }

  /** Ends the open part before frame `end`; `opening` begins the next. */
  #cut(end: number, endUs: number, opening: Lead): void {
    const { dtsUs, keyframe } = this.#opening!;
    this.parts.push({
      index: this.parts.length,
      first: this.#firstOfPart,
      end,
      startUs: dtsUs,
      durationUs: endUs - dtsUs,
      independent: keyframe,
    });
    this.#firstOfPart = end;
    this.#opening = opening;
  }
}
