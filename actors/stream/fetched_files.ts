/**
 * Files of other nodes' streams that were fetched and may be asked for again.
 *
 * They count against the node's memory for media, together with those that are on their way. The
 * one unused for longest goes first.
 *
 * @module
 */
import type { Clock } from "../runtime/ports.ts";
import type { FoundFile } from "./fetch.ts";
import type { MediaBudget } from "./media_budget.ts";

/** Share of the node's memory for media: the rest is for streams that have a log here. */
const BUDGET_SHARE = 1 / 8;

/** A file that nobody asked for this long is dropped: as long as unused HLS of a log is kept. */
const UNUSED_MS_MAX = 30_000;

/** What an entry costs besides its bytes, about. */
const ENTRY_BYTES = 512;

interface Entry {
  readonly file: FoundFile;
  usedAtMs: number;
}

export class FetchedFiles {
  readonly #budget: MediaBudget;
  readonly #clock: Clock;
  /** Unused for longest first. */
  readonly #entries = new Map<string, Entry>();
  #heldBytes = 0;

  constructor(budget: MediaBudget, clock: Clock) {
    this.#budget = budget;
    this.#clock = clock;
  }

  /** Bytes of the files that are kept or on their way. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  use(key: string): FoundFile | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.usedAtMs = this.#clock.nowMs();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.file;
  }

  /** Takes memory for a file of that size; false when there is none. */
  reserve(bytes: number): boolean {
    const needed = bytes + ENTRY_BYTES;
    const limit = this.#budget.limitBytes * BUDGET_SHARE;
    if (needed > limit || this.#budget.exhausted) return false;
    // Live streams come first: what can be fetched again makes room for them.
    const most = this.#budget.pressed ? 0 : limit - needed;
    for (const [key, { file }] of this.#entries) {
      if (this.#heldBytes <= most) break;
      this.#drop(key, file);
    }
    if (this.#heldBytes + needed > limit) return false;
    this.#heldBytes += needed;
    this.#budget.take(needed);
    return true;
  }

  /** Keeps a file for which memory was {@link reserve}d. */
  keep(key: string, file: FoundFile): void {
    this.#entries.set(key, { file, usedAtMs: this.#clock.nowMs() });
  }

  /** Gives memory back that was reserved for a file of that size. */
  release(bytes: number): void {
    this.#heldBytes -= bytes + ENTRY_BYTES;
    this.#budget.give(bytes + ENTRY_BYTES);
  }

  /** Drops what nobody asks for any more; and all of it when memory runs short. */
  sweep(): void {
    const oldestMs = this.#clock.nowMs() - UNUSED_MS_MAX;
    for (const [key, { file, usedAtMs }] of this.#entries) {
      if (usedAtMs >= oldestMs && !this.#budget.pressed) return;
      this.#drop(key, file);
    }
  }

  #drop(key: string, file: FoundFile): void {
    this.#entries.delete(key);
    this.release(file.bytes.length);
  }
}
