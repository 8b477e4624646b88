/**
 * The 90 kHz clock of MPEG systems and its 33 bits.
 *
 * Source: ISO/IEC 13818-1, sections 2.4.3.5 (PCR) and 2.4.3.7 (PTS and DTS). Everywhere in this
 * folder a time in ticks is microseconds * 9 / 100, rounded to the nearest.
 *
 * @module
 */

/** Timestamps count modulo this: 33 bits, about 26.5 hours. */
export const TICKS_WRAP = 2 ** 33;

/** Farthest that an unwrapped time may stray; beyond it counting starts anew. Some 400 years. */
const TICKS_MAX = 2 ** 50;

/** Ticks of a time in integer microseconds; not wrapped, so it may be negative. */
export function ticksOfUs(timeUs: number): number {
  return Math.round(timeUs * 9 / 100);
}

/** Integer microseconds of a time in ticks; {@link ticksOfUs} gives the very ticks back. */
export function usOfTicks(ticks: number): number {
  return Math.round(ticks * 100 / 9);
}

/** Brings ticks into 33 bits. */
export function wrapTicks(ticks: number): number {
  const wrapped = ticks % TICKS_WRAP;
  return wrapped < 0 ? wrapped + TICKS_WRAP : wrapped;
}

/** The distance from `from` to `to`, both of 33 bits, taken the shorter way round. */
export function ticksBetween(from: number, to: number): number {
  const forward = wrapTicks(to - from);
  return forward < TICKS_WRAP / 2 ? forward : forward - TICKS_WRAP;
}

/**
 * Undoes the wrap of 33 bits. One for all streams of a programme, so that they stay together: each
 * time lies within half a round of the one before. Negative for what precedes a first time near 0.
 */
export class TickUnwrapper {
  #last: number | undefined;

  /** The time that `ticks`, of 33 bits, stands for. */
  unwrap(ticks: number): number {
    const last = this.#last;
    const next = last === undefined ? ticks : last + ticksBetween(wrapTicks(last), ticks);
    return this.#last = Math.abs(next) > TICKS_MAX ? ticks : next;
  }
}
