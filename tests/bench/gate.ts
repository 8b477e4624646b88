/**
 * The gate: what a viewer costs the node, against a bare loop that writes the same number of
 * bytes to the same number of sockets by the same call.
 *
 * Node and bare loop run side by side on one core, so that what disturbs the machine disturbs both
 * of a pair, and are looked at only when they have run for a while; ratios are taken pair by pair.
 *
 * The bare loop does not read. A server must, to see a peer leave, so the loop is measured once more
 * with a read pending on each socket; the target is about the first one.
 *
 * @module
 */
import { delay } from "../support/processes.ts";
import { startBareLoop } from "./bare_process.ts";
import { type GateProtocol, type GateRow, printGate, WINDOWS } from "./gate_table.ts";
import { bytesPerSecond, type Source } from "./load/source_tags.ts";
import { startPlayers, startPushers } from "./load_process.ts";
import { BURST_SETTLE_MS, measureWindow, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { startNode } from "./servers.ts";
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

/** One side of a pair: what runs on the server's core, and how it is looked at. */
interface Side extends AsyncDisposable {
  measure(seconds: number): Promise<Sample>;
}

export async function runGate(options: BenchOptions, file: SourceFile): Promise<GateRow[]> {
  const rows: GateRow[] = [];
  for (const { windowMs } of WINDOWS) {
    for (const protocol of Object.keys(OVERHEAD_BYTES) as GateProtocol[]) {
      rows.push(await measureRow(windowMs, protocol, options, file));
    }
  }
  printGate(rows, options.viewers);
  return rows;
}

async function measureRow(
  windowMs: number,
  protocol: GateProtocol,
  options: BenchOptions,
  file: SourceFile,
): Promise<GateRow> {
  const { viewers, repeats, seconds } = options;
  const row = { windowMs, protocol, node: [], bare: [], reading: [], publisher: [] } as GateRow;
  await using node = await nodeSide(row, viewers, file);
  await using alone = await nodeSide(row, 0, file);
  await using bare = await bareSide(row, viewers, file.source);
  await using reading = await bareSide(row, viewers, file.source, VIEWER_READ_BYTES);
  const sides = [node, alone, bare, reading];
  const samples = [row.node, row.publisher, row.bare, row.reading];
  await delay(BURST_SETTLE_MS);
  for (let i = 0; i < repeats; i++) {
    const taken = await Promise.all(sides.map((side) => side.measure(seconds)));
    for (const [j, sample] of taken.entries()) samples[j].push(sample);
  }
  return row;
}

/** A node with a publisher, and viewers if there are to be any. */
async function nodeSide(
  { windowMs, protocol }: GateRow,
  viewers: number,
  { path: file }: SourceFile,
): Promise<Side> {
  const path = PATH;
  const parts = new AsyncDisposableStack();
  const node = parts.use(await startNode(windowMs));
  const pushers = parts.use(await startPushers({ file, address: node.rtmp, path, publishers: 1 }));
  const address = protocol === "rtmp" ? node.rtmp : node.http;
  const players = viewers === 0
    ? undefined
    : parts.use(await startPlayers({ protocol, address, path, streams: 1, viewers }));
  return {
    measure: (seconds) => measureWindow({ serverPid: node.pid, seconds, players, pushers }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

async function bareSide(
  { windowMs, protocol }: GateRow,
  viewers: number,
  source: Source,
  readBytes?: number,
): Promise<Side> {
  const bytes = bytesPerSecond(source, OVERHEAD_BYTES[protocol]);
  const pageBytes = Math.round(bytes * windowMs / 1_000);
  const parts = new AsyncDisposableStack();
  const loop = parts.use(await startBareLoop({ windowMs, pageBytes, readBytes }));
  const play = { protocol: "raw", address: loop.address, path: "", streams: 1 } as const;
  const players = parts.use(await startPlayers({ ...play, viewers }));
  return {
    measure: (seconds) => measureWindow({ serverPid: loop.pid, seconds, players }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
