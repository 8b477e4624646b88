// Goal: a node joins at once, keeps its lease cheaply, sees others come and go, and judges nobody
// when it is itself in trouble.
// Method: several nodes on virtual time around one directory in memory, whose ways can be cut.
import { assert, assertEquals } from "../../support/assert.ts";
import { DirectoryStore, MemoryDirectory } from "../../../cluster/directory/memory_directory.ts";
import { Membership, RENEW_MS } from "../../../cluster/membership/membership.ts";
import type { ViewDiff } from "../../../cluster/membership/member_view.ts";
import { FaultyDirectory } from "../../support/faulty_directory.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import { NO_LOAD } from "../directory/world.ts";

/** A mesh on virtual time. */
class Mesh {
  readonly ports = new VirtualPorts();
  readonly store = new DirectoryStore(this.ports.clock);
  #port = 9_000;

  node(name: string) {
    const directory = new FaultyDirectory(
      new MemoryDirectory(this.store),
      this.ports,
    );
    const journal: string[] = [];
    const health = { latenessMs: 0 };
    const membership = new Membership({
      directory,
      ports: this.ports,
      self: {
        node: name,
        address: "127.0.0.1",
        port: this.#port++,
        host: name,
        zone: "",
        role: "any",
        addresses: {},
        weight: 1,
      },
      load: () => NO_LOAD,
      latenessMs: () => health.latenessMs,
      onFenced: () => void journal.push(`fenced ${membership.joined}`),
      onReassert: () => void journal.push("reassert"),
      onJump: () => void journal.push("jump"),
    });
    membership.onView((diff) => journal.push(textOf(diff)));
    return { name, membership, directory, journal, health };
  }

  /** Nodes that have joined and seen each other. */
  async joined(...names: string[]) {
    const nodes = names.map((name) => this.node(name));
    for (const { membership } of nodes) membership.start();
    await this.ports.advance(1_000);
    for (const { journal } of nodes) journal.length = 0;
    return nodes;
  }

  /** As if the process had been killed. */
  kill({ directory, membership }: { directory: FaultyDirectory; membership: Membership }): void {
    directory.fault = "cut";
    membership.leave();
  }

  /** Lets the directory's own grace at its start pass. */
  async settle(): Promise<void> {
    await this.ports.advance(6_000);
  }
}

function textOf({ joined, left, changed }: ViewDiff): string {
  return [
    ...joined.map(({ node }) => `+${node}`),
    ...left.map(({ node }) => `-${node}`),
    ...changed.map(({ node, state }) => `${node} ${state}`),
  ].join(" ");
}

function namesSeen({ membership }: { membership: Membership }): string {
  return [...membership.members.keys()].sort().join("");
}

Deno.test("start() joins and sees everybody within a second of virtual time", async () => {
  const mesh = new Mesh();
  const [a, b] = await mesh.joined("a", "b");
  const c = mesh.node("c");
  c.directory.delayMs = () => 2;
  const startMs = mesh.ports.nowMs;
  let joinedMs = Infinity;
  c.membership.start().then(() => joinedMs = mesh.ports.nowMs);
  await mesh.ports.advance(20);
  assert(joinedMs - startMs <= 10, `joined after ${joinedMs - startMs} ms`);
  for (const node of [a, b, c]) assertEquals(namesSeen(node), "abc");
  assertEquals([a.journal, c.journal], [["+c"], ["+a +b +c"]]);
  assert(c.membership.isAlive("a", a.membership.incarnation));
});

Deno.test("start() keeps trying until the directory is there, and says so once", async () => {
  const mesh = new Mesh();
  const a = mesh.node("a");
  a.directory.fault = "cut";
  a.membership.start();
  await mesh.ports.advance(10_000);
  assertEquals([a.membership.joined, a.membership.redisOk], [false, false]);
  a.directory.fault = "none";
  await mesh.ports.advance(500);
  assertEquals([a.membership.joined, a.membership.redisOk], [true, true]);
  const said = mesh.ports.lines.filter(({ level }) => level !== "debug");
  assertEquals(said.map(({ level }) => level), ["warn", "info", "info"]);
});

Deno.test("a steady mesh costs each node less than two round trips a second", async () => {
  const mesh = new Mesh();
  const nodes = await mesh.joined("a", "b", "c", "d", "e");
  await mesh.settle();
  const before = nodes.map(({ directory }) => directory.roundTrips);
  const renewed = nodes.map(({ directory }) => directory.calls.renew);
  await mesh.ports.advance(60_000);
  nodes.forEach(({ directory }, i) => {
    const trips = directory.roundTrips - before[i];
    assertEquals(trips, directory.calls.renew - renewed[i], "renewals only");
    assert(trips >= 72 && trips <= 90, `${trips} round trips in a minute`);
  });
});

Deno.test("renewals never overlap, however slow the directory is", async () => {
  const mesh = new Mesh();
  const [a] = await mesh.joined("a");
  a.directory.delayMs = () => 1_000; // An answer takes two seconds.
  const before = a.directory.calls.renew;
  await mesh.ports.advance(10_000);
  assert(a.directory.calls.renew - before <= 6, "one each two seconds and a bit");
  assertEquals(a.membership.joined, true, "the lease of three seconds holds");
});

