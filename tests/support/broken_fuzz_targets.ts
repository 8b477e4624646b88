/**
 * Fuzz targets with a defect each, for the tests of the campaign that must find them.
 *
 * @module
 */
import process from "node:process";
import type { FuzzTarget } from "../fuzz/fuzz_target.ts";

const SEEDS = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), Uint8Array.of(9, 10, 11, 12)];

/** The same defect in all: bytes that no seed has, at places that mutations reach. */
function isBad(input: Uint8Array): boolean {
  return input.length > 2 && input[0] === 0xff;
}

function target(name: string, defect: (input: Uint8Array) => void): FuzzTarget {
  return { name, seeds: SEEDS, run: (input) => isBad(input) ? defect(input) : undefined };
}

let kept: unknown;

export const BROKEN_FUZZ_TARGETS: FuzzTarget[] = [
  target("sound", () => {}),
  target("throws", () => {
    throw new TypeError("thrown on purpose");
  }),
  target("allocates", () => {
    kept = new Uint8Array(1 << 28);
  }),
  target("allocates often", () => {
    for (let count = 0; count < 100; count++) kept = new Uint8Array(1 << 20);
  }),
  target("is slow", () => {
    const { user, system } = process.cpuUsage();
    for (let now = { user, system }; now.user + now.system - user - system < 1_200_000;) {
      now = process.cpuUsage();
    }
  }),
  {
    name: "waits", // No defect, though a clock on the wall would say so.
    seeds: SEEDS,
    run: () => new Promise((done) => setTimeout(done, 1_050)),
  },
  target("hangs", (input) => {
    while (input[0] === 0xff) kept = input;
  }),
];

/** Keeps the arrays above from being optimised away. */
export function lastKept(): unknown {
  return kept;
}
