// Goal: clients of a node that drains go to nodes that are up, evenly, publishers to the owner of
// their stream.
// Method: a mesh of members made by hand.
import { OtherNodes } from "../../cluster/elsewhere.ts";
import type { LoadReport, Member } from "../../cluster/directory/directory.ts";
import { assertEquals } from "../support/assert.ts";
import { NO_LOAD } from "./directory/world.ts";

function member(node: string, fields: Partial<Member> = {}): Member {
  return {
    ...{ node, incarnation: 1, address: node, port: 1, host: node, zone: "", role: "any" },
    ...{ state: "up", addresses: { rtmp: `${node}:1935` }, weight: 1 },
    ...fields,
  };
}

function meshOf(members: readonly Member[], viewers: Readonly<Record<string, number>> = {}) {
  const loads = new Map<string, LoadReport>(
    Object.entries(viewers).map(([node, count]) => [node, { ...NO_LOAD, viewers: count }]),
  );
  return { node: "a", members: new Map(members.map((each) => [each.node, each])), loads };
}

const VIEWER = { role: "play", protocol: "rtmp", stream: { app: "live", name: "x" } } as const;
const PUBLISHER = { ...VIEWER, role: "publish" } as const;

Deno.test("OtherNodes.choose() takes nodes that are up and take its protocol, never this one", () => {
  const unfit = [
    member("a"),
    member("b", { state: "draining" }),
    member("c", { addresses: { http: "c:80" } }),
  ];
  const none = new OtherNodes({ mesh: meshOf(unfit), ownerOf: () => "b" });
  assertEquals([none.open, none.choose(VIEWER), none.choose(PUBLISHER)], [
    false,
    undefined,
    undefined,
  ]);
  const one = new OtherNodes({ mesh: meshOf([...unfit, member("d")]), ownerOf: () => undefined });
  assertEquals([one.open, one.choose(VIEWER)], [true, "d:1935"]);
  const camera = { ...PUBLISHER, protocol: "rtsp" } as const;
  assertEquals(one.choose(camera), undefined);
  const members = [member("d"), member("e", { addresses: { rtsp: "e:8554" } })];
  const two = new OtherNodes({ mesh: meshOf(members), ownerOf: () => "d" });
  assertEquals([two.choose(VIEWER), two.choose(camera)], ["d:1935", "e:8554"]);
});

Deno.test("OtherNodes.choose() fills nodes evenly, by their weight", () => {
  const mesh = meshOf([member("a"), member("b"), member("c", { weight: 2 })], { b: 10, c: 0 });
  const others = new OtherNodes({ mesh, ownerOf: () => undefined });
  const counts: Record<string, number> = {};
  for (let i = 0; i < 50; i++) {
    const to = others.choose(VIEWER)!;
    counts[to] = (counts[to] ?? 0) + 1;
  }
  assertEquals(counts, { "b:1935": 10, "c:1935": 40 });
});

Deno.test("OtherNodes.choose() sends a publisher to the owner of its stream if it is up", () => {
  const members = [member("a"), member("b"), member("c"), member("d", { state: "draining" })];
  const mesh = meshOf(members, { b: 0, c: 100 });
  const ownerOf = (owner: string) => new OtherNodes({ mesh, ownerOf: () => owner });
  assertEquals(ownerOf("c").choose(PUBLISHER), "c:1935");
  assertEquals(ownerOf("c").choose(VIEWER), "b:1935");
  assertEquals(ownerOf("d").choose(PUBLISHER), "b:1935");
  assertEquals(ownerOf("a").choose(PUBLISHER), "b:1935");
});

Deno.test("OtherNodes.choose() keeps a client in TLS, or does not send it anywhere", () => {
  const plain = member("d");
  const both = { rtmp: "e:1935", rtmps: "e:1936", rtsps: "e:8322" };
  const secure = { ...VIEWER, secure: true };
  const one = new OtherNodes({ mesh: meshOf([plain]), ownerOf: () => undefined });
  assertEquals(one.choose(secure), undefined);
  const members = [plain, member("e", { addresses: both })];
  const two = new OtherNodes({ mesh: meshOf(members), ownerOf: () => "d" });
  assertEquals(two.choose(secure), "e:1936");
  assertEquals(two.choose({ ...secure, protocol: "rtsp" }), "e:8322");
});
