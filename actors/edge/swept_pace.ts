/**
 * How fast a peer takes what there is for it, judged once in a while from plain numbers.
 *
 * While something always waits for it, it is watched: within a timeout it must take a share of what
 * its streams send. What it takes is seen through the kernel only, which holds megabytes for a peer
 * and tells of room when a third of that is free: a slow peer seems to take nothing for long, then
 * much at once. So what the kernel took at once before counts in its favour, for some timeouts.
 *
 * @module
 */

/**
 * A viewer that is always behind must take this part of what its streams send. With less it sees a
 * picture now and then; with more it jumps from key frame to key frame, but shows something.
 */
const SHARE_MIN = 1 / 8;

/** And at least so many bytes a second, when its streams send hardly anything themselves. */
const BYTES_PER_SECOND_MIN = 1_024;

/** For how many timeouts what the kernel holds can count. */
const TIMEOUTS_MAX = 3;

/** What a sweep sees of a connection for which something waits. */
export interface Sight {
  /** Time since the sweep before, in milliseconds. */
  readonly intervalMs: number;
  /** How long it may take nothing, or too little, in milliseconds. */
  readonly timeoutMs: number;
  /** Bytes the socket took since the start. */
  readonly bytesOut: number;
  /** Bytes made for it since the sweep before. */
  readonly offeredBytes: number;
  /** Bytes that its streams, having ended, left for it. */
  readonly leftBytes: number;
}

export class SweptPace {
  #sweptBytes = 0;
  /** Since when it has taken nothing, while something waited. */
  #stalledMs = 0;
  /** The watch: its length if there is one, what was taken before it, what should be within it. */
  #watchedMs: number | undefined;
  #fromBytes = 0;
  #wantedBytes = 0;
  /** Most that was taken between two sweeps of this watch, and of the one before. */
  #burstBytes = 0;
  #creditBytes = 0;

  /** For how long it has taken nothing although something waits, in milliseconds. */
  get stalledMs(): number {
    return this.#stalledMs;
  }

  /** Notes a sweep that found nothing waiting; its socket took `bytesOut` since the start. */
  rest(bytesOut: number): void {
    this.#creditBytes = bytesOut - this.#sweptBytes;
    this.#sweptBytes = bytesOut;
    this.#stalledMs = 0;
    this.#watchedMs = undefined;
  }

  /** Notes a sweep that found something waiting; one sentence when the peer is hopeless. */
  judge(sight: Sight): string | undefined {
    const tookBytes = sight.bytesOut - this.#sweptBytes;
    this.#sweptBytes = sight.bytesOut;
    this.#stalledMs = tookBytes > 0 ? 0 : this.#stalledMs + sight.intervalMs;
    // What was taken before the first sweep that found it busy was taken at leisure.
    if (this.#watchedMs === undefined) {
      this.#creditBytes = Math.max(this.#creditBytes, tookBytes);
      // Nothing was taken since the sweep before: it has been stuck as long.
      this.#watchedMs = tookBytes > 0 ? 0 : sight.intervalMs;
      this.#begin(sight);
    } else {
      this.#watchedMs += sight.intervalMs;
      this.#wantedBytes += sight.offeredBytes * SHARE_MIN;
      this.#burstBytes = Math.max(this.#burstBytes, tookBytes);
    }
    return this.#verdict(sight, this.#watchedMs);
  }

  #begin({ bytesOut, leftBytes }: Sight): void {
    this.#fromBytes = bytesOut;
    this.#wantedBytes = leftBytes * SHARE_MIN;
    this.#burstBytes = 0;
  }

  #verdict({ bytesOut, timeoutMs }: Sight, watchedMs: number): string | undefined {
    if (watchedMs < timeoutMs) return undefined;
    const tookBytes = bytesOut - this.#fromBytes;
    const leastBytes = BYTES_PER_SECOND_MIN * watchedMs / 1000;
    const wantedBytes = Math.round(Math.max(this.#wantedBytes, leastBytes));
    if (tookBytes >= wantedBytes) {
      this.#watchedMs = undefined; // The next sweep begins another watch.
      this.#creditBytes = this.#burstBytes;
      return undefined;
    }
    const mayTakeBytes = tookBytes + this.#creditBytes;
    if (mayTakeBytes >= wantedBytes && watchedMs < TIMEOUTS_MAX * timeoutMs) return undefined;
    return `peer took ${tookBytes} bytes in ${watchedMs} ms, less than ${wantedBytes}`;
  }
}
