/**
 * Waits for things to be owned: viewers that came before their publisher. All that is waited for
 * is looked up together, twice a second.
 *
 * @module
 */
import type { Timer, Timers } from "../../actors/runtime/ports.ts";
import type { OwnerBook } from "./owner_book.ts";

/** Distance of looks, in milliseconds. */
export const WATCH_MS = 500;

/** Most waits at a time: each is somebody who holds a connection open. */
export const WATCHES_MAX = 65_536;

/** One who waits. */
interface Waiter {
  readonly appeared: () => void;
  over: boolean;
}

export class OwnerWatch {
  readonly #timers: Timers;
  readonly #book: OwnerBook;
  readonly #waiting = new Map<string, Set<Waiter>>();
  #count = 0;
  #timer: Timer | undefined;

  constructor(timers: Timers, book: OwnerBook) {
    this.#timers = timers;
    this.#book = book;
  }

  get size(): number {
    return this.#count;
  }

  /**
   * Calls back once when `key` has an owner; never at once. Beyond {@link WATCHES_MAX} it does
   * not: whoever waits gives up by itself.
   *
   * @returns Ends the wait.
   */
  add(key: string, appeared: () => void): () => void {
    if (this.#count >= WATCHES_MAX) return () => {};
    const waiter: Waiter = { appeared, over: false };
    const waiting = this.#waiting.get(key) ?? new Set();
    this.#waiting.set(key, waiting.add(waiter));
    this.#count++;
    this.#arm();
    return () => {
      waiter.over = true;
      if (!waiting.delete(waiter)) return;
      this.#count--;
      if (waiting.size === 0) this.#waiting.delete(key);
    };
  }

  /** `key` has an owner. */
  appeared(key: string): void {
    const waiters = this.#take(key);
    if (waiters.length === 0) return;
    this.#timers.soon(() => {
      for (const waiter of waiters) {
        if (!waiter.over) waiter.appeared();
      }
    });
  }

  stop(): void {
    this.#timer?.cancel();
    for (const key of [...this.#waiting.keys()]) this.#take(key);
  }

  #take(key: string): Waiter[] {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return [];
    const waiters = [...waiting];
    this.#waiting.delete(key);
    this.#count -= waiters.length;
    waiting.clear();
    return waiters;
  }

  #arm(): void {
    this.#timer ??= this.#timers.after(WATCH_MS, async () => {
      // Owners that are found are told to `appeared`. The next look waits for this one.
      await Promise.all([...this.#waiting.keys()].map((key) => this.#book.look(key)));
      this.#timer = undefined;
      if (this.#waiting.size > 0) this.#arm();
    });
  }
}
