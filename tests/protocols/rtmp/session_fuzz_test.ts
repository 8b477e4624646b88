// Goal: no bytes of a peer make a session hang, crash or tell its owner nonsense.
// Method: seeded mutations of recorded connections, and well-formed messages in mutated orders; the
// seed is in the failure's text.
import type { Random } from "../../../actors/runtime/ports.ts";
import { RTMP_SESSION_FUZZ_TARGETS } from "../../fuzz/rtmp_session.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const ROUNDS = 250;

/** Changes a few bytes of `seed`, repeats or drops a stretch, and cuts it short at times. */
function mutated(seed: Uint8Array, random: Random): Uint8Array {
  const input = new Uint8Array(seed.length + randomInteger(random, 64));
  input.set(seed);
  for (let index = seed.length; index < input.length; index++) {
    input[index] = randomInteger(random, 256);
  }
  for (let changes = randomInteger(random, 6); changes >= 0; changes--) {
    const at = randomInteger(random, input.length);
    const from = randomInteger(random, input.length);
    const kind = randomInteger(random, 4);
    if (kind === 0) input[at] ^= 1 << randomInteger(random, 8);
    else if (kind === 1) input[at] = randomInteger(random, 256);
    else if (kind === 2) input.copyWithin(at, from, from + randomInteger(random, 200));
    else input[at] = random.next() < 0.5 ? 0 : 0xff;
  }
  return random.next() < 0.2 ? input.subarray(0, randomInteger(random, input.length + 1)) : input;
}

for (const { name, seeds, run } of RTMP_SESSION_FUZZ_TARGETS) {
  Deno.test(`fuzzed ${name} goes on or ends, and tells no nonsense`, () => {
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
