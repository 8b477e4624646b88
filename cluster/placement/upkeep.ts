/**
 * The chores of ownership: gives up what nobody uses, tells the directory again what it may not
 * know, and looks again where there is doubt.
 *
 * @module
 */
import { every } from "../../actors/runtime/every.ts";
import type { Log, Ports, Timer } from "../../actors/runtime/ports.ts";
import type { Directory } from "../directory/directory.ts";
import type { Standing } from "./owner.ts";
import type { LossReason, OwnedTable } from "./owned_table.ts";
import type { OwnerBook } from "./owner_book.ts";
import { LOOKUP_KEYS_MAX, type OwnerLookup } from "./owner_lookup.ts";

/** A thing that nobody has used for this long is given up, in milliseconds. */
export const IDLE_MS = 10_000;

/** Distance of sweeps over what is owned, in milliseconds. */
const SWEEP_MS = 1_000;

/**
 * Sweeps from one audit to the next; an audit is one round trip. A directory that lost its data may
 * have been told of another owner, of which this one hears by nothing else.
 */
const SWEEPS_PER_AUDIT = 3;

/** Records of what is owned are written again after this long, in milliseconds: they expire. */
export const REWRITE_MS = 3_600_000;

/** Records written again in one sweep for that reason alone. */
const REWRITES_MAX = 128;

/** Calls to the directory at a time where there is much to tell it: a few milliseconds' worth. */
const CALLS_AT_A_TIME = 64;

/** Things given up in one sweep, so that a sweep is over before the next. */
const RELEASES_MAX = 512;

