// Goal: every node and version ranks nodes alike, evenly, and changes move as little as they can.
// Method: values of an independent program in Python; counts over 100,000 keys.
import { hashText, rankNodes } from "../../../cluster/placement/rendezvous.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const KEYS = 100_000;

/** By a Python 3.11 program written from the definition: FNV-1a over UTF-16LE, MurmurHash3's end. */
const HASHES: readonly (readonly [text: string, hash: number])[] = [
  ["", 2872998923],
  ["a", 2448022055],
  ["live/cam", 535129370],
  ["live/摄像头 {1}:*", 1838715918],
  ["node-1", 464261004],
];

/** Same program; nodes a to e, of which e weighs 2. */
const ORDERS: readonly (readonly [key: string, order: string])[] = [
  ["live/a", "ecadb"],
  ["live/b", "edbac"],
  ["live/c", "acbde"],
  ["live/cam-17", "cebda"],
  ["-/x", "edcba"],
];

function nodes(count: number): { node: string; weight: number }[] {
  return Array.from({ length: count }, (_, i) => ({ node: `node-${i}`, weight: 1 }));
}

/** The first choice of every key. */
function firstChoices(among: readonly { node: string; weight: number }[]): string[] {
  return Array.from(
    { length: KEYS },
    (_, i) => rankNodes(`live/stream-${i}`, among, 1)[0].node,
  );
}

function countBy(values: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

Deno.test("hashText() and rankNodes() give the same as another program", () => {
  for (const [text, hash] of HASHES) assertEquals(hashText(text), hash, text);
  const five = [..."abcde"].map((node) => ({ node, weight: node === "e" ? 2 : 1 }));
  for (const [key, order] of ORDERS) {
    assertEquals(rankNodes(key, five).map(({ node }) => node).join(""), order, key);
    assertEquals(
      rankNodes(key, five.toReversed(), 2).map(({ node }) => node).join(""),
      order.slice(0, 2),
    );
  }
});

Deno.test("rankNodes() gives each of 10 nodes at most 1.05 of the average", () => {
  const counts = countBy(firstChoices(nodes(10)));
  assertEquals(counts.size, 10);
  const most = Math.max(...counts.values()) / (KEYS / 10);
  assert(most <= 1.05, `${most} of the average`);
});

Deno.test("rankNodes() moves only the keys of a node that goes, and keys only to one that comes", () => {
  const all = nodes(10);
  const before = firstChoices(all);
  const after = firstChoices(all.filter(({ node }) => node !== "node-3"));
  let moved = 0;
  before.forEach((node, i) => {
    if (node === "node-3") moved++;
    else assertEquals(after[i], node);
  });
  assert(moved > 0);
  firstChoices([...all, { node: "node-10", weight: 1 }]).forEach((node, i) => {
    if (node !== "node-10") assertEquals(node, before[i]);
  });
});

Deno.test("rankNodes() hands the keys of a node that goes to their second choice", () => {
  const all = nodes(7);
  for (let i = 0; i < 1_000; i++) {
    const [first, second, ...others] = rankNodes(`k${i}`, all);
    const without = rankNodes(`k${i}`, all.filter((node) => node !== first));
    assertEquals(without, [second, ...others]);
  }
});

Deno.test("rankNodes() gives keys in proportion to weights, and none to weight 0", () => {
  const weighted = [
    { node: "a", weight: 1 },
    { node: "b", weight: 2 },
    { node: "c", weight: 4 },
    { node: "d", weight: 0 },
  ];
  const counts = countBy(firstChoices(weighted));
  assertEquals(counts.has("d"), false);
  for (const { node, weight } of weighted.slice(0, 3)) {
    const share = counts.get(node)! / (KEYS * weight / 7);
    assert(share > 0.97 && share < 1.03, `${node}: ${share} of its share`);
  }
});
