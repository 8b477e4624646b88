/**
 * Runs every test of the repository: `deno task test [PART OF A FILE'S PATH]...`.
 *
 * Brings the system packages the tests need where it may, checks the types, runs the unit tests
 * side by side with no permission but to read, then the end-to-end tests, each file in a process of
 * its own, and closes with the plain line `N passed, N failed, N skipped`. Files that failed get a
 * second try, alone; what passes then is said in the lines before. Exit code 1 when something
 * failed, 2 for arguments that are wrong.
 *
 * @module
 */
import { installMissingTools } from "./support/install.ts";
import { REPOSITORY } from "./support/paths.ts";
import { runChild } from "./support/processes.ts";
import { addReports, failureOf, NO_REPORT, type Report } from "./support/report.ts";
import {
  type Attempt,
  closingLines,
  failedFiles,
  secondTries,
  type Settled,
} from "./support/second_try.ts";
import { filesUnder, runTests, type Suites, suitesOf } from "./support/test_suites.ts";
import { missingTool, type ToolName, TOOLS } from "./support/tools.ts";

/** Longest the check of all types may take, in milliseconds: 10 s with nothing in the cache. */
const CHECK_MS_MAX = 180_000;

/** Longest all unit tests may take, in milliseconds: 11 s on two quiet cores. */
const UNIT_MS_MAX = 300_000;

/** Longest an end-to-end file may take, in milliseconds: the slowest needs two minutes. */
const FILE_MS_MAX = 300_000;

/** End-to-end files at a time of those that may share the machine. */
const FILES_AT_A_TIME = 2;

/** No file is begun later than this, in milliseconds; a quiet machine is done in 18 minutes. */
const BEGIN_MS_MAX = 20 * 60_000;

/** Files that get a second try: when more fail it is no chance. */
const UNIT_FILES_AGAIN_MAX = 3;
const E2E_FILES_AGAIN_MAX = 6;

/** Longest all second tries may take, in milliseconds: six of the slowest files. */
const AGAIN_MS_MAX = 8 * 60_000;

/** No second try goes on after this, in milliseconds: a run takes less than 25 minutes. */
const END_MS_MAX = 24 * 60_000;

/** Permissions by kind of test. */
const UNIT_ARGS = ["--parallel", "--allow-read", "--allow-env", "--allow-sys"];
const E2E_ARGS = ["--allow-all"];

async function checkTypes(): Promise<Report> {
  const { code, stderr } = await runChild(Deno.execPath(), ["check", "-q", "mod.ts", "tests"], {
    cwd: REPOSITORY,
    env: { ...Deno.env.toObject(), NO_COLOR: "1" },
    timeoutMs: CHECK_MS_MAX,
  });
  return code === 0 ? NO_REPORT : { ...NO_REPORT, failed: [failureOf("deno check", stderr)] };
}

async function runUnit(files: readonly string[], timeoutMs = UNIT_MS_MAX): Promise<Report> {
  if (files.length === 0) return NO_REPORT;
  return await runTests({ what: "unit tests", args: [...UNIT_ARGS, ...files], timeoutMs });
}

/** Runs end-to-end files, `atATime` of them side by side; a file that comes too late has failed. */
async function runEndToEnd(
  files: readonly string[],
  { atATime, untilMs }: { atATime: number; untilMs: number },
): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  const rest = [...files];
  const work = async () => {
    for (let file = rest.shift(); file !== undefined; file = rest.shift()) {
      attempts.push({ what: file, report: await runFile(file, untilMs) });
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return attempts;
}

async function runFile(file: string, untilMs: number): Promise<Report> {
  if (performance.now() <= untilMs) {
    return await runTests({ what: file, args: [...E2E_ARGS, file], timeoutMs: FILE_MS_MAX });
  }
  return { ...NO_REPORT, failed: [failureOf(`${file} was not run`, "No time was left")] };
}

/** Runs the unit tests' failed files again, or all when it is not known which they are. */
async function againUnit(
  files: readonly string[],
  report: Report,
  untilMs: number,
): Promise<Settled> {
  const failed = failedFiles(report);
  return await secondTries([{ what: "unit tests", report }], {
    filesMax: failed.length <= UNIT_FILES_AGAIN_MAX ? 1 : 0,
    again: async () => {
      const timeoutMs = Math.min(UNIT_MS_MAX, untilMs - performance.now());
      return timeoutMs <= 0
        ? undefined
        : await runUnit(failed.length > 0 ? failed : files, timeoutMs);
    },
  });
}

/** Runs everything; the closing lines are the last that is printed. */
async function runAll({ unit, together, alone }: Suites): Promise<number> {
  const types = await checkTypes();
  const unitReport = await runUnit(unit);
  const attempts = [
    ...await runEndToEnd(together, { atATime: FILES_AT_A_TIME, untilMs: BEGIN_MS_MAX }),
    ...await runEndToEnd(alone, { atATime: 1, untilMs: BEGIN_MS_MAX }),
  ];

  const untilMs = Math.min(performance.now() + AGAIN_MS_MAX, END_MS_MAX);
  const ofUnit = await againUnit(unit, unitReport, untilMs);
  const ofEndToEnd = await secondTries(attempts, {
    filesMax: E2E_FILES_AGAIN_MAX,
    again: async (file) => {
      const timeoutMs = Math.min(FILE_MS_MAX, untilMs - performance.now());
      if (timeoutMs <= 0) return undefined;
      return await runTests({ what: `${file}, again`, args: [...E2E_ARGS, file], timeoutMs });
    },
  });
  const report = [types, ofUnit.report, ofEndToEnd.report].reduce(addReports);
  const unsteady = [...ofUnit.unsteady, ...ofEndToEnd.unsteady];
  for (const line of closingLines({ report, unsteady })) console.log(line);
  return report.failed.length === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const flag = args.find((arg) => arg.startsWith("-"));
  if (flag !== undefined) {
    console.error(`Cannot run the tests: ${flag} is no argument; parts of test files' paths are`);
    return 2;
  }
  const suites = suitesOf(filesUnder("tests"), args);
  if (Object.values(suites).every((files: readonly string[]) => files.length === 0)) {
    console.error(`Cannot run the tests: no test file has ${args.join(" or ")} in its path`);
    return 2;
  }
  await installMissingTools();
  for (const name of Object.keys(TOOLS) as ToolName[]) {
    const missing = missingTool(name);
    if (missing !== undefined) console.warn(`NOT INSTALLED, tests will be skipped: ${missing}`);
  }
  return await runAll(suites);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
