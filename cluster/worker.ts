/**
 * The worker process: takes its configuration from the launcher, runs one node, and ends when it
 * is told to, when a signal says so, or when the launcher is gone.
 *
 * @module
 */
import { every } from "../actors/runtime/every.ts";
import type { Ports } from "../actors/runtime/ports.ts";
import { keptApiToken } from "./api_token.ts";
import type { Config, GivenConfig } from "./config.ts";
import { isNodeName } from "./config_schema.ts";
import { type DataLock, lockData } from "./data_lock.ts";
import { guardFaults } from "./fault_guard.ts";
import {
  type Handover,
  inputLines,
  isWorkerCommand,
  parseHandover,
  parseReread,
  type WorkerCommand,
} from "./handover.ts";
import { type OpenLog, openLog } from "./log_tape.ts";
import { Reloads } from "./reloads.ts";
import { LineWriter } from "./line_writer.ts";
import type { NodeHost, StartNode } from "./running_node.ts";
import { Shutdown, STOP_MS_MAX } from "./shutdown.ts";
import { START_ERROR_EXIT_CODE, StartError } from "./start_error.ts";
import { onStopSignals, STOP_SIGNALS } from "./stop_signals.ts";
import { PipeDirectory } from "./supervisor/pipe_directory.ts";
import { messageLine, type WorkerMessage } from "./supervisor/worker_lines.ts";
import { workerName } from "./supervisor/worker_place.ts";
import { systemPorts } from "./system_ports.ts";
import { touchYoungMemory } from "./young_memory.ts";

/** Exit code of a worker whose launcher is gone. */
const ORPHAN_EXIT_CODE = 1;

/** Exit code of a worker whose node failed by a fault of our own. */
const FAULT_EXIT_CODE = 1;

/** How long the last log lines may take, in milliseconds: nobody may be reading them. */
const LOG_CLOSE_MS_MAX = 300;

/** How often the supervisor hears that the event loop goes round, in milliseconds. */
const BEAT_MS = 500;

/** Length of the longest node name; a host's name is cut to it. */
const NAME_CHARACTERS_MAX = 64;

/** Runs a node until it ends, and returns the process's exit code. */
export async function runWorker(startNode: StartNode): Promise<number> {
  const lines = inputLines((target) => Deno.stdin.read(target));
  const first = await lines.next();
  if (first.done === true) return ORPHAN_EXIT_CODE;
  if (isWorkerCommand(first.value)) return 0; // Another worker could not start.
  const handover = parseHandover(first.value);
  touchYoungMemory();
  const { logLevel: level, logFormat: format } = handover.config;
  const openedLog = openLog({ level, format, writeAll: (bytes) => writeAll(Deno.stderr, bytes) });
  const ports = systemPorts(openedLog.log);
  guardFaults(openedLog.log);
  try {
    const exitCode = await runNode(startNode, { handover, lines, ports });
    await closeLog(openedLog);
    return exitCode;
  } catch (error) {
    await closeLog(openedLog);
    if (error instanceof StartError) {
      console.error(error.message); // The last line is the reason.
      return START_ERROR_EXIT_CODE;
    }
    // Thrown on, it would only be noted by the guard, and a worker without a node would stay.
    console.error(error);
    return FAULT_EXIT_CODE;
  }
}

/** What {@link runNode} works with besides the node itself. */
interface WorkerContext {
  readonly handover: Handover;
  /** The launcher's commands. */
  readonly lines: AsyncIterable<string>;
  readonly ports: Ports;
}

async function runNode(startNode: StartNode, context: WorkerContext): Promise<number> {
  const { handover: { place, config: given }, ports } = context;
  const end = new EndRequests();
  const tell = messages();
  const reloads = new Reloads({ ports, request: () => Promise.resolve(tell({ kind: "reread" })) });
  const directory = place.count > 1 && given.redis === undefined
    ? new PipeDirectory({ ports, send: tell })
    : undefined;
  listen({ end, reloads, directory }, context);
  let lock: DataLock | undefined;
  try {
    lock = lockData(given.dataDir, place);
    const hostName = given.name ?? nodeNameFromHost(Deno.hostname());
    const config = settle(given, workerName(hostName, place), ports);
    const host: NodeHost = {
      place: { ...place, hostName, directory },
      reloadConfig: () => reloads.reloadConfig(),
      restartHost: () => tell({ kind: "restart" }),
    };
    const node = await startNode(config, ports, host);
    reloads.attach(node);
    const shutdown = new Shutdown(node, { drainTimeoutMs: config.drainTimeoutMs, ports });
    tell({ kind: "ready", host: hostName, addresses: node.addresses });
    beat(ports, tell);
    end.attach(shutdown);
    const result = await shutdown.ended;
    ports.log.info("ended", { result });
    return end.exitCode;
  } finally {
    lock?.release();
  }
}

