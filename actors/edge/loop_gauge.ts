/**
 * How late the event loop is: a timer that ought to fire at fixed distances, and does not.
 *
 * @module
 */
import { every } from "../runtime/every.ts";
import type { Clock, Timer, Timers } from "../runtime/ports.ts";

/** Distance of two samples: a wake-up each, which an idle node should not notice. */
const SAMPLE_MS = 500;

/** Samples kept: ten seconds. */
const SAMPLES_MAX = 20;

export class LoopGauge {
  readonly #samplesMs = new Float64Array(SAMPLES_MAX);
  #count = 0;
  #next = 0;
  #recentMs = 0;
  readonly #timer: Timer;

  constructor(clock: Clock, timers: Timers) {
    this.#timer = every({ clock, timers }, SAMPLE_MS, (lateMs) => this.#note(lateMs));
  }

  /** Lateness of the last second or two, in milliseconds, smoothed. */
  get recentMs(): number {
    return this.#recentMs;
  }

  /** Lateness that the given share of the samples stayed below, in milliseconds. */
  quantileMs(share: number): number {
    const sorted = this.#samplesMs.slice(0, this.#count).sort();
    return sorted.length === 0 ? 0 : sorted[Math.floor(share * (sorted.length - 1))];
  }

  stop(): void {
    this.#timer.cancel();
  }

  #note(lateMs: number): void {
    this.#samplesMs[this.#next] = lateMs;
    this.#next = (this.#next + 1) % SAMPLES_MAX;
    this.#count = Math.min(this.#count + 1, SAMPLES_MAX);
    this.#recentMs += (lateMs - this.#recentMs) / 2;
  }
}
