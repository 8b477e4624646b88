// Goal: a reference to a stream reaches its owner from every node, whatever becomes of owners.
// Method: real actor systems on virtual time, joined by calls that can be cut.
import { TELLS_MAX } from "../../../cluster/placement/stream_route.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { INGEST, type MeshNode, NODE, VirtualMesh } from "./mesh_fixture.ts";

const KEY = "live/cam";

/** Names of a mesh in which a stream is owned by a node that is not its publisher's. */
async function ownedElsewhere(mesh: VirtualMesh) {
  const { a, b, c } = await mesh.joined("a", "b", "c");
  const published = await mesh.run(a.publish(KEY));
  assert(published.ok && published.value.at === "a");
  return { a, b, c, epoch: published.value.epoch! };
}

Deno.test("the first publisher of a stream makes its own node the owner, of three", async () => {
  const mesh = new VirtualMesh();
  const nodes = await mesh.joined("a", "b", "c");
  for (const node of Object.values(nodes)) {
    const key = `live/${node.name}`;
    const reply = await mesh.run(node.publish(key));
    assert(reply.ok && reply.value.at === node.name);
    assertEquals(mesh.owners(key), [node.name]);
  }
  assertEquals(mesh.crossed, []);
});

Deno.test("the directory's choice owns a stream whose publisher's node is no candidate", async () => {
  const mesh = new VirtualMesh();
  const nodes = await mesh.joined("a", "b", "c", "d", "e", "f", "g", "h");
  let elsewhere = 0;
  for (let i = 0; i < 40; i++) {
    const reply = await mesh.run(nodes.a.publish(`live/${i}`));
    assert(reply.ok && reply.value.epoch !== undefined);
    assertEquals(mesh.owners(`live/${i}`), [reply.value.at]);
    if (reply.value.at !== "a") elsewhere++;
  }
  assert(elsewhere > 10 && elsewhere < 40, `${elsewhere} of 40 elsewhere`);
});

Deno.test("two nodes that publish a new stream at the same instant agree on one owner", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b", "c");
  for (let i = 0; i < 20; i++) {
    const key = `live/${i}`;
    const [first, second] = await mesh.run(Promise.all([a.publish(key), b.publish(key)]));
    assert(first.ok && second.ok);
    assertEquals([first.value.at, first.value.epoch], [second.value.at, second.value.epoch]);
    const { publishers } = first.value.publishers.length === 2 ? first.value : second.value;
    assertEquals(publishers.toSorted(), ["a~1", "b~1"]);
    assertEquals(mesh.owners(key), [first.value.at]);
  }
});

Deno.test("messages to a stream that nobody owns do not make one", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  assertEquals(await mesh.run(a.stream(KEY).ask.describe()), { ok: false, error: "unreachable" });
  const reply = await mesh.run(b.locator.receive("stream", KEY, "describe", undefined, 100, "a"));
  assertEquals(reply, { ok: false, error: "not-owner" });
  assertEquals(mesh.owners(KEY), []);
});

Deno.test("a stream's actor that fell asleep on its owner is found there again", async () => {
  const mesh = new VirtualMesh();
  const { a, b, epoch } = await ownedElsewhere(mesh);
  await mesh.ports.advance(5_000);
  assertEquals([a.system.count("stream"), mesh.owners(KEY)], [0, ["a"]]);
  for (const node of [a, b]) {
    const reply = await mesh.run(node.stream(KEY).ask.describe());
    assertEquals(reply, { ok: true, value: { at: "a", epoch, publishers: ["a~1"] } });
  }
});

Deno.test("an owner that dies is replaced by the next publisher's, under a higher epoch", async () => {
  const mesh = new VirtualMesh();
  const { a, b, c, epoch } = await ownedElsewhere(mesh);
  await mesh.run(c.stream(KEY).ask.describe()); // c knows the owner that is about to die.
  mesh.kill(a);
  const publish = b.publish(KEY);
  const describe = c.stream(KEY).ask.describe();
  await mesh.ports.advance(20);
  assertEquals(await b.membership.suspectPeer("a", true), "expelled");
  const expelledMs = mesh.ports.nowMs;
  const reply = await mesh.run(publish);
  assert(reply.ok && reply.value.at === "b" && reply.value.epoch! > epoch);
  assert(mesh.ports.nowMs - expelledMs <= 250, `took over in ${mesh.ports.nowMs - expelledMs} ms`);
  const described = await mesh.run(describe);
  assert(!described.ok || described.value.at === "b");
  const later = await mesh.run(c.stream(KEY).ask.describe());
  assert(later.ok && later.value.at === "b");
});

