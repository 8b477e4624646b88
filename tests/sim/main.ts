/**
 * `deno task sim [--seeds N] [--from N] [--seconds N] [--nodes N]`: plays seeds on all cores;
 * `--seed N` plays one and prints all that happened.
 *
 * Exit code 1 when something did not hold, 2 for arguments that are wrong.
 *
 * @module
 */
import { playSeeds } from "./play_seeds.ts";
import { scheduleText } from "./schedule.ts";
import { SIM_MS_MIN, type SimOptions, type SimResult, simulate } from "./simulation.ts";

/** Lines of the trace that a failing seed prints; its replay prints all. */
const LINES_SHOWN = 60;

/** Failing seeds that are printed in full; of the others the number is enough. */
const REPORTS_MAX = 5;

/** Seeds between two lines of progress. */
const PROGRESS_SEEDS = 100;

/** Bounds of the arguments. */
const LIMITS = {
  seed: [1, 2 ** 31],
  seeds: [1, 1_000_000],
  from: [1, 2 ** 31],
  seconds: [SIM_MS_MIN / 1_000, 3_600],
  nodes: [3, 16],
} as const;

type Flag = keyof typeof LIMITS;

/** Reads the arguments. @throws {RangeError} One is unknown, or its value is out of bounds. */
function parseArguments(args: readonly string[]): Partial<Record<Flag, number>> {
  const values: Partial<Record<Flag, number>> = {};
  for (let i = 0; i < args.length; i += 2) {
    const flag = args[i].slice(2);
    if (!args[i].startsWith("--") || !(flag in LIMITS)) {
      throw new RangeError(
        `Cannot simulate: ${args[i]} is no argument, --seed or --seeds would be`,
      );
    }
    const [least, most] = LIMITS[flag as Flag];
    const value = Number(args[i + 1]);
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(
        `Cannot simulate: --${flag} is ${args[i + 1]}, an integer from ${least} to ${most} fits`,
      );
    }
    values[flag as Flag] = value;
  }
  return values;
}

/** What somebody needs who wants to know why a seed failed. */
export function reportOf({ seed, faults, schedule, trace, hash }: SimResult): string {
  return [
    `seed ${seed} failed (trace ${hash}); replay it with: deno task sim --seed ${seed}`,
    "its schedule:",
    scheduleText(schedule),
    `its last ${Math.min(LINES_SHOWN, trace.length)} events:`,
    ...trace.slice(-LINES_SHOWN),
    "what did not hold:",
    ...faults.map((fault) => `  ${fault}`),
  ].join("\n");
}

async function replay(options: SimOptions): Promise<number> {
  const result = await simulate({ ...options, wholeTrace: true });
  console.log(result.trace.join("\n"));
  const { seed, hash, faults, events, records, jumps } = result;
  console.log(`seed ${seed}: trace ${hash}, ${events} events, ${records} records, ${jumps} jumps`);
  for (const fault of faults) console.log(`FAULT ${fault}`);
  return faults.length === 0 ? 0 : 1;
}

async function playAll(from: number, seeds: number, options: Omit<SimOptions, "seed">) {
  const startedMs = performance.now();
  const failed: number[] = [];
  let done = 0;
  const played = (result: SimResult) => {
    if (result.faults.length > 0) {
      failed.push(result.seed);
      console.log(
        failed.length > REPORTS_MAX
          ? `seed ${result.seed} failed: ${result.faults[0]}`
          : reportOf(result),
      );
    }
    if (++done % PROGRESS_SEEDS === 0) console.log(`${done} seeds, ${failed.length} failed`);
  };
  await playSeeds({ ...options, from, seeds, played });
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  failed.sort((a, b) => a - b);
  console.log(`${seeds} seeds in ${seconds} s, ${failed.length} failed: ${failed.join(" ")}`);
  return failed.length === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  let values: ReturnType<typeof parseArguments>;
  try {
    values = parseArguments(args);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
  const { seed, seeds = 100, from = 1, seconds = 60, nodes = 5 } = values;
  const options = { virtualMs: seconds * 1_000, nodes };
  return seed === undefined
    ? await playAll(from, seeds, options)
    : await replay({ ...options, seed });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
