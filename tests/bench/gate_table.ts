/**
 * What the gate measured, and the tables of it.
 *
 * @module
 */
import type { Sample } from "./measure.ts";
import { noise } from "./other_load.ts";
import { fixed, median, printTable, spread, verdict } from "./table.ts";

/** Windows, and what the node may cost there against the bare loop. */
export const WINDOWS = [
  { windowMs: 350, atMost: 1.15 },
  { windowMs: 100, atMost: 1.15 },
  { windowMs: 20, atMost: 1.2 },
] as const;

export type GateProtocol = "rtmp" | "http-flv" | "ws-flv";

/** Samples of one protocol at one window; those of a pair have the same index. */
export interface GateRow {
  readonly windowMs: number;
  readonly protocol: GateProtocol;
  readonly node: Sample[];
  readonly bare: Sample[];
  /** The bare loop with a read pending on each socket. */
  readonly reading: Sample[];
  /** The same node with the publisher and without a viewer. */
  readonly publisher: Sample[];
}

/** What a viewer over HTTP or WebSocket may cost against one over RTMP. */
const FLV_AT_MOST = 1.3;

export function printGate(rows: readonly GateRow[], viewers: number): void {
  printTable(
    `The gate: CPU % of a core per 1,000 viewers (${viewers} measured); bare = conn.write alone`,
    ["protocol, window", "node", "bare", "publisher %", "node / bare", "target", ""]
      .concat(
        "without publisher",
        "bare, reading",
        "node / reading",
        "KB/s each",
        "loader %",
        "others %",
      ),
    rows.map((row) => gateCells(row, viewers)),
  );
  printFlvAgainstRtmp(rows);
  printNotes(rows);
}

function gateCells(row: GateRow, viewers: number): string[] {
  const perThousand = (samples: readonly Sample[]) =>
    fixed(median(cpuOf(samples)) * 1_000 / viewers, 1);
  const { windowMs, protocol, node, bare, reading, publisher } = row;
  const { atMost } = WINDOWS.find((window) => window.windowMs === windowMs)!;
  const toBare = ratios(cpuOf(node), cpuOf(bare));
  const published = cpuOf(publisher);
  const withoutPublisher = cpuOf(node).map((cpu, i) => cpu - published[i]);
  const bytes = median(node.map(({ players }) => players!.bytes / players!.seconds));
  return [
    `${protocol}, ${windowMs} ms`,
    perThousand(node),
    perThousand(bare),
    spread(published, 1),
    spread(toBare),
    ...verdict(median(toBare), atMost),
    spread(ratios(withoutPublisher, cpuOf(bare))),
    perThousand(reading),
    spread(ratios(cpuOf(node), cpuOf(reading))),
    fixed(bytes / viewers / 1_000, 1),
    fixed(Math.max(...node.map(({ loaderPercent }) => loaderPercent)), 0),
    noise([...node, ...bare].map(({ othersPercent }) => othersPercent)),
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
    const notes = [...row.node, ...row.bare].flatMap(({ notes }) => notes);
    if (notes.length === 0) continue;
    console.log(`! ${row.protocol}, ${row.windowMs} ms: ${[...new Set(notes)].join("; ")}`);
  }
}
