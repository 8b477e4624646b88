// Goal: the counts at the end of a test run are Deno's own.
// Method: a JUnit report that Deno 2.9.6 wrote, shortened.
import { assertEquals } from "./assert.ts";
import { addReports, parseReport } from "./report.ts";

const XML = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="deno test" tests="5" failures="1" errors="0" time="0.004">
    <testsuite name="./j_test.ts" tests="5" disabled="1" errors="0" failures="1">
        <testcase name="a" classname="./j_test.ts" time="0.001" line="1" col="6">
        </testcase>
        <testcase name="b (skipped: no vlc)" classname="./j_test.ts" time="0.000" line="2" col="6">
            <skipped/>
        </testcase>
        <testcase name="c" classname="./j_test.ts" time="0.001" line="3" col="6">
            <failure message="Uncaught Error: x &lt;&amp;&gt; y">Error: x</failure>
        </testcase>
        <testcase name="d &gt; e" classname="./j_test.ts" time="0.000" line="4" col="6">
        </testcase>
        <testcase name="f" classname="./j_test.ts" line="5" col="6">
            <skipped/>
        </testcase>
        <testcase name="a &gt; s1" classname="./j_test.ts" time="0.000" line="1" col="39">
        </testcase>
    </testsuite>
</testsuites>`;

Deno.test("parseReport() counts tests, names the failed and the skipped, leaves steps out", () => {
  assertEquals(parseReport(XML), {
    passed: 2,
    failed: ["./j_test.ts: c", "./j_test.ts: f"],
    skipped: ["./j_test.ts: b (skipped: no vlc)"],
  });
});

Deno.test("addReports() adds up", () => {
  const one = { passed: 1, failed: ["a"], skipped: [] };
  const other = { passed: 2, failed: [], skipped: ["b"] };
  assertEquals(addReports(one, other), { passed: 3, failed: ["a"], skipped: ["b"] });
});
