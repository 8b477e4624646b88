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
 * A step back within a track up to this is jitter, and is lifted: moving the clock each time would
 * let the timeline drift away. A longer one is a clock that was set back.
 */
const JITTER_US_MAX = 100_000;

/** The same where frames may be out of order: H.264 and H.265 hold back 16 frames at most. */
const REORDER_US_MAX = 1_000_000;

/** Frames that H.264 and H.265 may hold back (max_num_reorder_frames, sps_max_num_reorder_pics). */
const REORDER_FRAMES_MAX = 16;

/**
 * Most that a configuration is believed to hold back: what encoders use. Some name all that they
 * might, and decode times would be that much too early.
 */
const HELD_BACK_MAX = 4;

/** Least distance of two frames of a track: one that FLV and RTMP, in milliseconds, can tell. */
const STEP_US_MIN = 1_000;

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
  /** A frame came out of order, of a source that should send decode times: one was made up. */
  reordered: number;
  /** A frame older than the timeline was left out. */
  early: number;
}

export type RepairKind = keyof RepairCounts;

/** Counts of a stream that needed none. */
export function noRepairs(): RepairCounts {
  return { backward: 0, forward: 0, lifted: 0, reordered: 0, early: 0 };
}

/** All kinds together. */
export function sumOfRepairs(counts: RepairCounts): number {
  const { backward, forward, lifted, reordered, early } = counts;
  return backward + forward + lifted + reordered + early;
}

/** Told of each repair, and of how far a time was moved. */
export type Repaired = (kind: RepairKind, amountUs: number) => void;

/** A frame's time as its source sent it. */
export interface SourceTime {
  /** Decode time as received, without wrap, in microseconds; any range. */
  readonly sourceUs: number;
  /** Monotonic clock, to tell a pause from a jump. */
  readonly nowMs: number;
  /** It may be a presentation time, of a source that sends no decode times. */
  readonly reorders?: boolean;
  /** Frames that the track's configuration says are held back: known before they show. */
  readonly heldBack?: number;
}

interface TrackClock {
  /** Where its newest frame was placed. */
  placedUs: number;
  /** Its largest times before anything was lifted or held back, largest first. */
  largestUs: number[];
  /** Frames its source holds back, as far as they have shown. */
  depth: number;
  /** Distance of its last two frames, if that was a usual one. */
  intervalUs: number;
  /** When its newest frame came. */
  atMs: number;
  /** Number of jumps when its newest frame came. */
  jumps: number;
}

export interface TimelineRepairOptions {
  /** Where on the timeline the first frame belongs; {@link TIMELINE_START_US} when left out. */
  readonly startUs?: number;
  /** Frames at or before this are left out: the session before has been there. */
  readonly afterUs?: number;
  /** Where repairs are counted. */
  readonly counts?: RepairCounts;
  readonly repaired?: Repaired;
  /** Its format has no decode times, so making them up is no repair. */
  readonly presentationOnly?: true;
}

export class TimelineRepair {
  /** What was repaired so far; may be shared with whoever reports it. */
  readonly counts: RepairCounts;
  readonly #startUs: number;
  readonly #afterUs: number;
  readonly #repaired: Repaired | undefined;
  readonly #presentationOnly: boolean;
  readonly #tracks = new Map<number, TrackClock>();
  /** Added to every source time; not known before the first frame. */
  #offsetUs: number | undefined;
  /** What the frame placed last was moved by, lifting aside, in microseconds. */
  usedOffsetUs = 0;
  /** The offset before the last jump: the other tracks may still send a few frames of then. */
  #formerOffsetUs: number | undefined;
  #jumps = 0;
  /** Newest source time under the present offset, and when it came. */
  #newestUs = 0;
  #newestAtMs = 0;

  constructor(options: TimelineRepairOptions = {}) {
    this.#startUs = options.startUs ?? TIMELINE_START_US;
    this.#afterUs = options.afterUs ?? -1;
    this.counts = options.counts ?? noRepairs();
    this.#repaired = options.repaired;
    this.#presentationOnly = options.presentationOnly === true;
  }

  /**
   * Places one frame's decode time.
   *
   * @param track The track's number.
   * @returns Decode time on the timeline; `undefined` when the frame is older than the timeline.
   *   {@link usedOffsetUs} then tells what its presentation time must be moved by.
   */
  place(track: number, time: SourceTime): number | undefined {
    const clock = this.#tracks.get(track);
    if (this.#offsetUs === undefined) {
      this.#offsetUs = this.#startUs - time.sourceUs;
      this.#note(time);
    }
    this.usedOffsetUs = this.#offsetFor(clock, time);
    const movedUs = time.sourceUs + this.usedOffsetUs;
    if (movedUs <= this.#afterUs) {
      this.#count("early", this.#afterUs - movedUs);
      return undefined;
    }
    const jumps = this.usedOffsetUs === this.#offsetUs ? this.#jumps : this.#jumps - 1;
    if (clock === undefined) {
      const depth = Math.min(time.heldBack ?? 0, HELD_BACK_MAX);
      const fresh = { largestUs: [movedUs], depth, intervalUs: FRAME_INTERVAL_US };
      this.#tracks.set(track, { ...fresh, placedUs: movedUs, atMs: time.nowMs, jumps });
      return movedUs;
    }
    // What overlaps after the jump of another track is neither out of order nor another jump.
    if (clock.jumps !== jumps) clock.largestUs = [movedUs - clock.intervalUs];
    clock.jumps = jumps;
    clock.atMs = time.nowMs;
    return clock.placedUs = this.#decodeUs(clock, movedUs, time.reorders === true);
  }

