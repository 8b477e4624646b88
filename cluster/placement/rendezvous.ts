/**
 * Weighted rendezvous hashing: for each key, all nodes in an order that every node computes alike.
 *
 * The first is the key's first choice, the second takes over, and so on. A node that goes moves
 * its own keys only; a node that comes takes keys only to itself. There is no state to agree on.
 * The result is a suggestion: the directory's record says who owns a thing.
 *
 * @module
 */

/** A node as hashing sees it. */
export interface WeightedNode {
  readonly node: string;
  /** Share of the keys relative to other nodes; a node whose weight is not above 0 gets none. */
  readonly weight: number;
}

/** Mixed into each node's hash, so that a key that reads like a node's name does not cancel it. */
const NODE_SALT = 0x9e3779b9;

/**
 * The nodes in the order in which they should have `key`, best first.
 *
 * @param count Only the first so many; all when left out.
 */
export function rankNodes<Node extends WeightedNode>(
  key: string,
  nodes: Iterable<Node>,
  count?: number,
): Node[] {
  const keyHash = hashText(key);
  const scored: { readonly node: Node; readonly score: number }[] = [];
  for (const node of nodes) {
    if (node.weight > 0) scored.push({ node, score: score(keyHash, node) });
  }
  scored.sort((a, b) => b.score - a.score || (a.node.node < b.node.node ? -1 : 1));
  return scored.slice(0, count).map(({ node }) => node);
}

/**
 * A 32-bit hash of a text: FNV-1a over its UTF-16 code units, low byte first, then mixed. Part of
 * the protocol between nodes of different versions: it never changes.
 */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return mix(hash);
}

/** Exponential race: the node whose weighted arrival is first wins, in proportion to weights. */
function score(keyHash: number, { node, weight }: WeightedNode): number {
  const hash = mix(keyHash ^ mix(hashText(node) ^ NODE_SALT));
  const uniform = (hash + 0.5) / 4_294_967_296; // Never 0 or 1, whose logarithms are no use.
  return weight / -Math.log(uniform);
}

/** Spreads each bit over all others: the finishing step of MurmurHash3's 32-bit form. */
function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
