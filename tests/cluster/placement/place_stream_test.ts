// Goal: a stream goes to its ingest's node when that is a candidate, else to one with room.
// Method: members and loads by hand; the hash decides the order, so tests ask it for the order.
import type { LoadReport, Member } from "../../../cluster/directory/directory.ts";
import { placeStream, streamCandidates } from "../../../cluster/placement/place_stream.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const KEY = "live/cam";

function member(node: string, changes: Partial<Member> = {}): Member {
  return {
    node,
    incarnation: 1,
    address: "127.0.0.1",
    port: 9035,
    host: node,
    zone: "",
    role: "any",
    state: "up",
    addresses: {},
    weight: 1,
    ...changes,
  };
}

function mesh(...list: Member[]): ReadonlyMap<string, Member> {
  return new Map(list.map((each) => [each.node, each]));
}

function loads(streams: Readonly<Record<string, number>>): ReadonlyMap<string, LoadReport> {
  return new Map(
    Object.entries(streams).map(([node, count]) => [
      node,
      { cpu: 0, lagMs: 0, egressKbps: 0, streams: count, viewers: 0 },
    ]),
  );
}

const five = mesh(..."abcde".split("").map((node) => member(node)));
const [first, second, third, fourth, fifth] = streamCandidates(KEY, five.values(), 5)
  .map(({ node }) => node);

Deno.test("placeStream() prefers the ingest's node only when it is among the first three", () => {
  const none = loads({});
  assertEquals(placeStream({ key: KEY, members: five, loads: none }), first);
  for (const ingest of [first, second, third]) {
    assertEquals(placeStream({ key: KEY, members: five, loads: none, ingest }), ingest);
  }
  assertEquals(placeStream({ key: KEY, members: five, loads: none, ingest: fourth }), first);
  const heavy = loads({ [second]: 1_000 });
  assertEquals(placeStream({ key: KEY, members: five, loads: heavy, ingest: second }), second);
});

Deno.test("placeStream() passes over a node with 1.25 times its share", () => {
  const place = (streams: Record<string, number>) =>
    placeStream({ key: KEY, members: five, loads: loads(streams) });
  const even = Object.fromEntries([first, second, third, fourth, fifth].map((node) => [node, 100]));
  assertEquals(place({ ...even, [first]: 140 }), second);
  assertEquals(place({ ...even, [first]: 105 }), first);
  assertEquals(place({ [first]: 100, [second]: 100, [third]: 100 }), first, "all are loaded");
  const strong = mesh(
    ...[...five.values()].map((each) => each.node === first ? { ...each, weight: 3 } : each),
  );
  const streams = loads({ ...even, [first]: 200 });
  const wanted = streamCandidates(KEY, strong.values())[0].node;
  assertEquals(placeStream({ key: KEY, members: strong, loads: streams }), wanted);
});

Deno.test("placeStream() skips nodes that leave, own nothing, or were tried", () => {
  const none = loads({});
  const change = (node: string, changes: Partial<Member>) =>
    mesh(...[...five.values()].map((each) => each.node === node ? { ...each, ...changes } : each));
  for (const changes of [{ state: "draining" }, { role: "edge" }, { weight: 0 }] as const) {
    const members = change(first, changes);
    assertEquals(placeStream({ key: KEY, members, loads: none, ingest: first }), second);
  }
  assertEquals(
    placeStream({ key: KEY, members: change(first, { role: "origin" }), loads: none }),
    first,
  );
  const avoid = new Set([first]);
  assertEquals(placeStream({ key: KEY, members: five, loads: none, avoid, ingest: first }), second);
  const edges = mesh(member("a", { role: "edge" }), member("b", { state: "draining" }));
  assertEquals(placeStream({ key: KEY, members: edges, loads: none }), undefined);
  assertEquals(placeStream({ key: KEY, members: mesh(), loads: none }), undefined);
});

Deno.test("placeStream() keeps every node of an even mesh within the bound", () => {
  const streams: Record<string, number> = {};
  for (let i = 0; i < 2_000; i++) {
    const node = placeStream({ key: `live/${i}`, members: five, loads: loads(streams) })!;
    streams[node] = (streams[node] ?? 0) + 1;
  }
  const most = Math.max(...Object.values(streams));
  assert(most <= 1.25 * 2_000 / 5 + 1, `${most} of 2,000 streams on one of five nodes`);
});
