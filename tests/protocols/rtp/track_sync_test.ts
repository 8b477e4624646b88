// Goal: tracks of one sender stand together on one timeline, by its reports where those make sense,
// and no report moves them apart by more than the bound.
// Method: two tracks whose true times are known, with made-up clocks, arrivals and reports.
import { RESYNC_US_MIN, SYNC_SHIFT_US_MAX, TrackSync } from "../../../protocols/rtp/track_sync.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const VIDEO = 0;
const AUDIO = 1;
const CLOCKS = [90_000, 8_000] as const;

/** A sender: RTP timestamps and the wall clock of its true time, in microseconds. */
class Sender {
  readonly sync = new TrackSync(CLOCKS);
  readonly bases: [number, number] = [4_294_960_000, 123_456];
  /** Its clock minus true time, as each track's reports have it. */
  readonly ntpUs: [number, number] = [1.7e15, 1.7e15];

  timestamp(track: number, trueUs: number): number {
    return (this.bases[track] + Math.round(trueUs * CLOCKS[track] / 1e6)) >>> 0;
  }

  /** Sends a packet, which takes `delayUs`; gives where it was placed. */
  send(track: number, trueUs: number, delayUs = 0): number {
    return this.sync.timeUs(track, this.timestamp(track, trueUs), 5_000_000 + trueUs + delayUs);
  }

  report(track: number, trueUs: number): void {
    this.sync.report(track, this.ntpUs[track] + trueUs, this.timestamp(track, trueUs));
  }

  /** How much later sound is placed than the picture of the same instant. */
  skewUs(trueUs: number): number {
    return this.send(AUDIO, trueUs) - this.send(VIDEO, trueUs);
  }
}

Deno.test("timeUs() places tracks by arrival while nothing else is known", () => {
  const sender = new Sender();
  assertEquals(sender.send(VIDEO, 0), 5_000_000);
  assertEquals(sender.send(AUDIO, 20_000, 30_000), 5_050_000);
  assertEquals(sender.send(VIDEO, 1_000_000, 90_000), 6_000_000); // Jitter moves nothing.
});

Deno.test("timeUs() runs on over the wrap of timestamps", () => {
  const sender = new Sender();
  let last = sender.send(VIDEO, 0);
  for (let second = 1; second < 60; second++) {
    const next = sender.send(VIDEO, second * 1e6);
    assertEquals(next - last, 1_000_000);
    last = next;
  }
});

Deno.test("report() brings tracks together that arrived apart", () => {
  const sender = new Sender();
  sender.send(VIDEO, 0);
  sender.send(AUDIO, 0, 200_000);
  assertEquals(sender.skewUs(1_000_000), 200_000);
  sender.report(VIDEO, 1_000_000);
  sender.report(AUDIO, 1_500_000);
  assert(Math.abs(sender.skewUs(2_000_000)) <= 1);
});

Deno.test("report() before any packet is enough", () => {
  const sender = new Sender();
  sender.report(VIDEO, 0);
  sender.report(AUDIO, 0);
  sender.send(VIDEO, 0);
  assert(Math.abs(sender.send(AUDIO, 40_000, 150_000) - 5_040_000) <= 1);
});

Deno.test("report() with a wrong clock moves nothing", () => {
  for (const wrongUs of [-3.6e9, -2 * SYNC_SHIFT_US_MAX, 2 * SYNC_SHIFT_US_MAX, 1.7e15]) {
    const sender = new Sender();
    sender.ntpUs[AUDIO] += wrongUs;
    sender.send(VIDEO, 0);
    sender.send(AUDIO, 0, 50_000);
    for (let second = 1; second < 20; second++) {
      sender.report(VIDEO, second * 1e6);
      sender.report(AUDIO, second * 1e6);
      assert(Math.abs(sender.skewUs(second * 1e6)) <= 50_000, `${wrongUs} after ${second} s`);
    }
    assert(sender.sync.distrusted > 0);
  }
});

Deno.test("report() never moves a track by more than the bound", () => {
  for (let wrongUs = -SYNC_SHIFT_US_MAX; wrongUs <= SYNC_SHIFT_US_MAX; wrongUs += 50_000) {
    const sender = new Sender();
    sender.ntpUs[AUDIO] += wrongUs;
    sender.send(VIDEO, 0);
    sender.send(AUDIO, 0);
    sender.report(VIDEO, 1e6);
    sender.report(AUDIO, 1e6);
    assert(Math.abs(sender.skewUs(2e6)) <= SYNC_SHIFT_US_MAX);
  }
});

Deno.test("report() after the sender's clock was set waits for the other track's", () => {
  const sender = new Sender();
  sender.send(VIDEO, 0);
  sender.send(AUDIO, 0);
  sender.report(VIDEO, 0);
  sender.report(AUDIO, 0);
  sender.ntpUs[VIDEO] += 300_000;
  sender.ntpUs[AUDIO] += 300_000;
  sender.report(VIDEO, 1e6); // Alone it would pull the picture away from the sound.
  assert(Math.abs(sender.skewUs(1e6)) <= 1);
  sender.report(AUDIO, 2e6);
  assert(Math.abs(sender.skewUs(2e6)) <= 1);
});

Deno.test("report() leaves small differences alone and follows larger ones", () => {
  const sender = new Sender();
  sender.send(VIDEO, 0);
  sender.send(AUDIO, 0);
  sender.report(VIDEO, 0);
  sender.report(AUDIO, 0);
  sender.ntpUs[AUDIO] += RESYNC_US_MIN / 2;
  sender.report(AUDIO, 1e6);
  assert(Math.abs(sender.skewUs(1e6)) <= 1);
  sender.ntpUs[AUDIO] += RESYNC_US_MIN;
  sender.report(AUDIO, 2e6);
  assert(Math.abs(sender.skewUs(2e6) - 1.5 * RESYNC_US_MIN) <= 1);
});

Deno.test("timeUs() goes on when timestamps begin anew, alone or with another source", () => {
  for (const told of [false, true]) {
    const sender = new Sender();
    sender.send(VIDEO, 0);
    sender.send(AUDIO, 0);
    sender.send(VIDEO, 1e6);
    sender.bases[VIDEO] += 2_000_000_000;
    if (told) sender.sync.restart(VIDEO);
    const placed = sender.send(VIDEO, 1.04e6);
    assert(Math.abs(placed - 6_040_000) <= 1, `${placed}`);
  }
});

Deno.test("timeUs() keeps its place over a pause of the path", () => {
  const sender = new Sender();
  sender.send(VIDEO, 0);
  const before = sender.send(VIDEO, 1e6);
  assertEquals(sender.send(VIDEO, 1.04e6, 30e6) - before, 40_000); // All late at once.
  assertEquals(sender.send(VIDEO, 1.08e6, 29.96e6) - before, 80_000);
});
