// Goal: what comes back comes back together, and says how late it is.
import { every } from "../../../actors/runtime/every.ts";
import { assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

Deno.test("every() calls at multiples of the interval, whenever it was started", async () => {
  const ports = new VirtualPorts();
  const calls: string[] = [];
  every(ports, 250, () => calls.push(`a${ports.nowMs}`));
  await ports.advance(130);
  every(ports, 500, () => calls.push(`b${ports.nowMs}`));
  await ports.advance(900);
  assertEquals(calls, ["a250", "b500", "a500", "a750", "b1000", "a1000"]);
});

Deno.test("every() does not call twice when the timer fires a little early", () => {
  const ports = new VirtualPorts();
  const delays: number[] = [];
  let nowMs = 0;
  let fire: () => void = () => {};
  const timers = {
    ...ports.timers,
    after: (delayMs: number, callback: () => void) => {
      delays.push(delayMs);
      fire = callback;
      return { cancel: () => {} };
    },
  };
  every({ clock: { nowMs: () => nowMs, wallMs: () => 0 }, timers }, 100, () => {});
  nowMs = 99.4;
  fire();
  assertEquals(delays, [100, 101]);
});

Deno.test("every() tells how late it is, and leaves out what has passed", () => {
  let nowMs = 0;
  let fire: () => void = () => {};
  const delays: number[] = [];
  const late: number[] = [];
  const clock = { nowMs: () => nowMs, wallMs: () => 0 };
  const timers = {
    soon: () => {},
    after: (delayMs: number, callback: () => void) => {
      delays.push(delayMs);
      fire = callback;
      return { cancel: () => {} };
    },
  };
  every({ clock, timers }, 100, (lateMs) => late.push(lateMs));
  nowMs = 340;
  fire();
  assertEquals({ late, delays }, { late: [240], delays: [100, 60] });
});

Deno.test("every() ends when it is cancelled, also from within", async () => {
  const ports = new VirtualPorts();
  let calls = 0;
  const timer = every(ports, 100, () => {
    if (++calls === 2) timer.cancel();
  });
  await ports.advance(1_000);
  assertEquals({ calls, pending: ports.pendingCount }, { calls: 2, pending: 0 });
});
