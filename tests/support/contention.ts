/**
 * How busy the machine is with others' work: the control for limits in wall time.
 *
 * A limit says what a quiet machine must keep to; beside other load the same work takes as many
 * times longer as its processor is shared by. Multiplied by {@link contention}, taken in the same
 * run, a limit means the same on both.
 *
 * @module
 */

import process from "node:process";
import { assert } from "./assert.ts";

/** Processor time that one look takes, in microseconds: some turns of the kernel's scheduler. */
const LOOK_US = 40_000;

/** Largest factor: who gets less of a processor than this measures nothing any more. */
const CONTENTION_MAX = 20;

/**
 * Computes for a moment and compares the wall clock with the processor time it got.
 *
 * @returns How many times longer work takes now than alone on a core: 1 to 20.
 */
export function contention(): number {
  const startMs = performance.now();
  const from = process.cpuUsage();
  let usedUs = 0;
  while (usedUs < LOOK_US) {
    const { user, system } = process.cpuUsage(from);
    usedUs = user + system;
    if (performance.now() - startMs > CONTENTION_MAX * LOOK_US / 1_000) return CONTENTION_MAX;
  }
  return Math.max(1, (performance.now() - startMs) * 1_000 / usedUs);
}

/** Fails when something took longer than it may, `limitMs` on a quiet machine. */
export function assertWithin(limitMs: number, tookMs: number, what: string): void {
  if (tookMs <= limitMs) return;
  const factor = contention();
  const told = `${what} took ${tookMs.toFixed(0)} ms: at most ${limitMs} ms on a quiet machine, ` +
    `${(limitMs * factor).toFixed(0)} ms on this one`;
  assert(tookMs <= limitMs * factor, told);
}
