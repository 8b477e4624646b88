/**
 * The real world behind the ports: the system's clocks, timers and randomness.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Log, Ports, Random, Timer, Timers } from "../actors/runtime/ports.ts";

/** Longest delay that the runtime's own timer takes, in milliseconds; longer ones fire at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** Words fetched at a time: the system is asked once in 512 numbers. */
const RANDOM_WORDS = 1024;

/** The ports of a real process, with `log` as its log. */
export function systemPorts(log: Log): Ports {
  return { clock: systemClock, timers: systemTimers, random: systemRandom(), log };
}

/** The process's monotonic clock and the wall clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
};

let pending = 0;

/** Timers that were started, and have neither fired nor been cancelled: what leaks would grow. */
export function timersPending(): number {
  return pending;
}

/** The event loop's timers. */
export const systemTimers: Timers = {
  after(delayMs: number, callback: () => void): Timer {
    if (Number.isNaN(delayMs)) throw new RangeError("Cannot start timer: delay is not a number");
    let handle: ReturnType<typeof setTimeout> | undefined;
    const fire = () => {
      handle = undefined;
      pending--;
      callback();
    };
    const arm = (leftMs: number) => {
      handle = leftMs > DELAY_MS_MAX
        ? setTimeout(() => arm(leftMs - DELAY_MS_MAX), DELAY_MS_MAX)
        : setTimeout(fire, Math.max(0, leftMs));
    };
    pending++;
    arm(delayMs);
    return {
      cancel() {
        if (handle === undefined) return;
        clearTimeout(handle);
        handle = undefined;
        pending--;
      },
    };
  },
  soon(callback: () => void): void {
    setImmediate(callback);
  },
};

/** Numbers from the system's generator, so that nobody can foretell the next identifier. */
export function systemRandom(): Random {
  const words = new Uint32Array(RANDOM_WORDS);
  let used = RANDOM_WORDS;
  return {
    next(): number {
      if (used === RANDOM_WORDS) {
        crypto.getRandomValues(words);
        used = 0;
      }
      // 53 bits, all that a double in [0, 1) can hold: 27 from one word, 26 from the next.
      const high = words[used++] >>> 5;
      const low = words[used++] >>> 6;
      return (high * 67_108_864 + low) / 9_007_199_254_740_992;
    },
  };
}
