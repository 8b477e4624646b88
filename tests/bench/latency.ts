/**
 * From the publisher's socket to the player's, at each window and over each protocol.
 *
 * Few viewers, so that the figure is the window's and not the load's; under load see the gate.
 *
 * @module
 */
import { startPlayers, startPushers } from "./load_process.ts";
import { measure } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { noise } from "./other_load.ts";
import { startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, printTable } from "./table.ts";

const VIEWERS = 20;

export async function runLatency(
  { seconds }: BenchOptions,
  { path: file }: SourceFile,
): Promise<void> {
  const rows: string[][] = [];
  for (const windowMs of [350, 100, 20, "auto"] as const) {
    await using node = await startNode(windowMs);
    const path = "bench/cam";
    await using pushers = await startPushers({ file, address: node.rtmp, path, publishers: 1 });
    for (const protocol of ["rtmp", "http-flv", "ws-flv"] as const) {
      const address = protocol === "rtmp" ? node.rtmp : node.http;
      const options = { protocol, address, path, streams: 1, viewers: VIEWERS };
      await using players = await startPlayers(options);
      const sample = await measure({ serverPid: node.pid, seconds, players, pushers });
      const { p50, p95, p99 } = sample.players?.latencyMs ?? {};
      const points = [p50, p95, p99].map((value) => fixed(value, 1));
      rows.push([`${node.name}, ${protocol}`, ...points, noise([sample.othersPercent])]);
    }
  }
  const columns = ["server", "p50", "p95", "p99", "others %"];
  printTable(`Latency in ms, ${VIEWERS} viewers`, columns, rows);
}
