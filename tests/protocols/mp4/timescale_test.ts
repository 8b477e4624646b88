// Goal: a time in ticks depends on nothing but the time, exactly, for as long as a stream may run.
// Method: compare with integers of any size; walk a year in uneven steps.
import { timescaleOf, toMicroseconds, toTicks } from "../../../protocols/mp4/timescale.ts";
import { audioTrack } from "../../../protocols/codecs/track_config.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const TIMESCALES = [1, 1_000, 8_000, 11_025, 44_100, 48_000, 90_000, 192_000, 0xffffff];

/** Nearest, halves up, in integers without limit. */
function exact(value: number, from: number, to: number): number {
  const doubled = 2n * BigInt(value) * BigInt(to) + BigInt(from);
  const divisor = 2n * BigInt(from);
  const quotient = doubled / divisor;
  return Number(doubled < 0n && quotient * divisor !== doubled ? quotient - 1n : quotient);
}

Deno.test("toTicks() and toMicroseconds() round to nearest at any distance from zero", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 5_000; round++) {
    const timescale = TIMESCALES[round % TIMESCALES.length];
    const reachUs = 10 ** (1 + randomInteger(random, 13)); // Up to ten months.
    const us = randomInteger(random, 2 * reachUs) - reachUs;
    assertEquals(toTicks(us, timescale), exact(us, 1_000_000, timescale));
    const ticks = toTicks(us, timescale);
    assertEquals(toMicroseconds(ticks, timescale), exact(ticks, timescale, 1_000_000));
  }
});

Deno.test("toTicks() rounds halves up", () => {
  assertEquals([62, 63, -62, -63, 187, 188].map((us) => toTicks(us, 8_000)), [0, 1, 0, -1, 1, 2]);
  assertEquals(toTicks(500_000, 1), 1);
  assertEquals(toTicks(-500_000, 1), 0);
});

Deno.test("ticks of common clocks survive the trip through microseconds", () => {
  for (const timescale of [8_000, 44_100, 48_000, 90_000]) {
    for (let ticks = 7; ticks < 1e12; ticks = Math.floor(ticks * 1.7) + 1) {
      assertEquals(toTicks(toMicroseconds(ticks, timescale), timescale), ticks);
    }
  }
});

Deno.test("durations of any pieces add up to the whole", () => {
  let us = 0;
  let sum = 0;
  const random = seededRandom(5);
  for (let step = 0; step < 10_000; step++) {
    const next = us + 1 + randomInteger(random, 3e9);
    sum += toTicks(next, 44_100) - toTicks(us, 44_100);
    us = next;
  }
  assert(us > 1e13);
  assertEquals(sum, toTicks(us, 44_100));
});

Deno.test("timescaleOf() is the sample rate of audio", () => {
  const hint = { sampleRate: 8_000, channels: 1 };
  assertEquals(timescaleOf(audioTrack("g711a", 0, new Uint8Array(0), hint)), 8_000);
  assertEquals(timescaleOf(audioTrack("opus", 0, new Uint8Array(0), hint)), 48_000);
});
