/**
 * The one clock of a simulation: everything that will happen, in order, on virtual time.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer, Timers } from "../../actors/runtime/ports.ts";
import { settlePromises } from "../support/virtual_ports.ts";

/** Most events of one simulation: sixty virtual seconds of five nodes take some 100,000. */
const EVENTS_MAX = 10_000_000;

/** Wall clock at time 0: 2026-01-01. */
const WALL_START_MS = Date.UTC(2026, 0, 1);

/** Events in one turn of the real event loop, where promises can be settled within it. */
const SLICE_EVENTS = 2_000;

/**
 * The engine's own way to settle promises, six times as fast as a turn of the event loop for each
 * event; it is no part of Deno's interface, so it may be missing.
 */
const ENGINE: { readonly runMicrotasks?: () => void } =
  (Deno as unknown as Record<symbol, { core?: { runMicrotasks?: () => void } } | undefined>)[
    (Deno as unknown as { internal: symbol }).internal
  ]?.core ?? {};

interface Entry {
  readonly dueMs: number;
  /** Events of one moment happen in the order in which they were arranged. */
  readonly order: number;
  /** `undefined` when it was cancelled. */
  callback: (() => void) | undefined;
}

export class SimTime {
  readonly clock: Clock = {
    nowMs: () => this.nowMs,
    wallMs: () => WALL_START_MS + this.nowMs,
  };
  readonly timers: Timers = {
    after: (delayMs, callback) => this.after(delayMs, callback),
    soon: (callback) => void this.after(0, callback),
  };
  nowMs = 0;
  /** Events that have happened. */
  events = 0;
  #order = 0;
  /** Binary heap, the next event first. */
  readonly #heap: Entry[] = [];

  after(delayMs: number, callback: () => void): Timer {
    const dueMs = this.nowMs + Math.max(0, delayMs);
    const entry: Entry = { dueMs, order: ++this.#order, callback };
    this.#push(entry);
    return { cancel: () => entry.callback = undefined };
  }

  /** Lets everything happen until then, each event with all that its promises cause. */
  async runUntil(endMs: number): Promise<void> {
    await settlePromises();
    const { runMicrotasks } = ENGINE;
    if (runMicrotasks === undefined) {
      while (this.#happen(endMs)) await settlePromises();
    } else {
      while (await this.#slice(endMs, runMicrotasks));
    }
    this.nowMs = endMs;
  }

  /** Some events, in a turn of the real event loop of their own. False: there are no more. */
  #slice(endMs: number, runMicrotasks: () => void): Promise<boolean> {
    return new Promise((resolve, reject) =>
      void setImmediate(() => {
        try {
          for (let i = 0; i < SLICE_EVENTS; i++) {
            if (!this.#happen(endMs)) return resolve(false);
            runMicrotasks();
          }
          resolve(true);
        } catch (error) {
          reject(error);
        }
      })
    );
  }

  /** The next event, if it is due by then. */
  #happen(endMs: number): boolean {
    while (this.#heap.length > 0 && this.#heap[0].dueMs <= endMs) {
      const { dueMs, callback } = this.#pop();
      if (callback === undefined) continue;
      if (++this.events > EVENTS_MAX) throw new Error("Simulation does not get on");
      this.nowMs = dueMs;
      callback();
      return true;
    }
    return false;
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent], entry)) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): Entry {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    while (true) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (isBefore(last, heap[child])) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
