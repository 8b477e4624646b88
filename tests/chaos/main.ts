/**
 * Faults done to real nodes, and what their viewers noticed: `deno task chaos [--only FAULT,...]
 * [--times N]`, or at random for a while: `deno task chaos --elastic 10m [--seed N]`. Exit code 1
 * when something was worse than promised, 2 for wrong arguments.
 *
 * @module
 */
import { elasticChaos } from "./elastic.ts";
import { type Fault, FAULTS } from "./faults.ts";
import { missingNetwork } from "./network.ts";
import { PARTITION_FAULTS } from "./partition_faults.ts";
import { REDIS_FAULTS } from "./redis_faults.ts";
import { gapsOf, missedBounds, type Outcome, quantile, runSeries } from "./series.ts";

/** How often each fault is done unless said. */
const TIMES = 20;
const TIMES_MAX = 1_000;

const ALL = [...FAULTS, ...REDIS_FAULTS, ...PARTITION_FAULTS];
const NAMES = ALL.map(({ name }) => name);
const USAGE = `deno task chaos [--only ${NAMES.join(",")}] [--times N], ` +
  "or deno task chaos --elastic 10m [--seed N]";

/** Shortest and longest of `--elastic`, in milliseconds. */
const ELASTIC_MS_MIN = 10_000;
const ELASTIC_MS_MAX = 1_200_000;

interface ChaosOptions {
  readonly faults: readonly Fault[];
  readonly times: number;
  /** At random for so long, in milliseconds. */
  readonly elasticMs: number | undefined;
  readonly seed: number;
}

/** @throws {TypeError} A flag or its value is not known; the text names it. */
function parseOptions(args: readonly string[]): ChaosOptions {
  let [faults, times] = [ALL.filter(({ byName }) => !byName), TIMES];
  let elasticMs: number | undefined;
  let seed = Math.floor(Math.random() * 1e9);
  for (let i = 0; i < args.length; i += 2) {
    const [flag, value = ""] = args.slice(i, i + 2);
    if (flag === "--only") faults = faultsOf(value.split(","));
    else if (flag === "--times") times = timesOf(value);
    else if (flag === "--elastic") elasticMs = elasticMsOf(value);
    else if (flag === "--seed") seed = seedOf(value);
    else throw new TypeError(`Cannot take ${flag}: ${USAGE}`);
  }
  return { faults, times, elasticMs, seed };
}

function elasticMsOf(value: string): number {
  const [, count, unit] = /^(\d{1,4})([sm])$/.exec(value) ?? [];
  const ms = Number(count) * (unit === "m" ? 60_000 : 1_000);
  if (ms >= ELASTIC_MS_MIN && ms <= ELASTIC_MS_MAX) return ms;
  throw new TypeError(`Cannot run for "${value}": --elastic takes 10s to 20m`);
}

function seedOf(value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new TypeError(`Cannot take seed "${value}": --seed takes a number of up to 9 digits`);
}

function faultsOf(names: readonly string[]): Fault[] {
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new TypeError(`Cannot run "${unknown}": ${USAGE}`);
  return ALL.filter(({ name }) => names.includes(name));
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

async function mainElastic(forMs: number, seed: number): Promise<number> {
  console.log(`seed ${seed}`);
  const told = (text: string) => console.log(text);
  const { history, ...outcome } = await elasticChaos({ forMs, seed, told });
  const file = await Deno.makeTempFile({ prefix: `headwater-elastic-${seed}-`, suffix: ".json" });
  await Deno.writeTextFile(file, JSON.stringify({ seed, ...outcome, history }));
  console.log(`\n${JSON.stringify(outcome, undefined, 2)}\nseed ${seed}, history in ${file}`);
  return outcome.wrong.length === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const { faults, times, elasticMs, seed } = parseOptions(args);
  if (elasticMs !== undefined) return await mainElastic(elasticMs, seed);
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
