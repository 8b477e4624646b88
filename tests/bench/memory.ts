/**
 * Resident memory: per viewer of each protocol, per stream that is published and idle, and as the
 * number of viewers grows.
 *
 * @module
 */
import { type PlayProtocol } from "./load/play.ts";
import { startPlayers, startPushers } from "./load_process.ts";
import { measure, type Sample } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { startNode } from "./servers.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, printTable, verdict } from "./table.ts";

/** Most resident bytes a viewer may cost. */
const VIEWER_BYTES_MAX = { rtmp: 20_000, "http-flv": 32_000, "ws-flv": 32_000 } as const;

/** Published streams whose publishers send nothing. */
const IDLE_STREAMS = 200;

/** Widest window: fewest writes, so that memory is measured and not load. */
const WINDOW_MS = 350;

export async function runMemory(options: BenchOptions, file: SourceFile): Promise<void> {
  const rows: string[][] = [];
  for (const protocol of ["rtmp", "http-flv", "ws-flv"] as const) {
    const [one, many] = await grow(protocol, [1, options.viewers], file);
    const bytes = (many.residentBytes - one.residentBytes) / (options.viewers - 1);
    const atMost = VIEWER_BYTES_MAX[protocol];
    rows.push([`viewer, ${protocol}`, fixed(bytes / 1_000, 1), ...kilobytes(bytes, atMost)]);
  }
  const idle = await idleStreamBytes(file);
  rows.push(["idle stream", fixed(idle / 1_000, 1), "-", ""]);
  printTable(`Resident memory, ${options.viewers} viewers`, ["of a", "KB", "target", ""], rows);
  await runGrowth(options, file);
}

async function runGrowth(options: BenchOptions, file: SourceFile): Promise<void> {
  const steps = [100, 1_000, 2_000, options.growthViewers];
  const counts = [...new Set(steps.filter((count) => count <= options.growthViewers))];
  const samples = await grow("rtmp", counts, file);
  const [first] = samples;
  const rows = samples.map(({ residentBytes, cpuPercent, notes }, i) => [
    String(counts[i]),
    fixed(residentBytes / 1e6, 0),
    i === 0
      ? "-"
      : fixed((residentBytes - first.residentBytes) / (counts[i] - counts[0]) / 1_000, 1),
    fixed(cpuPercent, 1),
    fixed(cpuPercent * 1_000 / counts[i], 1),
    notes.join("; "),
  ]);
  const columns = ["RTMP viewers", "RSS MB", "KB each beyond the first row", "CPU %", "per 1,000"];
  printTable("Growth with the number of viewers", [...columns, ""], rows);
}

/** Fresh node; viewers are added up to each count in turn. */
async function grow(
  protocol: Exclude<PlayProtocol, "raw">,
  counts: readonly number[],
  { path: file }: SourceFile,
): Promise<Sample[]> {
  await using stack = new AsyncDisposableStack();
  const node = stack.use(await startNode(WINDOW_MS));
  const path = "bench/cam";
  stack.use(await startPushers({ file, address: node.rtmp, path, publishers: 1 }));
  const address = protocol === "rtmp" ? node.rtmp : node.http;
  const samples: Sample[] = [];
  let present = 0;
  for (const count of counts) {
    const viewers = count - present;
    present = count;
    const options = { protocol, address, path, streams: 1, viewers };
    const players = stack.use(await startPlayers(options));
    samples.push(await measure({ serverPid: node.pid, seconds: 4, players }));
  }
  return samples;
}

async function idleStreamBytes({ path: file }: SourceFile): Promise<number> {
  await using node = await startNode(WINDOW_MS);
  const common = { file, address: node.rtmp, idle: true };
  await using _one = await startPushers({ ...common, path: "bench/first", publishers: 1 });
  const before = await measure({ serverPid: node.pid, seconds: 1 });
  await using _many = await startPushers({ ...common, path: "bench/%d", publishers: IDLE_STREAMS });
  const after = await measure({ serverPid: node.pid, seconds: 1 });
  return (after.residentBytes - before.residentBytes) / IDLE_STREAMS;
}

function kilobytes(bytes: number, atMost: number): [string, string] {
  const [, word] = verdict(bytes, atMost);
  return [`<= ${atMost / 1_000}`, word];
}
