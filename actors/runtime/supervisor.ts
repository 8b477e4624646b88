/**
 * The restart rule, one for one: an actor that fails is made anew, alone, after a back-off that
 * doubles; one that fails too often is given up.
 *
 * @module
 */

/** Restarts allowed within {@link RESTART_WINDOW_MS}; a fourth failure is no passing accident. */
export const RESTARTS_MAX = 3;

/** How long a restart counts, in milliseconds. */
export const RESTART_WINDOW_MS = 10_000;

/** Back-off before the first restart, in milliseconds; doubles with each that still counts. */
export const RESTART_BACKOFF_MS = 100;

/** Remembers the restarts of one actor. */
export class RestartWindow {
  /** Moments of the failures that led to a restart, oldest first; at most RESTARTS_MAX. */
  #failuresMs: readonly number[] = [];

  /**
   * Counts a failure.
   *
   * @returns Milliseconds to wait before the restart, or `undefined` to give the actor up.
   */
  next(nowMs: number): number | undefined {
    const counted = this.#failuresMs.filter((failureMs) => nowMs - failureMs < RESTART_WINDOW_MS);
    if (counted.length >= RESTARTS_MAX) return undefined;
    const backoffMs = RESTART_BACKOFF_MS * 2 ** counted.length;
    this.#failuresMs = [...counted, nowMs];
    return backoffMs;
  }
}
