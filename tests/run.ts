/**
 * Runs every test of the repository: `deno task test`.
 *
 * Brings the system packages the tests need where it may, runs the unit tests side by side with no
 * permission but to read, then the end-to-end tests one after another, and closes with the plain
 * line `N passed, N failed, N skipped`. Exit code 1 when something failed.
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
}

const UNIT: Suite = {
  name: "unit tests",
  timeoutMs: 90_000,
  args: [
    ...["--parallel", "--allow-read", "--allow-env", "--allow-sys"],
    ...["--ignore=tests/e2e,tests/bench", "tests"],
  ],
};

const E2E: Suite = {
  name: "end-to-end tests",
  timeoutMs: 480_000,
  args: ["--allow-all", "tests/e2e"],
};

/** Runs one suite, its output going straight to ours. */
async function runSuite(suite: Suite, folder: string): Promise<Report> {
  console.log(`\n== ${suite.name}`);
  const startedMs = performance.now();
  const report = `${folder}/${suite.name.replaceAll(" ", "-")}.xml`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-prompt", `--junit-path=${report}`, ...suite.args],
    cwd: REPOSITORY,
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
  const unit = await runSuite(UNIT, folder);
  const e2e = await runSuite(E2E, folder);
  await Deno.remove(folder, { recursive: true });

  const { passed, failed, skipped } = addReports(unit, e2e);
  for (const name of skipped) console.log(`SKIPPED ${name}`);
  for (const name of failed) console.log(`FAILED ${name}`);
  console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
