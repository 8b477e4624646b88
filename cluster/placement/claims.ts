/**
 * Becoming the owner of a thing, and making another node its owner.
 *
 * @module
 */
import type { Ports } from "../../actors/runtime/ports.ts";
import type { ClaimResult, Directory } from "../directory/directory.ts";
import { type Owner, type Resolution, type Standing, UNAVAILABLE } from "./owner.ts";
import type { OwnedTable } from "./owned_table.ts";
import type { OwnerLookup } from "./owner_lookup.ts";
import type { OwnerBook } from "./owner_book.ts";

/** A claim that reaches the directory later than this is refused there, in milliseconds. */
export const CLAIM_DEADLINE_MS = 300;

/** Tries of one claim: lost answers, and things lost to somebody who then was gone. */
const CLAIM_TRIES_MAX = 3;

export type ClaimOutcome =
  | { readonly kind: "owned"; readonly epoch: number }
  | { readonly kind: "elsewhere"; readonly owner: Owner }
  /** This node owns as much as it can. */
  | { readonly kind: "full" }
  | { readonly kind: "unavailable" };

/** Who shall own a thing, and what the claimer knows of it. */
interface Attempt {
  readonly node: string;
  readonly incarnation: number;
  readonly expectedEpoch: number;
  /** The same for each try of one claim, so that they are one. */
  readonly token: string;
}

export interface ClaimsOptions {
  readonly directory: Directory;
  readonly ports: Ports;
  readonly mesh: Standing;
  readonly table: OwnedTable;
  readonly book: OwnerBook;
  readonly lookup: OwnerLookup;
  /** Resolves when a release of this thing that is under way is over. */
  readonly released: (key: string) => Promise<void> | undefined;
}

export class Claims {
  readonly #options: ClaimsOptions;
  /** Under way. */
  readonly #claiming = new Map<string, Promise<ClaimOutcome>>();

  constructor(options: ClaimsOptions) {
    this.#options = options;
  }

  /** Makes this node the owner unless another one is. Never rejects. */
  claim(key: string): Promise<ClaimOutcome> {
    const known = this.#claiming.get(key);
    if (known !== undefined) return known;
    const claim = this.#claim(key).finally(() => this.#claiming.delete(key));
    this.#claiming.set(key, claim);
    return claim;
  }

  /**
   * Makes a node the owner of what is owned under `epoch`; by the word of its owner.
   *
   * @returns The new epoch; `undefined` when it is not known to have one.
   */
  async transfer(
    key: string,
    { epoch, to }: {
      readonly epoch: number;
      readonly to: { readonly node: string; readonly incarnation: number };
    },
  ): Promise<number | undefined> {
    const attempt = { ...to, expectedEpoch: epoch, token: this.#token() };
    const result = await this.#ask(key, attempt);
    if (result?.kind === "won") return result.epoch;
    if (result?.kind === "lost") return undefined;
    // It may be carried out until its deadline. What the directory says after that counts.
    await this.#wait(2 * CLAIM_DEADLINE_MS);
    const record = await this.#options.lookup.find(key).catch(() => undefined);
    const { node, incarnation } = to;
    if (record === undefined || record.epoch <= epoch) return undefined;
    return record.node === node && record.incarnation === incarnation ? record.epoch : undefined;
  }

  async #claim(key: string): Promise<ClaimOutcome> {
    const { mesh, table, book, released } = this.#options;
    await released(key);
    const token = this.#token();
    let found: Resolution = await book.find(key);
    for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
      const epoch = table.epochOf(key); // Looking may have found that it is ours.
      if (epoch !== undefined) return { kind: "owned", epoch };
      if (found.kind === "owner") return { kind: "elsewhere", owner: found.owner };
      const { node, incarnation, joined } = mesh;
      if (found.kind === "unavailable" || !joined) return UNAVAILABLE;
      if (table.full) return { kind: "full" };
      const result = await this.#ask(key, {
        node,
        incarnation,
        expectedEpoch: found.epoch,
        token,
      });
      if (!mesh.joined || mesh.incarnation !== incarnation) return UNAVAILABLE;
      book.forget(key);
      if (result?.kind === "won") return this.#won(key, result.epoch, found.bereft);
      // Not known to be won: what the record says now counts.
      found = result?.kind === "lost" ? await book.judge(key, result.owner) : await book.look(key);
    }
    return UNAVAILABLE;
  }

  #won(key: string, epoch: number, inherited?: boolean): ClaimOutcome {
    const { table, book } = this.#options;
    book.saw(key, epoch);
    if (table.epochOf(key) === undefined) table.hold(key, epoch, inherited);
    return { kind: "owned", epoch };
  }

  /** Claims; `undefined` when it is not known what became of it. */
  async #ask(key: string, attempt: Attempt): Promise<ClaimResult | undefined> {
    const { directory, mesh } = this.#options;
    const deadlineUs = mesh.nowUs() + CLAIM_DEADLINE_MS * 1_000;
    try {
      return await directory.claim({ kind: "s", key }, { ...attempt, deadlineUs });
    } catch {
      return undefined;
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.ports.timers.after(ms, resolve));
  }

  #token(): string {
    const { mesh, ports: { random } } = this.#options;
    const chance = () => random.next().toString(36).slice(2);
    return `${mesh.incarnation}-${chance()}${chance()}`;
  }
}
