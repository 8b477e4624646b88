/**
 * What a second node costs: the time of one hop, the CPU of viewers on an edge, and the CPU of
 * streams on their way over a link. Each against the single node, in the same run.
 *
 * @module
 */
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { subscriptions } from "../support/mesh_api.ts";
import { delay } from "../support/processes.ts";
import type { PlayReport } from "./load/play.ts";
import { type Pushers, SERVER_CORE, startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample, SETTLE_MS } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { noise } from "./other_load.ts";
import { cpuSeconds, pinTo } from "./proc.ts";
import { startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, median, printTable, spread, verdict } from "./table.ts";

/** Most that a hop may add, in milliseconds, at the median and at the 99th percentile. */
const HOP_MS_MAX = { p50: 5, p99: 20 } as const;

/** CPU of an edge's viewers against a single node's, at most. */
const VIEWERS_RATIO_MAX = 1.1;

/** CPU of a stream on a link, both ends, against a publisher and a player of a single node. */
const STREAM_RATIO_MAX = 1;

const LATENCY_VIEWERS = 10;
const EDGE_VIEWERS = 500;
const EDGE_WINDOW_MS = 100;

/** Few enough in a quick run that starting them takes less than measuring. */
const LINK_STREAMS = 500;
const LINK_STREAMS_QUICK = 200;

/** Publishers from which on a run is not a quick one. */
const FULL_PUBLISHERS = 200;

/** Bytes of a stream in a second. */
const STREAM_BYTES = 62_500;

const PATH = "bench/cam";
const LINK_PATH = "bench/cam%d";

export async function runMesh(options: BenchOptions, file: SourceFile): Promise<void> {
  await runHop(options, file);
  await runEdgeViewers(options, file);
  await runLink(options, file);
}

/** A mesh of two nodes, a and b, both on the server's core. */
async function startPair(args: readonly string[]): Promise<TestMesh> {
  const limits = ["--log-level", "warn", "--max-connections", "20000"];
  const mesh = await startMesh(["a", "b"], [...limits, ...args]);
  for (const { ready } of mesh.nodes) {
    for (const pid of ready.pids) await pinTo(SERVER_CORE, pid);
  }
  return mesh;
}

/** Viewers of both nodes get the same frames at the same time. */
async function runHop({ seconds }: BenchOptions, { path: file }: SourceFile): Promise<void> {
  await using mesh = await startPair(["--flush", "0"]);
  const [a, b] = mesh.nodes.map((node) => node.address("rtmp"));
  await using _pushers = await startPushers({ file, address: a, path: PATH, publishers: 1 });
  const play = { protocol: "rtmp", path: PATH, streams: 1, viewers: LATENCY_VIEWERS } as const;
  await using onA = await startPlayers({ ...play, address: a });
  await using onB = await startPlayers({ ...play, address: b });
  await delay(SETTLE_MS);
  await Promise.all([onA.report(), onB.report()]);
  await delay(seconds * 1_000);
  const reports = await Promise.all([onA.report(), onB.report()]);
  const [ofA, ofB] = reports.map(({ latencyMs }) => latencyMs);
  const rows = (["p50", "p95", "p99"] as const).map((point) => {
    const addedMs = (ofB?.[point] ?? NaN) - (ofA?.[point] ?? NaN);
    const target = point === "p95" ? undefined : HOP_MS_MAX[point];
    const [at, hop] = [ofA?.[point], ofB?.[point]].map((value) => fixed(value, 2));
    return [point, at, hop, fixed(addedMs, 2), ...verdict(addedMs, target)];
  });
  const columns = ["", "publisher's node", "other node", "added", "target", ""];
  printTable("Latency of one hop in ms, --flush 0, RTMP", columns, rows);
  noteFailures(reports);
}

