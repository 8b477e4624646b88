// Goal: every test file is in exactly one suite, and a filter leaves the others out.
// Method: paths by hand, then those of the repository.
import { assert, assertEquals } from "./assert.ts";
import { ALONE, filesUnder, suitesOf } from "./test_suites.ts";

const PATHS = [
  "tests/run.ts",
  "tests/e2e/names_test.ts",
  "tests/e2e/api_test.ts",
  "tests/e2e/load_test.ts",
  "tests/bench/table_test.ts",
  "tests/actors/stream/load_test.ts",
];

Deno.test("suitesOf() sorts test files by how they are run", () => {
  assertEquals(suitesOf(PATHS, []), {
    unit: ["tests/actors/stream/load_test.ts"],
    together: ["tests/e2e/api_test.ts", "tests/e2e/names_test.ts"],
    alone: ["tests/e2e/load_test.ts"],
  });
});

Deno.test("suitesOf() takes the files that a filter names", () => {
  assertEquals(suitesOf(PATHS, ["names", "stream/"]), {
    unit: ["tests/actors/stream/load_test.ts"],
    together: ["tests/e2e/names_test.ts"],
    alone: [],
  });
});

Deno.test("filesUnder() finds this file, and every end-to-end test is run", () => {
  const paths = filesUnder("tests");
  assert(paths.includes("tests/support/test_suites_test.ts"));
  const { unit, together, alone } = suitesOf(paths, []);
  const tests = paths.filter((path) => path.endsWith("_test.ts") && !path.includes("/bench/"));
  assertEquals([...unit, ...together, ...alone].sort(), tests.sort());
  assertEquals(alone, [...ALONE].sort());
});
