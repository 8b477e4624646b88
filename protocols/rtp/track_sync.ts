/**
 * The tracks of one sender on one timeline: by arrival at first, by sender reports once they make
 * sense, so that sound and picture belong together.
 *
 * Source: RFC 3550, section 6.4.1. What a camera says of its clock is believed only as far as
 * arrival allows: a wrong report moves no track by more than {@link SYNC_SHIFT_US_MAX}. Has no
 * clock: arrival times are the caller's, monotonic, in microseconds.
 *
 * @module
 */
import { TimestampUnwrapper, usOfTicks } from "./clock.ts";

/**
 * Farthest that sender reports may move a track from where its arrival puts it, in microseconds:
 * more than encoders of one device are apart, less than what a clock set wrong makes.
 */
export const SYNC_SHIFT_US_MAX = 500_000;

/** Reports that move a track by less change nothing, in microseconds: less is not perceived. */
export const RESYNC_US_MIN = 20_000;

/** A sender's clock that is off its own last report by more has been set anew, in microseconds. */
const NTP_STEP_US_MIN = 100_000;

/** Timestamps that step by so much more than time has passed are a new count, in microseconds. */
const TIMESTAMP_STEP_US_MAX = 10_000_000;

/** Least transit is looked for in the newest one to two of these, in microseconds. */
const TRANSIT_WINDOW_US = 5_000_000;

interface TrackState {
  readonly clockHz: number;
  timestamps: TimestampUnwrapper;
  /** Added to media time gives the stream's; unknown before the first packet. */
  offsetUs: number | undefined;
  /** How far media is behind its arrival when it is placed by that, in microseconds. */
  lagUs: number;
  /** Reports have placed it. */
  synced: boolean;
  /** Sender's clock minus media time, of the newest report. */
  ntpOffsetUs: number | undefined;
  /** Newest media time and when it came. */
  mediaUs: number;
  arrivalUs: number;
  /** Least of arrival minus media time, in this window and in the one before. */
  transitUs: number;
  formerTransitUs: number;
  windowUs: number;
}

export class TrackSync {
  readonly #tracks: TrackState[];
  /** Reports that were not believed. */
  distrusted = 0;

  /** @param clocksHz Clock of each track, in the order of their numbers here. */
  constructor(clocksHz: readonly number[]) {
    this.#tracks = clocksHz.map(newTrack);
  }

  /**
   * Time of a packet on the stream's timeline, in microseconds; jumps and steps back are passed
   * on unless the track's timestamps have begun anew.
   */
  timeUs(track: number, timestamp: number, arrivalUs: number): number {
    const state = this.#tracks[track];
    const mediaUs = usOfTicks(state.timestamps.unwrap(timestamp), state.clockHz);
    if (state.offsetUs !== undefined) {
      const stepUs = mediaUs - state.mediaUs;
      const elapsedUs = arrivalUs - state.arrivalUs;
      const jumps = stepUs < -TIMESTAMP_STEP_US_MAX || stepUs > elapsedUs + TIMESTAMP_STEP_US_MAX;
      if (jumps) this.#reanchor(state, mediaUs, arrivalUs);
    }
    noteTransit(state, arrivalUs - mediaUs, arrivalUs);
    state.mediaUs = mediaUs;
    state.arrivalUs = arrivalUs;
    if (state.offsetUs === undefined) {
      state.offsetUs = arrivalUs - state.lagUs - mediaUs;
      this.#sync();
    }
    return mediaUs + state.offsetUs;
  }

  /**
   * Time that a timestamp near the newest packet's stands for, on the stream's timeline. Changes
   * nothing; the track must have had a packet.
   */
  peekUs(track: number, timestamp: number): number {
    const { timestamps, clockHz, offsetUs } = this.#tracks[track];
    return usOfTicks(timestamps.peek(timestamp), clockHz) + (offsetUs ?? 0);
  }

  /**
   * Takes a sender report.
   *
   * @param ntpUs The sender's clock at `timestamp`, in microseconds since any day.
   */
  report(track: number, ntpUs: number, timestamp: number): void {
    const state = this.#tracks[track];
    // Before the first packet the report itself is where counting starts.
    const ticks = state.offsetUs === undefined
      ? state.timestamps.unwrap(timestamp)
      : state.timestamps.peek(timestamp);
    const ntpOffsetUs = ntpUs - usOfTicks(ticks, state.clockHz);
    const former = state.ntpOffsetUs;
    if (former !== undefined && Math.abs(ntpOffsetUs - former) > NTP_STEP_US_MIN) {
      // The clock was set: reports of the other tracks speak of the clock before.
      for (const other of this.#tracks) other.ntpOffsetUs = undefined;
    }
    state.ntpOffsetUs = ntpOffsetUs;
    this.#sync();
  }

  /** The track's next packet is of another source: its timestamps and reports begin anew. */
  restart(track: number): void {
    const state = this.#tracks[track];
    const lagUs = lagOf(state);
    Object.assign(state, newTrack(state.clockHz), { lagUs });
  }

  /** Timestamps have begun anew under way. */
  #reanchor(state: TrackState, mediaUs: number, arrivalUs: number): void {
    state.lagUs = lagOf(state);
    state.offsetUs = arrivalUs - state.lagUs - mediaUs;
    state.synced = false;
    state.ntpOffsetUs = undefined;
    state.transitUs = state.formerTransitUs = Number.POSITIVE_INFINITY;
  }

  /** Places all tracks beside the first that has both media and a report. */
  #sync(): void {
    const reference = this.#tracks.find(isPlaceable);
    if (reference === undefined) return;
    for (const state of this.#tracks) {
      if (state === reference || !isPlaceable(state)) continue;
      const wantedUs = reference.offsetUs! + state.ntpOffsetUs! - reference.ntpOffsetUs!;
      const byArrivalUs = reference.offsetUs! + leastTransitUs(state) - leastTransitUs(reference);
      if (Math.abs(wantedUs - byArrivalUs) > SYNC_SHIFT_US_MAX) {
        this.distrusted++;
        continue;
      }
      if (state.synced && Math.abs(wantedUs - state.offsetUs!) < RESYNC_US_MIN) continue;
      state.offsetUs = wantedUs;
      state.synced = true;
    }
  }
}

function newTrack(clockHz: number): TrackState {
  return {
    clockHz,
    timestamps: new TimestampUnwrapper(),
    offsetUs: undefined,
    lagUs: 0,
    synced: false,
    ntpOffsetUs: undefined,
    mediaUs: 0,
    arrivalUs: 0,
    transitUs: Number.POSITIVE_INFINITY,
    formerTransitUs: Number.POSITIVE_INFINITY,
    windowUs: 0,
  };
}

/** How far the newest packet was placed behind its arrival: where a new count goes on. */
function lagOf({ offsetUs, mediaUs, arrivalUs, lagUs }: TrackState): number {
  return offsetUs === undefined ? lagUs : arrivalUs - mediaUs - offsetUs;
}

function isPlaceable({ offsetUs, ntpOffsetUs }: TrackState): boolean {
  return offsetUs !== undefined && ntpOffsetUs !== undefined;
}

function leastTransitUs({ transitUs, formerTransitUs }: TrackState): number {
  return Math.min(transitUs, formerTransitUs);
}

function noteTransit(state: TrackState, transitUs: number, arrivalUs: number): void {
  if (arrivalUs - state.windowUs >= TRANSIT_WINDOW_US) {
    state.formerTransitUs = state.transitUs;
    state.transitUs = Number.POSITIVE_INFINITY;
    state.windowUs = arrivalUs;
  }
  if (transitUs < state.transitUs) state.transitUs = transitUs;
}
