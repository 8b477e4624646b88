// Goal: a node ends exactly once, drained within its time or at once, whoever asks how often.
// Method: a fake node whose calls are recorded and settled by hand, on virtual time.
import { assertEquals } from "../support/assert.ts";
import { VirtualPorts } from "../support/virtual_ports.ts";
import type { RunningNode } from "../../cluster/running_node.ts";
import { Shutdown, type ShutdownResult, STOP_MS_MAX } from "../../cluster/shutdown.ts";

const DRAIN_MS = 30_000;

function setUp() {
  const ports = new VirtualPorts();
  const calls: string[] = [];
  const drained = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const node: RunningNode = {
    name: "n",
    addresses: {},
    applyConfig: () => calls.push("applyConfig"),
    drain: () => (calls.push("drain"), drained.promise),
    stop: () => (calls.push("stop"), stopped.promise),
  };
  const shutdown = new Shutdown(node, { drainTimeoutMs: DRAIN_MS, ports });
  const results: ShutdownResult[] = [];
  shutdown.ended.then((result) => results.push(result));
  return { ports, calls, drained, stopped, shutdown, results };
}

Deno.test("Shutdown.drain() waits for the clients, then stops", async () => {
  const { ports, calls, drained, stopped, shutdown, results } = setUp();
  shutdown.drain();
  shutdown.drain();
  await ports.advance(DRAIN_MS - 1);
  assertEquals(calls, ["drain"]);
  drained.resolve();
  await ports.runUntilIdle();
  assertEquals([calls, results], [["drain", "stop"], []]);
  stopped.resolve();
  await ports.runUntilIdle();
  assertEquals(results, ["drained"]);
  assertEquals(ports.linesWith("draining").length, 1);
  assertEquals(ports.pendingCount, 0); // No timer keeps the process.
});

Deno.test("Shutdown.drain() stops anyway when its time is over", async () => {
  const { ports, calls, drained, stopped, shutdown, results } = setUp();
  shutdown.drain();
  await ports.advance(DRAIN_MS);
  assertEquals(calls, ["drain", "stop"]);
  drained.resolve(); // Too late to change anything.
  stopped.resolve();
  await ports.runUntilIdle();
  assertEquals([calls, results], [["drain", "stop"], ["overdue"]]);
  assertEquals(ports.pendingCount, 0);
});

Deno.test("Shutdown.stop() cuts a drain short", async () => {
  const { ports, calls, drained, stopped, shutdown, results } = setUp();
  shutdown.drain();
  await ports.advance(10);
  shutdown.stop();
  shutdown.stop();
  drained.resolve();
  stopped.resolve();
  await ports.runUntilIdle();
  assertEquals([calls, results], [["drain", "stop"], ["stopped"]]);
});

Deno.test("Shutdown.stop() does not drain, nor does anything after it", async () => {
  const { ports, calls, stopped, shutdown, results } = setUp();
  shutdown.stop();
  shutdown.drain();
  stopped.resolve();
  await ports.runUntilIdle();
  shutdown.stop();
  await ports.advance(DRAIN_MS + STOP_MS_MAX);
  assertEquals([calls, results], [["stop"], ["stopped"]]);
});

Deno.test("Shutdown gives up on a node that does not stop", async () => {
  const { ports, shutdown, results } = setUp();
  shutdown.stop();
  await ports.advance(STOP_MS_MAX - 1);
  assertEquals(results, []);
  await ports.advance(1);
  assertEquals(results, ["overdue"]);
});

Deno.test("Shutdown ends a node whose drain and stop fail, and logs both", async () => {
  const { ports, calls, drained, stopped, shutdown, results } = setUp();
  shutdown.drain();
  drained.reject(new Error("no"));
  stopped.reject(new Error("neither"));
  await ports.runUntilIdle();
  assertEquals([calls, results], [["drain", "stop"], ["stopped"]]);
  assertEquals(ports.lines.filter((line) => line.level === "error").length, 2);
});
