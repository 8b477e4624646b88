// Goal: who has lost the directory keeps or gives up what it owns as the others' word says, and
// those who watch notice little: nothing when all have lost it, less than 1.5 s when one has.
// Method: whole nodes but for sockets on virtual time, with their ways to the directory and to each
// other cut and mended.
import type { LogReader } from "../../actors/stream/stream_core.ts";
import { streamNameOf } from "../../actors/stream/stream_key.ts";
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualMesh, type VirtualNode, type VirtualWatch } from "../support/virtual_mesh.ts";

const PATH = "live/x";

/** Longest time between two records of a log. */
class Gap implements LogReader {
  ms = 0;
  readonly #mesh: VirtualMesh;
  #atMs: number;

  constructor(mesh: VirtualMesh, node: VirtualNode) {
    this.#mesh = mesh;
    this.#atMs = mesh.ports.nowMs;
    node.hub.get(streamNameOf(PATH))!.readers.add(this);
  }

  advance(): void {
    const nowMs = this.#mesh.ports.nowMs;
    this.ms = Math.max(this.ms, nowMs - this.#atMs);
    this.#atMs = nowMs;
  }
}

/** The first node publishes, the last one owns, and all watch. */
async function scene(...names: string[]) {
  const mesh = new VirtualMesh();
  const nodes = await mesh.add(...names);
  const owner = nodes.at(-1)!;
  assert(typeof await mesh.until(nodes[0].publish(PATH)) === "object");
  const move = nodes[0].mesh.system.ref(STREAM, PATH);
  const moved = await mesh.until(move.ask.move({ to: owner.name }));
  assert(moved.ok && (moved.value === "moved" || moved.value === "there-already"));
  const watches: VirtualWatch[] = [];
  for (const node of nodes) watches.push(await mesh.until(node.watch(PATH)));
  await mesh.run(1_000);
  const gaps = nodes.map((node) => new Gap(mesh, node));
  await mesh.run(1_000);
  const check = (at: readonly number[], gapMs: number) => {
    for (const index of at) {
      const { lost, doubled, last } = watches[index];
      assertEquals([lost, doubled], [0, 0], nodes[index].name);
      assert(last >= mesh.frame - 3, `${nodes[index].name} is at ${last} of ${mesh.frame}`);
      assert(gaps[index].ms <= gapMs, `${nodes[index].name}: ${gaps[index].ms} ms`);
    }
  };
  return { mesh, nodes, owner, check, watches };
}

function ownersOf(nodes: readonly VirtualNode[]): string[] {
  return nodes.filter(({ mesh }) => mesh.ownership.ownEpoch(PATH) !== undefined)
    .map(({ name }) => name);
}

Deno.test("nobody gives up anything when all have lost the directory, nor as it returns", async () => {
  const { mesh, nodes, owner, check } = await scene("a", "b", "c");
  await using _ = mesh;
  const epoch = owner.mesh.ownership.ownEpoch(PATH);
  for (const back of [nodes, [...nodes].reverse()]) {
    for (const { directory } of nodes) directory.fault = "cut";
    await mesh.run(10_000);
    assertEquals(nodes.map(({ mesh }) => mesh.outage.redisOf("b")), ["away", "away", "away"]);
    for (const { directory } of back) {
      directory.fault = "none";
      await mesh.run(400);
    }
    await mesh.run(5_000);
    assertEquals(owner.mesh.ownership.ownEpoch(PATH), epoch);
    assertEquals(owner.mesh.outage.redisOf("a"), "ok");
  }
  check([0, 1, 2], 100);
});

Deno.test("a node that alone has lost the directory gives its streams up, and watches on", async () => {
  const { mesh, nodes, owner, check } = await scene("a", "b", "c");
  await using _ = mesh;
  const { incarnation } = owner.mesh.membership;
  owner.directory.fault = "cut";
  await mesh.run(2_000);
  assertEquals(ownersOf(nodes), ["c"]);
  await mesh.run(8_000);
  assertEquals(ownersOf(nodes), ["a"]);
  check([0, 1, 2], 1_500);
  owner.directory.fault = "none";
  await mesh.run(5_000);
  assert(owner.mesh.membership.incarnation > incarnation);
  assertEquals(ownersOf(nodes), ["a"]);
  check([0, 1, 2], 1_500);
});

Deno.test("the smaller part of a mesh gives up, and serves as an edge when it is whole", async () => {
  const { mesh, nodes, owner, check, watches } = await scene("a", "b", "c", "d", "e");
  await using _ = mesh;
  const [most, few] = [nodes.slice(0, 3), nodes.slice(3)];
  const cables = most.flatMap((one) => few.map((other) => [one.name, other.name] as const));
  for (const [one, other] of cables) mesh.network.part(one, other);
  for (const { directory } of few) directory.fault = "cut";
  await mesh.run(10_000);
  assertEquals(ownersOf(few), []);
  assertEquals(ownersOf(most).length, 1);
  check([0, 1, 2], 1_500);
  for (const [one, other] of cables) mesh.network.join(one, other);
  for (const { directory } of few) directory.fault = "none";
  await mesh.run(5_000);
  assertEquals(ownersOf(nodes), ownersOf(most));
  check([0, 1, 2], 1_500);
  for (const { last } of watches) assert(last >= mesh.frame - 3, `${last} of ${mesh.frame}`);
  assertEquals(owner.mesh.membership.members.size, 5);
});

Deno.test("an edge goes round an owner that it alone cannot reach", async () => {
  const { mesh, nodes, owner, check } = await scene("a", "b", "c");
  await using _ = mesh;
  const epoch = owner.mesh.ownership.ownEpoch(PATH);
  mesh.network.part("b", "c");
  await mesh.run(2_000);
  mesh.network.join("b", "c");
  await mesh.run(4_000);
  check([0, 1, 2], 1_000);
  assertEquals(ownersOf(nodes), ["c"]);
  assertEquals(owner.mesh.ownership.ownEpoch(PATH), epoch);
  const core = nodes[1].hub.get(streamNameOf(PATH))!;
  assertEquals(core.feed?.node, "c", "it is back with the owner");
});
