/**
 * Who listens for whose silence.
 *
 * @module
 */
import type { Member } from "./directory/directory.ts";
import { rankNodes } from "./placement/rendezvous.ts";

/** Nodes that listen for each other's silence, besides those that carry media with each other. */
const WATCHERS = 3;

/** Nodes whose silence this one listens for: each is heard by the same few, whoever asks. */
export function watchedNodes(self: string, others: readonly Member[]): string[] {
  const all = [...others, { node: self, weight: 1 }];
  return others.map(({ node }) => node).filter((node) => {
    const listeners = all.filter((other) => other.node !== node);
    return rankNodes(node, listeners, WATCHERS).some((ranked) => ranked.node === self);
  });
}
