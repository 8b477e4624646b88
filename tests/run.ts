/**
 * Runs every test of the repository: `deno task test`.
 *
 * Brings the system packages the tests need where it may, runs the unit tests side by side with no
 * permission but to read, then the end-to-end tests, and closes with the plain line
 * `N passed, N failed, N skipped`. Exit code 1 when something failed.
 *
 * @module
 */
import { installMissingTools } from "./support/install.ts";
import { addReports, parseReport, type Report } from "./support/report.ts";
import { REPOSITORY } from "./support/paths.ts";
import { missingTool, type ToolName, TOOLS } from "./support/tools.ts";

/** A suite that runs longer than its `timeoutMs`, in milliseconds, hangs. */
interface Suite {
  readonly name: string;
  readonly timeoutMs: number;
  readonly args: readonly string[];
  /** Test files at a time; one a core unless given. */
  readonly jobs?: number;
}

const UNIT: Suite = {
  name: "unit tests",
  timeoutMs: 90_000,
  args: [
    ...["--parallel", "--allow-read", "--allow-env", "--allow-sys"],
    ...["--ignore=tests/e2e,tests/bench", "tests"],
  ],
};

/** End-to-end tests that measure delays or use every core: nothing else may run beside them. */
const ALONE = ["attack", "fuzz", "hls_browser", "join", "load", "player"].map((name) =>
  `tests/e2e/${name}_test.ts`
);

/** The others mostly wait for media to play, so two of them share the machine. */
const TOGETHER: Suite = {
  name: "end-to-end tests, two by two",
  timeoutMs: 600_000,
  args: ["--parallel", "--allow-all", `--ignore=${ALONE.join()}`, "tests/e2e"],
  jobs: 2,
};

const ONE_BY_ONE: Suite = {
  name: "end-to-end tests, one by one",
  timeoutMs: 600_000,
  args: ["--allow-all", ...ALONE],
};

/** Runs one suite, its output going straight to ours. */
async function runSuite(suite: Suite, folder: string): Promise<Report> {
  console.log(`\n== ${suite.name}`);
  const startedMs = performance.now();
  const report = `${folder}/${suite.name.replaceAll(/\W+/g, "-")}.xml`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-prompt", `--junit-path=${report}`, ...suite.args],
    cwd: REPOSITORY,
    env: suite.jobs === undefined ? {} : { DENO_JOBS: String(suite.jobs) },
    stdin: "null",
  }).spawn();
  const stop = () => child.kill("SIGTERM");
  const timer = setTimeout(() => {
    console.error(`The ${suite.name} still run after ${suite.timeoutMs / 1_000} s: stopped`);
    stop();
  }, suite.timeoutMs);
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, stop);
  const { success } = await child.status;
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, stop);
  clearTimeout(timer);
  console.log(`${suite.name} took ${((performance.now() - startedMs) / 1_000).toFixed(0)} s`);
  return readReport(report, success, suite.name);
}

async function readReport(path: string, success: boolean, name: string): Promise<Report> {
  let report: Report;
  try {
    report = parseReport(await Deno.readTextFile(path));
  } catch {
    report = { passed: 0, failed: [], skipped: [] }; // It ended before it could write one.
  }
  // A file that does not compile, or a runner that was stopped, is in no report.
  if (success || report.failed.length > 0) return report;
  return { ...report, failed: [`the ${name} did not run to their end`] };
}

async function main(): Promise<number> {
  await installMissingTools();
  for (const name of Object.keys(TOOLS) as ToolName[]) {
    const missing = missingTool(name);
    if (missing !== undefined) console.warn(`NOT INSTALLED, tests will be skipped: ${missing}`);
  }
  const folder = await Deno.makeTempDir({ prefix: "headwater-test-" });
  let total: Report = { passed: 0, failed: [], skipped: [] };
  for (const suite of [UNIT, TOGETHER, ONE_BY_ONE]) {
    total = addReports(total, await runSuite(suite, folder));
  }
  await Deno.remove(folder, { recursive: true });

  const { passed, failed, skipped } = total;
  for (const name of skipped) console.log(`SKIPPED ${name}`);
  for (const name of failed) console.log(`FAILED ${name}`);
  console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
