/**
 * The parent process: starts one worker, passes on the wish to end, and ends as the worker did.
 * It handles no media and opens no socket; it is the only one that may run anything, and that is
 * only deno.
 *
 * @module
 */
import { resolve } from "node:path";
import type { GivenConfig } from "./config.ts";
import {
  handoverLine,
  inputLines,
  readerOf,
  REREAD_REQUEST,
  rereadLine,
  type WorkerCommand,
} from "./handover.ts";
import type { ParsedConfig } from "./parse_config.ts";
import { reread } from "./reread.ts";
import { STOP_MS_MAX } from "./shutdown.ts";
import { START_ERROR_EXIT_CODE } from "./start_error.ts";
import { onStopSignals, PRESS_MS, STOP_SIGNALS, type StopSignal } from "./stop_signals.ts";
import { workerArguments } from "./worker_command.ts";

/** Exit code after a fault of our own. */
const FAULT_EXIT_CODE = 1;

/** What a worker that hangs gets beyond the time it has for ending, in milliseconds. */
const KILL_AFTER_MS = 1500;

/** Exit codes with which a worker ends in order; it has then said itself what there is to say. */
const ORDERLY_CODES = [0, START_ERROR_EXIT_CODE, ...signalCodes()];

/** What the launcher runs. */
export interface LaunchOptions {
  readonly config: GivenConfig;
  /** Reads flags, environment and file again. */
  readonly parse: () => ParsedConfig;
  readonly workerModule: URL;
}

/** A worker process and the pipe to it. */
interface Worker {
  readonly process: Deno.ChildProcess;
  /** Sends a line; does nothing when the worker is gone. */
  send(line: string): void;
}

/**
 * Runs a node in a worker process until it ends.
 *
 * @returns The exit code: 0 after a drain, 2 when the start was refused, 128 and the signal's
 * number after a second signal, 1 when the worker died.
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const { config: given, parse, workerModule } = options;
  const config = { ...given, dataDir: resolve(Deno.cwd(), given.dataDir) };
  let worker: Worker;
  try {
    worker = startWorker(config, workerModule);
  } catch (error) {
    console.error(`headwater: the worker could not be started: ${error}`);
    return FAULT_EXIT_CODE;
  }
  let stoppedBy: StopSignal | undefined;
  onStopSignals((presses, signal) => {
    if (presses === 1) return requestEnd(worker, "drain", config.drainTimeoutMs + STOP_MS_MAX);
    stoppedBy ??= signal;
    requestEnd(worker, "stop", STOP_MS_MAX);
  });
  const tellReread = () => worker.send(rereadLine(reread(given, parse)));
  onHangUp({
    reload: tellReread,
    terminalGone: () => requestEnd(worker, "drain", config.drainTimeoutMs + STOP_MS_MAX),
  });
  const [status] = await Promise.all([worker.process.status, passOn(worker, tellReread)]);
  if (stoppedBy !== undefined) return signalCode(stoppedBy);
  if (status.signal === null && ORDERLY_CODES.includes(status.code)) return status.code;
  const how = status.signal ?? `exit code ${status.code}`;
  console.error(`headwater: the worker ended unexpectedly (${how})`);
  return FAULT_EXIT_CODE;
}

function startWorker(config: GivenConfig, workerModule: URL): Worker {
  const process = new Deno.Command(Deno.execPath(), {
    args: workerArguments(config, workerModule),
    // A group of its own: a terminal's Ctrl-C is for the launcher, which passes it on once.
    detached: true,
    stdin: "piped", // Its end tells the worker that the launcher is gone.
    stdout: "piped", // Its lines are passed on, but for the one that is meant for us.
    stderr: "inherit",
  }).spawn();
  const writer = process.stdin.getWriter();
  const encoder = new TextEncoder();
  const send = (line: string) => {
    writer.write(encoder.encode(line)).catch(() => {}); // The status tells that it is gone.
  };
  send(handoverLine({ config, launcherPid: Deno.pid }));
  return { process, send };
}

/** Asks the worker to end, and kills it when it has not within its time. */
function requestEnd(worker: Worker, command: WorkerCommand, timeoutMs: number): void {
  worker.send(`${command}\n`);
  const kill = () => {
    console.error(`headwater: the worker does not ${command}, killing it`);
    worker.process.kill("SIGKILL");
  };
  const timer = setTimeout(kill, timeoutMs + KILL_AFTER_MS);
  worker.process.status.then(() => clearTimeout(timer));
}

/** Passes on what the worker says to the world; it may also ask us something. */
async function passOn({ process }: Worker, tellReread: () => void): Promise<void> {
  for await (const line of inputLines(readerOf(process.stdout))) {
    if (line === REREAD_REQUEST) tellReread();
    else console.log(line);
  }
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
