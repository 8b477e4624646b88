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
  /** Another node with a publisher and without a viewer. */
  readonly publisher: Sample[];
}

/** What a viewer over HTTP or WebSocket may cost against one over RTMP. */
const FLV_AT_MOST = 1.3;

/**
 * The target is about what a viewer costs: the publisher, whom the bare loop has not, costs what it
 * costs whether anybody watches or not, and is printed beside it.
 */
export function printGate(rows: readonly GateRow[], viewers: number): void {
  printTable(
    `The gate: CPU % of a core per 1,000 viewers (${viewers} measured); bare = conn.write alone`,
    ["protocol, window", "node", "publisher", "bare", "viewers / bare", "target", ""].concat(
      ...["node / bare", "bare, reading", "viewers / reading"],
      ...["KB/s each", "loader %", "others %"],
    ),
    rows.map((row) => gateCells(row, viewers)),
  );
  printFlvAgainstRtmp(rows);
  printNotes(rows);
}

function gateCells(row: GateRow, viewers: number): string[] {
  const perThousand = (values: readonly number[]) => fixed(median(values) * 1_000 / viewers, 2);
  const { windowMs, protocol } = row;
  const { atMost } = WINDOWS.find((window) => window.windowMs === windowMs)!;
  const [node, bare, reading] = [row.node, row.bare, row.reading].map(cpuOf);
  const ofViewers = viewersCpu(row);
  const toBare = ratios(ofViewers, bare);
  const bytes = median(row.node.map(({ players }) => players!.bytes / players!.seconds));
  return [
    `${protocol}, ${windowMs} ms`,
    perThousand(node),
    spread(cpuOf(row.publisher)),
    perThousand(bare),
    spread(toBare),
    ...verdict(median(toBare), atMost),
    spread(ratios(node, bare)),
    perThousand(reading),
    spread(ratios(ofViewers, reading)),
    fixed(bytes / viewers / 1_000, 1),
    fixed(Math.max(...row.node.map(({ loaderPercent }) => loaderPercent)), 0),
    noise([...row.node, ...row.bare].map(({ othersPercent }) => othersPercent)),
  ];
}

function cpuOf(samples: readonly Sample[]): number[] {
  return samples.map(({ cpuPercent }) => cpuPercent);
}

/** What the viewers of a node cost: all but the publisher, which runs alone on its twin. */
function viewersCpu({ node, publisher }: GateRow): number[] {
  const alone = cpuOf(publisher);
  return cpuOf(node).map((cpu, i) => cpu - alone[i]);
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
    // Each against the bare loop beside it: they were not measured at the same moment.
    const values = ratios(
      ratios(viewersCpu(row), cpuOf(row.bare)),
      ratios(viewersCpu(rtmp), cpuOf(rtmp.bare)),
    );
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
