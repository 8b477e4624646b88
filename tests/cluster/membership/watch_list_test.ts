// Goal: every lease is looked at by some, and by everybody now and then, at little cost.
// Method: the lists of all nodes of meshes of several sizes.
import { WATCHERS, WatchList } from "../../../cluster/membership/watch_list.ts";
import { assert, assertEquals } from "../../support/assert.ts";

function namesOf(size: number): string[] {
  return Array.from({ length: size }, (_, i) => `node-${i}`);
}

function listOf(self: string, members: readonly string[]): WatchList {
  const list = new WatchList();
  list.choose(self, members);
  return list;
}

Deno.test("WatchList has three watchers for each node, and one more in turn", () => {
  for (const size of [2, 4, 5, 30]) {
    const members = namesOf(size);
    const lists = members.map((self) => listOf(self, members));
    const watchers = new Map<string, number>();
    lists.forEach((list, i) => {
      const watched = list.next();
      assertEquals(watched.includes(members[i]), false, "nobody watches itself");
      assertEquals(new Set(watched).size, watched.length);
      for (const node of watched) watchers.set(node, (watchers.get(node) ?? 0) + 1);
    });
    const total = [...watchers.values()].reduce((sum, count) => sum + count, 0);
    for (const node of members) {
      assert(watchers.get(node)! >= Math.min(WATCHERS, size - 1), `${node} of ${size}`);
    }
    assert(total <= size * (WATCHERS + 1), `${total} looks in a mesh of ${size}`);
  }
});

Deno.test("WatchList gets round to every member", () => {
  const members = namesOf(30);
  const list = listOf("node-7", members);
  const seen = new Set<string>();
  for (let turn = 0; turn < 29; turn++) list.next().forEach((node) => seen.add(node));
  assertEquals(seen.size, 29);
  list.choose("node-7", ["node-7"]);
  assertEquals(list.next(), []);
});
