/**
 * Time that stands still until a test moves it, seeded chance and a log that is kept: the ports of
 * an actor system under test. The same calls in the same order give the same history.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type {
  Clock,
  Log,
  LogFields,
  Ports,
  Random,
  Timer,
  Timers,
} from "../../actors/runtime/ports.ts";
import { seededRandom } from "./random.ts";

/** Most callbacks within one call; beyond, something keeps itself busy for ever. */
export const VIRTUAL_STEPS_MAX = 1_000_000;

/** Most lines kept of the log; the oldest go first. */
export const VIRTUAL_LOG_LINES_MAX = 10_000;

/** One line of the log. */
export interface VirtualLogLine {
  readonly atMs: number;
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: LogFields;
}

interface Entry {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
  cancelled: boolean;
}

/** Virtual {@link Ports}; time starts at 0 and the wall clock at 2026-01-01. */
export class VirtualPorts implements Ports {
  readonly clock: Clock = {
    nowMs: () => this.#nowMs,
    wallMs: () => this.wallStartMs + this.#nowMs,
  };
  readonly timers: Timers = {
    after: (delayMs, callback) => this.#add(Math.max(0, delayMs), callback),
    soon: (callback) => void this.#add(0, callback),
  };
  readonly random: Random;
  readonly log: Log = this.#logWith({});
  /** What was logged, oldest first. */
  readonly lines: VirtualLogLine[] = [];
  /** Wall clock at time 0; change it to let the wall clock jump. */
  wallStartMs = Date.UTC(2026, 0, 1);
  #nowMs = 0;
  #order = 0;
  /** Sorted by moment, then by order of arrival. */
  readonly #entries: Entry[] = [];

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  /** The virtual time, in milliseconds. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Callbacks that wait, cancelled ones not counted. */
  get pendingCount(): number {
    return this.#entries.length;
  }

  /** When the next callback is due; `undefined` when none waits. */
  get nextDueMs(): number | undefined {
    return this.#entries[0]?.dueMs;
  }

  /**
   * Moves time forward by `ms` and makes every call that becomes due on the way, each at its own
   * moment and with all promises settled between any two.
   */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settlePromises();
    for (let steps = 0; this.#step(endMs); steps++) {
      checkSteps(steps);
      await settlePromises();
    }
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /** Like {@link advance}, without waiting for promises; much faster, for code without any. */
  advanceSync(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let steps = 0; this.#step(endMs); steps++) checkSteps(steps);
    this.#nowMs = Math.max(this.#nowMs, endMs);
  }

  /** Makes every call that is due now, and those that these cause now; time stands still. */
  runUntilIdle(): Promise<void> {
    return this.advance(0);
  }

  /** Lets `ms` pass without a call, as slow code does. */
  spend(ms: number): void {
    this.#nowMs += ms;
  }

  /** Lines of the log with this text. */
  linesWith(message: string): VirtualLogLine[] {
    return this.lines.filter((line) => line.message === message);
  }

  #step(endMs: number): boolean {
    const first = this.#entries[0];
    // Callbacks that spend time may have moved it past the end.
    if (first === undefined || first.dueMs > Math.max(endMs, this.#nowMs)) return false;
    this.#entries.shift();
    this.#nowMs = Math.max(this.#nowMs, first.dueMs);
    first.cancelled = true; // Fired: a cancel from now on finds nothing.
    first.callback();
    return true;
  }

  #add(delayMs: number, callback: () => void): Timer {
    const entry: Entry = {
      dueMs: this.#nowMs + delayMs,
      order: ++this.#order,
      callback,
      cancelled: false,
    };
    this.#entries.splice(this.#placeOf(entry), 0, entry);
    return {
      cancel: () => {
        if (entry.cancelled) return;
        entry.cancelled = true;
        this.#entries.splice(this.#placeOf(entry), 1);
      },
    };
  }

  /** First place whose entry is not before `entry`. */
  #placeOf(entry: Entry): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#entries[middle];
      const before = other.dueMs < entry.dueMs ||
        (other.dueMs === entry.dueMs && other.order < entry.order);
      if (before) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #logWith(base: LogFields): Log {
    const write = (level: VirtualLogLine["level"]) => (message: string, fields?: LogFields) => {
      this.lines.push({ atMs: this.#nowMs, level, message, fields: { ...base, ...fields } });
      if (this.lines.length > VIRTUAL_LOG_LINES_MAX) this.lines.shift();
    };
    return {
      debug: write("debug"),
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      with: (fields) => this.#logWith({ ...base, ...fields }),
    };
  }
}

/** Resolves when every promise that can settle without outside help has settled. */
export function settlePromises(): Promise<void> {
  // A macrotask: the engine empties its whole microtask queue before it.
  return new Promise((resolve) => void setImmediate(resolve));
}

function checkSteps(steps: number): void {
  if (steps >= VIRTUAL_STEPS_MAX) {
    throw new Error(`Virtual time does not get on: ${VIRTUAL_STEPS_MAX} calls made`);
  }
}
