// Goal: reading the configuration again: what the launcher finds, what the worker makes of it, and
//   what whoever asked is told.
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualPorts } from "../support/virtual_ports.ts";
import { DEFAULTS } from "./config_defaults.ts";
import type { GivenConfig } from "../../cluster/config.ts";
import {
  inputLines,
  parseReread,
  readerOf,
  type Reread,
  rereadLine,
} from "../../cluster/handover.ts";
import { Reloads } from "../../cluster/reloads.ts";
import { reread } from "../../cluster/reread.ts";

const OTHER: GivenConfig = { ...DEFAULTS, holdMs: 1, applications: [["live", { holdMs: 2 }]] };

Deno.test("reread() tells which flags need a restart", () => {
  const parse = (config: GivenConfig) => reread(DEFAULTS, () => ({ kind: "config", config }));
  assertEquals(parse(OTHER), { ok: true, config: OTHER, needRestart: [] });
  const moved = { ...OTHER, rtmpPort: 1, apiToken: "0".repeat(16) };
  assertEquals(parse(moved), { ok: true, config: moved, needRestart: ["rtmp-port", "api-token"] });
});

Deno.test("reread() hands on why the file was refused", () => {
  const refused = reread(DEFAULTS, () => ({ kind: "refused", message: "hw.yaml:2: a: no" }));
  assertEquals(refused, { ok: false, reason: "hw.yaml:2: a: no" });
});

Deno.test("parseReread() reads what rereadLine() wrote, and nothing else", () => {
  const refused: Reread = { ok: false, reason: "a\nb" };
  const line = rereadLine(refused);
  assertEquals(line.indexOf("\n"), -1);
  assertEquals(parseReread(line), refused);
  assertEquals(["drain", "stop", ""].map(parseReread), [undefined, undefined, undefined]);
});

Deno.test("inputLines() reads lines longer than its first buffer from a stream", async () => {
  const long = "x".repeat(100_000);
  const stream = ReadableStream.from([`a\n${long.slice(0, 9)}`, `${long.slice(9)}\n`, "b\n"])
    .pipeThrough(new TextEncoderStream());
  const lines: string[] = [];
  for await (const line of inputLines(readerOf(stream))) lines.push(line);
  assertEquals(lines, ["a", long, "b"]);
});

function setUp() {
  const ports = new VirtualPorts();
  const applied: GivenConfig[] = [];
  let requests = 0;
  const reloads = new Reloads({ ports, request: () => Promise.resolve(void requests++) });
  const node = { applyConfig: (config: GivenConfig) => void applied.push(config) };
  return { ports, applied, reloads, node, requests: () => requests };
}

Deno.test("Reloads applies what was read and answers everybody who asked", async () => {
  const { applied, reloads, node, requests } = setUp();
  reloads.attach(node);
  const asked = [reloads.reloadConfig(), reloads.reloadConfig()];
  assertEquals(requests(), 2);
  reloads.take({ ok: true, config: OTHER, needRestart: ["rtmp-port"] });
  const answer = { ok: true, needRestart: ["rtmp-port"] } as const;
  assertEquals(await Promise.all(asked), [answer, answer]);
  assertEquals(applied, [OTHER]);
});

Deno.test("Reloads changes nothing when the file was refused", async () => {
  const { applied, reloads, node } = setUp();
  reloads.attach(node);
  const asked = reloads.reloadConfig();
  reloads.take({ ok: false, reason: "hw.yaml:2: a: no" });
  assertEquals(await asked, { ok: false, kind: "invalid", reason: "hw.yaml:2: a: no" });
  assertEquals(applied, []);
});

Deno.test("Reloads keeps what came before the node was there", () => {
  const { applied, reloads, node } = setUp();
  reloads.take({ ok: true, config: OTHER, needRestart: [] });
  assertEquals(applied, []);
  reloads.attach(node);
  assertEquals(applied, [OTHER]);
});

Deno.test("Reloads gives up on a launcher that does not answer, and bounds who waits", async () => {
  const { ports, reloads, node } = setUp();
  reloads.attach(node);
  const asked = Array.from({ length: 64 }, () => reloads.reloadConfig());
  const refused = await reloads.reloadConfig();
  assertEquals(refused, { ok: false, kind: "unavailable", reason: "too many ask at once" });
  await ports.advance(5_000);
  for (const answer of await Promise.all(asked)) {
    assertEquals(answer.ok, false);
    assert(!answer.ok && answer.reason === "the launcher does not answer");
  }
});

Deno.test("Reloads says that the launcher is gone", async () => {
  const ports = new VirtualPorts();
  const reloads = new Reloads({ ports, request: () => Promise.reject(new Error("closed")) });
  const answer = await reloads.reloadConfig();
  assertEquals(answer, { ok: false, kind: "unavailable", reason: "the launcher is gone" });
});
