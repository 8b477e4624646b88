/**
 * The gate: what a viewer costs the node, against a bare loop that writes the same number of
 * bytes to the same number of sockets by the same call.
 *
 * Node and bare loop take turns, A B A B, each after it has settled, so that what disturbs the
 * machine for a minute disturbs both of a pair; ratios are taken pair by pair.
 *
 * The bare loop does not read. A server must, to see a peer leave, so the loop is measured once more
 * with a read pending on each socket; the target is about the first one.
 *
 * @module
 */
import { startBareLoop } from "./bare_process.ts";
import { type GateProtocol, type GateRow, printGate, WINDOWS } from "./gate_table.ts";
import { bytesPerSecond, type Source } from "./load/source_tags.ts";
import { startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { type Server, startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";

/** Bytes of a message besides its body: an RTMP type-0 header; an FLV tag; one in a WebSocket. */
const OVERHEAD_BYTES = {
  rtmp: 12,
  "http-flv": 15,
  "ws-flv": 19,
} as const satisfies Record<GateProtocol, number>;

const PATH = "bench/cam";

/** Into how much the node reads what an RTMP viewer sends. */
const VIEWER_READ_BYTES = 512;

export async function runGate(options: BenchOptions, file: SourceFile): Promise<GateRow[]> {
  const rows: GateRow[] = [];
  for (const { windowMs } of WINDOWS) {
    const protocols = Object.keys(OVERHEAD_BYTES) as GateProtocol[];
    const publisher: Sample[] = [];
    const ofWindow = protocols.map((protocol) => emptyRow(windowMs, protocol, publisher));
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      await using node = await startNode(windowMs);
      for (const row of ofWindow) {
        row.node.push(await measureNode(node, row.protocol, options, file));
        row.bare.push(await measureBare(row, options, file.source));
        row.reading.push(await measureBare(row, options, file.source, VIEWER_READ_BYTES));
      }
      publisher.push(await measurePublisher(node, options, file));
    }
    rows.push(...ofWindow);
  }
  printGate(rows, options.viewers);
  return rows;
}

function emptyRow(windowMs: number, protocol: GateProtocol, publisher: Sample[]): GateRow {
  return { windowMs, protocol, node: [], bare: [], reading: [], publisher };
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
  { windowMs, protocol }: GateRow,
  { viewers, seconds }: BenchOptions,
  source: Source,
  readBytes?: number,
): Promise<Sample> {
  const bytes = bytesPerSecond(source, OVERHEAD_BYTES[protocol]);
  const pageBytes = Math.round(bytes * windowMs / 1_000);
  await using loop = await startBareLoop({ windowMs, pageBytes, readBytes });
  const play = { protocol: "raw", address: loop.address, path: "", streams: 1 } as const;
  await using players = await startPlayers({ ...play, viewers });
  return await measure({ serverPid: loop.pid, seconds, players });
}
