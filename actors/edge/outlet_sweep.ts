/**
 * Finds connections whose peer takes nothing, or next to nothing: late ones jump, hopeless ones are
 * closed.
 *
 * One walk a second over plain numbers, so that no write has to look at a clock.
 *
 * @module
 */
import { every } from "../runtime/every.ts";
import type { Clock, Timer, Timers } from "../runtime/ports.ts";
import type { Outlet } from "./outlet.ts";

/** A viewer that took nothing for this long jumps to the newest key frame when it takes again. */
const LATE_MS = 2_000;

/** Usual distance of two walks. */
const SWEEP_MS = 1_000;

export interface OutletSweepOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** How long a peer may take too little of what waits for it, in milliseconds. */
  readonly timeoutMs: number;
  /** Told of each connection that is closed. */
  readonly closed?: () => void;
}

export class OutletSweep {
  readonly #options: OutletSweepOptions;
  readonly #outlets = new Set<Outlet>();
  readonly #intervalMs: number;
  readonly #timer: Timer;
  /** Connections closed because their peer took nothing, or too little. */
  timedOut = 0;

  constructor(options: OutletSweepOptions) {
    this.#options = options;
    this.#intervalMs = Math.min(SWEEP_MS, Math.max(20, options.timeoutMs / 4));
    this.#timer = every(options, this.#intervalMs, () => {
      for (const outlet of this.#outlets) this.#check(outlet);
    });
  }

  add(outlet: Outlet): void {
    this.#outlets.add(outlet);
  }

  delete(outlet: Outlet): void {
    this.#outlets.delete(outlet);
  }

  stop(): void {
    this.#timer.cancel();
  }

  #check(outlet: Outlet): void {
    const { busy, bytesOut, viewers, swept } = outlet;
    // Most have all there is: their viewers are not even looked at.
    if (!busy) return swept.rest(bytesOut);
    let [offeredBytes, leftBytes] = [0, 0];
    for (const viewer of viewers) {
      offeredBytes += viewer.takeOffered();
      if (viewer.core.ended) leftBytes += viewer.unsentBytes;
    }
    const { timeoutMs } = this.#options;
    const pace = { intervalMs: this.#intervalMs, timeoutMs, bytesOut };
    const hopeless = swept.judge({ ...pace, offeredBytes, leftBytes });
    if (swept.stalledMs >= LATE_MS) {
      for (const viewer of viewers) viewer.stall();
    }
    if (hopeless === undefined) return;
    this.timedOut++;
    this.#options.closed?.();
    outlet.fail(hopeless);
  }
}
