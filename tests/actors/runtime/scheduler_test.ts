/**
 * Goal: who stands in line is served in order, once, and the line never loses anybody.
 * Method: runnables that note when they ran, on virtual time.
 *
 * @module
 */
import { type Runnable, Scheduler } from "../../../actors/runtime/scheduler.ts";
import { assertEquals } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

function line(count: number, slices: number, costMs: number) {
  const ports = new VirtualPorts();
  const scheduler = new Scheduler(ports.clock, ports.timers);
  const ran: number[] = [];
  const runnables = Array.from({ length: count }, (_, name): Runnable => {
    let left = slices;
    return {
      queued: false,
      run(): boolean {
        ran.push(name);
        ports.spend(costMs);
        return --left > 0;
      },
    };
  });
  return { ports, scheduler, ran, runnables };
}

Deno.test("enqueue() puts a runnable into the line once", () => {
  const { ports, scheduler, ran, runnables } = line(2, 1, 0);
  for (const runnable of [...runnables, ...runnables]) scheduler.enqueue(runnable);
  assertEquals(ports.pendingCount, 1, "one turn was asked for");
  ports.advanceSync(0);
  assertEquals(ran, [0, 1]);
});

Deno.test("Scheduler serves in rounds, also when the line grows while it is in use", () => {
  const { ports, scheduler, ran, runnables } = line(300, 2, 0);
  for (const runnable of runnables.slice(0, 50)) scheduler.enqueue(runnable);
  ports.timers.soon(() => {});
  ports.advanceSync(0); // The head has moved on, so that the ring wraps when it grows.
  assertEquals(ran.length, 100);
  for (const runnable of runnables.slice(50)) scheduler.enqueue(runnable);
  ports.advanceSync(0);
  const late = Array.from({ length: 250 }, (_, i) => 50 + i);
  assertEquals(ran.slice(100), [...late, ...late]);
});
