/**
 * Does a fault again and again, and says what it cost.
 *
 * @module
 */
import { contention } from "../support/contention.ts";
import type { Fault } from "./faults.ts";
import { Ground } from "./ground.ts";
import { holdings, leaks, MEMORY_SHARE_MAX, memoryShare } from "./leaks.ts";
import type { RunResult } from "./scene.ts";

/** Largest step of timestamps from one picture to the next: a few lost ones are no hole. */
const STEP_MS_MAX = 250;

/** Runs until a node has made whatever it makes once and keeps. */
const WARM_RUNS = 5;

/** What a series came to. */
export interface Outcome {
  readonly fault: Fault;
  readonly runs: readonly RunResult[];
  /** Memory of the nodes after it as a share of that before; `undefined` when none lived through. */
  readonly memoryShare: number | undefined;
  /** What should not have been; the bounds on gaps apart. */
  readonly faults: readonly string[];
}

export interface SeriesOptions {
  readonly times: number;
  /** Number of the first run; 0 unless some were before. */
  readonly first?: number;
  /** Told of each run as it ends. */
  readonly told?: (text: string) => void;
}

/** Runs a fault `times` times on a mesh of its own, and looks what it left behind. */
export async function runSeries(fault: Fault, options: SeriesOptions): Promise<Outcome> {
  const { nodes: names, cables, stand, args } = fault;
  await using ground = await Ground.start({ names, cables, stand, args });
  const before = await holdings(ground);
  // A node's first streams make what it keeps: memory counts from there.
  const first = Math.min(WARM_RUNS, options.times);
  const warm = await runRounds(ground, fault, { ...options, times: first });
  const started = await holdings(ground);
  const more = { ...options, times: options.times - first, first };
  const rest = more.times > 0 ? await runRounds(ground, fault, more) : { runs: [], faults: [] };
  const faults = [...warm.faults, ...rest.faults, ...await leaks(ground, before)];
  const share = await memoryShare(ground, started);
  if (share !== undefined && share > MEMORY_SHARE_MAX && rest.runs.length > 2) {
    faults.push(`memory grew to ${share.toFixed(2)} of what it was`);
  }
  return { fault, runs: [...warm.runs, ...rest.runs], memoryShare: share, faults };
}

/** Runs a fault `times` times on a mesh that runs. */
export async function runRounds(
  ground: Ground,
  fault: Fault,
  { times, first = 0, told = () => {} }: SeriesOptions,
): Promise<Outcome> {
  const runs: RunResult[] = [];
  const faults: string[] = [];
  for (let round = first; round < first + times; round++) {
    try {
      const run = await fault.run(ground, `live/${fault.name}-${round}`, round);
      runs.push(run);
      const wrong = faultsOf(fault, run);
      faults.push(...wrong.map((text) => `run ${round}: ${text}`));
      told(`${fault.name} ${round}: ${toldOf(run)} ${wrong.join("; ")}`.trimEnd());
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      faults.push(`run ${round}: ${text}`);
      told(`${fault.name} ${round}: FAILED ${text}`);
      await repair(ground);
    }
  }
  if (runs.every(({ compared }) => compared === 0)) faults.push("no segment was compared");
  return { fault, runs, memoryShare: undefined, faults };
}

/** The gaps of all runs, smallest first, in milliseconds. */
export function gapsOf({ runs }: Outcome): number[] {
  return runs.map(({ gapMs }) => gapMs).sort((a, b) => a - b);
}

/** Bounds that were missed; on a machine that others use, as many times longer as it is shared. */
export function missedBounds(outcome: Outcome): string[] {
  const { bounds, name } = outcome.fault;
  const gaps = gapsOf(outcome);
  if (gaps.length === 0) return [`${name}: no run came to its end`];
  const [p50, p99] = [quantile(gaps, 0.5), quantile(gaps, 0.99)];
  if (p50 <= bounds.p50Ms && p99 <= bounds.p99Ms) return [];
  const factor = contention();
  const missed = [["p50", p50, bounds.p50Ms], ["p99", p99, bounds.p99Ms]] as const;
  return missed.filter(([, ms, most]) => ms > most * factor)
    .map(([what, ms, most]) => `${name}: ${what} ${ms.toFixed(0)} ms, at most ${most} ms`);
}

/** The value below which that share of the sorted values lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

function faultsOf({ bounds }: Fault, run: RunResult): string[] {
  const { lost, doubled, backwards, stepMs, faults } = run;
  const found = [...faults];
  if (lost > 0 && !bounds.mayLose) found.push(`${lost} frames lost`);
  if (doubled > 0) found.push(`${doubled} frames doubled`);
  if (backwards > 0) found.push(`${backwards} timestamps went back`);
  if (stepMs > STEP_MS_MAX) found.push(`timestamps stepped ${stepMs} ms`);
  return found;
}

function toldOf({ gapMs, quietMs, owner, takeoverMs, lost, doubled }: RunResult): string {
  const [gap, quiet, takeover] = [gapMs, quietMs, takeoverMs].map((ms) => ms.toFixed(0));
  const owned = owner === "" ? "" : `${owner} owns it after ${takeover} ms,`;
  return `gap ${gap} ms (before ${quiet} ms), ${owned} ${lost} lost, ${doubled} doubled`;
}

/** Whatever a run left undone: every node runs again before the next one. */
async function repair(ground: Ground): Promise<void> {
  const down = ground.names.filter((name) => !ground.up.includes(ground.node(name)));
  await Promise.all(down.map((name) => ground.restart(name)));
  await ground.whole();
}
