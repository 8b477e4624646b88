/**
 * One measured window: CPU of the server's process while players receive.
 *
 * @module
 */
import { delay } from "../support/processes.ts";
import type { PlayReport } from "./load/play.ts";
import type { Players, Pushers } from "./load_process.ts";
import { LOADER_CORE, SERVER_CORE } from "./load_process.ts";
import { OtherLoad } from "./other_load.ts";
import { cpuSeconds, residentBytes } from "./proc.ts";

/**
 * From the moment all play until the window opens, in milliseconds. V8 compiles what is hot within
 * the first seconds of full load; a window that opened earlier would measure the compiler.
 */
export const SETTLE_MS = 6_000;

/**
 * The same where a fraction of a percent counts: half a minute after a burst of connections V8 gives
 * memory back, which costs a node as much as ten seconds of 1,000 viewers.
 */
export const BURST_SETTLE_MS = 45_000;

/** Above this share of a core the loader, not the server, may set the pace. */
const LOADER_PERCENT_MAX = 90;

export interface Sample {
  /** The server's process, in percent of a core. */
  readonly cpuPercent: number;
  readonly loaderPercent: number;
  readonly pusherPercent: number;
  /** What strangers used of the server's or the loader's core, whichever is more, in percent. */
  readonly othersPercent: number;
  readonly players: PlayReport | undefined;
  readonly residentBytes: number;
  readonly notes: readonly string[];
}

export interface MeasureOptions {
  readonly serverPid: number;
  readonly seconds: number;
  readonly players?: Players;
  readonly pushers?: Pushers;
}

/** Lets everything settle under full load, then measures for `seconds`. */
export async function measure(options: MeasureOptions): Promise<Sample> {
  await delay(SETTLE_MS);
  return await measureWindow(options);
}

/** Measures for `seconds` from now on. */
export async function measureWindow(options: MeasureOptions): Promise<Sample> {
  const { serverPid, seconds, players, pushers } = options;
  await Promise.all([players?.report(), pushers?.report()]);
  const strangers = [SERVER_CORE, LOADER_CORE].map((core) => new OtherLoad(core));
  const startMs = performance.now();
  const cpu = cpuSeconds(serverPid);
  await delay(seconds * 1_000);
  const used = cpuSeconds(serverPid) - cpu;
  const percent = 100_000 / (performance.now() - startMs);
  const othersPercent = Math.max(...strangers.map((other) => other.percent()));
  const [played, pushed] = await Promise.all([players?.report(), pushers?.report()]);
  const sample = {
    cpuPercent: used * percent,
    loaderPercent: played?.cpuPercent ?? 0,
    pusherPercent: pushed?.cpuPercent ?? 0,
    othersPercent,
    players: played,
    residentBytes: residentBytes(serverPid),
  };
  const failures = [played?.failure, pushed?.failure].filter((failure) => failure !== undefined);
  return { ...sample, notes: [...doubts(sample), ...failures] };
}

function doubts({ loaderPercent, pusherPercent }: Omit<Sample, "notes">): string[] {
  const load = loaderPercent + pusherPercent;
  return load > LOADER_PERCENT_MAX
    ? [`core ${LOADER_CORE} of the load is ${load.toFixed(0)} %`]
    : [];
}
