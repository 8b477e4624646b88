/**
 * How long to wait before a worker that ended is started again.
 *
 * @module
 */

/** Pause before the second start in a row, in milliseconds; it doubles with each one more. */
export const RESTART_MS_FIRST = 250;

/** Longest pause, in milliseconds: an operator who mended it does not wait longer. */
export const RESTART_MS_MAX = 10_000;

/** A worker that served for so long is a good one: its end is not another of a row. */
export const STEADY_MS = 30_000;

export class RestartBackoff {
  #row = 0;

  /**
   * How long to wait after a worker that lived for `livedMs`: nothing after the first end, then
   * {@link RESTART_MS_FIRST} and its doubles.
   */
  next(livedMs: number): number {
    if (livedMs >= STEADY_MS) this.#row = 0;
    this.#row++;
    if (this.#row === 1) return 0;
    return Math.min(RESTART_MS_MAX, RESTART_MS_FIRST * 2 ** Math.min(this.#row - 2, 16));
  }
}
