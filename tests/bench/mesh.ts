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
import { SERVER_CORE, startPlayers, startPushers } from "./load_process.ts";
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

const PATH = "bench/cam";

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

/** CPU of both nodes of a mesh, in percent of a core. */
interface PairSample {
  readonly a: number;
  readonly b: number;
}

/** The second node gets every stream as a standby: the link's work and nothing else. */
async function runLink(options: BenchOptions, { path: file }: SourceFile): Promise<void> {
  const streams = options.publishers >= FULL_PUBLISHERS ? LINK_STREAMS : LINK_STREAMS_QUICK;
  const path = `${PATH}%d`;
  const alone = await measureSingle(streams, options, file);
  const pair = async (replicas: string): Promise<PairSample> => {
    await using mesh = await startPair(["--flush", "100", "--replicas", replicas]);
    const [a, b] = mesh.nodes;
    const push = { file, address: a.address("rtmp"), path, publishers: streams };
    await using _pushers = await startPushers(push);
    await delay(SETTLE_MS);
    const carried = (await subscriptions(b)).b;
    if (carried !== Number(replicas) * streams) {
      console.log(`! ${carried} of ${streams} streams are on the link`);
    }
    const pids = [a.workerPid, b.workerPid];
    const before = pids.map(cpuSeconds);
    const fromMs = performance.now();
    await delay(options.seconds * 1_000);
    const perSecond = 100_000 / (performance.now() - fromMs);
    const [ofA, ofB] = pids.map((pid, at) => (cpuSeconds(pid) - before[at]) * perSecond);
    return { a: ofA, b: ofB };
  };
  const [without, linked] = [await pair("0"), await pair("1")];
  const sent = linked.a - without.a;
  const received = linked.b - without.b;
  const ratio = (linked.a + linked.b) / alone;
  const each = (percent: number) => fixed(percent / streams, 3);
  printTable(
    `${streams} streams of 500 kbit/s over a link: % of a core for each`,
    ["publisher + player", "owner", "edge", "ratio", "target", "", "link: sent", "received"],
    [[
      ...[each(alone), each(linked.a), each(linked.b)],
      ...[fixed(ratio), ...verdict(ratio, STREAM_RATIO_MAX), each(sent), each(received)],
    ]],
  );
}

/** As many publishers as players on one node: CPU in percent of a core. */
async function measureSingle(
  streams: number,
  { seconds }: BenchOptions,
  file: string,
): Promise<number> {
  await using node = await startNode(100);
  const path = `${PATH}%d`;
  await using pushers = await startPushers({
    ...{ file, path, address: node.rtmp, publishers: streams },
  });
  const play = { protocol: "rtmp", address: node.rtmp, path, streams, viewers: streams } as const;
  await using players = await startPlayers(play);
  const sample = await measure({ serverPid: node.pid, seconds, players, pushers });
  for (const note of sample.notes) console.log(`! single node: ${note}`);
  return sample.cpuPercent;
}

function noteFailures(reports: readonly PlayReport[]): void {
  for (const { failure } of reports) if (failure !== undefined) console.log(`! ${failure}`);
}
