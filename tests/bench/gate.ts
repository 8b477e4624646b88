/**
 * The gate: what a viewer costs the node, against a bare loop that writes the same number of
 * bytes to the same number of sockets by the same call.
 *
 * Node and bare loop take turns, A B A B, each after it has settled, so that what disturbs the
 * machine for a minute disturbs both of a pair; ratios are taken pair by pair.
 *
 * @module
 */
import { type BareLoop, startBareLoop } from "./bare_process.ts";
import { printGate } from "./gate_table.ts";
import type { PlayProtocol } from "./load/play.ts";
import { bytesPerSecond, type Source } from "./load/source_tags.ts";
import { startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { type Server, startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";

/** Windows, and what the node may cost there against the bare loop. */
export const WINDOWS = [
  { windowMs: 350, atMost: 1.15 },
  { windowMs: 100, atMost: 1.15 },
  { windowMs: 20, atMost: 1.2 },
] as const;

/** Bytes of a message besides its body: an RTMP type-0 header; an FLV tag; one in a WebSocket. */
const OVERHEAD_BYTES = { rtmp: 12, "http-flv": 15, "ws-flv": 19 } as const;

export type GateProtocol = keyof typeof OVERHEAD_BYTES;

const PATH = "bench/cam";

/** Samples of one protocol at one window; those of a pair have the same index. */
export interface GateRow {
  readonly windowMs: number;
  readonly protocol: GateProtocol;
  readonly node: Sample[];
  readonly bareConn: Sample[];
  /** Only of the protocols whose sockets `node:http` accepted. */
  readonly bareSocket: Sample[];
  /** The same node with the publisher and without a viewer. */
  readonly publisher: Sample[];
}

export async function runGate(options: BenchOptions, file: SourceFile): Promise<GateRow[]> {
  const rows: GateRow[] = [];
  for (const { windowMs } of WINDOWS) {
    await using node = await startNode(windowMs);
    const protocols = Object.keys(OVERHEAD_BYTES) as GateProtocol[];
    const publisher: Sample[] = [];
    const ofWindow = protocols.map((protocol) => emptyRow(windowMs, protocol, publisher));
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      for (const row of ofWindow) {
        row.node.push(await measureNode(node, row.protocol, options, file));
        await measureBare(row, options, file.source);
      }
      publisher.push(await measurePublisher(node, options, file));
    }
    rows.push(...ofWindow);
  }
  printGate(rows, options.viewers);
  return rows;
}

function emptyRow(windowMs: number, protocol: GateProtocol, publisher: Sample[]): GateRow {
  return { windowMs, protocol, node: [], bareConn: [], bareSocket: [], publisher };
}

/** The publisher comes with the viewers and leaves with them: the node is idle between. */
async function measureNode(
  node: Server,
  protocol: GateProtocol,
  { viewers, seconds }: BenchOptions,
  { path: file }: SourceFile,
): Promise<Sample> {
  const path = PATH;
  await using pushers = await startPushers({ file, address: node.rtmp, path, publishers: 1 });
  const address = protocol === "rtmp" ? node.rtmp : node.http;
  await using players = await startPlayers({ protocol, address, path, streams: 1, viewers });
  return await measure({ serverPid: node.pid, seconds, players, pushers });
}

async function measurePublisher(
  node: Server,
  { seconds }: BenchOptions,
  { path: file }: SourceFile,
): Promise<Sample> {
  const options = { file, address: node.rtmp, path: PATH, publishers: 1 };
  await using pushers = await startPushers(options);
  return await measure({ serverPid: node.pid, seconds, pushers });
}

async function measureBare(
  row: GateRow,
  { viewers, seconds }: BenchOptions,
  source: Source,
): Promise<void> {
  const { windowMs, protocol } = row;
  const bytes = bytesPerSecond(source, OVERHEAD_BYTES[protocol]);
  const page = { windowMs, pageBytes: Math.round(bytes * windowMs / 1_000) };
  row.bareConn.push(await measureLoop({ call: "conn.write", ...page }, viewers, seconds));
  if (protocol === "rtmp") return;
  row.bareSocket.push(await measureLoop({ call: "socket.write", ...page }, viewers, seconds));
}

async function measureLoop(
  options: BareLoop["options"],
  viewers: number,
  seconds: number,
): Promise<Sample> {
  await using loop = await startBareLoop(options);
  const { address, pid: serverPid } = loop;
  const protocol: PlayProtocol = "raw";
  await using players = await startPlayers({ protocol, address, path: "", streams: 1, viewers });
  return await measure({ serverPid, seconds, players });
}
