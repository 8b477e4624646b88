// Goal: a node that is gone is expelled as fast as its death can be known, and one that only some
// cannot reach is not, as long as others hear it.
// Method: whole nodes but for sockets on virtual time; cables between two of them are pulled, a
// process dies or stands still.
import { FLAP_MS_MAX, HEARSAY, VOUCHED_MS_MAX } from "../../cluster/hearsay.ts";
import { JUMP_MS } from "../../cluster/membership/membership.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { VirtualMesh, type VirtualNode } from "../support/virtual_mesh.ts";

/** Silence that ends a link, a sign of life before it and after it, and asking. */
const SILENT_MS = 600 + 2 * 200 + 200;

function membersOf(nodes: readonly VirtualNode[]): string[] {
  return nodes.map(({ mesh }) => [...mesh.membership.members.keys()].sort().join(""));
}

/** Nodes with links to each other, and the directory's grace at their start over. */
async function joined(mesh: VirtualMesh, ...names: string[]): Promise<VirtualNode[]> {
  const nodes = await mesh.add(...names);
  await mesh.run(6_000);
  return nodes;
}

/** Starts of the nodes: a node that is expelled joins anew under another number. */
function startsOf(nodes: readonly VirtualNode[]): number[] {
  return nodes.map(({ mesh }) => mesh.membership.incarnation);
}

Deno.test("two nodes that cannot reach a third for a moment do not expel it: a fourth hears it", async () => {
  await using mesh = new VirtualMesh();
  const nodes = await joined(mesh, "a", "b", "c", "d");
  const before = startsOf(nodes);
  for (const name of ["a", "b"]) mesh.network.part(name, "c");
  await mesh.run(FLAP_MS_MAX - 100);
  assertEquals(startsOf(nodes), before);
  for (const name of ["a", "b"]) mesh.network.join(name, "c");
  await mesh.run(3_000);
  assertEquals([membersOf(nodes), startsOf(nodes)], [nodes.map(() => "abcd"), before]);
});

Deno.test("a node that two cannot reach for long is expelled, whoever hears it", async () => {
  await using mesh = new VirtualMesh();
  const nodes = await joined(mesh, "a", "b", "c", "d");
  const { incarnation } = nodes[2].mesh.membership;
  for (const name of ["a", "b"]) mesh.network.part(name, "c");
  await mesh.run(VOUCHED_MS_MAX + 3_000);
  assert(nodes[0].mesh.membership.isDead("c", incarnation));
});

Deno.test("a node that nobody hears is expelled by two votes, before its lease is over", async () => {
  await using mesh = new VirtualMesh();
  const [a, b, c] = await joined(mesh, "a", "b", "c");
  const { incarnation } = c.mesh.membership;
  for (const name of ["a", "b"]) mesh.network.part(name, "c");
  await mesh.run(SILENT_MS);
  // It lives and has its lease: it joins anew.
  for (const { mesh } of [a, b]) assert(mesh.membership.isDead("c", incarnation));
});

Deno.test("of two nodes the silent one is expelled by its lease alone", async () => {
  await using mesh = new VirtualMesh();
  const [a, b] = await joined(mesh, "a", "b");
  b.directory.fault = "cut";
  mesh.network.part("a", "b");
  await mesh.run(SILENT_MS);
  assertEquals(membersOf([a]), ["ab"]);
  await mesh.run(3_000);
  assertEquals(membersOf([a]), ["a"]);
  b.directory.fault = "none";
  mesh.network.join("a", "b");
});

Deno.test("a port that refuses is proof enough for one voter", async () => {
  await using mesh = new VirtualMesh();
  const [a, b] = await joined(mesh, "a", "b");
  b.directory.fault = "cut";
  mesh.network.kill("b");
  await mesh.run(120);
  assertEquals(membersOf([a]), ["a"]);
  b.directory.fault = "none";
});

Deno.test("a node that stood still handles nothing of what waited for it", async () => {
  await using mesh = new VirtualMesh();
  const [a, b] = await joined(mesh, "a", "b");
  let handled = 0;
  const receiveAsk = a.mesh.system.receiveAsk.bind(a.mesh.system);
  a.mesh.system.receiveAsk = (...args) => {
    handled++;
    return receiveAsk(...args);
  };
  const ask = () => {
    const req = { incarnation: a.mesh.membership.incarnation };
    const message = { kind: HEARSAY.name, key: "a", name: "hears", req, timeoutMs: 4_900 };
    return b.mesh.links.ask("a", message);
  };
  assertEquals(await mesh.until(ask()), { ok: true, value: true });
  const waiting = ask();
  mesh.ports.spend(JUMP_MS + 500);
  assertEquals([(await mesh.until(waiting)).ok, handled], [false, 1]);
  await mesh.run(1_000);
  assertEquals([await mesh.until(ask()), handled], [{ ok: true, value: true }, 2]);
});
