// Goal: no order of cuts, expiries, expulsions, late claims, lost answers and a loss of data gives
// two nodes one epoch, or takes an edge back to an older one.
// Method: every state of a small model is visited; with a rule broken it must find the way there.
import { assert, assertEquals } from "../support/assert.ts";
import { checkModel, type ModelMutant } from "./model.ts";

/** Fewer states than these mean that a step of the model is never taken. */
const STATES_MIN = 20_000;

for (const size of [{ incarnations: 2, claims: 2 }, { incarnations: 1, claims: 3 }]) {
  Deno.test(`checkModel() finds nothing with ${JSON.stringify(size)}`, () => {
    const { states, fault } = checkModel(size);
    assertEquals(fault, undefined);
    assert(states > STATES_MIN, `${states} states only`);
  });
}

const BREACHES: readonly [ModelMutant, string][] = [
  ["no-fence", "I2"],
  ["counter-epoch", "I1"],
  ["no-token", "I1"],
];

for (const [mutant, breaks] of BREACHES) {
  Deno.test(`checkModel() sees ${mutant}`, () => {
    const { fault } = checkModel({ mutant, incarnations: 2, claims: 2 });
    assert(fault?.startsWith(`${breaks}:`), fault ?? "nothing was found");
  });
}
