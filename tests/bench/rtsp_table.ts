/**
 * The tables of RTSP players.
 *
 * @module
 */
import type { Sample } from "./measure.ts";
import { noise } from "./other_load.ts";
import { fixed, median, printTable, spread, verdict } from "./table.ts";

/** Samples at one window; those of a pair have the same index. */
export interface RtspPairs {
  readonly windowMs: number;
  readonly rtsp: Sample[];
  /** What they are held against. */
  readonly other: Sample[];
  /** Over UDP: the same node with a publisher and without a viewer. */
  readonly publisher: Sample[];
}

/** What a player may cost against one over RTMP, and against bare sends over UDP. */
const RTMP_AT_MOST = 1.3;
const BARE_AT_MOST = 1.3;

/** What a player may cost against one of GStreamer's server. */
const GSTREAMER_AT_MOST = 0.2;

interface Interleaved {
  readonly viewers: number;
  readonly gstreamer: Sample | undefined;
  readonly gstreamerViewers: number;
}

export function printInterleaved(
  rows: readonly RtspPairs[],
  { viewers, gstreamer, gstreamerViewers }: Interleaved,
): void {
  const columns = ["window", "RTSP", "RTMP", "ratio", "target", "", "KB/s each", "lost/late"];
  printTable(
    `CPU % of a core per 1,000 viewers over TCP (${viewers} measured)`,
    [...columns, "latency p50/p95 ms", "loader %", "others %"],
    rows.map((row) => [
      ...pairCells(row, viewers, RTMP_AT_MOST),
      fixed(median(row.rtsp.map(kilobytesPerSecond)) / viewers, 1),
      ...playerCells(row),
    ]),
  );
  printNotes(rows);
  if (gstreamer === undefined) return;
  const theirs = gstreamer.cpuPercent * 1_000 / gstreamerViewers;
  const speed = fixed(kilobytesPerSecond(gstreamer) / gstreamerViewers, 1);
  if (gstreamer.notes.length > 0) console.log(`! gst-rtsp-server: ${gstreamer.notes.join("; ")}`);
  printTable(
    `Against gst-rtsp-server, ${gstreamerViewers} players of ${speed} KB/s each`,
    ["window", "RTSP", "gst-rtsp-server", "ratio", "target", "", "others %"],
    rows.map(({ windowMs, rtsp }) => {
      const ours = cpuOf(rtsp).map((cpu) => cpu * 1_000 / viewers);
      const ratios = ours.map((cpu) => cpu / theirs);
      return [
        `${windowMs} ms`,
        fixed(median(ours), 1),
        fixed(theirs, 1),
        spread(ratios),
        ...verdict(median(ratios), GSTREAMER_AT_MOST),
        noise([gstreamer, ...rtsp].map(({ othersPercent }) => othersPercent)),
      ];
    }),
  );
}

export function printDatagrams(rows: readonly RtspPairs[], viewers: number): void {
  const columns = ["window", "RTSP", "bare sends", "ratio", "target", ""];
  printTable(
    `CPU % of a core per 1,000 viewers over UDP (${viewers} measured)`,
    [
      ...columns,
      "without publisher",
      "KB/s each",
      "bare",
      "lost/late",
      "latency p50/p95 ms",
      "loader %",
      "others %",
    ],
    rows.map((row) => [
      ...pairCells(row, viewers, BARE_AT_MOST),
      spread(withoutPublisher(row)),
      fixed(median(row.rtsp.map(kilobytesPerSecond)) / viewers, 1),
      fixed(median(row.other.map(kilobytesPerSecond)) / viewers, 1),
      ...playerCells(row),
    ]),
  );
  printNotes(rows);
}

function pairCells(
  { windowMs, rtsp, other }: RtspPairs,
  viewers: number,
  atMost: number,
): string[] {
  const ratios = cpuOf(rtsp).map((cpu, i) => cpu / other[i].cpuPercent);
  const perThousand = (samples: readonly Sample[]) =>
    fixed(median(cpuOf(samples)) * 1_000 / viewers, 1);
  return [
    `${windowMs} ms`,
    perThousand(rtsp),
    perThousand(other),
    spread(ratios),
    ...verdict(median(ratios), atMost),
  ];
}

/** A bare sender has none, and of so few viewers it is a large part. */
function withoutPublisher({ rtsp, other, publisher }: RtspPairs): number[] {
  const published = cpuOf(publisher);
  return cpuOf(rtsp).map((cpu, i) => (cpu - published[i]) / other[i].cpuPercent);
}

function playerCells({ rtsp, other }: RtspPairs): string[] {
  const latency = (point: "p50" | "p95") =>
    fixed(median(rtsp.map(({ players }) => players?.latencyMs?.[point] ?? NaN)), 0);
  const sum = (what: "lost" | "late") => rtsp.reduce((sum, { players }) => sum + players![what], 0);
  return [
    `${sum("lost")} / ${sum("late")}`,
    `${latency("p50")} / ${latency("p95")}`,
    fixed(Math.max(...rtsp.map(({ loaderPercent }) => loaderPercent)), 0),
    noise([...rtsp, ...other].map(({ othersPercent }) => othersPercent)),
  ];
}

function cpuOf(samples: readonly Sample[]): number[] {
  return samples.map(({ cpuPercent }) => cpuPercent);
}

/** What all players of a sample got. */
function kilobytesPerSecond({ players }: Sample): number {
  return players!.bytes / players!.seconds / 1_000;
}

function printNotes(rows: readonly RtspPairs[]): void {
  for (const { windowMs, rtsp, other } of rows) {
    const notes = [...rtsp, ...other].flatMap(({ notes }) => notes);
    if (notes.length > 0) console.log(`! ${windowMs} ms: ${[...new Set(notes)].join("; ")}`);
  }
}
