/**
 * How well a publisher sends: what the owner of a stream compares two of them by.
 *
 * Everything is measured against the publisher's own past, so that two encoders of different
 * settings can be compared: a picture that stands still makes both of them send less.
 *
 * @module
 */
import type { Track } from "../../protocols/media/track.ts";

/** A publisher at one moment; plain data. */
export interface Vitals {
  /** Time since its newest frame, in milliseconds. */
  readonly silentMs: number;
  /** Usual distance of the frames of its leading track, in milliseconds. */
  readonly intervalMs: number;
  /** Of the last two seconds, all tracks. */
  readonly bitrateKbps: number;
  /**
   * Bit rate of the last two seconds as a share of what it usually is, key frames apart, which
   * come in turns; 1 while nothing is usual yet.
   */
  readonly rateShare: number;
  /** Frames of the leading track in the last five seconds. */
  readonly frames: number;
  /** Those that usually come in that time and did not. */
  readonly missing: number;
  /** Timestamps repaired and messages left out in that time. */
  readonly repairs: number;
}

/** A publisher of which nothing is known yet. */
export const NO_VITALS: Vitals = {
  ...{ silentMs: 0, intervalMs: 40, bitrateKbps: 0, rateShare: 1 },
  ...{ frames: 0, missing: 0, repairs: 0 },
};

/** Steps in which it measures, in milliseconds. */
const STEP_MS = 500;

/** Steps looked back for frames: five seconds, so that one lost frame in a hundred shows. */
const STEPS = 10;

/** Steps looked back for the bit rate: two seconds smooth out the sizes of single frames. */
const RATE_STEPS = 4;

/** Steps that make what is usual: twenty seconds, after which a lower rate is usual, too. */
const USUAL_STEPS = 40;

/** Steps after which something is usual at all: encoders begin with a burst. */
const USUAL_STEPS_MIN = 4;

interface Step {
  frames: number;
  bytes: number;
  /** Without key frames of video. */
  plainBytes: number;
  repairs: number;
}

export class VitalsGauge {
  readonly #steps: Step[] = Array.from({ length: STEPS }, noStep);
  /** Number of the step that is being filled; `undefined` before the first frame. */
  #step: number | undefined;
  /** Steps filled since the first frame, and those with frames in them. */
  #filled = 0;
  #told = 0;
  #usualFrames = 0;
  #usualPlainBytes = 0;
  #newestAtMs: number;
  #lead: Track["kind"] = "audio";

  /** @param nowMs Monotonic clock: silence counts from here. */
  constructor(nowMs: number) {
    this.#newestAtMs = nowMs;
  }

  /** A frame has come. */
  frame(track: Track, keyframe: boolean, bytes: number, nowMs: number): void {
    this.#advance(nowMs, true);
    this.#newestAtMs = nowMs;
    if (track.kind === "video" && this.#lead === "audio") this.#takeLead();
    const step = this.#present;
    step.bytes += bytes;
    if (track.kind === this.#lead && track.index === 0) step.frames++;
    if (track.kind === "audio" || !keyframe) step.plainBytes += bytes;
  }

  /** A timestamp was repaired, or something left out. */
  fault(nowMs: number): void {
    this.#advance(nowMs, false);
    if (this.#step !== undefined) this.#present.repairs++;
  }

  read(nowMs: number): Vitals {
    this.#advance(nowMs, false);
    const silentMs = Math.max(0, nowMs - this.#newestAtMs);
    if (this.#step === undefined) return { ...NO_VITALS, silentMs };
    const whole = this.#closed(STEPS - 1);
    const recent = this.#closed(RATE_STEPS);
    const sum = (steps: readonly Step[], of: (step: Step) => number) =>
      steps.reduce((total, step) => total + of(step), 0);
    const known = this.#told >= USUAL_STEPS_MIN;
    const frames = sum(whole, (step) => step.frames);
    const expected = known ? this.#usualFrames * whole.length : frames;
    const plain = this.#usualPlainBytes * recent.length;
    return {
      silentMs,
      intervalMs: this.#usualFrames > 0 ? STEP_MS / this.#usualFrames : NO_VITALS.intervalMs,
      bitrateKbps: recent.length === 0
        ? 0
        : sum(recent, ({ bytes }) => bytes) * 8 / (recent.length * STEP_MS),
      rateShare: known && plain > 0 ? sum(recent, ({ plainBytes }) => plainBytes) / plain : 1,
      frames,
      missing: Math.max(0, Math.round(expected - frames)),
      repairs: sum(whole, ({ repairs }) => repairs) + this.#present.repairs,
    };
  }

  get #present(): Step {
    return this.#steps[this.#step! % STEPS];
  }

  /** The newest steps that are over, at most `count`. */
  #closed(count: number): Step[] {
    const steps = Math.min(count, this.#filled);
    return Array.from({ length: steps }, (_, back) => {
      return this.#steps[(this.#step! - 1 - back + STEPS) % STEPS];
    });
  }

  #advance(nowMs: number, begins: boolean): void {
    const now = Math.floor(nowMs / STEP_MS) + STEPS; // Never below it, which indexes rely on.
    if (this.#step === undefined) {
      if (begins) this.#step = now;
      return;
    }
    if (now <= this.#step) return;
    // After a long pause all of them are over, and empty.
    if (now - this.#step > STEPS) this.#step = Math.max(this.#step, now - STEPS);
    while (this.#step < now) {
      // It began somewhere in its first step, which says nothing therefore.
      if (this.#learn(this.#present)) this.#filled = Math.min(this.#filled + 1, STEPS - 1);
      this.#step++;
      Object.assign(this.#present, noStep());
    }
  }

  /** A step is over; false when it was the first. Empty ones are silence, and never usual. */
  #learn({ frames, plainBytes }: Step): boolean {
    if (frames === 0) return this.#told > 0;
    if (this.#told++ === 0) return false;
    const weight = 1 / Math.min(USUAL_STEPS, this.#told - 1);
    this.#usualFrames += (frames - this.#usualFrames) * weight;
    this.#usualPlainBytes += (plainBytes - this.#usualPlainBytes) * weight;
    return true;
  }

  /** Video has come: what was usual of audio says nothing of it. */
  #takeLead(): void {
    this.#lead = "video";
    this.#told = this.#filled = 0;
    this.#usualFrames = this.#usualPlainBytes = 0;
    for (const step of this.#steps) Object.assign(step, noStep());
  }
}

function noStep(): Step {
  return { frames: 0, bytes: 0, plainBytes: 0, repairs: 0 };
}
