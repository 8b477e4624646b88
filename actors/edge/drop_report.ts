/**
 * Reports what a publisher sends in vain: the first time at once, then once a second, counted.
 *
 * @module
 */
import type { Log, Timer, Timers } from "../runtime/ports.ts";

/** A broken encoder repeats itself with every frame; people need to hear it once in a while. */
const REPORT_MS = 1_000;

export class DropReport {
  readonly #log: Log;
  readonly #timers: Timers;
  readonly #counts = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(log: Log, timers: Timers) {
    this.#log = log;
    this.#timers = timers;
  }

  /** @param reason One of a small fixed set. */
  note(reason: string): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
    if (this.#timer === undefined) this.#report();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #report(): void {
    this.#timer = undefined;
    if (this.#counts.size === 0) return;
    for (const [reason, count] of this.#counts) this.#log.warn("media dropped", { reason, count });
    this.#counts.clear();
    this.#timer = this.#timers.after(REPORT_MS, () => this.#report());
  }
}
