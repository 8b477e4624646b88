/**
 * Resident memory: per viewer of each protocol, beside a bare connection, and per stream that is
 * published and idle.
 *
 * A viewer is told in two ways. From the first one on: what the first thousand makes V8 and the
 * allocator keep for good is in it. At the margin: what one more costs once there are many.
 *
 * @module
 */
import { BARE, grow, type Grown } from "./growth.ts";
import { startPushers } from "./load_process.ts";
import { measure } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { noise } from "./other_load.ts";
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
  const { viewers, growthViewers } = options;
  const steps = [1, 100, viewers, 2_000, growthViewers].filter((count) => count <= growthViewers);
  const all = [...new Set(steps)].sort((a, b) => a - b);
  const few = [...new Set([1, viewers, growthViewers])];
  const [bare, rtmp] = [await grow(BARE, all, file), await grow("rtmp", all, file)];
  const grown = [rtmp, await grow("http-flv", few, file), await grow("ws-flv", few, file)];
  const idle = await idleStreamBytes(file);
  printViewers([...grown, bare], options);
  printTable("Resident memory of a stream", ["of a", "KB"], [
    ["published and idle stream", fixed(idle / 1_000, 1)],
  ]);
  printGrowth(rtmp, bare);
}

/** RSS per viewer between two numbers of them, in bytes; `undefined` when they are the same. */
function bytesBetween({ counts, samples }: Grown, few: number, many: number): number | undefined {
  if (few === many) return undefined;
  const at = (count: number) => samples[counts.indexOf(count)].residentBytes;
  return (at(many) - at(few)) / (many - few);
}

function printViewers(grown: readonly Grown[], { viewers, growthViewers }: BenchOptions): void {
  const bare = grown.find(({ protocol }) => protocol === BARE)!;
  const rows = grown.map((one) => {
    const plain = bytesBetween(one, 1, viewers)!;
    const atMost = one.protocol === BARE ? undefined : VIEWER_BYTES_MAX[one.protocol];
    const beyond = plain - bytesBetween(bare, 1, viewers)!;
    const marginal = bytesBetween(one, viewers, growthViewers);
    return [
      one.protocol === BARE ? "bare connection, a read of 512 bytes pending" : one.protocol,
      kilobytes(plain),
      kilobytes(marginal),
      atMost === undefined ? "-" : `<= ${atMost / 1_000}`,
      verdict(plain, atMost)[1],
      marginal === undefined ? "-" : verdict(marginal, atMost)[1],
      one === bare ? "-" : kilobytes(beyond),
      noise(one.samples.map(({ othersPercent }) => othersPercent)),
    ];
  });
  printTable("Resident memory of a viewer, in KB", [
    ...["viewer", `1 to ${viewers}`, `${viewers} to ${growthViewers}`, "target", "first"],
    ...["marginal", "first beyond bare", "others %"],
  ], rows);
}

function printGrowth(rtmp: Grown, bare: Grown): void {
  const { counts } = rtmp;
  const steps = (grown: Grown, i: number): string[] => {
    const first = i === 0 ? undefined : bytesBetween(grown, counts[0], counts[i]);
    const last = i === 0 ? undefined : bytesBetween(grown, counts[i - 1], counts[i]);
    return [fixed(grown.samples[i].residentBytes / 1e6, 0), kilobytes(first), kilobytes(last)];
  };
  const rows = rtmp.samples.map(({ cpuPercent, othersPercent, notes }, i) => [
    String(counts[i]),
    ...steps(rtmp, i),
    ...steps(bare, i),
    fixed(cpuPercent, 1),
    fixed(cpuPercent * 1_000 / counts[i], 1),
    fixed(bare.samples[i].cpuPercent * 1_000 / counts[i], 1),
    noise([othersPercent, bare.samples[i].othersPercent]),
    notes.join("; "),
  ]);
  printTable("Growth with the number of RTMP viewers, beside bare connections", [
    ...["viewers", "RSS MB", "KB each", "KB each since the row above"],
    ...["bare RSS MB", "KB each", "since the row above", "CPU %", "per 1,000", "bare per 1,000"],
    ...["others %", ""],
  ], rows);
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

function kilobytes(bytes: number | undefined): string {
  return bytes === undefined ? "-" : fixed(bytes / 1_000, 1);
}
