// Goal: each limit lets through what it allows, refuses what is beyond, and forgets who has left.
// Method: plain calls, time in the test's hand.
import { addressKey } from "../../../actors/edge/address_key.ts";
import { Admission } from "../../../actors/edge/admission.ts";
import { RateGate } from "../../../actors/edge/rate_gate.ts";
import { RepairReport } from "../../../actors/edge/repair_report.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

Deno.test("addressKey() takes an IPv4 address whole and an IPv6 address by its /64", () => {
  for (
    const [hostname, key] of [
      ["192.0.2.7", "192.0.2.7"],
      ["::ffff:192.0.2.7", "192.0.2.7"],
      ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
      ["2001:DB8:1:2::9", "2001:db8:1:2::/64"],
      ["2001:db8:0001:0002::", "2001:db8:1:2::/64"],
      ["2001:db8::9", "2001:db8:0:0::/64"],
      ["::1", "0:0:0:0::/64"],
      ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ]
  ) assertEquals(addressKey(hostname), key);
});

Deno.test("Admission.enter() refuses beyond the node's limit and beyond an address's", () => {
  const admission = new Admission({ connectionsMax: 3, perAddressMax: 2 });
  const enter = (hostname: string) => admission.enter("rtmp", hostname);
  assertEquals(enter("2001:db8::1"), undefined);
  assertEquals(enter("2001:db8::2"), undefined);
  assertEquals(enter("2001:db8::3"), "max-connections-per-address");
  assertEquals(enter("192.0.2.1"), undefined);
  assertEquals(enter("192.0.2.2"), "max-connections");
  admission.leave("rtmp", "2001:db8::1");
  assertEquals(enter("2001:db8::9"), undefined);
  const { refused, size } = admission;
  assertEquals([refused["max-connections"], refused["max-connections-per-address"]], [1, 1]);
  assertEquals(size, 3);
});

/** Feeds `bitsPerSecond` in steps of 20 ms, waiting as told; when it was sent away, if so. */
function press(gate: RateGate, bitsPerSecond: number, limit: number, seconds: number) {
  let nowMs = 0;
  let taken = 0;
  while (nowMs < seconds * 1000) {
    const bytes = bitsPerSecond / 8 / 50;
    const waitMs = gate.take(bytes, limit, nowMs);
    if (waitMs === undefined) return { endedMs: nowMs, taken };
    taken += bytes;
    nowMs += Math.max(20, waitMs);
  }
  return { endedMs: undefined, taken };
}

Deno.test("RateGate.take() leaves a publisher at its limit alone", () => {
  const { endedMs, taken } = press(new RateGate(), 20e6, 20e6, 60);
  assertEquals([endedMs, Math.round(taken)], [undefined, 150_000_000]);
});

Deno.test("RateGate.take() slows down one above it, and sends it away", () => {
  const { endedMs, taken } = press(new RateGate(), 1e9, 20e6, 60);
  assert(endedMs !== undefined && endedMs > 4_000 && endedMs < 8_000, `after ${endedMs} ms`);
  assert(taken * 8 < 20e6 * 14, `${taken} bytes were taken`);
});

Deno.test("RateGate.take() lets a backlog of some seconds through", () => {
  const gate = new RateGate();
  assertEquals(press(gate, 30e6, 20e6, 6).endedMs, undefined);
  assertEquals(press(new RateGate(), 2e6, 20e6, 60).endedMs, undefined);
});

Deno.test("RepairReport.note() logs at once, then once a second a stream, with kind and amount", () => {
  const ports = new VirtualPorts();
  const report = new RepairReport(ports.log, ports.timers);
  for (let i = 0; i < 50; i++) {
    report.note("live/a", "lifted", 1_000);
    ports.advanceSync(20);
  }
  report.note("live/b", "backward", 5_000_000);
  ports.advanceSync(1_000);
  report.stop();
  assertEquals(
    ports.lines.map(({ atMs, message, fields }): object => ({ atMs, message, ...fields })),
    [
      { atMs: 0, message: "timestamps repaired", stream: "live/a", lifted: 1, largestMs: 1 },
      { atMs: 1_000, message: "timestamps repaired", stream: "live/a", lifted: 49, largestMs: 1 },
      {
        atMs: 2_000,
        message: "timestamps repaired",
        stream: "live/b",
        backward: 1,
        largestMs: 5_000,
      },
    ],
  );
});
