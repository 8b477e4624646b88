/**
 * When each sample of a track is to be heard: the source's timestamps, made a line without steps.
 *
 * Frames of samples follow each other in the encoder whatever their timestamps say, so holes are
 * filled with silence, and what overlaps is left out.
 *
 * @module
 */
import { rescale } from "../../protocols/media/rescale.ts";

/** Steps up to this are rounding and jitter of the source's clock, in microseconds. */
const STEP_US_MAX = 20_000;

/** The longest hole that is filled, in microseconds; behind a longer one the line begins anew. */
const FILL_US_MAX = 1_000_000;

/** A stretch of samples that follow each other in time. */
interface Line {
  readonly sample: number;
  readonly ptsUs: number;
}

/** Lines remembered: the encoder still holds samples of the one before. */
const LINES_MAX = 4;

/** What must be done before a frame is encoded. */
export type Adjustment =
  | { readonly kind: "fits" }
  /** So many samples of silence go first. */
  | { readonly kind: "fill"; readonly samples: number }
  /** So many of its samples are left out, perhaps all. */
  | { readonly kind: "skip"; readonly samples: number }
  /** It begins another line; {@link SampleClock.begin} must be told where. */
  | { readonly kind: "begin" };

const FITS: Adjustment = { kind: "fits" };

export class SampleClock {
  readonly #sampleRate: number;
  /** Oldest first. */
  readonly #lines: Line[] = [];

  constructor(sampleRate: number) {
    this.#sampleRate = sampleRate;
  }

  /** What a frame needs whose first sample, at `ptsUs`, would be number `sample`. */
  adjust(sample: number, ptsUs: number): Adjustment {
    const line = this.#lines.at(-1);
    if (line === undefined) return { kind: "begin" };
    const stepUs = ptsUs - this.#on(line, sample);
    if (Math.abs(stepUs) <= STEP_US_MAX) return FITS;
    if (stepUs > FILL_US_MAX) return { kind: "begin" };
    const samples = rescale(Math.abs(stepUs), 1_000_000, this.#sampleRate);
    return { kind: stepUs > 0 ? "fill" : "skip", samples };
  }

  /** Sample number `sample` is heard at `ptsUs`, and those behind it follow. */
  begin(sample: number, ptsUs: number): void {
    this.#lines.push({ sample, ptsUs });
    if (this.#lines.length > LINES_MAX) this.#lines.shift();
  }

  /** When a sample is heard, in microseconds; `undefined` when it is before all lines. */
  ptsUsOf(sample: number): number | undefined {
    const line = this.#lines.findLast((other) => other.sample <= sample);
    return line === undefined ? undefined : this.#on(line, sample);
  }

  #on(line: Line, sample: number): number {
    return line.ptsUs + rescale(sample - line.sample, this.#sampleRate, 1_000_000);
  }
}
