/**
 * Which test files there are, which may run side by side, and how one `deno test` over them is run
 * and read.
 *
 * @module
 */
import { REPOSITORY } from "./paths.ts";
import { Child } from "./processes.ts";
import { type Report, reportOfRun } from "./report.ts";

/** Output kept of one run, in characters; all unit tests together print about 300,000. */
const OUTPUT_KEPT_MAX = 4 * 1024 * 1024;

/** End-to-end tests that measure delays or use every core: nothing else may run beside them. */
export const ALONE = [
  ...[
    "attack",
    "backup",
    "tls_attack",
    "chaos",
    "chaos_redis",
    "elastic",
    "drain",
    "fuzz",
    "session_fuzz",
    "slow_readers",
    "hls_browser",
    "join",
    "load",
    "player",
    "workers",
    "workers_mesh",
  ],
].map((name) => `tests/e2e/${name}_test.ts`);

/** Test files by how they are run. */
export interface Suites {
  /** In one process, side by side, allowed to read only. */
  readonly unit: readonly string[];
  /** End to end. They mostly wait for media to play, so two of them share the machine. */
  readonly together: readonly string[];
  /** End to end, one after the other. */
  readonly alone: readonly string[];
}

/** Sorts test files; with `filters` only those whose path contains one of them. */
export function suitesOf(paths: readonly string[], filters: readonly string[]): Suites {
  const files = paths.filter((path) =>
    path.endsWith("_test.ts") && !path.startsWith("tests/bench/") &&
    (filters.length === 0 || filters.some((filter) => path.includes(filter)))
  ).sort();
  const endToEnd = files.filter((path) => path.startsWith("tests/e2e/"));
  return {
    unit: files.filter((path) => !endToEnd.includes(path)),
    together: endToEnd.filter((path) => !ALONE.includes(path)),
    alone: endToEnd.filter((path) => ALONE.includes(path)),
  };
}

/** Paths of all files under a folder of the repository. */
export function filesUnder(folder: string): string[] {
  return [...Deno.readDirSync(`${REPOSITORY}/${folder}`)].flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory ? filesUnder(path) : [path];
  });
}

export interface TestRun {
  /** Named in the output, and in a failure that is of no test. */
  readonly what: string;
  /** Arguments of `deno test`: flags and files. */
  readonly args: readonly string[];
  /** A run that takes longer hangs, in milliseconds. */
  readonly timeoutMs: number;
}

/** Runs `deno test`, prints what it printed, and gives what it proved. */
export async function runTests({ what, args, timeoutMs }: TestRun): Promise<Report> {
  const startedMs = performance.now();
  const path = await Deno.makeTempFile({ prefix: "headwater-report-", suffix: ".xml" });
  const child = new Child(Deno.execPath(), [
    // Types were checked before, for all files at once.
    ...["test", "--no-prompt", "--no-check", `--junit-path=${path}`, ...args],
  ], {
    cwd: REPOSITORY,
    env: { ...Deno.env.toObject(), NO_COLOR: "1" },
    timeoutMs,
    outputMax: OUTPUT_KEPT_MAX,
  });
  const { code, timedOut, stdout, stderr } = await child.ended;
  const xml = await Deno.readTextFile(path);
  await Deno.remove(path);
  const output = `${stdout}${stderr}`;
  console.log(`\n== ${what}: ${((performance.now() - startedMs) / 1_000).toFixed(0)} s\n${output}`);
  return reportOfRun({
    what,
    xml: xml === "" ? undefined : xml,
    output,
    success: code === 0,
    timedOutMs: timedOut ? timeoutMs : undefined,
  });
}
