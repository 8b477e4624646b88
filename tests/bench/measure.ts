/**
 * One measured window: CPU of the server's process while players receive.
 *
 * @module
 */
import { delay } from "../support/processes.ts";
import type { PlayReport } from "./load/play.ts";
import type { Players, Pushers } from "./load_process.ts";
import { LOADER_CORE, SERVER_CORE } from "./load_process.ts";
import { coreBusySeconds, cpuSeconds, residentBytes } from "./proc.ts";

/** From the moment all play until the window opens: catching up and compiling are over. */
const SETTLE_MS = 3_000;

/** Above this share of a core the loader, not the server, may set the pace. */
const LOADER_PERCENT_MAX = 90;

/** Others on the server's core beyond this, in percent of it, make a figure doubtful. */
const OTHERS_PERCENT_MAX = 15;

export interface Sample {
  /** The server's process, in percent of a core. */
  readonly cpuPercent: number;
  readonly loaderPercent: number;
  readonly pusherPercent: number;
  /** What strangers used of the server's core, in percent of it. */
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

/** Lets everything settle, then measures for `seconds`. */
export async function measure(options: MeasureOptions): Promise<Sample> {
  const { serverPid, seconds, players, pushers } = options;
  await delay(SETTLE_MS);
  await Promise.all([players?.report(), pushers?.report()]);
  const startMs = performance.now();
  const cpu = cpuSeconds(serverPid);
  const busy = coreBusySeconds(SERVER_CORE);
  await delay(seconds * 1_000);
  const used = cpuSeconds(serverPid) - cpu;
  const others = coreBusySeconds(SERVER_CORE) - busy - used;
  const percent = 100_000 / (performance.now() - startMs);
  const [played, pushed] = await Promise.all([players?.report(), pushers?.report()]);
  const sample = {
    cpuPercent: used * percent,
    loaderPercent: played?.cpuPercent ?? 0,
    pusherPercent: pushed?.cpuPercent ?? 0,
    othersPercent: others * percent,
    players: played,
    residentBytes: residentBytes(serverPid),
  };
  const failures = [played?.failure, pushed?.failure].filter((failure) => failure !== undefined);
  return { ...sample, notes: [...doubts(sample), ...failures] };
}

function doubts(sample: Omit<Sample, "notes">): string[] {
  const { loaderPercent, pusherPercent, othersPercent } = sample;
  const notes: string[] = [];
  if (loaderPercent + pusherPercent > LOADER_PERCENT_MAX) {
    notes.push(
      `core ${LOADER_CORE} of the load is ${(loaderPercent + pusherPercent).toFixed(0)} %`,
    );
  }
  if (othersPercent > OTHERS_PERCENT_MAX) {
    notes.push(`others used ${othersPercent.toFixed(0)} % of the server's core`);
  }
  return notes;
}
