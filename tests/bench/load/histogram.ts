/**
 * Latencies as counts, so that a minute of a thousand viewers takes no more room than a second of
 * one.
 *
 * @module
 */

/** Width of a bucket, in milliseconds. */
const BUCKET_MS = 0.25;

/** Buckets: up to five seconds; what is longer counts as that. */
const BUCKETS = 20_000;

/** Three points of a distribution, in milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  add(valueMs: number): void {
    const bucket = Math.min(Math.max(Math.floor(valueMs / BUCKET_MS), 0), BUCKETS - 1);
    this.#counts[bucket]++;
    this.#total++;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  /** `undefined` while it is empty. */
  quantiles(): Quantiles | undefined {
    if (this.#total === 0) return undefined;
    return { p50: this.#at(0.5), p95: this.#at(0.95), p99: this.#at(0.99) };
  }

  #at(share: number): number {
    let left = share * this.#total;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket];
      if (left <= 0) return (bucket + 0.5) * BUCKET_MS;
    }
    return BUCKETS * BUCKET_MS;
  }
}
