/**
 * One of the host's workers, however often its process is replaced: it is started, listened to,
 * killed when it is silent, and started again when it has ended.
 *
 * @module
 */
import type { Ports, Timer } from "../../actors/runtime/ports.ts";
import type { WorkerCommand } from "../handover.ts";
import { STOP_MS_MAX } from "../shutdown.ts";
import { RestartBackoff } from "./restart_backoff.ts";
import type { WorkerMessage } from "./worker_lines.ts";
import type { WorkerEnd, WorkerHandle } from "./worker_process.ts";

/** A worker whose event loop gave no sign for so long is killed, in milliseconds. */
export const SILENT_MS_MAX = 2_000;

/** Longest that a worker may take to be ready, in milliseconds: a slow directory, a busy machine. */
export const START_MS_MAX = 60_000;

/** What a worker that hangs gets beyond the time it has for ending, in milliseconds. */
const KILL_AFTER_MS = 1_500;

/** Pause before a worker that ended in order, unasked, is replaced: the same wish may reach us. */
const ORDERLY_PAUSE_MS = 300;

export interface WorkerSlotOptions {
  readonly ports: Pick<Ports, "clock" | "timers" | "log">;
  readonly spawn: (onMessage: (message: WorkerMessage) => void) => WorkerHandle;
  /** The line that tells a new process what it is. */
  readonly handover: () => string;
  readonly drainTimeoutMs: number;
  /** Whether ends are mended; until the host is ready they are its own end. */
  readonly mends: () => boolean;
  readonly onMessage: (message: WorkerMessage) => void;
  /** A process is gone; another one may follow. */
  readonly onGone: () => void;
  /** The last process is gone. */
  readonly onOver: (end: WorkerEnd) => void;
}

/** A process that was started. */
interface Process {
  readonly handle: WorkerHandle;
  readonly startedMs: number;
  /** Loading its modules; starting its node; serving. */
  phase: "loading" | "starting" | "up";
  /** Since its last sign, in milliseconds. */
  silentMs: number;
  killTimer?: Timer;
}

export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  readonly #backoff = new RestartBackoff();
  #process: Process | undefined;
  #ending: WorkerCommand | undefined;
  #pause: Timer | undefined;
  #over = false;
  /** Somebody waits for the next process to be ready. */
  #replacing: PromiseWithResolvers<void> | undefined;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
  }

  /** Of the present process; `undefined` between two. */
  get pid(): number | undefined {
    return this.#process?.handle.pid;
  }

  /** Whether it serves. */
  get up(): boolean {
    return this.#process?.phase === "up";
  }

  /** Starts the process, which waits for {@link begin}. @throws {Error} It cannot be started. */
  load(): void {
    const process: Process = {
      handle: this.#options.spawn((message) => this.#take(process, message)),
      startedMs: this.#options.ports.clock.nowMs(),
      phase: "loading",
      silentMs: 0,
    };
    this.#process = process;
    process.handle.ended.then((end) => this.#ended(process, end));
  }

  /** Tells the process what it is. */
  begin(): void {
    if (this.#process?.phase !== "loading") return;
    this.#process.phase = "starting";
    this.#process.handle.send(this.#options.handover());
  }

  /** Sends the present process a line. */
  send(line: string): void {
    this.#process?.handle.send(line);
  }

  /** Ends the worker for good. */
  end(command: WorkerCommand): void {
    if (this.#over) return;
    if (this.#ending !== "stop") this.#ending = command;
    this.#replacing?.resolve();
    this.#pause?.cancel();
    if (this.#process === undefined) return this.#finish({ code: 0, signal: null });
    this.#request(this.#process, command);
  }

  /** Drains the process, whose clients go to the others, and replaces the process; resolves when the new one serves. */
  replace(): Promise<void> {
    if (this.#ending !== undefined || this.#over) return Promise.resolve();
    if (this.#replacing === undefined) {
      this.#replacing = Promise.withResolvers();
      if (this.#process !== undefined) this.#request(this.#process, "drain");
    }
    return this.#replacing.promise;
  }

  /** `elapsedMs` went by in which we listened; kills a process that said nothing for too long. */
  watch(elapsedMs: number): void {
    const process = this.#process;
    // One that is to end has its own time; one that loads has nothing to say.
    if (process === undefined || process.phase === "loading" || this.#ending !== undefined) return;
    process.silentMs += elapsedMs;
    const silentMsMax = process.phase === "up" ? SILENT_MS_MAX : START_MS_MAX;
    if (process.silentMs <= silentMsMax) return;
    process.silentMs = 0;
    const { pid } = process.handle;
    this.#options.ports.log.error("worker is silent, killing it", { pid, silentMsMax });
    process.handle.kill();
  }

  #take(process: Process, message: WorkerMessage): void {
    if (process.phase === "up") process.silentMs = 0;
    if (message.kind === "beat") return;
    if (message.kind === "ready") {
      process.phase = "up";
      process.silentMs = 0;
    }
    this.#options.onMessage(message);
    if (message.kind !== "ready") return;
    this.#replacing?.resolve();
    this.#replacing = undefined;
  }

  /** Asks the process to end, and kills it when it has not within its time. */
  #request(process: Process, command: WorkerCommand): void {
    const { timers, log } = this.#options.ports;
    process.handle.send(command);
    const timeoutMs = STOP_MS_MAX + (command === "stop" ? 0 : this.#options.drainTimeoutMs);
    process.killTimer?.cancel();
    process.killTimer = timers.after(timeoutMs + KILL_AFTER_MS, () => {
      log.error(`worker does not ${command}, killing it`, { pid: process.handle.pid });
      process.handle.kill();
    });
  }

  #ended(process: Process, end: WorkerEnd): void {
    const { ports: { clock, timers, log }, mends, onGone } = this.#options;
    process.killTimer?.cancel();
    this.#process = undefined;
    onGone();
    if (this.#ending !== undefined || !mends()) return this.#finish(end);
    const { pid } = process.handle;
    if (this.#replacing !== undefined && end.code === 0) {
      log.info("worker ended, replacing it", { pid });
      return this.#start();
    }
    const pauseMs = this.#backoff.next(clock.nowMs() - process.startedMs);
    const how = end.signal ?? `exit code ${end.code}`;
    log.error("worker ended unexpectedly, replacing it", { pid, how, pauseMs });
    const orderly = end.signal === null && end.code === 0;
    const waitMs = Math.max(pauseMs, orderly ? ORDERLY_PAUSE_MS : 0);
    if (waitMs === 0) return this.#start();
    this.#pause = timers.after(waitMs, () => this.#start());
  }

  #start(): void {
    try {
      this.load();
      this.begin();
    } catch (error) {
      const pauseMs = this.#backoff.next(0);
      this.#options.ports.log.error("worker could not be started", { error, pauseMs });
      this.#pause = this.#options.ports.timers.after(pauseMs, () => this.#start());
    }
  }

  #finish(end: WorkerEnd): void {
    this.#over = true;
    this.#options.onOver(end);
  }
}
