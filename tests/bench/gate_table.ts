/**
 * The tables of the gate.
 *
 * @module
 */
import { type GateRow, WINDOWS } from "./gate.ts";
import type { Sample } from "./measure.ts";
import { noise } from "./other_load.ts";
import { fixed, median, printTable, spread, verdict } from "./table.ts";

/** What a viewer over HTTP or WebSocket may cost against one over RTMP. */
const FLV_AT_MOST = 1.3;

export function printGate(rows: readonly GateRow[], viewers: number): void {
  printTable(
    `The gate: CPU % of a core per 1,000 viewers (${viewers} measured), node against bare loops`,
    ["protocol, window", "node", "conn.write", "socket.write", "publisher %", "node / conn.write"]
      .concat("target", "", "without publisher", "node / socket.write", "KB/s each", "loader %")
      .concat("others %"),
    rows.map((row) => gateCells(row, viewers)),
  );
  printFlvAgainstRtmp(rows);
  printNotes(rows);
}

function gateCells(row: GateRow, viewers: number): string[] {
  const perThousand = (samples: readonly Sample[]) =>
    fixed(median(cpuOf(samples)) * 1_000 / viewers, 1);
  const { windowMs, protocol, node, bareConn, bareSocket, publisher } = row;
  const { atMost } = WINDOWS.find((window) => window.windowMs === windowMs)!;
  const toConn = ratios(cpuOf(node), cpuOf(bareConn));
  const published = cpuOf(publisher);
  const withoutPublisher = cpuOf(node).map((cpu, i) => cpu - published[i]);
  const bytes = median(node.map(({ players }) => players!.bytes / players!.seconds));
  const all = [...node, ...bareConn, ...bareSocket];
  return [
    `${protocol}, ${windowMs} ms`,
    perThousand(node),
    perThousand(bareConn),
    bareSocket.length === 0 ? "-" : perThousand(bareSocket),
    spread(published, 1),
    spread(toConn),
    ...verdict(median(toConn), atMost),
    spread(ratios(withoutPublisher, cpuOf(bareConn))),
    bareSocket.length === 0 ? "-" : spread(ratios(cpuOf(node), cpuOf(bareSocket))),
    fixed(bytes / viewers / 1_000, 1),
    fixed(Math.max(...node.map(({ loaderPercent }) => loaderPercent)), 0),
    noise(all.map(({ othersPercent }) => othersPercent)),
  ];
}

function cpuOf(samples: readonly Sample[]): number[] {
  return samples.map(({ cpuPercent }) => cpuPercent);
}

/** Ratios pair by pair. */
function ratios(over: readonly number[], under: readonly number[]): number[] {
  return under.map((value, i) => over[i] / value);
}

function printFlvAgainstRtmp(rows: readonly GateRow[]): void {
  const against = rows.filter(({ protocol }) => protocol !== "rtmp").map((row) => {
    const rtmp = rows.find((other) =>
      other.protocol === "rtmp" && other.windowMs === row.windowMs
    )!;
    const values = ratios(cpuOf(row.node), cpuOf(rtmp.node));
    const others = noise([...row.node, ...rtmp.node].map(({ othersPercent }) => othersPercent));
    const name = `${row.protocol}, ${row.windowMs} ms`;
    return [name, spread(values), ...verdict(median(values), FLV_AT_MOST), others];
  });
  const columns = ["protocol, window", "ratio", "target", "", "others %"];
  printTable("HTTP and WebSocket against our own RTMP", columns, against);
}

function printNotes(rows: readonly GateRow[]): void {
  for (const row of rows) {
    const notes = [...row.node, ...row.bareConn, ...row.bareSocket].flatMap(({ notes }) => notes);
    if (notes.length === 0) continue;
    console.log(`! ${row.protocol}, ${row.windowMs} ms: ${[...new Set(notes)].join("; ")}`);
  }
}
