/**
 * Places a publisher's timestamps on the stream's own timeline.
 *
 * One offset for all tracks, so audio and video never move against each other. The timeline
 * starts where the stream's owner said, rises strictly within each track, and has no jumps the
 * wall clock did not make. Whoever calls has already undone the wrap of the wire's timestamps.
 *
 * @module
 */

/** Where a stream's first frame is placed: room for a track whose first frame is a little older. */
export const TIMELINE_START_US = 1_000_000;

/**
 * A step back within a track up to this is a frame out of order (encoders that send no decode
 * times) and is lifted; a longer one is a clock that was set back.
 */
const REORDER_US_MAX = 1_000_000;

/** How far a track may be behind the newest one before its clock is taken for a different one. */
const INTERLEAVE_US_MAX = 3_000_000;

/** A step ahead of the wall clock by more than this is a clock that was set forward. */
const AHEAD_US_MAX = 3_000_000;

/** The usual distance of frames until it has been seen, in microseconds. */
const FRAME_INTERVAL_US = 40_000;

/** Distances that count as usual: beyond, there was a gap. */
const FRAME_INTERVAL_US_MAX = 1_000_000;

/** What was repaired, by kind; plain numbers for reports. */
export interface RepairCounts {
  /** The source's clock went back: the offset was moved. */
  backward: number;
  /** The source's clock leapt ahead: the offset was moved. */
  forward: number;
  /** A frame was lifted to stay behind its predecessor. */
  lifted: number;
  /** A frame older than the timeline was left out. */
  early: number;
}

/** Counts of a stream that needed none. */
export function noRepairs(): RepairCounts {
  return { backward: 0, forward: 0, lifted: 0, early: 0 };
}

/** All kinds together. */
export function sumOfRepairs({ backward, forward, lifted, early }: RepairCounts): number {
  return backward + forward + lifted + early;
}

interface TrackClock {
  /** Where its newest frame was placed. */
  placedUs: number;
  /** Distance of its last two frames, if that was a usual one. */
  intervalUs: number;
}

export interface TimelineRepairOptions {
  /** Where on the timeline the first frame belongs; {@link TIMELINE_START_US} when left out. */
  readonly startUs?: number;
  /** Frames at or before this are left out: the session before has been there. */
  readonly afterUs?: number;
  /** Where repairs are counted. */
  readonly counts?: RepairCounts;
}

export class TimelineRepair {
  /** What was repaired so far; may be shared with whoever reports it. */
  readonly counts: RepairCounts;
  readonly #startUs: number;
  readonly #afterUs: number;
  readonly #tracks = new Map<number, TrackClock>();
  /** Added to every source time; not known before the first frame. */
  #offsetUs: number | undefined;
  /** What the frame placed last was moved by, lifting aside, in microseconds. */
  usedOffsetUs = 0;
  /** The offset before the last jump: the other tracks may still send a few frames of then. */
  #formerOffsetUs: number | undefined;
  /** Newest source time under the present offset, and when it came. */
  #newestUs = 0;
  #newestAtMs = 0;

  constructor(options: TimelineRepairOptions = {}) {
    this.#startUs = options.startUs ?? TIMELINE_START_US;
    this.#afterUs = options.afterUs ?? -1;
    this.counts = options.counts ?? noRepairs();
  }

  /**
   * Places one frame's decode time.
   *
   * @param track The track's number.
   * @param sourceUs Decode time as received, without wrap, in microseconds; any range.
   * @param nowMs Monotonic clock, to tell a pause from a jump.
   * @returns Decode time on the timeline; `undefined` when the frame is older than the timeline.
   *   {@link usedOffsetUs} then tells what its presentation time must be moved by.
   */
  place(track: number, sourceUs: number, nowMs: number): number | undefined {
    const clock = this.#tracks.get(track);
    if (this.#offsetUs === undefined) {
      this.#offsetUs = this.#startUs - sourceUs;
      this.#note(sourceUs, nowMs);
    }
    this.usedOffsetUs = this.#offsetFor(clock, sourceUs, nowMs);
    let placedUs = sourceUs + this.usedOffsetUs;
    if (placedUs <= this.#afterUs) {
      this.counts.early++;
      return undefined;
    }
    if (clock === undefined) {
      this.#tracks.set(track, { placedUs, intervalUs: FRAME_INTERVAL_US });
      return placedUs;
    }
    if (placedUs <= clock.placedUs) {
      // Equal milliseconds are the wire's rounding, not a fault.
      if (placedUs < clock.placedUs - 1000) this.counts.lifted++;
      placedUs = clock.placedUs + 1;
    } else if (placedUs - clock.placedUs < FRAME_INTERVAL_US_MAX) {
      clock.intervalUs = placedUs - clock.placedUs;
    }
    clock.placedUs = placedUs;
    return placedUs;
  }

  #offsetFor(clock: TrackClock | undefined, sourceUs: number, nowMs: number): number {
    const aheadUs = sourceUs - this.#newestUs;
    const elapsedUs = (nowMs - this.#newestAtMs) * 1000;
    const stepUs = clock === undefined ? 0 : sourceUs + this.#offsetUs! - clock.placedUs;
    const back = aheadUs < -INTERLEAVE_US_MAX || (stepUs < -REORDER_US_MAX && aheadUs < 0);
    if (!back && aheadUs <= elapsedUs + AHEAD_US_MAX) {
      if (aheadUs > 0) this.#note(sourceUs, nowMs);
      return this.#offsetUs!;
    }
    const former = this.#formerOffsetUs;
    if (former !== undefined && clock !== undefined && this.#fits(clock, sourceUs + former)) {
      return former;
    }
    this.counts[back ? "backward" : "forward"]++;
    return this.#jump(clock, sourceUs, nowMs);
  }

  /** The frame continues its track under an offset. */
  #fits(clock: TrackClock, placedUs: number): boolean {
    const stepUs = placedUs - clock.placedUs;
    return stepUs > -REORDER_US_MAX && stepUs < INTERLEAVE_US_MAX;
  }

  /** Moves the offset so that this frame follows its predecessor at the usual distance. */
  #jump(clock: TrackClock | undefined, sourceUs: number, nowMs: number): number {
    const lastUs = clock?.placedUs ?? this.#newestUs + this.#offsetUs!;
    const placedUs = lastUs + (clock?.intervalUs ?? FRAME_INTERVAL_US);
    this.#formerOffsetUs = this.#offsetUs;
    this.#offsetUs = placedUs - sourceUs;
    this.#note(sourceUs, nowMs);
    return this.#offsetUs;
  }

  #note(sourceUs: number, nowMs: number): void {
    this.#newestUs = sourceUs;
    this.#newestAtMs = nowMs;
  }
}
