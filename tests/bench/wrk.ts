/**
 * One run of wrk, an HTTP load generator, against one URL.
 *
 * @module
 */
import { runTool } from "../support/processes.ts";
import { LOADER_CORE, SERVER_CORE } from "./load_process.ts";
import { OtherLoad } from "./other_load.ts";
import { cpuSeconds } from "./proc.ts";

/** As many connections as keep the server's core busy. */
const CONNECTIONS = 32;

/** Longest wrk may take beyond its run, in milliseconds. */
const GRACE_MS = 10_000;

export interface WrkRun {
  readonly serverPid: number;
  readonly url: string;
  readonly seconds: number;
}

export interface WrkResult {
  readonly requests: number;
  /** Of the server's process. */
  readonly requestsPerCpuSecond: number;
  /** The server's process, in percent of a core. */
  readonly cpuPercent: number;
  /** What strangers used of the server's core, in percent of it. */
  readonly othersPercent: number;
}

/** Runs wrk on the loader's core. @throws {Error} An answer was an error, or wrk failed. */
export async function runWrk({ serverPid, url, seconds }: WrkRun): Promise<WrkResult> {
  const startMs = performance.now();
  const cpu = cpuSeconds(serverPid);
  const others = new OtherLoad(SERVER_CORE);
  const wrk = ["wrk", "-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, url];
  const text = await runTool("taskset", ["-c", String(LOADER_CORE), ...wrk], {
    timeoutMs: seconds * 1_000 + GRACE_MS,
  });
  const used = cpuSeconds(serverPid) - cpu;
  const othersPercent = others.percent();
  const failed = /^\s*(Non-2xx.*|Socket errors.*)$/m.exec(text)?.[1];
  if (failed !== undefined) throw new Error(`Cannot use what wrk says of ${url}: ${failed}`);
  const requests = Number(/(\d+) requests in/.exec(text)?.[1]);
  const cpuPercent = used * 100_000 / (performance.now() - startMs);
  return { requests, requestsPerCpuSecond: requests / used, cpuPercent, othersPercent };
}
