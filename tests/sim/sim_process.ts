/**
 * A process on the virtual clock: its own time, chance and log, and one event loop that can stand
 * still (SIGSTOP) or end (SIGKILL).
 *
 * Whatever is to happen in it comes through {@link SimProcess.run}: while it stands still that
 * waits, as a kernel lets it wait, and happens afterwards in the same order.
 *
 * @module
 */
import type { Clock, Log, LogFields, Ports, Random, Timers } from "../../actors/runtime/ports.ts";
import { seededRandom } from "../support/random.ts";
import type { SimTime } from "./sim_time.ts";
import type { Trace } from "./trace.ts";

/** For how long an event loop remembers that it was late, in milliseconds. */
const LATENESS_MEMORY_MS = 2_000;

export interface SimProcessOptions {
  readonly name: string;
  readonly time: SimTime;
  readonly trace: Trace;
  readonly seed: number;
  /** What its monotonic clock showed at time 0, and how wrong its wall clock is. */
  readonly clockOffsetMs: number;
  readonly wallSkewMs: number;
}

export class SimProcess implements Ports {
  readonly name: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly #options: SimProcessOptions;
  #state: "running" | "paused" | "dead" = "running";
  readonly #waiting: (() => void)[] = [];
  #clockMs: number;
  #wallSkewMs: number;
  #pausedAtMs = 0;
  #latenessMs = 0;
  #lateUntilMs = -Infinity;

  constructor(options: SimProcessOptions) {
    const { time, name, clockOffsetMs, wallSkewMs } = options;
    this.#options = options;
    this.#clockMs = clockOffsetMs;
    this.#wallSkewMs = wallSkewMs;
    this.name = name;
    this.clock = {
      nowMs: () => time.nowMs + this.#clockMs,
      wallMs: () => time.clock.wallMs() + this.#wallSkewMs,
    };
    this.timers = {
      after: (delayMs, callback) => time.after(delayMs, () => this.run(callback)),
      soon: (callback) => void time.after(0, () => this.run(callback)),
    };
    this.random = seededRandom(options.seed);
    this.log = this.#logWith({});
  }

  get running(): boolean {
    return this.#state === "running";
  }

  get dead(): boolean {
    return this.#state === "dead";
  }

  /** How late its event loop was of late, in milliseconds. */
  get latenessMs(): number {
    return this.#options.time.nowMs < this.#lateUntilMs ? this.#latenessMs : 0;
  }

  /** Since when it has stood still, on the virtual clock; `undefined` while it does not. */
  get pausedSinceMs(): number | undefined {
    return this.#state === "paused" ? this.#pausedAtMs : undefined;
  }

  /** Makes a call in the process: now, when it goes on, or never. */
  run(callback: () => void): void {
    if (this.#state === "running" && this.#waiting.length === 0) callback();
    else if (this.#state !== "dead") this.#waiting.push(callback);
  }

  /** What comes from outside: it settles in the process. */
  gate<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then(
        (value) => this.run(() => resolve(value)),
        (error) => this.run(() => reject(error)),
      );
    });
  }

  pause(): void {
    if (this.#state !== "running") return;
    this.#state = "paused";
    this.#pausedAtMs = this.#options.time.nowMs;
  }

  resume(): void {
    if (this.#state !== "paused") return;
    const { time } = this.#options;
    this.#state = "running";
    this.#latenessMs = time.nowMs - this.#pausedAtMs;
    this.#lateUntilMs = time.nowMs + LATENESS_MEMORY_MS;
    time.after(0, () => this.#drain());
  }

  /** One call of those that waited, each with all that it causes; what comes meanwhile waits, too. */
  #drain(): void {
    if (this.#state !== "running" || this.#waiting.length === 0) return;
    const [callback] = this.#waiting;
    callback();
    this.#waiting.shift();
    this.#options.time.after(0, () => this.#drain());
  }

  /** Its machine stood still for so long, and so did all else that it can know of. */
  jump(byMs: number): void {
    this.#clockMs += byMs;
    this.#wallSkewMs += byMs;
    this.#latenessMs = byMs;
    this.#lateUntilMs = this.#options.time.nowMs + LATENESS_MEMORY_MS;
  }

  /** Somebody set its wall clock. */
  setWall(byMs: number): void {
    this.#wallSkewMs += byMs;
  }

  kill(): void {
    this.#state = "dead";
    this.#waiting.length = 0;
  }

  #logWith(base: LogFields): Log {
    const { trace } = this.#options;
    const write = (level: string) => (message: string, fields?: LogFields) => {
      trace.note(() => `${this.name} ${level}: ${message} ${textOf({ ...base, ...fields })}`);
    };
    const silent = () => {};
    return {
      debug: silent,
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      with: (fields) => this.#logWith({ ...base, ...fields }),
    };
  }
}

function textOf(fields: LogFields): string {
  return JSON.stringify(fields, (_, value) => value instanceof Error ? String(value) : value);
}
