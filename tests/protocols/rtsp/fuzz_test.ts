// Goal: no bytes of a client or server make RTSP hang, crash or promise nonsense.
// Method: seeded mutations of recorded connections; the seed is in the failure's text.
import { RTSP_FUZZ_TARGETS } from "../../fuzz/rtsp.ts";
import { mutate } from "../../fuzz/mutator.ts";
import { seededRandom } from "../../support/random.ts";

const ROUNDS = 120;

for (const { name, seeds, run } of RTSP_FUZZ_TARGETS) {
  Deno.test(`fuzzed ${name} is read or refused`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const input = mutate(seeds, seededRandom(round));
      try {
        await run(input);
      } catch (error) {
        throw new Error(`seed ${round}, input ${input.toHex()}`, { cause: error });
      }
    }
  });
}
