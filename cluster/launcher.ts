/**
 * The parent process: starts the host's workers, keeps them running, passes on the wish to end,
 * and ends when they have. It handles no media and opens no socket; it is the only one that may
 * run anything, and that is only deno.
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import type { Log } from "../actors/runtime/ports.ts";
import type { GivenConfig, LogFormat, LogLevel } from "./config.ts";
import { rereadLine } from "./handover.ts";
import { logLine } from "./log_line.ts";
import type { ParsedConfig } from "./parse_config.ts";
import { readyLine } from "./ready_line.ts";
import { reread } from "./reread.ts";
import { START_ERROR_EXIT_CODE } from "./start_error.ts";
import { onStopSignals, PRESS_MS, STOP_SIGNALS, type StopSignal } from "./stop_signals.ts";
import { type HostEnd, HostSupervisor } from "./supervisor/host_supervisor.ts";
import { startWorker } from "./supervisor/worker_process.ts";
import { workerCount } from "./supervisor/worker_place.ts";
import { systemClock, systemTimers } from "./system_ports.ts";

/** Exit code after a fault of our own. */
const FAULT_EXIT_CODE = 1;

/** Exit codes with which a worker ends in order; it has then said itself what there is to say. */
const ORDERLY_CODES = [0, START_ERROR_EXIT_CODE, ...signalCodes()];

/** Bytes of what the workers of a host share and nobody else knows. */
const SECRET_BYTES = 32;

/** What the launcher runs. */
export interface LaunchOptions {
  readonly config: GivenConfig;
  /** Reads flags, environment and file again. */
  readonly parse: () => ParsedConfig;
  readonly workerModule: URL;
}

/**
 * Runs a node in worker processes until it ends.
 *
 * @returns The exit code: 0 after a drain, 2 when the start was refused, 128 and the signal's
 * number after a second signal, 1 when a worker died before the host was ready.
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const { config: given, parse } = options;
  const { dataDir, tlsCert, tlsKey } = given;
  const absolute = (path: string) => resolve(Deno.cwd(), path);
  const config = {
    ...given,
    dataDir: absolute(dataDir),
    tlsCert: tlsCert && absolute(tlsCert),
    tlsKey: tlsKey && absolute(tlsKey),
  };
  const supervisor = supervise(options, config, () => tellReread());
  const tellReread = () => {
    const outcome = reread(given, parse);
    if (outcome.ok) supervisor.reconfigure(outcome.config);
    supervisor.sendAll(rereadLine(outcome));
  };
  try {
    supervisor.start();
  } catch (error) {
    console.error(`headwater: the worker could not be started: ${error}`);
    return FAULT_EXIT_CODE;
  }
  let stoppedBy: StopSignal | undefined;
  onStopSignals((presses, signal) => {
    if (presses === 1) return supervisor.end("drain");
    stoppedBy ??= signal;
    supervisor.end("stop");
  });
  onHangUp({ reload: tellReread, terminalGone: () => supervisor.end("drain") });
  const end = await supervisor.ended;
  return stoppedBy === undefined ? exitCodeOf(end) : signalCode(stoppedBy);
}

function supervise(
  { workerModule }: LaunchOptions,
  config: GivenConfig,
  onReread: () => void,
): HostSupervisor {
  const { logLevel, logFormat } = config;
  const ports = {
    clock: systemClock,
    timers: systemTimers,
    log: errorLog({ part: "supervisor" }, logLevel, logFormat),
  };
  const count = workerCount(config, navigator.hardwareConcurrency);
  return new HostSupervisor({
    ports,
    config,
    count,
    host: randomBytes(SECRET_BYTES).toString("hex"),
    meshSecret: config.meshSecret ?? randomBytes(SECRET_BYTES).toString("hex"),
    spawn: (onMessage) => {
      return startWorker({ config, workerModule, count, onMessage, onLine: console.log });
    },
    onReady: (ready) => {
      console.log(readyLine({ ...ready, pids: [Deno.pid, ...ready.pids] }, logFormat));
    },
    onReread,
  });
}

function exitCodeOf({ end: { code, signal }, asked }: HostEnd): number {
  if (signal === null && ORDERLY_CODES.includes(code)) return code;
  if (asked) return FAULT_EXIT_CODE; // The log says that it had to be killed.
  console.error(`headwater: the worker ended unexpectedly (${signal ?? `exit code ${code}`})`);
  return FAULT_EXIT_CODE;
}

/** A log on standard error that needs none of the workers' machinery. */
function errorLog(
  fixed: Readonly<Record<string, unknown>>,
  least: LogLevel,
  format: LogFormat,
): Log {
  const levels: readonly LogLevel[] = ["debug", "info", "warn", "error"];
  const write = (level: LogLevel) => (message: string, fields: object = {}) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return;
    const event = { wallMs: Date.now(), level, message, fields: { ...fixed, ...fields } };
    console.error(logLine(event, format));
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    with: (more) => errorLog({ ...fixed, ...more }, least, format),
  };
}

/** A signal and its echo (see {@link PRESS_MS}) are one wish. */
function onHangUp(wishes: { reload(): void; terminalGone(): void }): void {
  const hadTerminal = Deno.stdin.isTerminal();
  let lastMs = Number.NEGATIVE_INFINITY;
  Deno.addSignalListener("SIGHUP", () => {
    const nowMs = performance.now();
    if (nowMs - lastMs < PRESS_MS) return;
    lastMs = nowMs;
    if (hadTerminal && !Deno.stdin.isTerminal()) wishes.terminalGone();
    else wishes.reload();
  });
}

function signalCodes(): number[] {
  return (Object.keys(STOP_SIGNALS) as StopSignal[]).map(signalCode);
}

function signalCode(signal: StopSignal): number {
  return 128 + STOP_SIGNALS[signal];
}
