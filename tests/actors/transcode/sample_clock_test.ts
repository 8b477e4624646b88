// Goal: samples are heard when their source says, in one line without steps.
// Method: frames of 20 ms at 8 kHz whose timestamps are right, jittered, late, early and far away.
import { SampleClock } from "../../../actors/transcode/sample_clock.ts";
import { assertEquals } from "../../support/assert.ts";

/** A clock whose sample 1,024 is heard at 10 s. */
function begun(): SampleClock {
  const clock = new SampleClock(8_000);
  assertEquals(clock.adjust(1_024, 10_000_000), { kind: "begin" });
  clock.begin(1_024, 10_000_000);
  return clock;
}

Deno.test("SampleClock.adjust() takes rounding and jitter for nothing", () => {
  const clock = begun();
  for (const stepUs of [0, 1_000, -1_000, 20_000, -20_000]) {
    assertEquals(clock.adjust(1_024 + 160, 10_020_000 + stepUs), { kind: "fits" });
  }
});

Deno.test("SampleClock.adjust() fills holes, skips what overlaps, and begins anew behind a pause", () => {
  const clock = begun();
  assertEquals(clock.adjust(1_024, 10_040_000), { kind: "fill", samples: 320 });
  assertEquals(clock.adjust(1_024 + 800, 10_060_000), { kind: "skip", samples: 320 });
  assertEquals(clock.adjust(1_024, 11_000_000), { kind: "fill", samples: 8_000 });
  assertEquals(clock.adjust(1_024, 11_000_001), { kind: "begin" });
});

Deno.test("SampleClock.ptsUsOf() keeps to the line a sample is on, however long it is", () => {
  const clock = begun();
  clock.begin(4_096, 60_000_000);
  const samples = [1_023, 1_024, 1_025, 4_095, 4_096, 4_096 + 8_000 * 86_400 * 365];
  assertEquals(samples.map((sample) => clock.ptsUsOf(sample)), [
    undefined,
    10_000_000,
    10_000_125,
    10_383_875,
    60_000_000,
    60_000_000 + 86_400e6 * 365,
  ]);
});