/** The way to the supervisor; never waits for it. */
function messages(): (message: WorkerMessage) => void {
  const writer = new LineWriter(
    (bytes) => writeAll(Deno.stdout, bytes),
    (count) => `${count} messages to the supervisor lost`,
  );
  return (message) => writer.write(messageLine(message));
}

/** Tells, for as long as the process lives, that its event loop is not stuck. */
function beat(ports: Ports, tell: (message: WorkerMessage) => void): void {
  every(ports, BEAT_MS, () => tell({ kind: "beat" }));
}

/** Who wants the node to end, and how; remembered until there is a node. */
class EndRequests {
  /** What the process will end with. */
  exitCode = 0;
  #wanted: WorkerCommand | undefined;
  #shutdown: Shutdown | undefined;

  request(command: WorkerCommand): void {
    if (this.#wanted !== "stop") this.#wanted = command;
    if (this.#shutdown !== undefined) this.#apply(this.#shutdown);
  }

  attach(shutdown: Shutdown): void {
    this.#shutdown = shutdown;
    this.#apply(shutdown);
  }

  #apply(shutdown: Shutdown): void {
    if (this.#wanted === "drain") shutdown.drain();
    if (this.#wanted === "stop") shutdown.stop();
  }
}

/**
 * Listens to the launcher and to signals. Ends are counted apart: the launcher's "drain" and a
 * signal to the worker itself (a service manager may signal every process) are one wish, not two.
 */
function listen(
  { end, reloads, directory }: {
    readonly end: EndRequests;
    readonly reloads: Reloads;
    readonly directory: PipeDirectory | undefined;
  },
  { lines, ports }: WorkerContext,
): void {
  Deno.addSignalListener("SIGHUP", () => {}); // For the launcher, which tells us what came of it.
  onStopSignals((presses, signal) => {
    if (presses > 1) end.exitCode = 128 + STOP_SIGNALS[signal];
    end.request(presses === 1 ? "drain" : "stop");
  });
  const follow = async () => {
    for await (const line of lines) {
      if (directory?.take(line)) continue;
      if (isWorkerCommand(line)) end.request(line);
      const reread = parseReread(line);
      if (reread !== undefined) reloads.take(reread);
    }
  };
  follow().catch((error) => ports.log.error("launcher's pipe failed", { error })).then(() => {
    ports.log.error("launcher is gone, stopping");
    directory?.close(); // Nobody answers any more: leaving waits for nothing.
    end.exitCode = ORPHAN_EXIT_CODE;
    end.request("stop");
    // Nobody is left to kill a node that cannot even start, or stop.
    ports.timers.after(STOP_MS_MAX + LOG_CLOSE_MS_MAX, () => Deno.exit(ORPHAN_EXIT_CODE));
  });
}

/** Fills in what was left open. */
function settle(given: GivenConfig, name: string, ports: Ports): Config {
  return { ...given, name, apiToken: given.apiToken ?? keptApiToken(given.dataDir, ports.log) };
}

/** The nearest thing to a host's name that a node may be called; "node" when nothing is left. */
export function nodeNameFromHost(hostName: string): string {
  const name = hostName.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, NAME_CHARACTERS_MAX);
  return isNodeName(name) ? name : "node";
}

async function writeAll(file: typeof Deno.stderr, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

/** Writes out the last lines, unless their reader takes nothing. */
async function closeLog(openedLog: OpenLog): Promise<void> {
  const overdue = Promise.withResolvers<void>();
  const timer = setTimeout(overdue.resolve, LOG_CLOSE_MS_MAX);
  await Promise.race([openedLog.close(), overdue.promise]);
  clearTimeout(timer);
}
