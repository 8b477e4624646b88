// Goal: a thing has one owner at a time, whatever is lost on the way to the directory.
// Method: nodes on virtual time around one directory in memory whose answers can be late or lost.
import { IDLE_MS, REWRITE_MS } from "../../../cluster/placement/upkeep.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { type MeshNode, VirtualMesh } from "./mesh_fixture.ts";

const KEY = "live/cam";

function use(node: MeshNode, key = KEY): void {
  node.cores.set(key, { publishers: [], notes: [] });
}

Deno.test("claim() makes an owner that every node finds, in one round trip of theirs", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  const outcome = await mesh.run(a.ownership.claim(KEY));
  assert(outcome.kind === "owned");
  const before = b.directory.calls.lookup ?? 0;
  const finds = Promise.all([b.ownership.resolve(KEY), b.ownership.resolve("live/none")]);
  await mesh.ports.advance(1);
  assertEquals(await finds, [
    { node: "a", epoch: outcome.epoch },
    undefined,
  ]);
  assertEquals(b.directory.calls.lookup - before, 1);
  await mesh.run(b.ownership.resolve(KEY));
  assertEquals(b.directory.calls.lookup - before, 1, "it is remembered");
  assertEquals([a.ownership.ownEpoch(KEY), b.ownership.ownEpoch(KEY)], [outcome.epoch, undefined]);
});

Deno.test("claim() at the same instant has one winner, and the others learn who", async () => {
  const mesh = new VirtualMesh();
  const { a, b, c } = await mesh.joined("a", "b", "c");
  for (const node of [a, b, c]) node.directory.delayMs = () => 1 + mesh.ports.random.next();
  for (let i = 0; i < 50; i++) {
    const key = `live/${i}`;
    const claims = Promise.all([a, b, c].map(({ ownership }) => ownership.claim(key)));
    await mesh.ports.advance(20);
    const outcomes = await claims;
    assertEquals(outcomes.filter(({ kind }) => kind === "owned").length, 1);
    const [owner] = mesh.owners(key);
    for (const outcome of outcomes) {
      if (outcome.kind !== "owned") {
        assert(outcome.kind === "elsewhere" && outcome.owner.node === owner);
      }
    }
  }
});

Deno.test("claim() reads again when its answer was lost", async () => {
  const mesh = new VirtualMesh();
  const { a } = await mesh.joined("a");
  a.directory.fault = "deaf";
  const claim = a.ownership.claim(KEY);
  await mesh.ports.advance(10);
  a.directory.fault = "none"; // The lookup's answer was lost; what follows is not.
  await mesh.ports.advance(1_000);
  assertEquals((await claim).kind, "unavailable");
  const second = a.ownership.claim(KEY);
  await mesh.ports.advance(1);
  a.directory.fault = "deaf";
  await mesh.ports.advance(1);
  a.directory.fault = "none";
  await mesh.ports.advance(1_000);
  assertEquals((await second).kind, "owned");
  assertEquals(mesh.owners(KEY), ["a"]);
});

Deno.test("a claim that arrives after its deadline changes nothing", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  await mesh.run(a.ownership.find(KEY));
  a.directory.fault = "late";
  const claim = a.ownership.claim(KEY);
  await mesh.ports.advance(10);
  a.directory.fault = "none";
  await mesh.ports.advance(2_000);
  const { kind } = await claim;
  const record = await mesh.run(b.ownership.resolve(KEY));
  assertEquals(record?.node === "a", kind === "owned", "both know the same");
});

Deno.test("what an expelled node owned can be claimed, under a higher epoch", async () => {
  const mesh = new VirtualMesh();
  const { a, b, c } = await mesh.joined("a", "b", "c");
  const first = await mesh.run(a.ownership.claim(KEY));
  assertEquals((await mesh.run(b.ownership.resolve(KEY)))?.node, "a");
  mesh.kill(a);
  assertEquals(
    (await mesh.run(b.ownership.claim(KEY))).kind,
    "elsewhere",
    "it is not known to be dead",
  );
  await mesh.run(b.membership.suspectPeer("a", true));
  const second = await mesh.run(b.ownership.claim(KEY));
  assert(first.kind === "owned" && second.kind === "owned" && second.epoch > first.epoch);
  await mesh.ports.advance(1);
  assertEquals((await mesh.run(c.ownership.resolve(KEY)))?.node, "b");
});

Deno.test("a fenced node owns nothing any more, and takes back nothing", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  await mesh.run(a.ownership.claim(KEY));
  await mesh.run(b.membership.suspectPeer("a", true));
  await mesh.ports.advance(1_000);
  assertEquals([a.losses, a.membership.joined], [[`${KEY} fenced`], true]);
  assertEquals(await mesh.run(a.ownership.resolve(KEY)), undefined, "its old incarnation is dead");
  assertEquals((await mesh.run(b.ownership.claim(KEY))).kind, "owned");
  const found = a.ownership.claim(KEY);
  await mesh.ports.advance(600);
  assertEquals((await found).kind, "elsewhere");
});

