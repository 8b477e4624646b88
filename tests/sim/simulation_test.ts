// Goal: whatever befalls a mesh, its invariants hold, and all is well again soon after.
// Method: seeded storms over five nodes of real code on virtual time; a seed that fails prints how
// to replay it. `mutants_test.ts` proves what the simulation can see.
import { assert, assertEquals } from "../support/assert.ts";
import { reportOf } from "./main.ts";
import { simulate } from "./simulation.ts";

/** Seeds of sixty virtual seconds; SIM_SEEDS says otherwise. */
const SEEDS = Number(Deno.env.get("SIM_SEEDS") ?? 100);

Deno.test(`simulate() holds all invariants in ${SEEDS} seeds`, async () => {
  let records = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const result = await simulate({ seed });
    assert(result.faults.length === 0, reportOf(result));
    records += result.records;
  }
  assert(records > 2_000 * SEEDS, `viewers saw ${records} records only`);
});

Deno.test("simulate() does the same for the same seed, and other things for another", async () => {
  const [first, again, other] = [
    await simulate({ seed: 7, wholeTrace: true }),
    await simulate({ seed: 7, wholeTrace: true }),
    await simulate({ seed: 8 }),
  ];
  assertEquals(again.trace, first.trace);
  assertEquals(again.hash, first.hash);
  assert(first.hash !== other.hash, "seeds 7 and 8 have one trace");
});