  /** A decode time behind the track's newest, and not behind the frame's own time if possible. */
  #decodeUs(clock: TrackClock, movedUs: number, reorders: boolean): number {
    const { largestUs } = clock;
    const stepUs = movedUs - largestUs[0];
    const at = largestUs.findIndex((us) => movedUs > us);
    const place = at < 0 ? largestUs.length : at;
    largestUs.splice(place, 0, movedUs);
    if (largestUs.length > REORDER_FRAMES_MAX + 1) largestUs.pop();
    if (stepUs > 0 && stepUs < FRAME_INTERVAL_US_MAX) clock.intervalUs = stepUs;
    const swapped = reorders && stepUs < 0;
    if (swapped) clock.depth = Math.min(Math.max(clock.depth, place), REORDER_FRAMES_MAX);
    // Decode times are the presentation times in order, late by as many frames as are held back.
    const wantedUs = largestUs[Math.min(clock.depth, largestUs.length - 1)];
    const leastUs = clock.placedUs + STEP_US_MIN;
    if (swapped) this.#countReordered(-stepUs);
    else if (movedUs < leastUs) this.#count("lifted", leastUs - movedUs);
    return Math.max(wantedUs, leastUs);
  }

  #offsetFor(clock: TrackClock | undefined, time: SourceTime): number {
    const { sourceUs, nowMs } = time;
    if (clock !== undefined && this.#isOfFormer(clock, time)) return this.#formerOffsetUs!;
    const aheadUs = sourceUs - this.#newestUs;
    const elapsedUs = (nowMs - this.#newestAtMs) * 1000;
    const back = clock === undefined || clock.jumps !== this.#jumps
      ? aheadUs < -INTERLEAVE_US_MAX
      : this.#stepUs(clock, sourceUs) < -(time.reorders ? REORDER_US_MAX : JITTER_US_MAX);
    if (!back && aheadUs <= elapsedUs + AHEAD_US_MAX) {
      if (aheadUs > 0) this.#note(time);
      return this.#offsetUs!;
    }
    return this.#jump(clock, time, back ? "backward" : "forward");
  }

  /** Another track has jumped; this one still goes on as before. */
  #isOfFormer(clock: TrackClock, { sourceUs, nowMs }: SourceTime): boolean {
    const former = this.#formerOffsetUs;
    if (former === undefined || clock.jumps === this.#jumps) return false;
    const stepUs = sourceUs + former - clock.largestUs[0];
    const elapsedUs = (nowMs - clock.atMs) * 1000;
    return stepUs >= -JITTER_US_MAX && stepUs < elapsedUs + AHEAD_US_MAX;
  }

  /** How far a frame is from its track's newest under the present offset. */
  #stepUs(clock: TrackClock, sourceUs: number): number {
    return sourceUs + this.#offsetUs! - clock.largestUs[0];
  }

  /** Moves the offset so that this frame follows all tracks at their usual distances. */
  #jump(clock: TrackClock | undefined, time: SourceTime, kind: "backward" | "forward"): number {
    let placedUs = Number.NEGATIVE_INFINITY;
    for (const { largestUs, placedUs: lastUs, intervalUs } of this.#tracks.values()) {
      placedUs = Math.max(placedUs, Math.max(largestUs[0], lastUs) + intervalUs);
    }
    if (placedUs < 0) placedUs = this.#startUs; // All frames so far were too old.
    this.#formerOffsetUs = this.#offsetUs;
    this.#offsetUs = placedUs - time.sourceUs;
    this.#count(kind, Math.abs(this.#offsetUs - this.#formerOffsetUs!));
    this.#jumps++;
    if (clock !== undefined) clock.largestUs = [placedUs - clock.intervalUs];
    this.#note(time);
    return this.#offsetUs;
  }

  #note({ sourceUs, nowMs }: SourceTime): void {
    this.#newestUs = sourceUs;
    this.#newestAtMs = nowMs;
  }

  #countReordered(amountUs: number): void {
    if (!this.#presentationOnly) this.#count("reordered", amountUs);
  }

  #count(kind: RepairKind, amountUs: number): void {
    this.counts[kind]++;
    this.#repaired?.(kind, amountUs);
  }
}
