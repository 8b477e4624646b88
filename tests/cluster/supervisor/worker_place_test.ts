// Goal: how many workers a host has, what each is called, and which part of the host is its own.
import { assert, assertEquals } from "../../support/assert.ts";
import { DEFAULTS } from "../config_defaults.ts";
import {
  ALONE,
  shareOf,
  workerCount,
  workerName,
  type WorkerPlace,
} from "../../../cluster/supervisor/worker_place.ts";

const GIB = 1024 ** 3;

Deno.test("workerCount() is one a core, as far as the memory for media goes", () => {
  const rows: [number | "auto", number, number, number][] = [
    ["auto", GIB, 1, 1],
    ["auto", GIB, 8, 8],
    ["auto", GIB, 64, 16],
    ["auto", 16 * 1024 ** 2, 8, 1],
    ["auto", 64 * GIB, 512, 256],
    [3, 16 * 1024 ** 2, 1, 3],
  ];
  for (const [workers, mediaMemoryBytes, cores, expected] of rows) {
    assertEquals(workerCount({ workers, mediaMemoryBytes }, cores), expected);
  }
});

Deno.test("workerName() is the host's own when the worker is alone", () => {
  assertEquals(workerName("h", ALONE), "h");
  assertEquals([0, 1].map((index) => workerName("h", place(index, 2))), ["h.0", "h.1"]);
});

Deno.test("shareOf() cuts memory, connections and UDP ports, and gives a mesh port of its own", () => {
  const config = { ...DEFAULTS, redis: "redis://r", maxConnections: 5 };
  assertEquals(shareOf(config, ALONE), config);
  const shares = [0, 1, 2].map((index) => shareOf(config, place(index, 3)));
  assertEquals(shares.map(({ mediaMemoryBytes }) => mediaMemoryBytes), Array(3).fill(357_913_941));
  assertEquals(shares.map(({ maxConnections }) => maxConnections), [2, 2, 2]);
  assertEquals(shares.map(({ meshPort }) => meshPort), [9035, 9036, 9037]);
  assertEquals(shares.map(({ udpPorts }) => udpPorts), [
    { from: 20_000, to: 20_331 },
    { from: 20_332, to: 20_663 },
    { from: 20_664, to: 20_995 },
  ]);
  assertEquals(shareOf({ ...config, redis: undefined }, place(1, 3)).meshPort, 0);
  assertEquals(shareOf({ ...config, meshPort: 0 }, place(1, 3)).meshPort, 0);
});

Deno.test("shareOf() turns datagrams off when there are too few ports for all", () => {
  const few = { ...DEFAULTS, udpPorts: { from: 30_000, to: 30_002 } };
  assertEquals(shareOf(few, place(0, 2)).udpPorts, "off");
  const off = { ...DEFAULTS, udpPorts: "off" } as const;
  assertEquals(shareOf(off, place(0, 2)).udpPorts, "off");
  const enough = { ...DEFAULTS, udpPorts: { from: 30_000, to: 30_003 } };
  const [a, b] = [0, 1].map((index) => shareOf(enough, place(index, 2)).udpPorts);
  assert(a !== "off" && b !== "off");
  assertEquals([a.from, a.to, b.from, b.to], [30_000, 30_001, 30_002, 30_003]);
});

function place(index: number, count: number): WorkerPlace {
  return { ...ALONE, index, count };
}
