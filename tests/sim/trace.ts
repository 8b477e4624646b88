/**
 * What happened in a simulation: the newest lines, and a hash of all of them, which two runs of one
 * seed must share.
 *
 * @module
 */
import type { SimTime } from "./sim_time.ts";

/** Lines kept. */
const LINES_MAX = 400;

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class Trace {
  readonly #time: SimTime;
  readonly #lines: string[] = [];
  readonly #all: boolean;
  #hash = FNV_OFFSET;

  /** @param all Keeps all lines instead of the newest {@link LINES_MAX}. */
  constructor(time: SimTime, all = false) {
    this.#time = time;
    this.#all = all;
  }

  /** Notes what happened now. */
  note(text: () => string): void {
    const line = `${this.#time.nowMs.toFixed(1).padStart(9)} ${text()}`;
    for (let i = 0; i < line.length; i++) this.count(line.charCodeAt(i));
    this.#lines.push(line);
    if (!this.#all && this.#lines.length > 2 * LINES_MAX) this.#lines.splice(0, LINES_MAX);
  }

  /** Only counts a number into the hash. */
  count(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), FNV_PRIME);
  }

  /** The newest lines, or all. */
  get lines(): readonly string[] {
    return this.#all ? this.#lines : this.#lines.slice(-LINES_MAX);
  }

  /** Eight hexadecimal digits. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }
}
