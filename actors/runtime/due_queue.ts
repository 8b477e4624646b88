/**
 * Everything in a system that waits for a moment, on one timer of the outside world: deadlines of
 * asks, timers of actors, back-off, passivation.
 *
 * An indexed binary heap: adding what is due last, the usual case, and looking at the first are
 * constant, removing is logarithmic, and what was removed leaves nothing behind. It holds what its
 * users hold, so their maxima bound it.
 *
 * @module
 */
import type { Clock, Timer, Timers } from "./ports.ts";

/** Most entries called in one go; the rest follow after pending input and output. */
export const DUE_BATCH_MAX = 1_024;

/** Something that waits for a moment; in at most one queue, at most once. */
export abstract class Due {
  /** When, on the monotonic clock, in milliseconds. */
  dueMs = 0;
  /** Place in the heap; -1 while it waits for nothing. Belongs to the queue. */
  heapIndex = -1;
  /** Entries due at the same moment are called in the order they were added. */
  heapOrder = 0;

  /** Called once when the moment has come. Must not throw. */
  abstract due(nowMs: number): void;

  /** Whether it is waiting. */
  get pending(): boolean {
    return this.heapIndex >= 0;
  }
}

/** A {@link Due} made of a callback. */
export class Alarm extends Due {
  readonly #callback: (nowMs: number) => void;

  constructor(callback: (nowMs: number) => void) {
    super();
    this.#callback = callback;
  }

  due(nowMs: number): void {
    this.#callback(nowMs);
  }
}

/** Calls entries at their moment, in order. */
export class DueQueue {
  readonly #heap: Due[] = [];
  readonly #clock: Clock;
  readonly #timers: Timers;
  #order = 0;
  #timer: Timer | undefined;
  #armedMs = Infinity;

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock;
    this.#timers = timers;
  }

  get size(): number {
    return this.#heap.length;
  }

  /** Adds `entry`, or moves it when it is already waiting. */
  add(entry: Due, dueMs: number): void {
    this.remove(entry);
    entry.dueMs = dueMs;
    entry.heapOrder = ++this.#order;
    entry.heapIndex = this.#heap.push(entry) - 1;
    this.#siftUp(entry);
    if (dueMs < this.#armedMs) this.#arm();
  }

  /** Takes `entry` out; nothing happens when it is not waiting. */
  remove(entry: Due): void {
    const index = entry.heapIndex;
    if (index < 0) return;
    entry.heapIndex = -1;
    const last = this.#heap.pop()!;
    if (last === entry) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.#siftUp(last);
    this.#siftDown(last);
    // The timer stays armed: when it finds nothing due it is set for the first that is left.
  }

  /** Forgets every entry and the timer. */
  clear(): void {
    for (const entry of this.#heap) entry.heapIndex = -1;
    this.#heap.length = 0;
    this.#disarm();
  }

  #fire(): void {
    this.#timer = undefined;
    this.#armedMs = -Infinity; // Whatever is added now is covered by the arming below.
    const nowMs = this.#clock.nowMs();
    // Entries added by the called ones wait for the next firing, or zero delays would spin here.
    const lastOrder = this.#order;
    for (let called = 0; called < DUE_BATCH_MAX; called++) {
      const first = this.#heap[0];
      if (first === undefined || first.dueMs > nowMs || first.heapOrder > lastOrder) break;
      this.remove(first);
      first.due(nowMs);
    }
    this.#armedMs = Infinity;
    if (this.#heap.length > 0) this.#arm();
  }

  #arm(): void {
    this.#disarm();
    const dueMs = this.#heap[0].dueMs;
    const nowMs = this.#clock.nowMs();
    this.#armedMs = dueMs;
    this.#timer = this.#timers.after(Math.max(0, dueMs - nowMs), () => this.#fire());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#armedMs = Infinity;
  }

  #siftUp(entry: Due): void {
    const heap = this.#heap;
    let index = entry.heapIndex;
    while (index > 0) {
      const parent = heap[(index - 1) >> 1];
      if (!isBefore(entry, parent)) break;
      heap[index] = parent;
      parent.heapIndex = index;
      index = (index - 1) >> 1;
    }
    heap[index] = entry;
    entry.heapIndex = index;
  }

  #siftDown(entry: Due): void {
    const heap = this.#heap;
    let index = entry.heapIndex;
    while (true) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], entry)) break;
      heap[index] = heap[child];
      heap[index].heapIndex = index;
      index = child;
    }
    heap[index] = entry;
    entry.heapIndex = index;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.heapOrder < b.heapOrder);
}
