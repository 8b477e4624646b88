/**
 * Chance that repeats: the same seed gives the same numbers on every machine.
 *
 * @module
 */
import type { Random } from "../../actors/runtime/ports.ts";

/** A mulberry32 generator; good enough to spread tests, not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    next(): number {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    },
  };
}

/** An integer from 0 (included) to `below` (excluded). */
export function randomInteger(random: Random, below: number): number {
  return Math.floor(random.next() * below);
}