Deno.test("a killed node is expelled when its lease has run out, and not before", async () => {
  const mesh = new Mesh();
  const [a, b, c] = await mesh.joined("a", "b", "c");
  await mesh.settle();
  const { incarnation } = c.membership;
  mesh.kill(c);
  await mesh.ports.advance(2_000);
  assertEquals(namesSeen(a), "abc");
  await mesh.ports.advance(2_000);
  assertEquals([a, b].map(namesSeen), ["ab", "ab"]);
  assertEquals(a.journal, ["-c"]);
  assertEquals(a.membership.isDead("c", incarnation), true);
  assertEquals(a.membership.isDead("c", incarnation + 1), false);
});

Deno.test("leave() is seen at once", async () => {
  const mesh = new Mesh();
  const [a, b] = await mesh.joined("a", "b");
  await b.membership.leave();
  await mesh.ports.advance(1);
  assertEquals([namesSeen(a), a.journal], ["a", ["-b"]]);
  assertEquals(a.membership.isDead("b", b.membership.incarnation), true);
});

Deno.test("suspectPeer() needs two voters, or one with proof", async () => {
  const mesh = new Mesh();
  const [a, b, , d] = await mesh.joined("a", "b", "c", "d");
  assertEquals(await a.membership.suspectPeer("c", false), "noted");
  assertEquals(await a.membership.suspectPeer("c", false), "noted", "the same voter again");
  assertEquals(namesSeen(a), "abcd");
  assertEquals(await b.membership.suspectPeer("c", false), "expelled");
  assertEquals([a.membership.members.has("c"), b.membership.members.has("c")], [false, false]);
  await mesh.ports.advance(1_000); // The suspect was alive: it came back as somebody new.
  mesh.kill(d);
  assertEquals(await a.membership.suspectPeer("d", true), "expelled");
  assertEquals(await a.membership.suspectPeer("nobody", true), "gone");
});

Deno.test("suspectPeer() abstains when this node is late or its directory slow", async () => {
  const mesh = new Mesh();
  const [a] = await mesh.joined("a", "b");
  const votes = () => a.membership.suspectPeer("b", true);
  a.health.latenessMs = 201;
  assertEquals(await votes(), "abstained");
  a.health.latenessMs = 0;
  await mesh.ports.advance(1_990);
  assertEquals(await votes(), "abstained", "late within the last two seconds");
  a.directory.delayMs = () => 130;
  await mesh.ports.advance(2_000);
  assertEquals(await votes(), "abstained", "slow directory");
  a.directory.delayMs = () => 0;
  await mesh.ports.advance(1_100);
  mesh.ports.spend(RENEW_MS + 300); // Stands still for longer than a beat.
  await mesh.ports.advance(1);
  assertEquals(await votes(), "abstained", "its own beat was late");
  await mesh.ports.advance(2_000);
  assertEquals(await votes(), "expelled");
});

Deno.test("a fenced node drops everything before it joins as somebody new", async () => {
  const mesh = new Mesh();
  const [a, b] = await mesh.joined("a", "b");
  const before = b.membership.incarnation;
  await a.membership.suspectPeer("b", true);
  await mesh.ports.advance(1_000);
  assertEquals(b.journal[0], "fenced false");
  assert(b.membership.joined && b.membership.incarnation > before);
  assertEquals(b.membership.isDead("b", before), true);
  assertEquals(a.journal, ["-b", "+b"]);
});

Deno.test("of two nodes with one name the newer wins, and the older waits for it to go", async () => {
  const mesh = new Mesh();
  const [, older] = await mesh.joined("x", "a");
  const newer = mesh.node("a");
  newer.membership.start();
  await mesh.ports.advance(10_000);
  assertEquals([older.membership.joined, newer.membership.joined], [false, true]);
  assertEquals(older.journal.filter((entry) => entry.startsWith("fenced")).length, 1);
  assertEquals(newer.journal.includes("fenced false"), false, "they do not fight");
  assertEquals(mesh.ports.lines.filter(({ level }) => level === "error").length, 1);
  mesh.kill(newer);
  await mesh.ports.advance(6_000);
  assertEquals(older.membership.joined, true);
});

Deno.test("a lone node takes its name back from a namesake that died", async () => {
  const mesh = new Mesh();
  const [older] = await mesh.joined("a");
  const newer = mesh.node("a");
  newer.membership.start();
  await mesh.ports.advance(8_000);
  mesh.kill(newer);
  await mesh.ports.advance(5_000);
  assertEquals(older.membership.joined, true);
});

Deno.test("a directory that lost its data costs nobody anything", async () => {
  const mesh = new Mesh();
  const nodes = await mesh.joined("a", "b", "c");
  await mesh.settle();
  const before = nodes.map(({ membership }) => membership.incarnation);
  mesh.store.wipe();
  await mesh.ports.advance(10_000);
  for (const [i, { membership, journal }] of nodes.entries()) {
    assertEquals([membership.joined, membership.incarnation], [true, before[i]]);
    assertEquals([journal, membership.members.size], [["reassert"], 3]);
  }
});

