// Goal: no bytes of a publisher or viewer make a parser hang, crash or promise nonsense.
// Method: seeded mutations of captured tags and frames; the seed is in the failure's text.
import type { Random } from "../../../actors/runtime/ports.ts";
import { FLV_FUZZ_TARGETS } from "../../fuzz/flv.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const ROUNDS = 1_500;

/** Changes some bytes of `seed`, most of them near its start, and cuts it short at times. */
function mutated(seed: Uint8Array, random: Random): Uint8Array {
  const input = new Uint8Array(seed.length + randomInteger(random, 8));
  input.set(seed);
  for (let changes = randomInteger(random, 8); changes >= 0; changes--) {
    const reach = random.next() < 0.5 ? Math.min(24, input.length) : input.length;
    const at = randomInteger(random, reach);
    const kind = randomInteger(random, 4);
    if (kind === 0) input[at] ^= 1 << randomInteger(random, 8);
    else if (kind === 1) input[at] = randomInteger(random, 256);
    else if (kind === 2) input.copyWithin(at, randomInteger(random, input.length));
    else input[at] = random.next() < 0.5 ? 0 : 0xff;
  }
  return random.next() < 0.3 ? input.subarray(0, randomInteger(random, input.length + 1)) : input;
}

for (const { name, seeds, run } of FLV_FUZZ_TARGETS) {
  Deno.test(`fuzzed ${name} is read or refused`, () => {
    for (let round = 0; round < ROUNDS; round++) {
      const input = mutated(seeds[round % seeds.length], seededRandom(round));
      try {
        run(input);
      } catch (error) {
        throw new Error(`seed ${round}, input ${input.toHex()}`, { cause: error });
      }
    }
  });
}
