// Goal: no bytes of a file make a reader hang, crash or promise nonsense.
// Method: seeded mutations of captured files; the seed is in the failure's text.
import type { Random } from "../../../actors/runtime/ports.ts";
import { MP4_FUZZ_TARGETS } from "../../fuzz/mp4.ts";
import { assert } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const ROUNDS = 3_000;

/** Where most changes go. */
const HEAD_BYTES = 360;

/** Changes some bytes of `seed`, sizes and counts above all, and cuts it short at times. */
function mutated(seed: Uint8Array, random: Random): Uint8Array {
  const input = seed.slice();
  for (let changes = randomInteger(random, 6); changes >= 0; changes--) {
    // Behind a fragment's head there is only content.
    const reach = random.next() < 0.8 ? Math.min(HEAD_BYTES, input.length) : input.length;
    const at = randomInteger(random, reach);
    const kind = randomInteger(random, 5);
    if (kind === 0) input[at] ^= 1 << randomInteger(random, 8);
    else if (kind === 1) input[at] = randomInteger(random, 256);
    else if (kind === 2) input.copyWithin(at, randomInteger(random, input.length), at + 8);
    else if (kind === 3) input.fill(0xff, at, at + 1 + randomInteger(random, 4));
    else input[at] = 0;
  }
  return random.next() < 0.2 ? input.subarray(0, randomInteger(random, input.length + 1)) : input;
}

for (const { name, seeds, run } of MP4_FUZZ_TARGETS) {
  Deno.test(`fuzzed ${name} is read or refused`, () => {
    assert(seeds.every(({ length }) => length > 100));
    for (const seed of seeds) run(seed);
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