Deno.test("ownership is told again though the answer to joining again was lost", async () => {
  const mesh = new Mesh();
  const [a] = await mesh.joined("a", "b");
  await mesh.settle();
  mesh.store.wipe();
  a.directory.faults.join = "deaf";
  await mesh.ports.advance(1_000);
  a.directory.faults.join = "none";
  await mesh.ports.advance(2_000);
  assertEquals(a.journal, ["reassert"]);
});

Deno.test("who does not come back after the directory lost its data is gone after the grace", async () => {
  const mesh = new Mesh();
  const [a, , c] = await mesh.joined("a", "b", "c");
  await mesh.settle();
  mesh.kill(c);
  mesh.store.wipe();
  await mesh.ports.advance(4_000);
  assertEquals([namesSeen(a), a.membership.inGrace], ["abc", true]);
  assertEquals(await a.membership.isGone("c", c.membership.incarnation), false);
  await mesh.ports.advance(3_000);
  assertEquals([namesSeen(a), a.membership.inGrace], ["ab", false]);
  assertEquals(a.journal, ["reassert", "-c"]);
});

Deno.test("the view is frozen while the directory is away, and nobody is expelled for it", async () => {
  const mesh = new Mesh();
  const nodes = await mesh.joined("a", "b", "c");
  await mesh.settle();
  for (const { directory } of nodes) directory.fault = "cut";
  await mesh.ports.advance(20_000);
  for (const { membership, journal } of nodes) {
    assertEquals([membership.redisOk, membership.members.size, journal], [false, 3, []]);
    assertEquals(membership.joined, true);
  }
  const said = mesh.ports.linesWith("directory cannot be asked, keeping the view as it is");
  assertEquals(said.length, 3);
  for (const { directory } of nodes) directory.fault = "none";
  await mesh.ports.advance(10_000);
  for (const { membership, journal } of nodes) {
    assertEquals([membership.redisOk, membership.members.size, journal], [true, 3, []]);
  }
  assertEquals(mesh.ports.linesWith("directory is back").length, 3);
});

Deno.test("checkClock() reports that the node stood still before anything else", async () => {
  const mesh = new Mesh();
  const [a] = await mesh.joined("a", "b");
  mesh.ports.spend(3_500);
  a.membership.checkClock();
  assertEquals(a.journal, ["jump"]);
  const renewed = a.directory.calls.renew;
  await mesh.ports.advance(1);
  assertEquals(a.directory.calls.renew, renewed + 1);
  a.journal.length = 0;
  mesh.ports.spend(3_500);
  await mesh.ports.advance(1);
  assertEquals(a.journal[0], "jump", "its own beat notices too");
  mesh.ports.spend(2_000);
  await mesh.ports.advance(2_000);
  assertEquals(a.journal.filter((entry) => entry === "jump").length, 1);
});

Deno.test("setState() is told to all, and again by whoever joins anew", async () => {
  const mesh = new Mesh();
  const [a, b] = await mesh.joined("a", "b");
  b.directory.fault = "cut";
  await b.membership.setState("draining");
  await mesh.ports.advance(1_000);
  assertEquals(a.membership.members.get("b")?.state, "up");
  b.directory.fault = "none";
  await mesh.ports.advance(1_000);
  assertEquals([a.membership.members.get("b")?.state, a.journal], ["draining", ["b draining"]]);
  await a.membership.suspectPeer("b", true);
  await mesh.ports.advance(1_000);
  assertEquals(a.membership.members.get("b")?.state, "draining");
});

Deno.test("gossip() makes a node read once that has missed a change", async () => {
  const mesh = new Mesh();
  const [a, b] = await mesh.joined("a", "b");
  a.directory.fault = "deaf"; // Hears no hints either.
  const c = mesh.node("c");
  await c.membership.start();
  assertEquals(namesSeen(a), "ab");
  a.directory.fault = "none";
  a.membership.gossip(b.membership.viewNumber);
  await mesh.ports.advance(1);
  assertEquals(namesSeen(a), "abc");
  const reads = a.directory.calls.members;
  for (let i = 0; i < 5; i++) {
    a.membership.gossip(b.membership.viewNumber + 1);
    await mesh.ports.advance(1);
  }
  assertEquals(a.directory.calls.members, reads + 1, "a mistaken peer costs one read");
});

Deno.test("isGone() asks again about an incarnation that it has not seen", async () => {
  const mesh = new Mesh();
  const [a] = await mesh.joined("a");
  await mesh.settle();
  a.directory.fault = "deaf";
  const b = mesh.node("b");
  await b.membership.start();
  a.directory.fault = "none";
  assertEquals(await a.membership.isGone("b", b.membership.incarnation), false);
  assertEquals(namesSeen(a), "ab");
  assertEquals(await a.membership.isGone("b", b.membership.incarnation - 1), true);
  assertEquals(await a.membership.isGone("never", 1), true);
  a.directory.fault = "cut";
  assertEquals(await a.membership.isGone("unknown", 1), false, "not known while it is away");
});
