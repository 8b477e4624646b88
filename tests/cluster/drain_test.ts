// Goal: a node that leaves hands everything on: what it owned is live elsewhere without a frame lost
// or doubled, who publishes there stays until he goes, who was asked to go may come back before he
// has left, and a move that fails changes nothing.
// Method: whole nodes but for sockets on virtual time, over a virtual network.
import { STREAM } from "../../actors/stream/stream_protocol.ts";
import { assert, assertEquals } from "../support/assert.ts";
import {
  VirtualMesh,
  type VirtualNode,
  type VirtualPublisher,
  type VirtualWatch,
} from "../support/virtual_mesh.ts";

/** More than are moved at a time. */
const STREAMS = 60;

async function publish(mesh: VirtualMesh, node: VirtualNode, path: string) {
  const publisher = await mesh.until(node.publish(path));
  assert(typeof publisher === "object", `${path}: ${publisher}`);
  return publisher as VirtualPublisher;
}

function assertWhole(mesh: VirtualMesh, watches: readonly VirtualWatch[]): void {
  for (const { lost, doubled, last, core } of watches) {
    assertEquals([lost, doubled], [0, 0], core.name.name);
    assert(last >= mesh.frame - 1 && !core.ended, `${core.name.name}: ${last} of ${mesh.frame}`);
  }
}

/** Three nodes; `a` owns all streams, of which every second is published at `b`. */
async function newMesh(streams: number) {
  const mesh = new VirtualMesh();
  const [a, b, c] = await mesh.add("a", "b", "c");
  const watches: VirtualWatch[] = [];
  const publishers: VirtualPublisher[] = [];
  for (let i = 0; i < streams; i++) {
    const path = `live/${i}`;
    publishers.push(await publish(mesh, i % 2 === 0 ? a : b, path));
    if (i % 2 === 0) continue;
    const moved = b.mesh.system.ref(STREAM, path).ask.move({ to: "a" });
    assertEquals(await mesh.until(moved), { ok: true, value: "moved" });
  }
  await mesh.run(2_000);
  for (let i = 0; i < streams; i++) {
    for (const node of [b, c]) watches.push(await mesh.until(node.watch(`live/${i}`)));
  }
  return { mesh, a, b, c, watches, publishers };
}

Deno.test("Mesh.drain() hands on every stream; no viewer elsewhere misses a frame", async () => {
  const { mesh, a, b, c, watches } = await newMesh(STREAMS);
  await using _mesh = mesh;
  assertEquals(a.mesh.ownership.size, STREAMS);
  const startMs = mesh.ports.nowMs;
  await mesh.until(Promise.all([a.mesh.drain(), a.mesh.drain()]));
  assert(mesh.ports.nowMs - startMs <= 1_000, `${mesh.ports.nowMs - startMs} ms`);
  assertEquals(a.mesh.ownership.size, 0);
  assertEquals(b.mesh.ownership.size + c.mesh.ownership.size, STREAMS);
  await mesh.run(1_000);
  assertWhole(mesh, watches);
  // Its publishers are still there; they go, and are waited for.
  for (const publisher of a.publishers.values()) publisher.close(true);
  await mesh.run(200);
  await mesh.until(a.stop());
  mesh.nodes.splice(0, 1);
  await mesh.run(1_000);
  assert(watches.every(({ core }) => !core.ended));
  await publish(mesh, c, "live/0");
  await mesh.run(500);
  assertEquals(watches[0].last >= mesh.frame - 1, true, "the same viewers see who comes back");
});

Deno.test("Mesh.drain() leaves a stream live where it is when it cannot be moved", async () => {
  const { mesh, a, watches } = await newMesh(4);
  await using _mesh = mesh;
  a.directory.faults.claim = "cut";
  const drained = a.mesh.drain();
  await mesh.run(3_000);
  assertEquals(a.mesh.ownership.size, 4);
  assertWhole(mesh, watches);
  a.directory.faults.claim = "none";
  await mesh.until(drained);
  assertEquals(a.mesh.ownership.size, 0);
  await mesh.run(500);
  assertWhole(mesh, watches);
});

Deno.test("Mesh.drain() moves nothing where there is no other node", async () => {
  await using mesh = new VirtualMesh();
  const [a] = await mesh.add("a");
  await publish(mesh, a, "live/alone");
  await mesh.until(a.mesh.drain());
  assertEquals([a.mesh.ownership.size, a.mesh.shared], [1, false]);
});

Deno.test("a publisher of a node that drains may come back before it has left", async () => {
  const { mesh, a, b, c, watches, publishers } = await newMesh(1);
  await using _mesh = mesh;
  assertEquals(await mesh.until(c.publish("live/0")), "busy");
  await mesh.until(a.mesh.drain());
  await publish(mesh, b, "live/0");
  assert(publishers[0].over, "the old connection is closed");
  await mesh.run(1_000);
  assertWhole(mesh, watches);
  assertEquals(await mesh.until(c.publish("live/0")), "busy");
});

Deno.test("Mesh.leave() without a drain leaves its streams to those who carry them", async () => {
  const { mesh, a, watches } = await newMesh(4);
  await using _mesh = mesh;
  for (const publisher of a.publishers.values()) publisher.close(true);
  await mesh.run(80);
  await mesh.until(a.stop());
  mesh.nodes.splice(0, 1);
  await mesh.run(3_000);
  for (const { core, lost, doubled } of watches) {
    assertEquals([core.ended, lost, doubled], [false, 0, 0], core.name.name);
  }
});

Deno.test("a publisher that ends its stream while it is moved ends it everywhere", async () => {
  for (let quarters = 0; quarters < 12; quarters++) {
    const { mesh, a, watches, publishers } = await newMesh(1);
    await using _mesh = mesh;
    a.mesh.drain();
    await mesh.ports.advance(quarters / 4);
    publishers[0].close(false);
    await mesh.run(400);
    for (const { core, lost, doubled } of watches) {
      assertEquals([core.ended, lost, doubled], [true, 0, 0], `after ${quarters / 4} ms`);
    }
  }
});

Deno.test("a publisher whose node stops may come back at once where nobody watches", async () => {
  const mesh = new VirtualMesh();
  await using _mesh = mesh;
  const [a, b, c] = await mesh.add("a", "b", "c");
  const publisher = await publish(mesh, a, "live/x");
  await mesh.run(1_000);
  const watch = await mesh.until(b.watch("live/x"));
  await mesh.run(200);
  publisher.close(true);
  await mesh.ports.advance(5);
  const stopping = a.stop();
  await mesh.ports.advance(5);
  await publish(mesh, c, "live/x");
  await stopping;
  mesh.nodes.splice(0, 1);
  await mesh.run(1_000);
  assertEquals([watch.core.ended, watch.doubled], [false, 0]);
  assert(watch.last >= mesh.frame - 1, `${watch.last} of ${mesh.frame}`);
});
