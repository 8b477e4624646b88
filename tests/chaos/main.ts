/**
 * Faults done to real nodes, and what their viewers noticed: `deno task chaos [--only FAULT,...]
 * [--times N]`. Exit code 1 when something was worse than promised, 2 for wrong arguments.
 *
 * @module
 */
import { type Fault, FAULTS } from "./faults.ts";
import { missingNetwork } from "./network.ts";
import { gapsOf, missedBounds, type Outcome, quantile, runSeries } from "./series.ts";

/** How often each fault is done unless said. */
const TIMES = 20;
const TIMES_MAX = 1_000;

const NAMES = FAULTS.map(({ name }) => name);
const USAGE = `deno task chaos [--only ${NAMES.join(",")}] [--times N]`;

interface ChaosOptions {
  readonly faults: readonly Fault[];
  readonly times: number;
}

/** @throws {TypeError} A flag or its value is not known; the text names it. */
function parseOptions(args: readonly string[]): ChaosOptions {
  let [faults, times] = [FAULTS, TIMES];
  for (let i = 0; i < args.length; i += 2) {
    const [flag, value = ""] = args.slice(i, i + 2);
    if (flag === "--only") faults = faultsOf(value.split(","));
    else if (flag === "--times") times = timesOf(value);
    else throw new TypeError(`Cannot take ${flag}: ${USAGE}`);
  }
  return { faults, times };
}

function faultsOf(names: readonly string[]): Fault[] {
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new TypeError(`Cannot run "${unknown}": ${USAGE}`);
  return FAULTS.filter(({ name }) => names.includes(name));
}

function timesOf(value: string): number {
  const times = Number(value);
  if (Number.isInteger(times) && times >= 1 && times <= TIMES_MAX) return times;
  throw new TypeError(`Cannot run "${value}" times: --times takes 1 to ${TIMES_MAX}`);
}

function printTable(outcomes: readonly Outcome[]): void {
  console.log("\n| fault | runs | gap p50 | p99 | max | lost | doubled | owner after | memory |");
  console.log("| --- | --: | --: | --: | --: | --: | --: | --- | --: |");
  for (const outcome of outcomes) console.log(rowOf(outcome));
}

function rowOf(outcome: Outcome): string {
  const { fault, runs, memoryShare } = outcome;
  const gaps = gapsOf(outcome);
  const ms = (value: number | undefined) => value === undefined ? "-" : `${value.toFixed(0)} ms`;
  const sum = (count: (run: Outcome["runs"][number]) => number) =>
    String(runs.reduce((total, run) => total + count(run), 0));
  const owners = new Map<string, number>();
  for (const { owner } of runs) owners.set(owner, (owners.get(owner) ?? 0) + 1);
  const ownerText = [...owners].map(([owner, count]) => owner === "" ? "-" : `${owner} ${count}`)
    .join(", ");
  return `| ${
    [
      ...[fault.what, String(runs.length), ms(quantile(gaps, 0.5)), ms(quantile(gaps, 0.99))],
      ...[ms(gaps.at(-1)), sum(({ lost }) => lost), sum(({ doubled }) => doubled), ownerText],
      memoryShare === undefined ? "-" : memoryShare.toFixed(2),
    ].join(" | ")
  } |`;
}

async function main(args: readonly string[]): Promise<number> {
  const { faults, times } = parseOptions(args);
  const missing = await missingNetwork();
  const outcomes: Outcome[] = [];
  for (const fault of faults) {
    if (fault.cables && missing !== undefined) {
      console.warn(`SKIPPED ${fault.name}: ${missing}`);
      continue;
    }
    const outcome = await runSeries(fault, { times, told: (text) => console.log(text) });
    outcomes.push(outcome);
  }
  printTable(outcomes);
  const wrong = outcomes.flatMap((outcome) => [
    ...missedBounds(outcome),
    ...outcome.faults.map((text) => `${outcome.fault.name}: ${text}`),
  ]);
  for (const text of wrong) console.log(`WRONG ${text}`);
  return wrong.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