Deno.test("a claim that was won by an incarnation which died meanwhile is not ours", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  let ways = 0; // The answer takes long, the way there does not.
  a.directory.delayMs = (call) => call === "claim" && ++ways % 2 === 0 ? 1_500 : 0;
  const claim = a.ownership.claim(KEY);
  await mesh.ports.advance(10);
  const before = a.membership.incarnation;
  await mesh.run(b.membership.suspectPeer("a", true));
  await mesh.ports.advance(1_000);
  assert(a.membership.joined && a.membership.incarnation > before);
  assertEquals((await mesh.run(claim)).kind, "unavailable");
  assertEquals(mesh.owners(KEY), []);
});

Deno.test("an unused thing is released after ten seconds, a used one is not", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  for (const key of [KEY, "live/used"]) await mesh.run(a.ownership.claim(key));
  use(a, "live/used");
  await mesh.ports.advance(IDLE_MS - 1_500);
  assertEquals(mesh.owners(KEY), ["a"]);
  await mesh.ports.advance(3_000);
  assertEquals([mesh.owners(KEY), mesh.owners("live/used")], [[], ["a"]]);
  assertEquals(a.losses, [`${KEY} released`]);
  assertEquals((await mesh.run(b.ownership.claim(KEY))).kind, "owned");
});

Deno.test("what is owned is written again each hour, for its record expires", async () => {
  const mesh = new VirtualMesh();
  const { a } = await mesh.joined("a");
  await mesh.run(a.ownership.claim(KEY));
  use(a);
  await mesh.ports.advance(REWRITE_MS - 5_000);
  assertEquals(a.directory.calls.reassert ?? 0, 0);
  await mesh.ports.advance(10_000);
  assertEquals(a.directory.calls.reassert, 1);
  assertEquals([mesh.owners(KEY), a.losses], [["a"], []]);
});

Deno.test("a release whose answer was lost is told again, and never undoes a later claim", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  const first = await mesh.run(a.ownership.claim(KEY));
  a.directory.fault = "late"; // It arrives a second later, when a has claimed anew.
  const release = a.ownership.release(KEY);
  await mesh.ports.advance(310);
  await release;
  a.directory.fault = "none";
  const second = a.ownership.claim(KEY);
  await mesh.ports.advance(10);
  const outcome = await second;
  assert(first.kind === "owned" && outcome.kind === "owned" && outcome.epoch > first.epoch);
  use(a);
  await mesh.ports.advance(5_000);
  assertEquals((await mesh.run(b.ownership.resolve(KEY)))?.node, "a");
  a.directory.fault = "cut";
  await mesh.run(a.ownership.release(KEY));
  a.directory.fault = "none";
  await mesh.ports.advance(2_500);
  assertEquals(await mesh.run(b.ownership.resolve(KEY)) === undefined, false, "b still remembers");
  b.ownership.forget(KEY);
  const again = b.ownership.resolve(KEY);
  await mesh.ports.advance(1);
  assertEquals(await again, undefined);
});

Deno.test("a directory that lost its data is told again who owns what, under the same epochs", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  const keys = Array.from({ length: 200 }, (_, i) => `live/${i}`);
  for (const key of keys) {
    await mesh.run(a.ownership.claim(key));
    use(a, key);
  }
  const epochs = keys.map((key) => a.ownership.ownEpoch(key));
  await mesh.run(b.ownership.resolve(keys[0]));
  a.directory.fault = "cut"; // It cannot say so at once.
  mesh.store.wipe();
  b.ownership.forget(keys[0]);
  await mesh.ports.advance(1_000);
  const claim = b.ownership.claim(keys[0]);
  await mesh.ports.advance(1_000);
  a.directory.fault = "none";
  await mesh.ports.advance(5_000);
  assertEquals((await claim).kind === "owned", false, "an owner is not robbed for it");
  assertEquals(keys.map((key) => a.ownership.ownEpoch(key)), epochs);
  for (const key of keys) assertEquals((await mesh.run(b.ownership.resolve(key)))?.node, "a");
});

Deno.test("reassertAll() gives way to a higher epoch", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  await mesh.run(a.ownership.claim(KEY));
  use(a);
  mesh.store.wipe();
  assertEquals((await mesh.run(b.ownership.claim(KEY))).kind, "owned", "b has never heard of a's");
  await mesh.ports.advance(3_000);
  assertEquals([mesh.owners(KEY), a.losses], [["b"], [`${KEY} superseded`]]);
});

