// Goal: what launcher and worker tell each other and the world, each part by itself.
import { REPOSITORY } from "../support/paths.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../support/assert.ts";
import { DEFAULTS } from "./config_defaults.ts";
import { isNodeName } from "../../cluster/config_schema.ts";
import {
  handoverLine,
  inputLines,
  isWorkerCommand,
  parseHandover,
} from "../../cluster/handover.ts";
import { readyLine } from "../../cluster/ready_line.ts";
import { PRESS_MS, PressCounter } from "../../cluster/stop_signals.ts";
import {
  systemPorts,
  systemRandom,
  systemTimers,
  timersPending,
} from "../../cluster/system_ports.ts";
import { nodeNameFromHost } from "../../cluster/worker.ts";
import { ALONE } from "../../cluster/supervisor/worker_place.ts";
import { workerArguments } from "../../cluster/worker_command.ts";
import { VirtualPorts } from "../support/virtual_ports.ts";

const CONFIG = { ...DEFAULTS, dataDir: "/var/lib/hw" };

/** Reads like a pipe that gives these pieces and then ends. */
async function linesOf(pieces: readonly string[], bytesMax = 65_536): Promise<string[]> {
  const chunks = pieces.map((piece) => new TextEncoder().encode(piece));
  const read = (target: Uint8Array) => {
    const chunk = chunks.shift();
    if (chunk === undefined) return Promise.resolve(null);
    const count = Math.min(chunk.length, target.length);
    target.set(chunk.subarray(0, count));
    if (count < chunk.length) chunks.unshift(chunk.subarray(count));
    return Promise.resolve(count);
  };
  const lines: string[] = [];
  for await (const line of inputLines(read, bytesMax)) lines.push(line);
  return lines;
}

Deno.test("inputLines() gives whole lines, however they arrive", async () => {
  assertEquals(await linesOf([]), []);
  assertEquals(await linesOf(["a\nbb\n", "\nc\n"]), ["a", "bb", "", "c"]);
  assertEquals(await linesOf([..."drain\nstöp\n"]), ["drain", "stöp"]);
  assertEquals(await linesOf(["a\nnot ended"]), ["a"]);
  assertEquals(await linesOf([`${"x".repeat(65_535)}\ny\n`]), ["x".repeat(65_535), "y"]);
});

Deno.test("inputLines() refuses a line without an end", async () => {
  const error = await assertRejects(() => linesOf(["x".repeat(65_536)]), RangeError);
  assertEquals(error.message, "Cannot read line: no line feed within 65536 bytes");
});

Deno.test("parseHandover() reads what handoverLine() wrote", () => {
  const handover = { config: { ...CONFIG, name: "a", apiToken: "t\n" }, place: ALONE };
  const line = handoverLine(handover);
  assertEquals(line.indexOf("\n"), -1);
  const { config, place } = parseHandover(line);
  // An option without a value is left out of the line, and reads as undefined all the same.
  assertEquals({ ...DEFAULTS, ...config }, handover.config);
  assertEquals(place, ALONE);
});

Deno.test("parseHandover() refuses other input", () => {
  for (const line of ["null", "1", "{}"]) assertThrows(() => parseHandover(line), TypeError);
});

Deno.test("isWorkerCommand() knows drain and stop", () => {
  assertEquals(["drain", "stop", "", "Drain"].map(isWorkerCommand), [true, true, false, false]);
});

Deno.test("PressCounter takes a signal and its echo as one press", () => {
  const counter = new PressCounter();
  assertEquals(counter.press("SIGINT", 1000), 1);
  assertEquals(counter.press("SIGINT", 1000.2), undefined);
  assertEquals(counter.press("SIGINT", 999.9 + PRESS_MS), undefined);
  assertEquals(counter.press("SIGINT", 1000 + PRESS_MS), 2);
  assertEquals(counter.press("SIGTERM", 1001 + PRESS_MS), 3); // Another kind is no echo.
  assertEquals(counter.press("SIGTERM", 1002 + PRESS_MS), undefined);
});

