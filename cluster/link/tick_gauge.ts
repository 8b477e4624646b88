/**
 * How late this node's own ticks are: a node that is late itself must not call others silent.
 *
 * @module
 */

/** Ticks looked back at: two minutes. */
const SAMPLES_MAX = 1_200;

/** Share of them that stayed below the lateness told. */
const SHARE = 0.999;

/** Ticks between two looks: sorting costs more than a tick. */
const REFRESH_TICKS = 20;

export class TickGauge {
  readonly #samplesMs = new Float64Array(SAMPLES_MAX);
  #count = 0;
  #quantileMs = 0;

  /** Notes how late a tick was, in milliseconds. */
  note(lateMs: number): void {
    this.#samplesMs[this.#count++ % SAMPLES_MAX] = lateMs;
    if (this.#count % REFRESH_TICKS !== 0) return;
    const sorted = this.#samplesMs.slice(0, Math.min(this.#count, SAMPLES_MAX)).sort();
    this.#quantileMs = sorted[Math.ceil(SHARE * sorted.length) - 1];
  }

  /** Lateness that 99.9 % of the ticks of the last two minutes stayed below, in milliseconds. */
  get latenessMs(): number {
    return this.#quantileMs;
  }
}
