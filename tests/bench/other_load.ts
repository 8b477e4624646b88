/**
 * What strangers use of the two cores of the benchmark while a figure is taken.
 *
 * @module
 */
import { coreBusySeconds, ownCpuSeconds } from "./proc.ts";

/** Beyond this, in percent of a core, a figure is noisy: strangers evict caches and take turns. */
export const OTHERS_PERCENT_MAX = 15;

/** Busy time of one core at one moment, and whose it was. */
interface Reading {
  readonly atMs: number;
  readonly busySeconds: number;
  readonly own: ReadonlyMap<number, number>;
}

/** One core, from the moment this was made. */
export class OtherLoad {
  readonly #core: number;
  readonly #start: Reading;

  constructor(core: number) {
    this.#core = core;
    this.#start = read(core);
  }

  /** What processes that are not the benchmark's used since, in percent of the core. */
  percent(): number {
    const end = read(this.#core);
    let seconds = end.busySeconds - this.#start.busySeconds;
    // One that ended meanwhile cannot be asked any more; nothing ends within a window.
    for (const [pid, cpu] of end.own) seconds -= cpu - (this.#start.own.get(pid) ?? 0);
    // Both clocks count in ticks of 10 ms, so the difference may come out below zero.
    return Math.max(0, seconds * 100_000 / (end.atMs - this.#start.atMs));
  }
}

function read(core: number): Reading {
  return {
    atMs: performance.now(),
    busySeconds: coreBusySeconds(core),
    own: ownCpuSeconds(core),
  };
}

/** "7", or "31 noisy"; the most of `percents`. */
export function noise(percents: readonly number[]): string {
  const most = Math.max(0, ...percents);
  return most > OTHERS_PERCENT_MAX ? `${most.toFixed(0)} noisy` : most.toFixed(0);
}