Deno.test("workerArguments() grants the ports, the data directory and the host's name only", () => {
  const closed = { ...CONFIG, udpPorts: "off" } as const;
  const args = workerArguments(closed, new URL("file:///app/worker%20main.ts"));
  assertEquals(args.filter((argument) => !argument.startsWith("--config=")), [
    "run",
    "--no-prompt",
    "--quiet",
    "--v8-flags=--min-semi-space-size=16,--max-semi-space-size=16,--heap-growing-percent=20",
    "--allow-net=[::]:0,[::]:1935,[::]:8554,[::]:8080,0.0.0.0:1935,0.0.0.0:8554,0.0.0.0:8080",
    `--allow-read=/var/lib/hw,${REPOSITORY}/actors,${REPOSITORY}/protocols`,
    "--allow-write=/var/lib/hw",
    "--allow-sys=hostname",
    "--ignore-env",
    "/app/worker main.ts",
  ]);
  const named = workerArguments({ ...closed, name: "a", host: "10.0.0.1", httpPort: 0 }, URL_OF_A);
  assert(named.includes("--allow-net=10.0.0.1"));
  const fixed = workerArguments({ ...closed, host: "2001:db8::7" }, URL_OF_A);
  assert(fixed.includes("--allow-net=[2001:db8::7]:1935,[2001:db8::7]:8554,[2001:db8::7]:8080"));
  assert(!named.some((argument) => argument.startsWith("--allow-sys")));
  // Datagrams go to whoever asked: their addresses are not known before.
  assert(workerArguments(CONFIG, URL_OF_A).includes("--allow-net"));
});

const URL_OF_A = new URL("file:///a.ts");

Deno.test("workerArguments() never has the API token", () => {
  const token = "0123456789abcdef";
  const args = workerArguments({ ...CONFIG, apiToken: token }, URL_OF_A);
  assert(!args.join(" ").includes(token));
});

Deno.test("readyLine() speaks to people and to programs", () => {
  const ready = {
    node: "n1",
    pids: [1, 2],
    addresses: { rtmp: "[::]:1935", http: "[::]:8080" },
  };
  assertEquals(readyLine(ready, "text"), "headwater n1 ready: rtmp [::]:1935, http [::]:8080");
  assertEquals(
    readyLine(ready, "json"),
    `{"event":"ready","node":"n1","pids":[1,2],` +
      `"addresses":{"rtmp":"[::]:1935","http":"[::]:8080"}}`,
  );
});

Deno.test("nodeNameFromHost() makes a name of any host's name", () => {
  const rows: [string, string][] = [
    ["media-1.example.com", "media-1.example.com"],
    ["my host's name", "my-host-s-name"],
    ["-_.a", "a"],
    ["ä", "node"],
    ["", "node"],
    ["x".repeat(253), "x".repeat(64)],
  ];
  for (const [host, name] of rows) {
    assertEquals(nodeNameFromHost(host), name);
    assert(isNodeName(name));
  }
});

Deno.test("systemPorts() has clocks that go and timers that fire, never at once", async () => {
  const { clock, timers } = systemPorts(new VirtualPorts().log);
  assert(Math.abs(clock.wallMs() - Date.now()) < 1000);
  const startMs = clock.nowMs();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    timers.after(20, resolve);
    timers.after(0, () => order.push("after"));
    timers.soon(() => order.push("soon"));
    timers.after(1, () => order.push("cancelled")).cancel();
    order.push("now");
  });
  assertEquals([order[0], order.toSorted()], ["now", ["after", "now", "soon"]]);
  assert(clock.nowMs() - startMs >= 19);
});

Deno.test("timersPending() counts each timer until it fires or is cancelled, once", async () => {
  const before = timersPending();
  const [first, second] = [0, 60_000].map((delayMs) => systemTimers.after(delayMs, () => {}));
  assertEquals(timersPending(), before + 2);
  await new Promise((resolve) => setTimeout(resolve, 5));
  first.cancel();
  assertEquals(timersPending(), before + 1);
  second.cancel();
  second.cancel();
  assertEquals(timersPending(), before);
});

Deno.test("systemTimers.after() takes delays beyond the runtime's own limit", async () => {
  let fired = false;
  const month = systemTimers.after(32 * 86_400_000, () => fired = true);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(fired, false); // The runtime's own timer would have fired by now.
  month.cancel();
  const never = systemTimers.after(Infinity, () => fired = true);
  never.cancel();
  assertThrows(() => systemTimers.after(NaN, () => {}), RangeError);
});

Deno.test("systemRandom() gives numbers from 0 to below 1, spread and never alike", () => {
  const random = systemRandom();
  const numbers = Array.from({ length: 4000 }, () => random.next());
  assert(numbers.every((number) => number >= 0 && number < 1));
  assertEquals(new Set(numbers).size, numbers.length);
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert(mean > 0.45 && mean < 0.55, `mean ${mean}`); // Ten standard deviations.
});
