/**
 * Who owns what elsewhere, as far as this node has found out: a cache in front of the directory.
 *
 * A wrong entry costs one refused message and never more, since owners are checked where they
 * live. So entries stay until something speaks against them.
 *
 * @module
 */
import type { Clock } from "../../actors/runtime/ports.ts";
import type { Ownership } from "../directory/directory.ts";
import { type Owner, type Resolution, type Standing, UNAVAILABLE } from "./owner.ts";
import type { OwnerLookup } from "./owner_lookup.ts";
import { RecentMap } from "./recent_map.ts";

/** Entries kept: the streams that a large node touches, a few hundred bytes each. */
export const OWNERS_MAX = 50_000;

/** How long "nobody" is believed, in milliseconds: a publisher may come any moment. */
export const NOBODY_MS = 500;

interface Entry {
  readonly found: Exclude<Resolution, { readonly kind: "unavailable" }>;
  readonly atMs: number;
}

export interface OwnerBookOptions {
  readonly clock: Clock;
  readonly lookup: OwnerLookup;
  readonly mesh: Standing;
  /** Says what a record that names this node means. */
  readonly own: (key: string, record: Owner) => Resolution;
  /** The highest epoch under which this node has owned it and does not any more; 0 for none. */
  readonly dropped: (key: string) => number;
  /** An owner was found. */
  readonly onFound: (key: string, owner: Owner) => void;
}

export class OwnerBook {
  readonly #options: OwnerBookOptions;
  readonly #entries = new RecentMap<Entry>(OWNERS_MAX);
  /** Highest epoch seen of each. */
  readonly #epochs = new RecentMap<number>(OWNERS_MAX);
  readonly #looking = new Map<string, Promise<Resolution>>();

  constructor(options: OwnerBookOptions) {
    this.#options = options;
  }

  /**
   * Finds the owner, in memory if it can.
   *
   * @param ageMs Oldest knowledge that will do, in milliseconds; by default any of an owner.
   */
  find(key: string, ageMs = Infinity): Promise<Resolution> {
    const known = this.#known(key, ageMs);
    if (known !== undefined) return Promise.resolve(known);
    const looking = this.#looking.get(key);
    if (looking !== undefined) return looking;
    const looked = this.look(key).finally(() => {
      if (this.#looking.get(key) === looked) this.#looking.delete(key);
    });
    this.#looking.set(key, looked);
    return looked;
  }

  /** The owner that is known here and alive, without asking anybody. */
  recall(key: string): Owner | undefined {
    const known = this.#known(key, Infinity);
    return known?.kind === "owner" ? known.owner : undefined;
  }

  /** Looks it up, whatever is known here. Never rejects. */
  async look(key: string): Promise<Resolution> {
    let record: Ownership | undefined;
    try {
      record = await this.#options.lookup.find(key);
    } catch {
      return UNAVAILABLE;
    }
    return this.judge(key, record);
  }

  /** What a record of the directory means, and remembers it. */
  async judge(key: string, record: Ownership | undefined): Promise<Resolution> {
    const { mesh, own, dropped, onFound } = this.#options;
    if (record === undefined || record.epoch === 0) {
      // It had an owner, who is about to write it again; unless that was this node.
      if (mesh.inGrace && this.highest(key) > dropped(key)) return UNAVAILABLE;
      return this.#remember(key, { kind: "nobody", epoch: 0 });
    }
    const { node, incarnation, epoch } = record;
    this.saw(key, epoch);
    if (node === mesh.node) return own(key, record);
    if (node === "" || await mesh.isGone(node, incarnation)) {
      return this.#remember(key, { kind: "nobody", epoch, bereft: node !== "" });
    }
    const owner: Owner = { node, incarnation, epoch };
    onFound(key, owner);
    return this.#remember(key, { kind: "owner", owner });
  }

  /** Forgets an entry; also one that is being looked up may be too old for whoever asks next. */
  forget(key: string): void {
    this.#entries.delete(key);
    this.#looking.delete(key);
  }

  /** Forgets all that a node owned. */
  forgetNode(node: string): void {
    this.#entries.prune(({ found }) => found.kind === "owner" && found.owner.node === node);
  }

  /** An epoch at least `least`, and above any that was seen. */
  above(key: string, least: number): number {
    const epoch = Math.max(Math.round(least), (this.#epochs.get(key) ?? 0) + 1);
    this.saw(key, epoch);
    return epoch;
  }

  /** Highest epoch seen; 0 when none was. */
  highest(key: string): number {
    return this.#epochs.get(key) ?? 0;
  }

  /** Remembers the highest epoch. Returns false for one that is lower than one seen before. */
  saw(key: string, epoch: number): boolean {
    const highest = this.#epochs.get(key) ?? 0;
    if (epoch < highest) return false;
    if (epoch > highest) {
      this.#epochs.set(key, epoch);
      const found = this.#entries.get(key)?.found;
      if (found?.kind === "owner" && found.owner.epoch < epoch) this.forget(key);
    }
    return true;
  }

  #known(key: string, ageMs: number): Resolution | undefined {
    const { clock, mesh } = this.#options;
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const { found, atMs } = entry;
    const oldestMs = found.kind === "nobody" ? Math.min(ageMs, NOBODY_MS) : ageMs;
    if (clock.nowMs() - atMs < oldestMs) {
      if (found.kind === "nobody") return found;
      if (mesh.isAlive(found.owner.node, found.owner.incarnation)) return found;
    }
    this.#entries.delete(key);
    return undefined;
  }

  #remember(key: string, found: Entry["found"]): Resolution {
    this.#entries.set(key, { found, atMs: this.#options.clock.nowMs() });
    return found;
  }
}
