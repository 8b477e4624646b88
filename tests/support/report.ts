/**
 * Counts of a `deno test` run, from its JUnit report.
 *
 * @module
 */

export interface Report {
  readonly passed: number;
  /** Names, each with the file it is in. */
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

/**
 * Reads a report. Steps within a test are not counted apart from it. A test that never came to run
 * because its file failed before it is given as skipped, but without a time; it counts as failed.
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
  const tests = cases.filter(({ name }) => !isStep(name, names));
  const skipped = tests.filter(({ body, ran }) => ran && body.includes("<skipped"));
  const failed = tests.filter(({ body, ran }) => !ran || /<(?:failure|error)\b/.test(body));
  return {
    passed: tests.length - skipped.length - failed.length,
    failed: failed.map(({ title }) => title),
    skipped: skipped.map(({ title }) => title),
  };
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
    passed: one.passed + other.passed,
    failed: [...one.failed, ...other.failed],
    skipped: [...one.skipped, ...other.skipped],
  };
}

function attribute(text: string, name: string): string {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(text)?.[1] ?? "";
  return value.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'").replaceAll("&amp;", "&");
}
