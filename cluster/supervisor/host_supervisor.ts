/**
 * The supervisor of a host: keeps its workers running, the directory they share when there is no
 * Redis, and says when all of them are ready. It handles no media and opens no socket.
 *
 * @module
 */
import type { Ports, Timer } from "../../actors/runtime/ports.ts";
import type { GivenConfig } from "../config.ts";
import { DirectoryStore } from "../directory/memory_directory.ts";
import { handoverLine, type WorkerCommand } from "../handover.ts";
import type { Ready } from "../ready_line.ts";
import { DirectoryDesk } from "./directory_desk.ts";
import { type DirectoryCall, type WorkerMessage } from "./worker_lines.ts";
import { shareOf, type WorkerPlace } from "./worker_place.ts";
import type { WorkerEnd, WorkerHandle } from "./worker_process.ts";
import { WorkerSlot } from "./worker_slot.ts";

/** How often the workers' silence is measured, in milliseconds. */
const WATCH_MS = 100;

/**
 * Most of a pause between two measurements that counts as silence, in milliseconds: when it was us
 * who stood still, what the workers said meanwhile waits in the pipes.
 */
const WATCH_MS_MAX = 2 * WATCH_MS;

export interface HostSupervisorOptions {
  readonly ports: Pick<Ports, "clock" | "timers" | "log">;
  readonly config: GivenConfig;
  readonly count: number;
  /** Random, see {@link WorkerPlace}. */
  readonly host: string;
  readonly meshSecret: string;
  readonly spawn: (onMessage: (message: WorkerMessage) => void) => WorkerHandle;
  readonly onReady: (ready: Omit<Ready, "pids"> & { readonly pids: readonly number[] }) => void;
  readonly onReread: () => void;
}

/** How the host ended. */
export interface HostEnd {
  /** The first worker that ended by itself before the host was ready; else the last one. */
  readonly end: WorkerEnd;
  /** Somebody asked for it. */
  readonly asked: boolean;
}

export class HostSupervisor {
  readonly #options: HostSupervisorOptions;
  readonly #slots: WorkerSlot[] = [];
  readonly #desks = new Map<number, DirectoryDesk>();
  readonly #store: DirectoryStore | undefined;
  readonly #ended = Promise.withResolvers<HostEnd>();
  #config: GivenConfig;
  #addresses: Readonly<Record<string, string>> | undefined;
  #ready = false;
  #asked = false;
  #failed: WorkerEnd | undefined;
  #left: number;
  #watchTimer: Timer | undefined;
  #watchedMs = 0;
  #restarting = false;

  constructor(options: HostSupervisorOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#left = options.count;
    if (options.count > 1 && options.config.redis === undefined) {
      this.#store = new DirectoryStore(options.ports.clock);
    }
    for (let index = 0; index < options.count; index++) this.#slots.push(this.#slot(index));
  }

  /** Resolves when the last worker is gone for good. Never rejects. */
  get ended(): Promise<HostEnd> {
    return this.#ended.promise;
  }

