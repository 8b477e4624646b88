/**
 * The node's one budget for media memory: all stream logs and all encoded pages together.
 *
 * Declared policy, in order: below the pressure mark logs keep their whole window; above it each
 * log that grows first gives up what is older than its newest key frame; above the limit it gives
 * up its oldest records whatever they are, and new streams are refused.
 *
 * @module
 */

/** Share of the limit above which logs shrink, so that a burst still finds room. */
const PRESSURE_SHARE = 0.8;

export class MediaBudget {
  readonly limitBytes: number;
  readonly #pressureBytes: number;
  #usedBytes = 0;

  /** @throws {RangeError} The limit is not a positive number of bytes. */
  constructor(limitBytes: number) {
    if (!(limitBytes > 0)) {
      throw new RangeError(`Cannot set media budget: ${limitBytes} bytes, more than 0 fit`);
    }
    this.limitBytes = limitBytes;
    this.#pressureBytes = limitBytes * PRESSURE_SHARE;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Logs should keep no more than what a joining viewer needs. */
  get pressed(): boolean {
    return this.#usedBytes > this.#pressureBytes;
  }

  /** Logs must give up whatever is oldest; nobody new may start. */
  get exhausted(): boolean {
    return this.#usedBytes > this.limitBytes;
  }

  take(bytes: number): void {
    this.#usedBytes += bytes;
  }

  give(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}
