/**
 * The gate: what a viewer costs the node, against a bare loop that writes the same number of
 * bytes to the same number of sockets by the same call.
 *
 * @module
 */
import type { BareLoopOptions } from "./bare_loop.ts";
import type { PlayProtocol } from "./load/play.ts";
import { bytesPerSecond, type Source } from "./load/source_tags.ts";
import { startPlayers, startPushers, startScript } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, median, printTable, spread, verdict } from "./table.ts";

/** Windows, and what the node may cost there against the bare loop. */
export const WINDOWS = [
  { windowMs: 350, atMost: 1.15 },
  { windowMs: 100, atMost: 1.15 },
  { windowMs: 20, atMost: 1.2 },
] as const;

/** What a viewer over HTTP or WebSocket may cost against one over RTMP. */
const FLV_AT_MOST = 1.3;

/** Bytes of a message besides its body: an RTMP type-0 header; an FLV tag; one in a WebSocket. */
const OVERHEAD_BYTES = { rtmp: 12, "http-flv": 15, "ws-flv": 19 } as const;

type GateProtocol = keyof typeof OVERHEAD_BYTES;

export interface GateRow {
  readonly windowMs: number;
  readonly protocol: GateProtocol;
  readonly node: Sample[];
  readonly bareConn: Sample[];
  /** Only of the protocols whose sockets `node:http` accepted. */
  readonly bareSocket: Sample[];
}

export async function runGate(options: BenchOptions, file: SourceFile): Promise<GateRow[]> {
  const rows: GateRow[] = [];
  for (const { windowMs } of WINDOWS) {
    const protocols = Object.keys(OVERHEAD_BYTES) as GateProtocol[];
    const ofWindow = protocols.map((protocol) => emptyRow(windowMs, protocol));
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      await measureNode(windowMs, ofWindow, options, file);
      for (const row of ofWindow) await measureBare(row, options, file.source);
    }
    rows.push(...ofWindow);
  }
  printGate(rows, options.viewers);
  return rows;
}

function emptyRow(windowMs: number, protocol: GateProtocol): GateRow {
  return { windowMs, protocol, node: [], bareConn: [], bareSocket: [] };
}

/** One node serves each protocol's viewers in turn. */
async function measureNode(
  windowMs: number,
  rows: readonly GateRow[],
  { viewers, seconds }: BenchOptions,
  { path: file }: SourceFile,
): Promise<void> {
  await using node = await startNode(windowMs);
  const path = "bench/cam";
  await using pushers = await startPushers({ file, address: node.rtmp, path, publishers: 1 });
  for (const { protocol, node: samples } of rows) {
    const address = protocol === "rtmp" ? node.rtmp : node.http;
    await using players = await startPlayers({ protocol, address, path, streams: 1, viewers });
    samples.push(await measure({ serverPid: node.pid, seconds, players, pushers }));
  }
}

async function measureBare(
  row: GateRow,
  { viewers, seconds }: BenchOptions,
  source: Source,
): Promise<void> {
  const { windowMs, protocol } = row;
  const pageBytes = pageBytesOf(source, protocol, windowMs);
  row.bareConn.push(await bare({ call: "conn.write", windowMs, pageBytes }, viewers, seconds));
  if (protocol === "rtmp") return;
  row.bareSocket.push(await bare({ call: "socket.write", windowMs, pageBytes }, viewers, seconds));
}

async function bare(loop: BareLoopOptions, viewers: number, seconds: number): Promise<Sample> {
  const started = await startScript<{ address: string }>("bare_loop.ts", loop);
  await using process = started.process;
  const { address } = started.ready;
  const protocol: PlayProtocol = "raw";
  await using players = await startPlayers({ protocol, address, path: "", streams: 1, viewers });
  return await measure({ serverPid: process.pid, seconds, players });
}

function pageBytesOf(source: Source, protocol: GateProtocol, windowMs: number): number {
  return Math.round(bytesPerSecond(source, OVERHEAD_BYTES[protocol]) * windowMs / 1_000);
}

/** Ratios pair by pair: what disturbs the machine for a minute disturbs both of a pair. */
function ratios(over: readonly Sample[], under: readonly Sample[]): number[] {
  return under.map(({ cpuPercent }, i) => over[i].cpuPercent / cpuPercent);
}

function printGate(rows: readonly GateRow[], viewers: number): void {
  const perThousand = (samples: readonly Sample[]) =>
    samples.length === 0
      ? "-"
      : fixed(median(samples.map(({ cpuPercent }) => cpuPercent)) * 1_000 / viewers, 1);
  printTable(
    `The gate: CPU % of a core per 1,000 viewers (${viewers} measured), node against bare loops`,
    ["protocol, window", "node", "conn.write", "socket.write", "node / conn.write", "target", ""]
      .concat("node / socket.write", "KB/s each", "loader %"),
    rows.map((row) => {
      const atMost = WINDOWS.find(({ windowMs }) => windowMs === row.windowMs)!.atMost;
      const toConn = ratios(row.node, row.bareConn);
      const bytes = median(row.node.map(({ players }) => players!.bytes / players!.seconds));
      return [
        `${row.protocol}, ${row.windowMs} ms`,
        perThousand(row.node),
        perThousand(row.bareConn),
        perThousand(row.bareSocket),
        spread(toConn),
        ...verdict(median(toConn), atMost),
        row.bareSocket.length === 0 ? "-" : spread(ratios(row.node, row.bareSocket)),
        fixed(bytes / viewers / 1_000, 1),
        fixed(Math.max(...row.node.map(({ loaderPercent }) => loaderPercent)), 0),
      ];
    }),
  );
  printFlvAgainstRtmp(rows);
  printNotes(rows);
}

function printFlvAgainstRtmp(rows: readonly GateRow[]): void {
  const against = rows.filter(({ protocol }) => protocol !== "rtmp").map((row) => {
    const rtmp = rows.find((other) =>
      other.protocol === "rtmp" && other.windowMs === row.windowMs
    )!;
    const values = ratios(row.node, rtmp.node);
    const name = `${row.protocol}, ${row.windowMs} ms`;
    return [name, spread(values), ...verdict(median(values), FLV_AT_MOST)];
  });
  printTable("HTTP and WebSocket against our own RTMP", [
    "protocol, window",
    "ratio",
    "target",
    "",
  ], against);
}

function printNotes(rows: readonly GateRow[]): void {
  for (const row of rows) {
    const notes = [...row.node, ...row.bareConn, ...row.bareSocket].flatMap(({ notes }) => notes);
    if (notes.length === 0) continue;
    console.log(`! ${row.protocol}, ${row.windowMs} ms: ${[...new Set(notes)].join("; ")}`);
  }
}
