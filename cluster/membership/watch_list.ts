/**
 * Which leases a node looks at when it renews its own, so that each death is noticed although
 * not everybody looks at everybody.
 *
 * @module
 */
import { rankNodes } from "../placement/rendezvous.ts";

/** Nodes that look at each lease in every turn: a dead node is noticed though two of them die too. */
export const WATCHERS = 3;

export class WatchList {
  #nodes: ReadonlySet<string> = new Set();
  #others: readonly string[] = [];
  #turn = 0;

  /** Chooses anew, from the names of all members. */
  choose(self: string, members: Iterable<string>): void {
    const all = [...members].map((node) => ({ node, weight: 1 }));
    this.#others = all.map(({ node }) => node).filter((node) => node !== self);
    this.#nodes = new Set(this.#others.filter((node) => {
      const watchers = all.filter((other) => other.node !== node);
      return rankNodes(node, watchers, WATCHERS).some((watcher) => watcher.node === self);
    }));
  }

  /**
   * The nodes to look at now: those that are this node's duty, and one of the others in turn, so
   * that nodes which only watch each other cannot all die unseen.
   */
  next(): string[] {
    const nodes = [...this.#nodes];
    if (this.#others.length === 0) return nodes;
    const extra = this.#others[this.#turn++ % this.#others.length];
    if (!this.#nodes.has(extra)) nodes.push(extra);
    return nodes;
  }
}