Deno.test("a stream that moved is found by those who knew its old owner", async () => {
  const mesh = new VirtualMesh();
  const { a, b, c } = await ownedElsewhere(mesh);
  await mesh.run(c.stream(KEY).ask.describe());
  const moved = await mesh.run(a.stream(KEY).ask.move({ to: "b" }));
  assert(moved.ok && moved.value !== undefined);
  assertEquals(mesh.owners(KEY), ["b"]);
  for (const node of [a, b, c]) {
    const startMs = mesh.ports.nowMs;
    const reply = await mesh.run(node.stream(KEY).ask.describe());
    assert(reply.ok && reply.value.at === "b", node.name);
    assert(mesh.ports.nowMs - startMs <= 10, "forwarded at once");
  }
});

Deno.test("an owner that has not heard that it is one finds out when it is asked", async () => {
  const mesh = new VirtualMesh();
  const { a, b, c, epoch } = await ownedElsewhere(mesh);
  await mesh.run(b.stream(KEY).ask.describe()); // b remembers that it is a's.
  await mesh.ports.advance(600);
  const { incarnation } = b.membership;
  const deadlineUs = Number.MAX_SAFE_INTEGER;
  await a.directory.claim(
    { kind: "s", key: KEY },
    { node: "b", incarnation, expectedEpoch: epoch, deadlineUs, token: "t" },
  );
  const reply = await mesh.run(c.stream(KEY).ask.describe());
  assert(reply.ok && reply.value.at === "b" && reply.value.epoch! > epoch);
});

Deno.test("the actor of a stream that is lost stops, and the next message goes on", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await ownedElsewhere(mesh);
  assertEquals(a.system.count("stream"), 1);
  await mesh.run(b.membership.suspectPeer("a", true));
  await mesh.ports.advance(50); // Much less than it may idle.
  assertEquals([a.system.count("stream"), mesh.owners(KEY)], [0, []]);
  await mesh.ports.advance(1_000);
  const reply = await mesh.run(b.publish(KEY));
  assert(reply.ok && reply.value.at === "b");
  const seen = await mesh.run(a.stream(KEY).ask.describe());
  assert(seen.ok && seen.value.at === "b");
});

Deno.test("a publisher whose node cannot reach the chosen owner gets another one", async () => {
  const mesh = new VirtualMesh();
  const nodes = await mesh.joined("a", "b", "c", "d", "e", "f");
  for (const name of ["b", "c", "d", "e", "f"]) mesh.cuts.add(`a>${name}`);
  for (let i = 0; i < 10; i++) {
    const reply = await mesh.run(nodes.a.publish(`live/${i}`));
    assert(reply.ok && reply.value.at === "a", `live/${i}`);
  }
});

Deno.test("a node that leaves is given no stream, not even by a node that has not heard", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  await mesh.run(b.membership.setState("draining"));
  const own = await mesh.run(b.publish(KEY));
  assert(own.ok && own.value.at === "a");
  const asked = b.locator.receive("stream", "live/new", "publish", { node: "b" }, 100, "a");
  assertEquals(await mesh.run(asked), { ok: false, error: "not-owner" });
  await mesh.run(a.membership.setState("draining"));
  assertEquals(await mesh.run(a.publish("live/none", 1_000)), { ok: false, error: "unreachable" });
});

