// Goal: no bytes of a peer make a wire parser hang, crash, allocate past its limits or depend on
// how its input was cut.
// Method: seeded mutations of recorded and hand-made input; the seed is in the failure's text.
import type { Random } from "../../../actors/runtime/ports.ts";
import { RTMP_WIRE_FUZZ_TARGETS } from "../../fuzz/rtmp_wire.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const ROUNDS = 300;

/** Changes a few bytes, moves a stretch, and cuts at times. */
function mutated(seed: Uint8Array, random: Random): Uint8Array {
  const input = seed.slice();
  for (let changes = randomInteger(random, 5); changes >= 0; changes--) {
    const at = randomInteger(random, input.length);
    const kind = randomInteger(random, 5);
    if (kind === 0) input[at] ^= 1 << randomInteger(random, 8);
    else if (kind === 1) input[at] = randomInteger(random, 256);
    else if (kind === 2) input[at] = [0, 1, 0x7f, 0x80, 0xff][randomInteger(random, 5)];
    else if (kind === 3) input[at] = input[randomInteger(random, input.length)];
    else {
      const from = randomInteger(random, input.length);
      input.copyWithin(at, from, from + randomInteger(random, 40));
    }
  }
  return random.next() < 0.2 ? input.subarray(0, randomInteger(random, input.length + 1)) : input;
}

for (const { name, seeds, run } of RTMP_WIRE_FUZZ_TARGETS) {
  Deno.test(`fuzzed ${name} is read or refused`, () => {
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
