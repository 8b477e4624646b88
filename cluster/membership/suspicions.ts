/**
 * Says to the directory that a node seems dead, from two kinds of evidence: a link that is silent
 * or refused, which is a vote, and a lease that ran out, which the directory judges by itself.
 *
 * @module
 */
import { MEMBERS_MAX } from "../directory/checks.ts";
import type { Directory, Member } from "../directory/directory.ts";
import type { LocalHealth } from "./local_health.ts";
import { GRACE_MS, type Self, type ViewReader } from "./view_reader.ts";

/** Votes that expel a node whose lease lives, and how long one counts, in milliseconds. */
export const VOTES_NEEDED = 2;
export const VOTE_WINDOW_MS = 2_000;

/** All there can be: a silent lease expels when the directory says so, hardly by votes. */
const VOTES_NEVER = MEMBERS_MAX;

/** What became of a suspicion. */
export type SuspicionResult =
  | "expelled"
  | "noted"
  | "gone"
  /** This node is not fit to judge, or not a member. */
  | "abstained"
  /** The directory cannot be asked; the vote may or may not count. */
  | "unavailable";

export interface SuspicionsOptions {
  readonly directory: Directory;
  readonly self: Self;
  readonly reader: ViewReader;
  readonly health: LocalHealth;
}

export class Suspicions {
  readonly #options: SuspicionsOptions;
  /** Under way, by node and strength. */
  readonly #running = new Map<string, Promise<SuspicionResult>>();

  constructor(options: SuspicionsOptions) {
    this.#options = options;
  }

  /**
   * Votes that a peer is dead.
   *
   * @param strong Its port refused a connection, which needs no second vote.
   */
  peer(node: string, strong: boolean): Promise<SuspicionResult> {
    const { self, reader, health } = this.#options;
    const member = reader.view.members.get(node);
    if (member === undefined || node === self.node) return Promise.resolve("gone");
    if (!self.joined || !health.mayVote) return Promise.resolve("abstained");
    return this.#once(`${strong}:${node}`, () => this.#suspect(member, VOTES_NEEDED, strong));
  }

  /** The directory finds no lease of these nodes. */
  silent(nodes: readonly string[]): void {
    const { self, reader } = this.#options;
    // Whoever could not renew because the directory was away is about to.
    if (reader.inGrace) return;
    for (const node of nodes) {
      const member = reader.view.members.get(node);
      if (member === undefined || node === self.node) continue;
      this.#once(`silent:${node}`, () => this.#suspect(member, VOTES_NEVER, false));
    }
  }

  /** Asks the directory to expel `member` if its lease ran out, whatever others think of it. */
  lease(member: Member): Promise<SuspicionResult> {
    return this.#suspect(member, VOTES_NEVER, false);
  }

  /** One suspicion of a kind at a time. */
  #once(key: string, start: () => Promise<SuspicionResult>): Promise<SuspicionResult> {
    const known = this.#running.get(key);
    if (known !== undefined) return known;
    const suspicion = start().finally(() => this.#running.delete(key));
    this.#running.set(key, suspicion);
    return suspicion;
  }

  async #suspect(
    { node, incarnation }: Member,
    votesNeeded: number,
    strong: boolean,
  ): Promise<SuspicionResult> {
    const { directory, self, reader } = this.#options;
    let result: SuspicionResult;
    try {
      result = await directory.suspect({
        node,
        incarnation,
        voter: self.node,
        votesNeeded,
        windowMs: VOTE_WINDOW_MS,
        strong,
        graceMs: GRACE_MS,
      });
    } catch {
      return "unavailable"; // The next renewal says so, once.
    }
    if (result !== "noted" && self.joined) await reader.read();
    return result;
  }
}