Deno.test("without the directory streams that are known go on, and new ones wait for it", async () => {
  const mesh = new VirtualMesh();
  const { a, b, c } = await ownedElsewhere(mesh);
  await mesh.run(b.stream(KEY).ask.describe());
  for (const { directory } of [a, b, c]) directory.fault = "cut";
  await mesh.ports.advance(5_000);
  for (const node of [a, b]) {
    const known = await mesh.run(node.stream(KEY).ask.describe());
    assert(known.ok && known.value.at === "a");
  }
  assertEquals(await mesh.run(b.publish("live/new", 500)), { ok: false, error: "unreachable" });
  const waiting = b.publish("live/new", 5_000);
  await mesh.ports.advance(1_000);
  for (const { directory } of [a, b, c]) directory.fault = "none";
  const reply = await mesh.run(waiting);
  assert(reply.ok && reply.value.at === "b");
});

Deno.test("tells arrive in order, at the owner, wherever that went", async () => {
  const mesh = new VirtualMesh();
  const { a, b, c } = await ownedElsewhere(mesh);
  mesh.delayMs = () => 1 + 5 * mesh.ports.random.next();
  for (let i = 0; i < 5; i++) assertEquals(c.stream(KEY).tell.note(`${i}`), true);
  await mesh.ports.advance(200);
  assertEquals(a.cores.get(KEY)!.notes, ["0", "1", "2", "3", "4"]);
  await mesh.run(a.stream(KEY).ask.move({ to: "b" }));
  for (let i = 5; i < 9; i++) c.stream(KEY).tell.note(`${i}`);
  await mesh.ports.advance(200);
  assertEquals(b.cores.get(KEY)!.notes, ["5", "6", "7", "8"]);
});

Deno.test("tells that wait for an owner are bounded", async () => {
  const mesh = new VirtualMesh();
  const { a } = await mesh.joined("a", "b");
  a.directory.fault = "cut";
  let taken = 0;
  for (let i = 0; i < TELLS_MAX + 100; i++) if (a.stream(`live/${i}`).tell.note("x")) taken++;
  assertEquals(taken, TELLS_MAX);
  await mesh.ports.advance(6_000);
  assertEquals(a.stream(KEY).tell.note("x"), true, "they gave up");
});

Deno.test("publishers, viewers and nodes are reached where their keys say", async () => {
  const mesh = new VirtualMesh();
  const { a } = await mesh.joined("a", "b", "x~y");
  const asked = [
    a.system.ref(INGEST, "b~17"),
    a.system.ref(INGEST, "x~y~3"),
    a.system.ref(INGEST, "a~1"),
    a.system.ref(INGEST, "local"),
    a.system.ref(NODE, "b"),
    a.system.ref(NODE, "a"),
  ].map((ref) => ref.ask.where());
  const replies = await mesh.run(Promise.all(asked));
  assertEquals(replies.map((reply) => reply.ok && reply.value), ["b", "x~y", "a", "a", "b", "a"]);
});

Deno.test("receive() passes nothing on that is bound to another node", async () => {
  const mesh = new VirtualMesh();
  const { a } = await mesh.joined("a", "b");
  for (const [kind, key] of [["ingest", "b~1"], ["node", "b"], ["nothing", "x"], ["stream", ""]]) {
    const reply = await mesh.run(a.locator.receive(kind, key, "where", undefined, 100, "b"));
    assert(!reply.ok && reply.error !== "failed", `${kind} ${key}`);
  }
  assertEquals(a.locator.receiveTell("stream", KEY, "note", "x"), false);
  assertEquals(mesh.crossed, []);
});

Deno.test("a message keeps to its deadline, whoever it waits for", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await ownedElsewhere(mesh);
  await mesh.run(b.stream(KEY).ask.describe());
  mesh.kill(a);
  const startMs = mesh.ports.nowMs;
  const reply = await mesh.run(b.stream(KEY).ask.describe(undefined, { timeoutMs: 700 }));
  assertEquals(reply, { ok: false, error: "unreachable" });
  assert(mesh.ports.nowMs - startMs <= 702);
  const tries = mesh.crossed.length;
  assert(tries < 20, `${tries} tries`);
});

Deno.test("a reply that is not ours to give names the owner", async () => {
  const mesh = new VirtualMesh();
  const { b } = await ownedElsewhere(mesh);
  const node: MeshNode = b;
  const reply = await mesh.run(node.locator.receive("stream", KEY, "describe", undefined, 99, "c"));
  assertEquals(reply, { ok: false, error: "not-owner", owner: "a" });
});
