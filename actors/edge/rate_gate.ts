/**
 * Holds a publisher to its bit rate: a sender of too much is read more slowly, so that its bytes
 * wait with the sender, and one that keeps pressing is sent away.
 *
 * @module
 */

/** What may come in one go: a backlog after a short loss of the network, or a large key frame. */
const BURST_MS = 4_000;

/** How long a publisher may press against its limit: beyond, it is no burst but its bit rate. */
const OVER_MS_MAX = 5_000;

/** Longest single wait, in milliseconds: its socket should not look dead. */
const WAIT_MS_MAX = 1_000;

export class RateGate {
  /** Time's worth of bits that may come at once; negative when too many came. */
  #creditMs = BURST_MS;
  #countedAtMs: number | undefined;
  /** Since when the publisher presses against its limit. */
  #overSinceMs: number | undefined;

  /**
   * Counts bytes that came.
   *
   * @returns Milliseconds not to read for; `undefined` when the publisher is to be sent away.
   */
  take(bytes: number, bitsPerSecondMax: number, nowMs: number): number | undefined {
    const elapsedMs = nowMs - (this.#countedAtMs ?? nowMs);
    this.#countedAtMs = nowMs;
    this.#creditMs = Math.min(BURST_MS, this.#creditMs + elapsedMs);
    this.#creditMs -= bytes * 8_000 / bitsPerSecondMax;
    if (this.#creditMs > BURST_MS / 4) this.#overSinceMs = undefined;
    if (this.#creditMs >= 0) return 0;
    this.#overSinceMs ??= nowMs;
    if (nowMs - this.#overSinceMs > OVER_MS_MAX) return undefined;
    return Math.min(-this.#creditMs, WAIT_MS_MAX);
  }
}
