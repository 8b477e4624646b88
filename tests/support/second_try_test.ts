// Goal: a second try turns chance into a loud pass, never a fault into a silent one.
// Method: reports by hand for each way two tries can differ; the runs are a fake.
import { assertEquals } from "./assert.ts";
import { NO_REPORT, type Report } from "./report.ts";
import { closingLines, failedFiles, secondTries, settle } from "./second_try.ts";

const report = (
  passed: readonly string[],
  failed: readonly string[] = [],
  skipped: readonly string[] = [],
): Report => ({
  passed,
  failed: failed.map((name) => ({ name, message: `${name} 1\n2` })),
  skipped,
});

const names = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name);

Deno.test("settle() passes a test that passes the second time, and says so", () => {
  const { report: { passed, failed, skipped }, unsteady } = settle(
    report(["a"], ["b"], ["s"]),
    report(["a", "b"], [], ["s"]),
  );
  assertEquals([passed, failed, skipped], [["a", "b"], [], ["s"]]);
  assertEquals(unsteady, [{ name: "b", passedAt: "second", message: "b 1\n2" }]);
});

Deno.test("settle() fails a test that fails twice, whatever the others do", () => {
  const { report: { passed, failed }, unsteady } = settle(
    report(["a"], ["b", "c"]),
    report(["a", "c"], ["b"]),
  );
  assertEquals([passed, names(failed), names(unsteady)], [["a", "c"], ["b"], ["c"]]);
});

Deno.test("settle() names a test that passed the first time only", () => {
  const { report: { passed, failed }, unsteady } = settle(
    report(["a"], ["b"]),
    report(["b"], ["a"]),
  );
  assertEquals([passed, failed], [["a", "b"], []]);
  assertEquals(unsteady.map(({ name, passedAt }) => [name, passedAt]), [
    ["b", "second"],
    ["a", "first"],
  ]);
});

Deno.test("settle() forgives what names no test only when nothing fails any more", () => {
  const hang = report([], ["x_test.ts was still running after 3 s"]);
  assertEquals(settle(hang, report(["a", "b"])).report, report(["a", "b"]));
  assertEquals(names(settle(hang, report(["a"], ["b"])).report.failed), [
    "x_test.ts was still running after 3 s",
    "b",
  ]);
  assertEquals(names(settle(hang, NO_REPORT).report.failed), names(hang.failed));
  assertEquals(names(settle(hang, hang).report.failed), names(hang.failed));
});

Deno.test("failedFiles() gives each file once", () => {
  const failed = [
    "./tests/a_test.ts: x",
    "./tests/a_test.ts: y",
    "./tests/b_test.ts: x",
    "suite z",
  ];
  assertEquals(failedFiles(report([], failed)), ["tests/a_test.ts", "tests/b_test.ts"]);
});

Deno.test("secondTries() runs what failed again, in order, and nothing else", async () => {
  const ran: string[] = [];
  const { report: total, unsteady } = await secondTries([
    { what: "one", report: report(["a"]) },
    { what: "two", report: report([], ["b"]) },
    { what: "three", report: report([], ["c"]) },
    { what: "four", report: report([], ["d"]) },
  ], {
    filesMax: 3,
    again: (what) => {
      ran.push(what);
      if (what === "two") return Promise.resolve(report(["b"]));
      // No time is left for the last.
      return Promise.resolve(what === "three" ? report([], ["c"]) : undefined);
    },
  });
  assertEquals(ran, ["two", "three", "four"]);
  assertEquals([total.passed, names(total.failed)], [["a", "b"], ["c", "d"]]);
  assertEquals(names(unsteady), ["b"]);
});

Deno.test("secondTries() runs nothing again when too much failed", async () => {
  const attempts = ["one", "two"].map((what) => ({ what, report: report([], [what]) }));
  const again = () => Promise.reject(new Error("not expected"));
  const { report: total } = await secondTries(attempts, { filesMax: 1, again });
  assertEquals(names(total.failed), ["one", "two"]);
});

Deno.test("closingLines() says what passed late and why the rest failed; counts come last", () => {
  const unsteady = [
    { name: "b", passedAt: "second", message: "1\n2\n3\n4" },
    { name: "c", passedAt: "first", message: "5" },
  ] as const;
  assertEquals(closingLines({ report: report(["a", "b", "c"], ["d"], ["s"]), unsteady }), [
    "SKIPPED s",
    "PASSED AT THE SECOND TRY b: 1 | 2 | 3",
    "PASSED AT THE FIRST TRY ONLY c: 5",
    "FAILED d",
    "    d 1",
    "    2",
    "",
    "3 passed, 1 failed, 1 skipped",
  ]);
});
