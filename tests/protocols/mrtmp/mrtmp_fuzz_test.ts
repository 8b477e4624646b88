// Goal: no bytes of another node make a reader hang, crash or depend on how its input was cut.
// Method: seeded mutations of the vectors; the seed is in the failure's text.
import { mutate } from "../../fuzz/mutator.ts";
import { MRTMP_FUZZ_TARGETS } from "../../fuzz/mrtmp.ts";
import { seededRandom } from "../../support/random.ts";

const ROUNDS = 400;

for (const { name, seeds, run } of MRTMP_FUZZ_TARGETS) {
  Deno.test(`fuzzed ${name} are read or refused`, () => {
    for (const seed of seeds) run(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const input = mutate(seeds, seededRandom(round));
      try {
        run(input);
      } catch (error) {
        throw new Error(`seed ${round}, input ${input.toHex().slice(0, 4000)}`, { cause: error });
      }
    }
  });
}