  /** Starts all workers. @throws {Error} A process cannot be started. */
  start(): void {
    for (const slot of this.#slots) slot.load();
    this.#slots[0].begin(); // The others follow once it knows that the ports are free.
    this.#watchedMs = this.#options.ports.clock.nowMs();
    this.#watch();
  }

  /** Ends every worker, for good. */
  end(command: WorkerCommand): void {
    this.#asked = true;
    for (const slot of this.#slots) slot.end(command);
  }

  /** Sends every worker a line. */
  sendAll(line: string): void {
    for (const slot of this.#slots) slot.send(line);
  }

  /** Workers that are started from now on have this configuration's applications. */
  reconfigure({ applications }: GivenConfig): void {
    this.#config = { ...this.#config, applications };
  }

  /** Replaces the workers one after another, each once the one before serves again. */
  async restart(): Promise<void> {
    const { log } = this.#options.ports;
    if (this.#restarting || !this.#ready) return;
    this.#restarting = true;
    log.info("restarting workers one after another", { workers: this.#slots.length });
    for (const slot of this.#slots) await slot.replace();
    this.#restarting = false;
    log.info("workers restarted", { asked: this.#asked });
  }

  #slot(index: number): WorkerSlot {
    const { ports, config, spawn } = this.#options;
    const slot: WorkerSlot = new WorkerSlot({
      ports: { ...ports, log: ports.log.with({ worker: index }) },
      drainTimeoutMs: config.drainTimeoutMs,
      spawn,
      handover: () => this.#handover(index),
      mends: () => this.#ready,
      onMessage: (message) => this.#take(index, message),
      onGone: () => this.#gone(index),
      onOver: (end) => this.#over(end),
    });
    return slot;
  }

  #handover(index: number): string {
    const { host, meshSecret, count } = this.#options;
    const portsKnown = this.#addresses !== undefined;
    const place: WorkerPlace = { index, count, host, meshSecret, portsKnown };
    const config = shareOf(withPorts(this.#config, this.#addresses ?? {}), place);
    return handoverLine({ config, place });
  }

  #take(index: number, message: WorkerMessage): void {
    switch (message.kind) {
      case "ready":
        return this.#workerReady(index, message);
      case "directory":
        return this.#ask(index, message);
      case "reread":
        return this.#options.onReread();
      case "restart":
        return void this.restart();
      case "beat":
        return;
    }
  }

  #workerReady(index: number, { host: node, addresses }: WorkerMessage & { kind: "ready" }): void {
    this.#addresses ??= addresses;
    if (this.#ready) {
      const { pid } = this.#slots[index];
      return this.#options.ports.log.info("worker replaced", { worker: index, pid });
    }
    for (const slot of this.#slots) slot.begin();
    if (!this.#slots.every((slot) => slot.up)) return;
    this.#ready = true;
    const pids = this.#slots.map(({ pid }) => pid!);
    this.#options.onReady({ node, pids, addresses: this.#addresses });
  }

  #ask(index: number, call: DirectoryCall): void {
    if (this.#store === undefined) return;
    let desk = this.#desks.get(index);
    if (desk === undefined) {
      desk = new DirectoryDesk(this.#store, (line) => this.#slots[index].send(line));
      this.#desks.set(index, desk);
    }
    desk.take(call);
  }

  #gone(index: number): void {
    const desk = this.#desks.get(index);
    this.#desks.delete(index);
    desk?.workerGone().catch((error) => {
      this.#options.ports.log.error("directory not told of a worker's end", { error });
    });
  }

  #over(end: WorkerEnd): void {
    if (!this.#asked) {
      this.#failed ??= end;
      for (const slot of this.#slots) slot.end("stop");
    }
    if (--this.#left > 0) return;
    this.#watchTimer?.cancel();
    this.#ended.resolve({ end: this.#failed ?? end, asked: this.#asked });
  }

  #watch(): void {
    const { clock, timers } = this.#options.ports;
    this.#watchTimer = timers.after(WATCH_MS, () => {
      const nowMs = clock.nowMs();
      const elapsedMs = Math.min(WATCH_MS_MAX, nowMs - this.#watchedMs);
      this.#watchedMs = nowMs;
      for (const slot of this.#slots) slot.watch(elapsedMs);
      this.#watch();
    });
  }
}

/** The configuration with the numbers of the ports that were found for it. */
function withPorts(
  config: GivenConfig,
  addresses: Readonly<Record<string, string>>,
): GivenConfig {
  const found = Object.entries(addresses)
    .filter(([protocol]) => `${protocol}Port` in config)
    .map(([protocol, address]) => [`${protocol}Port`, Number(/:(\d+)$/.exec(address)![1])]);
  return { ...config, ...Object.fromEntries(found) };
}
