/**
 * Reports the timestamps that were repaired: the first time at once, then once a second a stream,
 * counted by kind.
 *
 * @module
 */
import type { Log, Timer, Timers } from "../runtime/ports.ts";
import type { RepairKind } from "../stream/timeline_repair.ts";

/** A broken encoder needs a repair with every frame; people need to hear it once in a while. */
const REPORT_MS = 1_000;

/** What one stream needed since its last report. */
interface Pending {
  readonly counts: Partial<Record<RepairKind, number>>;
  largestUs: number;
}

export class RepairReport {
  readonly #log: Log;
  readonly #timers: Timers;
  readonly #byStream = new Map<string, Pending>();
  #timer: Timer | undefined;

  constructor(log: Log, timers: Timers) {
    this.#log = log;
    this.#timers = timers;
  }

  /** @param amountUs How far a time was moved, in microseconds. */
  note(stream: string, kind: RepairKind, amountUs: number): void {
    let pending = this.#byStream.get(stream);
    if (pending === undefined) this.#byStream.set(stream, pending = { counts: {}, largestUs: 0 });
    pending.counts[kind] = (pending.counts[kind] ?? 0) + 1;
    pending.largestUs = Math.max(pending.largestUs, amountUs);
    if (this.#timer === undefined) this.#report();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #report(): void {
    this.#timer = undefined;
    if (this.#byStream.size === 0) return;
    for (const [stream, { counts, largestUs }] of this.#byStream) {
      const largestMs = Math.round(largestUs / 1000);
      this.#log.warn("timestamps repaired", { stream, ...counts, largestMs });
    }
    this.#byStream.clear();
    this.#timer = this.#timers.after(REPORT_MS, () => this.#report());
  }
}
