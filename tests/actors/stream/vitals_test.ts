// Goal: a publisher is measured against its own past: silence, missing frames, repairs, bit rate.
import { NO_VITALS, type Vitals, VitalsGauge } from "../../../actors/stream/vitals.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";

const FRAME_MS = 40;

interface Sending {
  readonly ms: number;
  readonly bytes?: number;
  /** Which frames are left out, by their number. */
  readonly lacks?: (number: number) => boolean;
}

/** A gauge, and 25 pictures a second that begin with a key frame each second, and sound. */
function newGauge(startMs = 1_000_000) {
  const gauge = new VitalsGauge(startMs);
  let nowMs = startMs;
  let number = 0;
  const send = ({ ms, bytes = 1_000, lacks = () => false }: Sending): Vitals => {
    for (const endMs = nowMs + ms; nowMs < endMs; nowMs += FRAME_MS) {
      const keyframe = number % 25 === 0;
      if (!lacks(number++)) gauge.frame(VIDEO, keyframe, keyframe ? 20 * bytes : bytes, nowMs);
      gauge.frame(AUDIO, true, 100, nowMs);
    }
    return gauge.read(nowMs);
  };
  const wait = (ms: number) => gauge.read(nowMs += ms);
  return { gauge, send, wait, now: () => nowMs };
}

Deno.test("VitalsGauge knows nothing of a publisher that has sent nothing", () => {
  const { wait } = newGauge();
  assertEquals(wait(0), NO_VITALS);
  assertEquals(wait(3_000), { ...NO_VITALS, silentMs: 3_000 });
});

Deno.test("VitalsGauge finds nothing wrong with a steady publisher, whatever its key frames", () => {
  const { send } = newGauge();
  for (let round = 0; round < 40; round++) {
    const { rateShare, missing, repairs, silentMs, intervalMs } = send({ ms: 730 });
    assert(rateShare > 0.8 && rateShare < 1.2, `${rateShare}`);
    assert(missing <= 3, `${missing} missing`);
    assertEquals([repairs, silentMs], [0, FRAME_MS]);
    if (round > 5) assert(Math.abs(intervalMs - FRAME_MS) < 4, `${intervalMs} ms`);
  }
  const { bitrateKbps, frames } = send({ ms: 40 });
  assert(bitrateKbps > 300 && bitrateKbps < 420, `${bitrateKbps} kbit/s`);
  assert(frames > 105 && frames <= 125, `${frames} frames`);
});

Deno.test("VitalsGauge finds nothing wrong with a publisher that has just begun", () => {
  for (let startMs = 1_000_000; startMs < 1_000_500; startMs += 70) {
    const { send } = newGauge(startMs);
    for (let round = 0; round < 70; round++) {
      const { missing, rateShare } = send({ ms: 120 });
      assert(missing <= 3 && rateShare > 0.7, `${startMs}: ${missing} missing, ${rateShare}`);
    }
  }
});

Deno.test("VitalsGauge tells how long it is silent, and what would have come", () => {
  const { send, wait } = newGauge();
  send({ ms: 10_000 });
  const { silentMs, missing } = wait(2_000);
  assertEquals(silentMs, 2_000 + FRAME_MS);
  assert(missing >= 40 && missing <= 60, `${missing} missing`);
  const later = wait(3_600_000);
  assertEquals([later.frames, later.bitrateKbps], [0, 0]);
  assert(send({ ms: 8_000 }).missing <= 3);
});

Deno.test("VitalsGauge counts missing frames and repairs of the last seconds alone", () => {
  const { gauge, send, now } = newGauge();
  send({ ms: 10_000 });
  const { missing } = send({ ms: 4_000, lacks: (number) => number % 4 === 1 });
  assert(missing >= 15 && missing <= 30, `${missing} missing`);
  gauge.fault(now());
  gauge.fault(now());
  assertEquals(send({ ms: 1_000 }).repairs, 2);
  assertEquals(send({ ms: 6_000 }).repairs, 0);
});

Deno.test("VitalsGauge sees a bit rate fall, and takes it for usual in the end", () => {
  const { send } = newGauge();
  send({ ms: 20_000 });
  const { rateShare } = send({ ms: 3_000, bytes: 50 });
  assert(rateShare < 0.25, `${rateShare}`);
  const later = send({ ms: 90_000, bytes: 50 });
  assert(later.rateShare > 0.7, `${later.rateShare}`);
});
