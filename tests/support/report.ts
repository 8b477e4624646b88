/**
 * What a `deno test` run proved, from its JUnit report and its output.
 *
 * @module
 */

/** Lines of a failure that are kept: an assertion's difference and the first stack frames. */
export const MESSAGE_LINES_MAX = 15;

/** Longest line of a failure that is kept, in characters: some show whole frames. */
const LINE_CHARS_MAX = 300;

/** A test that failed, or a file that did. */
export interface Failure {
  readonly name: string;
  /** At most {@link MESSAGE_LINES_MAX} lines. */
  readonly message: string;
}

/** Tests by name, each with the file it is in. */
export interface Report {
  readonly passed: readonly string[];
  readonly failed: readonly Failure[];
  readonly skipped: readonly string[];
}

/** A report of nothing. */
export const NO_REPORT: Report = { passed: [], failed: [], skipped: [] };

/** How a run of `deno test` ended. */
export interface RunEnd {
  /** What it ran, for a failure that no test is named in. */
  readonly what: string;
  /** Its JUnit report; `undefined` when it ended before it wrote one. */
  readonly xml: string | undefined;
  /** All it printed, without colours. */
  readonly output: string;
  readonly success: boolean;
  /** It was stopped after so many milliseconds. */
  readonly timedOutMs?: number;
}

/**
 * What a run proved. A run that failed always gives a failure: a file that does not compile, that
 * throws outside its tests or that hangs is in no JUnit report.
 */
export function reportOfRun({ what, xml, output, success, timedOutMs }: RunEnd): Report {
  const tests = xml === undefined ? NO_REPORT : parseReport(xml);
  const failed = [...tests.failed, ...uncaughtErrors(output)];
  if (success || failed.some(({ message }) => message !== NEVER_RAN)) return { ...tests, failed };
  const how = timedOutMs === undefined
    ? "did not run to its end"
    : `was still running after ${timedOutMs / 1_000} s`;
  return { ...tests, failed: [...failed, failureOf(`${what} ${how}`, output)] };
}

/** A failure that the last lines of some output tell of. */
export function failureOf(name: string, output: string): Failure {
  return { name, message: shortLines(output.trim().split("\n").slice(-MESSAGE_LINES_MAX)) };
}

/** What is said of a test whose file failed before it. */
const NEVER_RAN = "It never came to run";

/**
 * Reads a JUnit report. Steps within a test are not counted apart from it; what they say is said of
 * the test. A test that never came to run because its file failed before it is given as skipped,
 * but without a time; it counts as failed.
 */
export function parseReport(xml: string): Report {
  const cases = [...xml.matchAll(/<testcase ([^>]*)>([\s\S]*?)<\/testcase>/g)]
    .map(([, attributes, body]) => ({
      name: attribute(attributes, "name"),
      title: `${attribute(attributes, "classname")}: ${attribute(attributes, "name")}`,
      ran: attributes.includes(" time="),
      body,
    }));
  const names = new Set(cases.map(({ name }) => name));
  const report = { passed: [] as string[], failed: [] as Failure[], skipped: [] as string[] };
  for (const { name, title, ran, body } of cases) {
    if (isStep(name, names)) continue;
    if (!ran) {
      report.failed.push({ name: title, message: NEVER_RAN });
    } else if (/<(?:failure|error)\b/.test(body)) {
      const steps = cases.filter((one) => one.title.startsWith(`${title} > `));
      const message = [body, ...steps.map((step) => step.body)].map(failureText).join("\n");
      report.failed.push({ name: title, message: firstLines(message) });
    } else if (body.includes("<skipped")) {
      report.skipped.push(title);
    } else {
      report.passed.push(title);
    }
  }
  return report;
}

/** Errors outside all tests, which the report leaves out: Deno prints them in a block each. */
function uncaughtErrors(output: string): Failure[] {
  return [...output.matchAll(/^(\S+) \(uncaught error\)\n((?:.+\n)+)/gm)]
    .map(([, file, text]) => ({ name: `${file}: outside its tests`, message: firstLines(text) }));
}

/** A step is reported beside its test, as "test > step". */
function isStep(name: string, names: ReadonlySet<string>): boolean {
  for (let end = name.indexOf(" > "); end >= 0; end = name.indexOf(" > ", end + 1)) {
    if (names.has(name.slice(0, end))) return true;
  }
  return false;
}

export function addReports(one: Report, other: Report): Report {
  return {
    passed: [...one.passed, ...other.passed],
    failed: [...one.failed, ...other.failed],
    skipped: [...one.skipped, ...other.skipped],
  };
}

/** The file a name in a report belongs to; `undefined` when it is no test file's. */
export function fileOf(name: string): string | undefined {
  return /^(?:\.\/)?(\S+_test\.ts)\b/.exec(name)?.[1];
}

function failureText(body: string): string {
  return plain(/<(?:failure|error)\b[^>]*>([\s\S]*?)<\/(?:failure|error)>/.exec(body)?.[1] ?? "");
}

function firstLines(text: string): string {
  return shortLines(text.trim().split("\n").slice(0, MESSAGE_LINES_MAX));
}

function shortLines(lines: readonly string[]): string {
  return lines.map((line) => line.slice(0, LINE_CHARS_MAX)).join("\n");
}

function attribute(text: string, name: string): string {
  return plain(new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "");
}

function plain(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}
