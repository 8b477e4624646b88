/**
 * How fast a publisher's socket is read: no faster than it may send, and not before the next flush
 * is due, for what comes earlier could not go out earlier.
 *
 * @module
 */
import type { Edge } from "./edge.ts";
import { RateGate } from "./rate_gate.ts";

/**
 * A publisher that sends more than this between two flushes is read at once: what waits in the
 * kernel must stay below a fresh socket's window, 64 KB on Linux, or it would slow the sender.
 */
const REST_BYTES_MAX = 32 * 1024;

export class PublisherPace {
  readonly #edge: Edge;
  readonly #rate = new RateGate();
  /** Bytes read since the flush numbered `#countedFlush`. */
  #sinceFlushBytes = 0;
  #countedFlush = -1;

  constructor(edge: Edge) {
    this.#edge = edge;
  }

  /**
   * Counts what was read and waits until more may be; resolves to false when the publisher has
   * sent too much for too long.
   */
  async keep(bytes: number, bitsPerSecondMax: number): Promise<boolean> {
    const { clock, timers } = this.#edge.ports;
    const waitMs = this.#rate.take(bytes, bitsPerSecondMax, clock.nowMs());
    if (waitMs === undefined) return false;
    if (waitMs > 0) await new Promise<void>((done) => void timers.after(waitMs, done));
    else if (this.#mayRest(bytes)) await this.#rest();
    return true;
  }

  /** The publisher sends so little that the kernel can hold it until the next flush. */
  #mayRest(bytes: number): boolean {
    const { flushes } = this.#edge.hub.flusher;
    if (this.#countedFlush !== flushes) this.#sinceFlushBytes = 0;
    this.#countedFlush = flushes;
    this.#sinceFlushBytes += bytes;
    return this.#sinceFlushBytes <= REST_BYTES_MAX;
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => {
      if (!this.#edge.hub.flusher.rest(resolve)) resolve();
    });
  }
}
