/**
 * What one HLS player costs on nodes that do not own its stream: each file fetched from the owner,
 * against a log of their own, in the same run. It takes the whole window first, then what is new;
 * on one node, and from two in turn.
 *
 * @module
 */
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { linksOf } from "../support/mesh_api.ts";
import type { TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { parseExposition } from "../actors/http/exposition.ts";
import { SERVER_CORE, startPushers } from "./load_process.ts";
import type { BenchOptions } from "./options.ts";
import { cpuSeconds, pinTo } from "./proc.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, printTable } from "./table.ts";

/** A window of segments and one more. */
const WINDOW_MS = 15_000;

/** How often a player reloads its playlist. */
const RELOAD_MS = 2_000;

/** A stream for each case: a node that has a log keeps it for a while, also into the next case. */
const PATHS = "bench/cam%d";

const CASES = [
  { on: "one node", how: "fetched", nodes: 1 },
  { on: "two nodes in turn", how: "fetched", nodes: 2 },
  { on: "one node", how: "own log", nodes: 1 },
  { on: "two nodes in turn", how: "own log", nodes: 2 },
] as const;
type Case = typeof CASES[number];

export async function runFetch({ seconds }: BenchOptions, { path: file }: SourceFile) {
  await using mesh = await startMesh(["a", "b", "c"], ["--replicas", "0", "--log-level", "warn"]);
  for (const { workerPid } of mesh.nodes) await pinTo(SERVER_CORE, workerPid);
  const address = mesh.nodes[0].address("rtmp");
  const publishers = CASES.length;
  await using _pushers = await startPushers({ file, address, path: PATHS, publishers });
  await delay(WINDOW_MS);
  const rows: string[][] = [];
  for (const [index, one] of CASES.entries()) {
    const path = PATHS.replace("%d", String(index));
    const idle = await used(mesh, () => delay(seconds * 1_000));
    const cost = await used(mesh, () => play(mesh, path, one, seconds));
    const perSecond = (value: number) => value / seconds;
    rows.push([
      `${one.on}, ${one.how}`,
      fixed(perSecond(cost.ownerMs - idle.ownerMs), 2),
      fixed(perSecond(cost.othersMs - idle.othersMs), 2),
      fixed(perSecond(cost.linkBytes - idle.linkBytes) / 1_000, 1),
      fixed((cost.memoryBytes - idle.memoryBytes) / 1_000_000, 2),
    ]);
  }
  printTable(
    `One HLS player of a 500 kbit/s stream, ${seconds} s from its first request on`,
    ["", "owner ms/s", "others ms/s", "links KB/s", "others' media MB"],
    rows,
  );
}

interface Cost {
  readonly ownerMs: number;
  readonly othersMs: number;
  readonly linkBytes: number;
  /** What the others have more of it. */
  readonly memoryBytes: number;
}

/** What the nodes spend while something happens. */
async function used({ nodes }: TestMesh, happen: () => Promise<void>): Promise<Cost> {
  const [owner, ...others] = nodes;
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const look = async () => ({
    ownerMs: 1_000 * cpuSeconds(owner.workerPid),
    othersMs: 1_000 * sum(others.map(({ workerPid }) => cpuSeconds(workerPid))),
    linkBytes: sum(
      (await linksOf(owner)).filter(({ node }) => node === "a").map((link) => link.bytesOut),
    ),
    memoryBytes: sum(await Promise.all(others.map(memoryOf))),
  });
  const before = await look();
  await happen();
  const after = await look();
  return {
    ownerMs: after.ownerMs - before.ownerMs,
    othersMs: after.othersMs - before.othersMs,
    linkBytes: after.linkBytes - before.linkBytes,
    memoryBytes: after.memoryBytes - before.memoryBytes,
  };
}

async function memoryOf(node: TestNode): Promise<number> {
  const text = await (await node.fetchMetrics()).text();
  return parseExposition(text).get("headwater_media_memory_used_bytes")!.samples[0].value;
}

/** Takes the window and what is new, each request from the next node. */
async function play(mesh: TestMesh, path: string, one: Case, seconds: number): Promise<void> {
  const nodes = mesh.nodes.slice(1, 1 + one.nodes);
  const known = new Set<string>();
  let turn = 0;
  const get = async (file: string) => {
    const response = await fetch(nodes[turn++ % nodes.length].httpUrl(`${path}.hls/${file}`));
    const body = await response.bytes();
    if (!response.ok) throw new Error(`Cannot play ${path}: ${response.status} for ${file}`);
    return new TextDecoder().decode(body);
  };
  // A low-latency player's first request.
  if (one.how === "own log") { for (const _node of nodes) await get("index.m3u8?_HLS_msn=0"); }
  const endMs = performance.now() + seconds * 1_000;
  for (let nextMs = performance.now(); nextMs < endMs; nextMs += RELOAD_MS) {
    await delay(Math.max(0, nextMs - performance.now()));
    const playlist = await get("index.m3u8");
    const init = /#EXT-X-MAP:URI="([^"]+)"/.exec(playlist)![1];
    const segments = playlist.split("\n").filter((line) => /^\d+-\d+\.m4s$/.test(line));
    for (const file of [init, ...segments]) {
      if (known.has(file)) continue;
      known.add(file);
      await get(file);
    }
  }
  await delay(Math.max(0, endMs - performance.now()));
}
