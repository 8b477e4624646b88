/**
 * Gives test files that failed a second try, alone: a busy machine can fail a test that is right,
 * and a test that fails now and then must be seen without stopping everybody. Never silent.
 *
 * @module
 */
import { addReports, fileOf, NO_REPORT, type Report } from "./report.ts";

/** What one file, or one suite whose files are not known, proved. */
export interface Attempt {
  /** What to run again. */
  readonly what: string;
  readonly report: Report;
}

/** A test that passed once of twice. */
export interface Unsteady {
  readonly name: string;
  /** Which try passed. */
  readonly passedAt: "first" | "second";
  /** Why the other failed. */
  readonly message: string;
}

/** A report after the second tries. */
export interface Settled {
  readonly report: Report;
  readonly unsteady: readonly Unsteady[];
}

/** Files of a suite in which a test failed, each once, in order. */
export function failedFiles(report: Report): string[] {
  const files = report.failed.map(({ name }) => fileOf(name)).filter((file) => file !== undefined);
  return [...new Set(files)];
}

/**
 * What two tries of the same file prove together: a test that passed in either has passed. What
 * names no test (a hang, an error outside the tests) is made good by a second try without failure.
 */
export function settle(first: Report, second: Report): Settled {
  const passedFirst = new Set(first.passed);
  const passedSecond = new Set(second.passed);
  const allPassed = second.failed.length === 0 && second.passed.length > 0;
  const recovered = first.failed.filter(({ name }) => allPassed || passedSecond.has(name));
  const firstOnly = second.failed.filter(({ name }) => passedFirst.has(name));
  const failed = [
    ...first.failed.filter((failure) => !recovered.includes(failure)),
    ...second.failed.filter(({ name }) =>
      !passedFirst.has(name) && !first.failed.some((failure) => failure.name === name)
    ),
  ];
  const passed = [...new Set([...first.passed, ...second.passed])];
  const skipped = [...new Set([...first.skipped, ...second.skipped])];
  const unsteady = [
    ...recovered.map((failure) => ({ ...failure, passedAt: "second" as const })),
    ...firstOnly.map((failure) => ({ ...failure, passedAt: "first" as const })),
  ];
  return { report: { passed, failed, skipped }, unsteady };
}

export interface SecondTryOptions {
  /** With more failed files than this it is no chance: none is run again. */
  readonly filesMax: number;
  /** Runs one again; `undefined` when no time is left. */
  readonly again: (what: string) => Promise<Report | undefined>;
}

/** Runs those that failed again, one after the other, and adds everything up. */
export async function secondTries(
  attempts: readonly Attempt[],
  { filesMax, again }: SecondTryOptions,
): Promise<Settled> {
  const failures = attempts.filter(({ report }) => report.failed.length > 0).length;
  let total = NO_REPORT;
  const unsteady: Unsteady[] = [];
  for (const { what, report } of attempts) {
    const retry = report.failed.length > 0 && failures <= filesMax;
    const second = retry ? await again(what) : undefined;
    const settled = second === undefined ? { report, unsteady: [] } : settle(report, second);
    total = addReports(total, settled.report);
    unsteady.push(...settled.unsteady);
  }
  return { report: total, unsteady };
}

/** Lines of the first failure shown of a test that passed in the end. */
const UNSTEADY_LINES_MAX = 3;

/** The closing lines; the last is the plain `N passed, N failed, N skipped`. */
export function closingLines({ report, unsteady }: Settled): string[] {
  const { passed, failed, skipped } = report;
  const tries = { first: "AT THE FIRST TRY ONLY", second: "AT THE SECOND TRY" };
  return [
    ...skipped.map((name) => `SKIPPED ${name}`),
    ...unsteady.map(({ name, passedAt, message }) => {
      const why = message.split("\n").slice(0, UNSTEADY_LINES_MAX).join(" | ");
      return `PASSED ${tries[passedAt]} ${name}: ${why}`;
    }),
    ...failed.flatMap(({ name, message }) => [
      `FAILED ${name}`,
      ...message.split("\n").map((line) => `    ${line}`),
    ]),
    "",
    `${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`,
  ];
}