Deno.test("accepts() refuses epochs lower than seen, and a higher one makes an owner look", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  const { ownership } = b;
  assertEquals([5, 7, 6, 7].map((epoch) => ownership.accepts(KEY, epoch)), [
    true,
    true,
    false,
    true,
  ]);
  await mesh.run(a.ownership.claim("live/x"));
  use(a, "live/x");
  assertEquals(a.ownership.accepts("live/x", a.ownership.ownEpoch("live/x")! + 1), true);
  await mesh.ports.advance(2_000);
  assertEquals(mesh.owners("live/x"), ["a"], "the directory says that it is a's");
  // Somebody takes it over behind a's back, and a peer tells.
  const incarnation = b.membership.incarnation;
  const result = await b.directory.claim({ kind: "s", key: "live/x" }, {
    ...{ node: "b", incarnation, expectedEpoch: a.ownership.ownEpoch("live/x")! },
    ...{ deadlineUs: Number.MAX_SAFE_INTEGER, token: "t" },
  });
  assert(result.kind === "won");
  a.ownership.accepts("live/x", result.epoch);
  await mesh.ports.advance(2_000);
  assertEquals(a.losses, ["live/x superseded"]);
});

Deno.test("watch() calls back once when somebody owns it, with one look for all each 500 ms", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  const appeared: string[] = [];
  for (let i = 0; i < 300; i++) b.ownership.watch(`live/${i}`, () => appeared.push(`${i}`));
  const cancel = b.ownership.watch("live/7", () => appeared.push("cancelled"));
  const before = b.directory.calls.lookup ?? 0;
  await mesh.ports.advance(5_000);
  const looks = b.directory.calls.lookup - before;
  assert(looks >= 9 && looks <= 11, `${looks} lookups in 5 s`);
  cancel();
  await mesh.run(a.ownership.claim("live/7"));
  await mesh.run(b.ownership.claim("live/8"));
  await mesh.ports.advance(600);
  assertEquals(appeared.toSorted(), ["7", "8"]);
  await mesh.ports.advance(2_000);
  assertEquals(appeared.length, 2);
});

Deno.test("transfer() hands over, or leaves everything as it was", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  const hand = async (to: string) => {
    const moving = a.ownership.transfer(KEY, to, {});
    await mesh.ports.advance(5_000);
    return await moving;
  };
  await mesh.run(a.ownership.claim(KEY));
  use(a);
  const first = a.ownership.ownEpoch(KEY)!;
  assertEquals(await hand("nobody"), undefined);
  mesh.cuts.add("a>b");
  assertEquals(await hand("b"), undefined);
  assertEquals(mesh.owners(KEY), ["a"], "taken back from a node that did not hear of it");
  const second = a.ownership.ownEpoch(KEY)!;
  assert(second > first);
  use(a);
  mesh.cuts.clear();
  const third = await hand("b");
  assert(third !== undefined && third > second);
  assertEquals([mesh.owners(KEY), b.ownership.ownEpoch(KEY)], [["b"], third]);
});

Deno.test("transfer() with a lost answer ends with one owner", async () => {
  const mesh = new VirtualMesh();
  const { a } = await mesh.joined("a", "b");
  await mesh.run(a.ownership.claim(KEY));
  use(a);
  a.directory.fault = "deaf";
  const moving = a.ownership.transfer(KEY, "b", {});
  await mesh.ports.advance(400);
  a.directory.fault = "none";
  await mesh.ports.advance(5_000);
  assert(await moving !== undefined);
  assertEquals(mesh.owners(KEY), ["b"]);
});

Deno.test("an audit finds out what went wrong unseen", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  await mesh.run(a.ownership.claim(KEY));
  use(a);
  const { incarnation } = b.membership;
  const expectedEpoch = a.ownership.ownEpoch(KEY)!;
  const deadlineUs = Number.MAX_SAFE_INTEGER;
  await b.directory.claim(
    { kind: "s", key: KEY },
    { node: "b", incarnation, expectedEpoch, deadlineUs, token: "t" },
  );
  await mesh.ports.advance(11_000);
  assertEquals(a.losses, [`${KEY} superseded`]);
});

Deno.test("releaseAll() leaves nothing to its node", async () => {
  const mesh = new VirtualMesh();
  const { a, b } = await mesh.joined("a", "b");
  for (let i = 0; i < 100; i++) await mesh.run(a.ownership.claim(`live/${i}`));
  await mesh.run(a.ownership.releaseAll());
  assertEquals([a.ownership.size, a.losses.length], [0, 100]);
  assertEquals(await mesh.run(b.ownership.resolve("live/50")), undefined);
});

Deno.test("keys that the directory would not take are nobody's", async () => {
  const mesh = new VirtualMesh();
  const { a } = await mesh.joined("a");
  for (const key of ["", "x".repeat(2_049), "\ud800"]) {
    assertEquals(await mesh.run(a.ownership.resolve(key)), undefined);
    assertEquals((await mesh.run(a.ownership.claim(key))).kind, "unavailable");
  }
});
