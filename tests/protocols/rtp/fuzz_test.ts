// Goal: no datagrams make the receiver hang, crash or promise nonsense.
// Method: seeded mutations of captured streams; the seed is in the failure's text.
import type { Random } from "../../../actors/runtime/ports.ts";
import { RTP_FUZZ_TARGETS } from "../../fuzz/rtp.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const ROUNDS = 100;

/** Changes, doubles or swaps some bytes, half of them near a start, and cuts the end off at times. */
function mutated(seed: Uint8Array, random: Random): Uint8Array {
  const input = seed.slice();
  for (let changes = randomInteger(random, 10); changes >= 0; changes--) {
    const near = randomInteger(random, Math.min(64, input.length));
    const at = random.next() < 0.4 ? near : randomInteger(random, input.length);
    const kind = randomInteger(random, 5);
    if (kind === 0) input[at] ^= 1 << randomInteger(random, 8);
    else if (kind === 1) input[at] = randomInteger(random, 256);
    else if (kind === 2) input.copyWithin(at, randomInteger(random, input.length));
    else input[at] = random.next() < 0.5 ? 0 : 0xff;
  }
  return random.next() < 0.3 ? input.subarray(0, randomInteger(random, input.length + 1)) : input;
}

for (const { name, seeds, run } of RTP_FUZZ_TARGETS) {
  Deno.test(`fuzzed ${name} is read or reported`, () => {
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
