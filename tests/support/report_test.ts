// Goal: the counts at the end of a test run are Deno's own, and no failure gets lost.
// Method: a JUnit report and the output that Deno 2.9.6 wrote for it, both shortened.
import { assert, assertEquals } from "./assert.ts";
import {
  addReports,
  fileOf,
  MESSAGE_LINES_MAX,
  NO_REPORT,
  parseReport,
  reportOfRun,
} from "./report.ts";

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="1" errors="0" time="0.004">
    <testsuite name="./j_test.ts" tests="5" disabled="1" errors="0" failures="1">
        <testcase name="a" classname="./j_test.ts" time="0.001" line="1" col="6">
        </testcase>
        <testcase name="b (skipped: no vlc)" classname="./j_test.ts" time="0.000" line="2" col="6">
            <skipped/>
        </testcase>
        <testcase name="c" classname="./j_test.ts" time="0.001" line="3" col="6">
            <failure message="Uncaught Error: x &lt;&amp;&gt; y">Error: x &lt;&amp;&gt; y
    at file:///j_test.ts:3:7</failure>
        </testcase>
        <testcase name="d &gt; e" classname="./j_test.ts" time="0.000" line="4" col="6">
        </testcase>
        <testcase name="f" classname="./j_test.ts" line="5" col="6">
            <skipped/>
        </testcase>
        <testcase name="a &gt; s1" classname="./j_test.ts" time="0.000" line="1" col="39">
        </testcase>
        <testcase name="g" classname="./j_test.ts" time="0.001" line="6" col="6">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="g &gt; s2" classname="./j_test.ts" time="0.000" line="6" col="42">
            <failure message="Uncaught Error: z">Error: z</failure>
        </testcase>
    </testsuite>
</testsuites>`;

const OUTPUT = ` ERRORS 

./b_test.ts (uncaught error)
error: Error: before all
    at file:///b_test.ts:1:35

 FAILURES 

./b_test.ts (uncaught error)

FAILED | 0 passed | 1 failed (4ms)
`;

Deno.test("parseReport() names the passed, failed and skipped, and leaves steps out", () => {
  assertEquals(parseReport(XML), {
    passed: ["./j_test.ts: a", "./j_test.ts: d > e"],
    failed: [
      { name: "./j_test.ts: c", message: "Error: x <&> y\n    at file:///j_test.ts:3:7" },
      { name: "./j_test.ts: f", message: "It never came to run" },
      { name: "./j_test.ts: g", message: "1 test step failed.\nError: z" },
    ],
    skipped: ["./j_test.ts: b (skipped: no vlc)"],
  });
});

Deno.test("parseReport() keeps the first lines of a failure, none endless", () => {
  const lines = Array.from({ length: 100 }, () => "x".repeat(10_000)).join("\n");
  const { message } = parseReport(XML.replace("1 test step failed.<", `${lines}<`)).failed[2];
  assertEquals(message.split("\n").length, MESSAGE_LINES_MAX);
  assert(message.length < 10_000);
});

Deno.test("reportOfRun() finds errors outside of tests in the output, each once", () => {
  const end = { what: "b_test.ts", xml: "", output: OUTPUT, success: false };
  const message = "error: Error: before all\n    at file:///b_test.ts:1:35";
  assertEquals(reportOfRun(end).failed, [{ name: "./b_test.ts: outside its tests", message }]);
});

Deno.test("reportOfRun() gives a failure for every run that failed", () => {
  const end = { what: "h_test.ts", xml: undefined, output: "1\n2\n", success: false };
  assertEquals(reportOfRun(end).failed, [
    { name: "h_test.ts did not run to its end", message: "1\n2" },
  ]);
  assertEquals(reportOfRun({ ...end, timedOutMs: 3_000 }).failed, [
    { name: "h_test.ts was still running after 3 s", message: "1\n2" },
  ]);
  // A test that never ran is no reason: what stopped the file is.
  const xml = '<testcase name="f" classname="./j_test.ts" line="5"><skipped/></testcase>';
  assertEquals(reportOfRun({ ...end, xml }).failed.map(({ name }) => name), [
    "./j_test.ts: f",
    "h_test.ts did not run to its end",
  ]);
  assertEquals(reportOfRun({ ...end, success: true }), NO_REPORT);
});

Deno.test("addReports() adds up", () => {
  const failure = { name: "b", message: "m" };
  const one = { passed: ["a"], failed: [failure], skipped: [] };
  const other = { passed: ["c"], failed: [], skipped: ["d"] };
  assertEquals(addReports(one, other), { passed: ["a", "c"], failed: [failure], skipped: ["d"] });
});

Deno.test("fileOf() knows the file of a test, of a file's own failure, and of nothing else", () => {
  assertEquals(fileOf("./tests/e2e/j_test.ts: a: b_test.ts"), "tests/e2e/j_test.ts");
  assertEquals(fileOf("tests/e2e/j_test.ts did not run to its end"), "tests/e2e/j_test.ts");
  assertEquals(fileOf("unit tests did not run to their end"), undefined);
});
