/**
 * What this node owns, as far as it can know. Synchronous; the directory is asked by others.
 *
 * @module
 */
import type { Clock, Log } from "../../actors/runtime/ports.ts";
import type { Ownership } from "../directory/directory.ts";
import { type Resolution, type Standing, UNAVAILABLE } from "./owner.ts";
import { OWNERS_MAX } from "./owner_book.ts";
import { RecentMap } from "./recent_map.ts";

/** Most things that one node owns: ten times what it can serve. */
export const OWNED_MAX = 100_000;

/** Why this node does not own a thing any more. */
export type LossReason =
  /** Nobody used it, or the node leaves. */
  | "released"
  /** This node made another one its owner. */
  | "moved"
  /** Another node has it under a higher epoch. */
  | "superseded"
  /** This incarnation was expelled. */
  | "fenced";

interface Owned {
  readonly epoch: number;
  /** The owner before died. */
  readonly inherited: boolean;
  /** Since when, and when it was used last, on the monotonic clock. */
  readonly sinceMs: number;
  usedMs: number;
  /** When the directory was told of it last, on the same clock. */
  writtenMs: number;
}

export interface OwnedTableOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly mesh: Standing;
  /** It is owned here from now on. */
  readonly onHeld: (key: string, epoch: number) => void;
}

export class OwnedTable {
  readonly #options: OwnedTableOptions;
  readonly #owned = new Map<string, Owned>();
  readonly #listeners: ((key: string, reason: LossReason) => void)[] = [];
  /** Epochs under which things were owned here once; records with them are not ours any more. */
  readonly #dropped = new RecentMap<number>(OWNERS_MAX);

  constructor(options: OwnedTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#owned.size;
  }

  get full(): boolean {
    return this.#owned.size >= OWNED_MAX;
  }

  keys(): string[] {
    return [...this.#owned.keys()];
  }

  epochOf(key: string): number | undefined {
    return this.#owned.get(key)?.epoch;
  }

  /** The epoch under which it was owned here last, and is not any more; 0 for none. */
  droppedEpoch(key: string): number {
    return this.#dropped.get(key) ?? 0;
  }

  /** Whether it was taken over from an owner that died. */
  inherited(key: string): boolean {
    return this.#owned.get(key)?.inherited ?? false;
  }

  /** Since when it has been owned here, on the monotonic clock. */
  sinceMs(key: string): number | undefined {
    return this.#owned.get(key)?.sinceMs;
  }

  /** Whether it is owned here; if so it counts as used now. */
  use(key: string): boolean {
    const owned = this.#owned.get(key);
    if (owned === undefined) return false;
    owned.usedMs = this.#options.clock.nowMs();
    return true;
  }

  /** Things that nobody has used for `idleMs`. */
  idle(idleMs: number, inUse: (key: string) => boolean): string[] {
    const nowMs = this.#options.clock.nowMs();
    const idle: string[] = [];
    for (const [key, owned] of this.#owned) {
      if (inUse(key)) owned.usedMs = nowMs;
      else if (nowMs - owned.usedMs >= idleMs) idle.push(key);
    }
    return idle;
  }

  /** Things of which the directory has not been told for `ageMs`, at most `count`. */
  unwritten(ageMs: number, count: number): string[] {
    const oldestMs = this.#options.clock.nowMs() - ageMs;
    const keys: string[] = [];
    for (const [key, { writtenMs }] of this.#owned) {
      if (keys.length >= count) break;
      if (writtenMs <= oldestMs) keys.push(key);
    }
    return keys;
  }

  /** The directory was told of it now. */
  wrote(key: string): void {
    const owned = this.#owned.get(key);
    if (owned !== undefined) owned.writtenMs = this.#options.clock.nowMs();
  }

  hold(key: string, epoch: number, inherited = false): void {
    const nowMs = this.#options.clock.nowMs();
    this.#owned.set(key, { epoch, inherited, sinceMs: nowMs, usedMs: nowMs, writtenMs: nowMs });
    this.#options.onHeld(key, epoch);
  }

  /** Ends ownership here, whatever the directory says. Returns the epoch it had. */
  lose(key: string, reason: LossReason): number | undefined {
    const owned = this.#owned.get(key);
    if (owned === undefined) return undefined;
    this.#owned.delete(key);
    this.#dropped.set(key, owned.epoch);
    this.announceLoss(key, reason);
    return owned.epoch;
  }

  /** Tells that a thing is not owned here any more. */
  announceLoss(key: string, reason: LossReason): void {
    for (const listener of this.#listeners) {
      try {
        listener(key, reason);
      } catch (error) {
        this.#options.log.error("loss of ownership not handled", { key, reason, error });
      }
    }
  }

  /** Calls back as soon as a thing is not owned here any more. */
  onLost(callback: (key: string, reason: LossReason) => void): void {
    this.#listeners.push(callback);
  }

  /** What a record that names this node means. */
  judge(key: string, { incarnation, epoch }: Ownership): Resolution {
    const { mesh } = this.#options;
    const owner = { node: mesh.node, incarnation: mesh.incarnation };
    const held = this.epochOf(key);
    if (held !== undefined) return { kind: "owner", owner: { ...owner, epoch: held } };
    if (!mesh.joined || incarnation > mesh.incarnation) return UNAVAILABLE; // About to be fenced.
    const current = incarnation === mesh.incarnation && epoch > this.droppedEpoch(key);
    // Of an incarnation before this one, or given up in a call whose answer was lost: whatever of
    // it is still on its way carries the old epoch, so a claim over it settles the matter.
    if (!current) return { kind: "nobody", epoch };
    if (this.full) return UNAVAILABLE;
    // Claimed in a call whose answer was lost, or given to us by its owner before.
    this.hold(key, epoch);
    return { kind: "owner", owner: { ...owner, epoch } };
  }
}
