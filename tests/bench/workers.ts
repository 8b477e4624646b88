/**
 * What a second worker costs: the CPU of a host's viewers when two workers share them, against one
 * worker that has them all, side by side. All workers have the server's core, so that what is
 * compared is work, not room.
 *
 * @module
 */
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { type Players, SERVER_CORE, startPlayers, startPushers } from "./load_process.ts";
import { BURST_SETTLE_MS } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { noise, OtherLoad } from "./other_load.ts";
import { cpuSeconds, pinTo } from "./proc.ts";
import type { SourceFile } from "./source_file.ts";
import { fixed, median, printTable, spread, verdict } from "./table.ts";

/** CPU of a viewer with two workers against one, at most. */
const RATIO_MAX = 1.1;

const WINDOW_MS = 100;

/**
 * Times the viewers of other sections: workers are for hosts that have many. What a second worker
 * costs by itself (its heartbeats, and the stream once more between the two) is the same for few.
 */
const VIEWERS_TIMES = 4;

const PATH = "bench/cam";

interface WorkersSample {
  /** All workers together, in percent of a core. */
  readonly cpuPercent: number;
  readonly othersPercent: number;
}

export async function runWorkers(options: BenchOptions, file: SourceFile): Promise<void> {
  const viewers = VIEWERS_TIMES * options.viewers;
  const pairs: { one: WorkersSample; two: WorkersSample }[] = [];
  await using one = await startHost(1, viewers, file);
  await using two = await startHost(2, viewers, file);
  await delay(BURST_SETTLE_MS);
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    const samples = [one, two].map((host) => measureHost(host, options.seconds));
    const [ofOne, ofTwo] = await Promise.all(samples);
    pairs.push({ one: ofOne, two: ofTwo });
  }
  const cpu = (of: "one" | "two") => spread(pairs.map((pair) => pair[of].cpuPercent), 1);
  const ratios = pairs.map(({ one, two }) => two.cpuPercent / one.cpuPercent);
  const others = pairs.flatMap(({ one, two }) => [one.othersPercent, two.othersPercent]);
  const perCore = 100 * viewers / median(pairs.map(({ two }) => two.cpuPercent));
  printTable(
    `${viewers} RTMP viewers of a stream, --flush ${WINDOW_MS}: % of a core`,
    ["one worker", "two workers", "ratio", "target", "", "viewers a core", "all cores", "others %"],
    [[cpu("one"), cpu("two"), spread(ratios), ...verdict(median(ratios), RATIO_MAX)]
      .concat(fixed(perCore, 0), fixed(perCore * navigator.hardwareConcurrency, 0), noise(others))],
  );
}

/** A host with viewers. */
interface Host extends AsyncDisposable {
  /** Its workers. */
  readonly pids: readonly number[];
  readonly players: Players;
}

async function startHost(
  workers: number,
  viewers: number,
  { path: file }: SourceFile,
): Promise<Host> {
  const parts = new AsyncDisposableStack();
  const node = parts.use(await startWorkers(workers));
  const media = { address: node.address("rtmp"), path: PATH };
  parts.use(await startPushers({ ...media, file, publishers: 1 }));
  const play = { ...media, protocol: "rtmp", streams: 1, viewers } as const;
  const players = parts.use(await startPlayers(play));
  const pids = node.ready.pids.slice(1);
  return { pids, players, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

async function measureHost({ pids, players }: Host, seconds: number): Promise<WorkersSample> {
  const used = () => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  const others = new OtherLoad(SERVER_CORE);
  const [from, startMs] = [used(), performance.now()];
  await delay(seconds * 1_000);
  const cpuPercent = 100_000 * (used() - from) / (performance.now() - startMs);
  const { failure } = await players.report();
  if (failure !== undefined) console.log(`! ${failure}`);
  return { cpuPercent, othersPercent: others.percent() };
}

async function startWorkers(workers: number): Promise<TestNode> {
  const limits = ["--log-level", "warn", "--max-connections", "20000"];
  const args = [...limits, "--flush", String(WINDOW_MS), "--workers", String(workers)];
  const node = await startTestNode({ args });
  for (const pid of node.ready.pids) await pinTo(SERVER_CORE, pid);
  return node;
}
