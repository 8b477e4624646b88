/**
 * RTP timestamps: 32 bits that wrap, in units of each format's own clock.
 *
 * Source: RFC 3550, section 5.1.
 *
 * @module
 */
import { rescale } from "../media/rescale.ts";

const SECOND_US = 1_000_000;

/** Highest clock that is believed, in Hz: four times the highest audio rate. */
export const CLOCK_HZ_MAX = 768_000;

/** Farthest that an unwrapped timestamp may stray; beyond it counting starts anew. */
const TICKS_MAX = 2 ** 48;

/** Ticks nearest to a time in integer microseconds, not wrapped; exact for any live time. */
export function ticksOfUs(timeUs: number, clockHz: number): number {
  return rescale(timeUs, SECOND_US, clockHz);
}

/** Integer microseconds nearest to `ticks`; {@link ticksOfUs} gives the very ticks back. */
export function usOfTicks(ticks: number, clockHz: number): number {
  return rescale(ticks, clockHz, SECOND_US);
}

/** The distance from `from` to `to`, both of 32 bits, taken the shorter way round. */
export function ticksBetween(from: number, to: number): number {
  return (to - from) | 0;
}

/** Undoes the wrap of one track's timestamps: each lies within half a round of the one before. */
export class TimestampUnwrapper {
  #last: number | undefined;

  /** The time that `timestamp`, of 32 bits, stands for; negative for what precedes a first near 0. */
  unwrap(timestamp: number): number {
    return this.#last = this.peek(timestamp);
  }

  /** The same without taking it as the newest. */
  peek(timestamp: number): number {
    const last = this.#last;
    if (last === undefined || Math.abs(last) > TICKS_MAX) return timestamp;
    // >>> 0 takes the low 32 bits of numbers of any size and sign that are this far from 2^53.
    return last + ticksBetween(last >>> 0, timestamp);
  }
}