async function runEdgeViewers(options: BenchOptions, { path: file }: SourceFile): Promise<void> {
  const window = String(EDGE_WINDOW_MS);
  await using mesh = await startPair(["--flush", window, "--replicas", "0"]);
  await using single = await startNode(EDGE_WINDOW_MS);
  const [a, b] = mesh.nodes;
  const samples: { edge: Sample; alone: Sample }[] = [];
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const of = async (pid: number, publishTo: string, playFrom: string) => {
      const push = { file, address: publishTo, path: PATH, publishers: 1 };
      await using pushers = await startPushers(push);
      const play = { protocol: "rtmp", path: PATH, streams: 1, viewers: EDGE_VIEWERS } as const;
      await using players = await startPlayers({ ...play, address: playFrom });
      return await measure({ serverPid: pid, seconds: options.seconds, players, pushers });
    };
    samples.push({
      edge: await of(b.workerPid, a.address("rtmp"), b.address("rtmp")),
      alone: await of(single.pid, single.rtmp, single.rtmp),
    });
  }
  const ratios = samples.map(({ edge, alone }) => edge.cpuPercent / alone.cpuPercent);
  const cpu = (of: "edge" | "alone") => spread(samples.map((pair) => pair[of].cpuPercent), 1);
  const others = samples.flatMap(({ edge, alone }) => [edge.othersPercent, alone.othersPercent]);
  printTable(
    `${EDGE_VIEWERS} RTMP viewers, --flush ${EDGE_WINDOW_MS}: % of a core`,
    ["single node", "edge", "ratio", "target", "", "others %"],
    [[cpu("alone"), cpu("edge"), spread(ratios), ...verdict(median(ratios), VIEWERS_RATIO_MAX)]
      .concat(noise(others))],
  );
}

/** CPU of a stream on the nodes that were measured, in percent of a core. */
type PerStream = readonly number[];

/**
 * The second node gets every stream as a standby: the link's work and nothing else.
 *
 * What a link adds (sent and received) is held against a publisher and a player, which do the same
 * over RTMP; with the publisher's own work on the owner the sum is told, too.
 */
async function runLink(options: BenchOptions, { path: file }: SourceFile): Promise<void> {
  const streams = options.publishers >= FULL_PUBLISHERS ? LINK_STREAMS : LINK_STREAMS_QUICK;
  const load: LinkLoad = { streams, file, seconds: options.seconds };
  const [alone] = await measureSingle(load);
  const [publisher] = await measurePair(load, 0);
  const [owner, edge] = await measurePair(load, 1);
  const link = owner - publisher + edge;
  const ratio = link / alone;
  printTable(
    `${streams} streams of 500 kbit/s over a link: % of a core for each`,
    [
      ...["publisher + player", "publisher", "owner", "edge", "link's part", "ratio", "target", ""],
      "owner + edge, ratio",
    ],
    [[
      ...[alone, publisher, owner, edge, link].map((percent) => fixed(percent, 3)),
      ...[fixed(ratio), ...verdict(ratio, STREAM_RATIO_MAX), fixed((owner + edge) / alone)],
    ]],
  );
}

interface LinkLoad {
  readonly streams: number;
  readonly file: string;
  readonly seconds: number;
}

/** Two nodes, of which the first has the publishers and the second a copy of each, or none. */
async function measurePair(load: LinkLoad, replicas: 0 | 1): Promise<PerStream> {
  await using mesh = await startPair(["--flush", "100", "--replicas", String(replicas)]);
  const [a, b] = mesh.nodes;
  await using pushers = await startPushers(pushOf(load, a.address("rtmp")));
  const sample = await cpuOf([a.workerPid, b.workerPid], load, pushers);
  const carried = (await subscriptions(b)).b;
  if (carried !== replicas * load.streams) {
    console.log(`! ${carried} of ${load.streams} streams are on the link`);
  }
  return sample;
}

/** As many publishers as players on one node. */
async function measureSingle(load: LinkLoad): Promise<PerStream> {
  await using node = await startNode(100);
  const { streams } = load;
  await using pushers = await startPushers(pushOf(load, node.rtmp));
  const play = { protocol: "rtmp", path: LINK_PATH, streams, viewers: streams } as const;
  await using players = await startPlayers({ ...play, address: node.rtmp });
  const sample = await cpuOf([node.pid], load, pushers);
  noteFailures([await players.report()]);
  return sample;
}

function pushOf({ streams, file }: LinkLoad, address: string) {
  return { file, path: LINK_PATH, address, publishers: streams };
}

/** By the bytes that were really published: on a busy machine the pusher falls behind. */
async function cpuOf(
  pids: readonly number[],
  { seconds }: LinkLoad,
  pushers: Pushers,
): Promise<PerStream> {
  await delay(SETTLE_MS);
  await pushers.report();
  const before = pids.map(cpuSeconds);
  await delay(seconds * 1_000);
  const used = pids.map((pid, at) => cpuSeconds(pid) - before[at]);
  const { bytes } = await pushers.report();
  return used.map((cpu) => 100 * cpu / (bytes / STREAM_BYTES));
}

function noteFailures(reports: readonly PlayReport[]): void {
  for (const { failure } of reports) if (failure !== undefined) console.log(`! ${failure}`);
}