export interface UpkeepOptions {
  readonly directory: Directory;
  readonly ports: Ports;
  readonly log: Log;
  readonly mesh: Standing;
  readonly table: OwnedTable;
  readonly book: OwnerBook;
  readonly lookup: OwnerLookup;
  /** Whether somebody uses what this node owns. */
  readonly inUse: (key: string) => boolean;
  /** Gets a new epoch for what is owned here under this one. Never rejects. */
  readonly raise: (key: string, epoch: number) => Promise<void>;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  /** Releases under way. */
  readonly #releasing = new Map<string, Promise<void>>();
  /** Given up, but the directory may not know; with its epoch. Never more than were owned. */
  readonly #unreleased = new Map<string, number>();
  /** Owned as far as is known, to be looked up. */
  readonly #doubtful = new Set<string>();
  /** Owned, but the directory may have forgotten. */
  readonly #unwritten = new Set<string>();
  readonly #timer: Timer;
  /** A sweep is under way. */
  #sweeping = false;
  #sweeps = 0;
  /** The directory did not answer, or this node was no member, at the last sweep. */
  #away = false;
  /** Place in the table that the last audit came to. */
  #audited = 0;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#timer = every(options.ports, SWEEP_MS, () => this.#sweepOnce());
  }

  stop(): void {
    this.#timer.cancel();
  }

  /** Resolves when a release that is under way is over. */
  released(key: string): Promise<void> | undefined {
    return this.#releasing.get(key);
  }

  /** Gives a thing up. Resolves when the directory knows, or cannot be told now. */
  release(key: string): Promise<void> {
    const epoch = this.#options.table.lose(key, "released");
    return epoch === undefined ? Promise.resolve() : this.#tellReleased(key, epoch);
  }

  async releaseAll(kept: (key: string) => boolean): Promise<void> {
    const keys = this.#options.table.keys().filter((key) => !kept(key));
    await inTurn(keys, (key) => this.release(key));
  }

  /** Nothing is ours any more, and the directory knows. */
  dropAll(reason: LossReason): void {
    for (const key of this.#options.table.keys()) this.#options.table.lose(key, reason);
    for (const chores of [this.#unreleased, this.#doubtful, this.#unwritten]) chores.clear();
  }

  /** The directory lost its data: writes again what is owned here. */
  async reassertAll(): Promise<void> {
    for (const key of this.#options.table.keys()) this.#unwritten.add(key);
    await this.#reassert();
  }

  /** The directory does not know of it yet: it is told as soon as it can be. */
  unwritten(key: string): void {
    this.#unwritten.add(key);
  }

  /** Another node may own it: looks soon. */
  doubt(key: string): void {
    this.#doubtful.add(key);
  }

  /** Other nodes may own all that is owned here: looks soon. */
  doubtAll(): void {
    for (const key of this.#options.table.keys()) this.#doubtful.add(key);
  }

  /** Looks whether a thing is still ours, and ends it here if not. */
  async verify(key: string): Promise<void> {
    const { table, lookup, book, mesh, raise } = this.#options;
    const epoch = table.epochOf(key);
    if (epoch === undefined) return void this.#doubtful.delete(key);
    try {
      const record = await lookup.find(key);
      this.#doubtful.delete(key);
      if (table.epochOf(key) !== epoch) return;
      // The directory lost it, or was set back: it is told again.
      if (record === undefined || record.epoch < epoch) return void this.#unwritten.add(key);
      const { node, incarnation } = record;
      const ours = node === mesh.node && incarnation === mesh.incarnation;
      if (ours && record.epoch === epoch) {
        // A higher one than ours that is in no record was lost with the directory's data.
        if (book.highest(key) > epoch) await raise(key, epoch);
        return;
      }
      if (ours) {
        // Given to us, taken back while we knew nothing of it, and given to us again.
        book.saw(key, record.epoch);
        return table.hold(key, record.epoch, table.inherited(key));
      }
      table.lose(key, "superseded");
      await book.judge(key, record);
    } catch {
      this.#doubtful.add(key); // Later.
    }
  }

  #sweepOnce(): void {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#sweep()
      .catch((error) => this.#options.log.error("sweep of ownership failed", { error }))
      .finally(() => this.#sweeping = false);
  }

  async #sweep(): Promise<void> {
    const { mesh, table, inUse } = this.#options;
    const idle = table.idle(IDLE_MS, inUse);
    if (!mesh.joined || !mesh.redisOk) {
      this.#away = true;
      return;
    }
    // Others may have taken over what they could not ask about.
    if (this.#away) this.doubtAll();
    this.#away = false;
    await inTurn(idle.slice(0, RELEASES_MAX), (key) => this.release(key));
    const unreleased = [...this.#unreleased].slice(0, RELEASES_MAX);
    await inTurn(unreleased, ([key, epoch]) => this.#tellReleased(key, epoch));
    if (++this.#sweeps % SWEEPS_PER_AUDIT === 0) this.#audit();
    // Their lookups go together.
    await Promise.all([...this.#doubtful].map((key) => this.verify(key)));
    for (const key of table.unwritten(REWRITE_MS, REWRITES_MAX)) this.#unwritten.add(key);
    await this.#reassert();
  }

  /** Doubts some of what is owned in turn: whatever went wrong does not stay wrong. */
  #audit(): void {
    const keys = this.#options.table.keys();
    if (this.#audited >= keys.length || keys.length <= LOOKUP_KEYS_MAX) this.#audited = 0;
    const some = keys.slice(this.#audited, this.#audited + LOOKUP_KEYS_MAX);
    this.#audited += some.length;
    for (const key of some) this.#doubtful.add(key);
  }

  #tellReleased(key: string, epoch: number): Promise<void> {
    this.#unreleased.set(key, epoch);
    const { directory } = this.#options;
    const told = directory.release({ kind: "s", key }, epoch).then(
      () => void (this.#unreleased.get(key) === epoch && this.#unreleased.delete(key)),
      () => {}, // It stays among the unreleased.
    ).finally(() => this.#releasing.get(key) === told && this.#releasing.delete(key));
    this.#releasing.set(key, told);
    this.#options.book.forget(key);
    return told;
  }

  async #reassert(): Promise<void> {
    const { directory, mesh, table, book } = this.#options;
    await inTurn([...this.#unwritten], async (key) => {
      const epoch = table.epochOf(key);
      if (epoch === undefined) return void this.#unwritten.delete(key);
      const { node, incarnation } = mesh;
      try {
        const stored = await directory.reassert({ kind: "s", key }, { node, incarnation, epoch });
        this.#unwritten.delete(key);
        table.wrote(key);
        if (stored.epoch <= epoch || table.epochOf(key) !== epoch) return;
        table.lose(key, "superseded");
        await book.judge(key, stored);
      } catch {
        // It stays among the unwritten.
      }
    });
  }
}

/** Does `work` for each, a few at a time. */
async function inTurn<T>(each: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < each.length; start += CALLS_AT_A_TIME) {
    await Promise.all(each.slice(start, start + CALLS_AT_A_TIME).map(work));
  }
}
