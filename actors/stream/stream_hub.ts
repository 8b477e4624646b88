/**
 * The streams that have data on this node, by name.
 *
 * @module
 */
import { streamKey, type StreamName } from "./stream_key.ts";
import type { Flusher } from "./flusher.ts";
import type { MediaBudget } from "./media_budget.ts";
import type { PairNotice } from "./pair.ts";
import { SWITCH_REASONS, type SwitchReason } from "./switch_judge.ts";
import { noRepairs } from "./timeline_repair.ts";
import { noCounts, StreamCore, type StreamCoreOptions } from "./stream_core.ts";

export interface StreamHubOptions extends StreamCoreOptions {
  /** Most streams it has data of, waited-for ones included: each costs some kilobytes. */
  readonly streamsMax: number;
}

export class StreamHub {
  readonly budget: MediaBudget;
  readonly flusher: Flusher<StreamCore>;
  readonly #options: StreamHubOptions;
  readonly #byKey = new Map<string, StreamCore>();
  /** Jumps, drops and the like of streams that are gone, so that totals never fall. */
  readonly past = noCounts();
  readonly pastRepairs = noRepairs();
  /** Told when this node, as a stream's owner, has something new to say of it. */
  readonly stateListeners = new Set<(core: StreamCore) => void>();
  /** Told what happens between the two publishers of a stream that this node owns. */
  readonly pairListeners = new Set<(core: StreamCore, notice: PairNotice) => void>();
  /** Times that a stream of this node went over to its backup, by reason. */
  readonly switches = Object.fromEntries(
    SWITCH_REASONS.map((reason) => [reason, 0]),
  ) as Record<SwitchReason, number>;

  constructor(options: StreamHubOptions) {
    this.budget = options.budget;
    this.flusher = options.flusher;
    this.#options = options;
  }

  get size(): number {
    return this.#byKey.size;
  }

  values(): IterableIterator<StreamCore> {
    return this.#byKey.values();
  }

  get(name: StreamName): StreamCore | undefined {
    return this.#byKey.get(streamKey(name));
  }

  /**
   * The stream's data, made if it is not there. A stream that has ended is replaced by a fresh
   * one: its last viewers still hold the old.
   *
   * @returns `undefined` when there are as many streams as there may be.
   */
  open(name: StreamName): StreamCore | undefined {
    const key = streamKey(name);
    const known = this.#byKey.get(key);
    if (known !== undefined && !known.ended) return known;
    if (known !== undefined) this.#forget(key, known);
    if (this.#byKey.size >= this.#options.streamsMax) return undefined;
    const core = new StreamCore(name, this.#options);
    this.#byKey.set(key, core);
    return core;
  }

  /** A stream that this node owns began, is held, was moved or has ended. */
  stateChanged(core: StreamCore): void {
    for (const listener of this.stateListeners) listener(core);
  }

  /** Something happened between the two publishers of a stream that this node owns. */
  pairChanged(core: StreamCore, notice: PairNotice): void {
    if (notice.kind === "stream-switched") this.switches[notice.reason]++;
    for (const listener of this.pairListeners) listener(core, notice);
  }

  /** Forgets the streams that nobody publishes or watches. */
  sweep(): void {
    for (const [key, core] of this.#byKey) {
      if (core.idle || core.ended) this.#forget(key, core);
    }
  }

  #forget(key: string, core: StreamCore): void {
    this.#byKey.delete(key);
    core.log.clear();
    addCounts(this.past, core.counters);
    addCounts(this.pastRepairs, core.repairs);
  }
}

/** Adds each number of `counts` to its like in `sums`. */
export function addCounts<Name extends string>(
  sums: Record<Name, number>,
  counts: Readonly<Record<Name, number>>,
): void {
  for (const name of Object.keys(sums) as Name[]) sums[name] += counts[name];
}
