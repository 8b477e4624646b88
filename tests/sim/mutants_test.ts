// Goal: prove that the simulation sees: a mesh with one rule broken does not pass.
// Method: seeds in turn, with the rule broken from outside, until its invariant fails.
import { assert } from "../support/assert.ts";
import { MUTANTS } from "./mutants.ts";
import { simulate } from "./simulation.ts";

/** Seeds in which a broken rule must show; most show in the first few. */
const MUTANT_SEEDS_MAX = 200;

for (const mutant of MUTANTS) {
  Deno.test(`simulate() sees a mesh with ${mutant.name}`, async () => {
    for (let seed = 1; seed <= MUTANT_SEEDS_MAX; seed++) {
      const { faults } = await simulate({ seed, mutant });
      if (faults.some((fault) => fault.includes(`: ${mutant.breaks} `))) return;
    }
    assert(false, `${MUTANT_SEEDS_MAX} seeds, and no breach of ${mutant.breaks}`);
  });
}
