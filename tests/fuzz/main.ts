/**
 * The fuzz campaign: `deno run -A tests/fuzz/main.ts [--inputs N] [--seed S]`.
 *
 * Runs mutated inputs through all fuzz targets in child processes, one a core, and prints inputs,
 * seconds and failures. Exit code 1 when something failed, 2 when a flag was wrong. A failure is
 * printed with the flags that run its input again.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import { Child } from "../support/processes.ts";
import { meterAllocations } from "./allocation_meter.ts";
import { type Failure, inputOf, runCampaign, runInput, type TargetReport } from "./campaign.ts";
import { allTargets, type FuzzTarget, targetsOf } from "./fuzz_target.ts";
import { failureText, reportText } from "./report_text.ts";
import type { WatchdogOptions } from "./watchdog_worker.ts";

/** Longest a campaign may take, in milliseconds: a night. */
const CAMPAIGN_MS_MAX = 12 * 3_600_000;

interface Settings {
  readonly targets: readonly FuzzTarget[];
  readonly inputs: number;
  readonly seed: number;
  readonly jobs: number;
  /** Longest that one input may run before its process is killed, in milliseconds. */
  readonly hangMs: number;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      inputs: { type: "string", default: "100000" },
      seed: { type: "string", default: "1" },
      jobs: { type: "string", default: String(Math.min(2, navigator.hardwareConcurrency)) },
      "hang-ms": { type: "string", default: "20000" },
      /** Runs only the target of this name. */
      only: { type: "string" },
      /** With `--only`: runs this one input again. */
      index: { type: "string" },
      /** With `--only`: runs these bytes. */
      hex: { type: "string" },
      /** A module to take the targets from, instead of this folder's. */
      targets: { type: "string" },
      /** Set by the campaign itself, for its children. */
      shard: { type: "string" },
    },
  });
  const all =
    await (values.targets === undefined ? allTargets() : targetsOf(pathToFileURL(values.targets)));
  const settings: Settings = {
    targets: all.filter(({ name }) => values.only === undefined || name === values.only),
    inputs: wholeNumber("--inputs", values.inputs),
    seed: wholeNumber("--seed", values.seed),
    jobs: Math.max(1, wholeNumber("--jobs", values.jobs)),
    hangMs: wholeNumber("--hang-ms", values["hang-ms"]),
  };
  if (settings.targets.length === 0) {
    throw new RangeError(`--only ${values.only}: no such target; there are ${namesOf(all)}`);
  }
  if (values.shard !== undefined) return await runShard(settings, Number(values.shard));
  const input = values.hex !== undefined
    ? Uint8Array.fromHex(values.hex)
    : values.index !== undefined
    ? inputOf(settings.targets[0], settings.seed, wholeNumber("--index", values.index))
    : undefined;
  if (input !== undefined) return await replay(settings.targets[0], input);
  return await runShards(settings, args);
}

/** Runs one input and prints what came of it. */
async function replay(target: FuzzTarget, input: Uint8Array): Promise<number> {
  meterAllocations();
  const { fault, ms, allocations } = await runInput(target, input);
  console.log(`${input.length} bytes, ${ms.toFixed(1)} ms, asked for ${allocations.sum} bytes`);
  console.log(fault ?? "no failure");
  return fault === undefined ? 0 : 1;
}

/** What a child prints, a line each. */
type ShardLine =
  | { readonly kind: "failure"; readonly failure: Failure }
  | { readonly kind: "done"; readonly reports: readonly TargetReport[] };

/** A child's part: runs its inputs under the eyes of a watchdog. */
async function runShard(settings: Settings, shard: number): Promise<number> {
  const begun = new SharedArrayBuffer(12);
  const counter = new Int32Array(begun);
  const watchdog = new Worker(new URL("./watchdog_worker.ts", import.meta.url), { type: "module" });
  watchdog.postMessage({ begun, hangMs: settings.hangMs } satisfies WatchdogOptions);
  meterAllocations();
  const reports = await runCampaign({
    ...settings,
    shard,
    shards: settings.jobs,
    begin: (target, index) => {
      Atomics.store(counter, 1, target);
      Atomics.store(counter, 2, index);
      Atomics.add(counter, 0, 1);
    },
    failed: (failure) => printLine({ kind: "failure", failure }),
  });
  watchdog.terminate();
  printLine({ kind: "done", reports });
  return 0;
}

function printLine(line: ShardLine): void {
  const bytes = new TextEncoder().encode(JSON.stringify(line) + "\n");
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

/** The parent's part: a child for each job, and the sum of what they say. */
async function runShards(settings: Settings, args: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  const failures: Failure[] = [];
  const reports: TargetReport[] = [];
  const failed = (failure: Failure) => {
    failures.push(failure);
    console.log(failureText(failure));
  };
  const module = new URL(import.meta.url).pathname;
  const children = Array.from({ length: settings.jobs }, async (_, shard) => {
    let done = false;
    const flags = [...args, "--jobs", String(settings.jobs), "--shard", String(shard)];
    await using child = new Child(
      Deno.execPath(),
      ["run", "--no-prompt", "--quiet", "--allow-read", "--allow-env", "--allow-sys"]
        .concat(["--allow-run", module, ...flags]),
      {
        timeoutMs: CAMPAIGN_MS_MAX,
        onLine: (text) => {
          const line = parseShardLine(text, settings);
          if (line?.kind === "failure") failed(line.failure);
          if (line?.kind !== "done") return;
          reports.push(...line.reports);
          done = true;
        },
      },
    );
    const { code, stderr } = await child.ended;
    if (done || failures.some(({ reason }) => reason.startsWith(HANG))) return;
    const reason = `process ${shard} ended early with code ${code}: ${stderr.slice(-2_000)}`;
    failed({ target: "the campaign", seed: settings.seed, index: shard, reason, hex: "" });
  });
  await Promise.all(children);
  console.log(reportText({ reports, failures, seconds: (performance.now() - startedMs) / 1_000 }));
  return failures.length === 0 ? 0 : 1;
}

const HANG = "it never came back";

function parseShardLine(text: string, { targets, seed, hangMs }: Settings): ShardLine | undefined {
  const hang = /^HANG (\d+) (\d+)$/.exec(text);
  if (hang === null) return text.startsWith("{") ? JSON.parse(text) as ShardLine : undefined;
  const target = targets[Number(hang[1])];
  const index = Number(hang[2]);
  const reason = `${HANG}: killed after ${hangMs} ms`;
  const hex = inputOf(target, seed, index).toHex();
  return { kind: "failure", failure: { target: target.name, seed, index, reason, hex } };
}

function wholeNumber(flag: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new RangeError(`${flag} ${text}: a whole number from 0 to 999999999 would fit`);
}

function namesOf(targets: readonly FuzzTarget[]): string {
  return targets.map(({ name }) => `"${name}"`).join(", ");
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(2);
  }
}
