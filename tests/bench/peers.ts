/**
 * Players of one RTMP stream: the node at each window against other servers at their own.
 *
 * @module
 */
import { startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { noise } from "./other_load.ts";
import { type Server, startMediaServer, startNginx, startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, printTable, verdict } from "./table.ts";

/** What the node may use at a window, as a share of what the peer uses at its own. */
const TARGETS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  "node, 350 ms": { "node-media-server 2.7.4": 0.35, "nginx-rtmp": 0.115 },
  "node, 100 ms": { "node-media-server 2.7.4": 0.7, "nginx-rtmp": 0.23 },
  "node, 20 ms": { "nginx-rtmp": 1.0 },
};

interface Result {
  readonly name: string;
  readonly sample: Sample;
}

export async function runPeers(options: BenchOptions, file: SourceFile): Promise<void> {
  const starts = [
    () => startNginx(),
    () => startMediaServer("2.7.4"),
    () => startMediaServer("4.4.3"),
  ];
  const peers = await measureAll(starts, options, file);
  const windows = [350, 100, 20].map((windowMs) => () => startNode(windowMs));
  const nodes = await measureAll(windows, options, file);
  printServers([...nodes, ...peers], options.viewers);
  printRatios(nodes, peers);
}

async function measureAll(
  starts: readonly (() => Promise<Server>)[],
  options: BenchOptions,
  file: SourceFile,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const start of starts) {
    try {
      await using server = await start();
      results.push({ name: server.name, sample: await measureServer(server, options, file) });
    } catch (error) {
      // A peer that does not install here must not hide the others' figures.
      console.log(`! not measured: ${error instanceof Error ? error.message : error}`);
    }
  }
  return results;
}

async function measureServer(
  server: Server,
  { viewers, seconds }: BenchOptions,
  { path: file }: SourceFile,
): Promise<Sample> {
  const address = server.rtmp;
  const path = "live/cam";
  await using pushers = await startPushers({ file, address, path, publishers: 1 });
  const protocol = "rtmp";
  await using players = await startPlayers({ protocol, address, path, streams: 1, viewers });
  return await measure({ serverPid: server.pid, seconds, players, pushers });
}

function printServers(results: readonly Result[], viewers: number): void {
  const rows = results.map(({ name, sample }) => {
    const { players, cpuPercent, residentBytes, loaderPercent } = sample;
    const { p50, p95, p99 } = players?.latencyMs ?? {};
    return [
      name,
      fixed(cpuPercent, 1),
      fixed(cpuPercent * 1_000 / viewers, 1),
      [p50, p95, p99].map((value) => fixed(value, 0)).join(" / "),
      fixed(residentBytes / 1e6, 0),
      fixed((players?.bytes ?? 0) / (players?.seconds ?? 1) / viewers / 1_000, 1),
      fixed(loaderPercent, 0),
      noise([sample.othersPercent]),
    ];
  });
  const columns = ["server", "CPU %", "per 1,000", "latency p50/p95/p99 ms", "RSS MB"];
  printTable(`${viewers} RTMP players of one stream`, [
    ...columns,
    "KB/s each",
    "loader %",
    "others %",
  ], rows);
  for (const { name, sample } of results) {
    if (sample.notes.length > 0) console.log(`! ${name}: ${sample.notes.join("; ")}`);
  }
}

function printRatios(nodes: readonly Result[], peers: readonly Result[]): void {
  const rows = nodes.flatMap((node) =>
    peers.map((peer) => {
      const ratio = node.sample.cpuPercent / peer.sample.cpuPercent;
      const target = TARGETS[node.name]?.[peer.name];
      const others = noise([node.sample.othersPercent, peer.sample.othersPercent]);
      return [`${node.name} / ${peer.name}`, fixed(ratio, 3), ...verdict(ratio, target), others];
    })
  );
  printTable("CPU against other servers", ["pair", "ratio", "target", "", "others %"], rows);
}
