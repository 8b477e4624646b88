// Goal: the directory in memory keeps the contract, and its tables stay bounded.
// Method: the suite that Redis passes too, on virtual time; then each table filled to its limit.
import { DEAD_MAX, MEMBERS_MAX, OWNED_KEPT_MS } from "../../../cluster/directory/checks.ts";
import { ClaimTable, OWNED_MAX, TIMELINES_MAX } from "../../../cluster/directory/claim_table.ts";
import { DirectoryUnavailable, type OwnedKey } from "../../../cluster/directory/directory.ts";
import { MemberTable } from "../../../cluster/directory/member_table.ts";
import { DirectoryStore, MemoryDirectory } from "../../../cluster/directory/memory_directory.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";
import { contractTests } from "./contract.ts";
import { LONG_LEASE_MS, memberOf, memoryWorld } from "./world.ts";

const NOW_US = 1_800_000_000_000_000;

for (const { name, body } of contractTests("MemoryDirectory", memoryWorld)) Deno.test(name, body);

Deno.test("MemoryDirectory answers within microtasks, without the clock going on", async () => {
  const directory = new MemoryDirectory(new DirectoryStore(new VirtualPorts().clock));
  let answered = false;
  directory.members().then(() => answered = true);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assert(answered);
});

Deno.test("MemoryDirectory counts its own round trips", async () => {
  const store = new DirectoryStore(new VirtualPorts().clock);
  const [one, two] = [new MemoryDirectory(store), new MemoryDirectory(store)];
  await one.members();
  await one.isDead("a", 1);
  await two.members();
  assertEquals([one.roundTrips, two.roundTrips], [2, 1]);
});

Deno.test("DirectoryStore keeps its time when somebody sets the wall clock", async () => {
  const ports = new VirtualPorts();
  const store = new DirectoryStore(ports.clock);
  const before = store.nowUs();
  ports.wallStartMs += 3_600_000;
  await ports.advance(1);
  assertEquals(store.nowUs() - before, 1_000);
  assertEquals(store.nowUs() - before, 1_001); // No moment twice, though time stands still.
});

Deno.test("onHint() of a closed directory stays silent", async () => {
  const store = new DirectoryStore(new VirtualPorts().clock);
  const directory = new MemoryDirectory(store);
  let hints = 0;
  directory.onHint(() => hints++);
  await directory.join(memberOf("a"), LONG_LEASE_MS);
  await Promise.resolve();
  assertEquals(hints, 1);
  await directory.join(memberOf("b"), LONG_LEASE_MS);
  await directory.close(); // While a hint is under way.
  await new MemoryDirectory(store).join(memberOf("c"), LONG_LEASE_MS);
  await Promise.resolve();
  assert(hints <= 2);
  const after = hints;
  await new MemoryDirectory(store).join(memberOf("d"), LONG_LEASE_MS);
  await Promise.resolve();
  assertEquals(hints, after);
});

Deno.test("what it gives out cannot change what it keeps", async () => {
  const directory = new MemoryDirectory(new DirectoryStore(new VirtualPorts().clock));
  const addresses = { rtmp: "a:1" };
  await directory.join(memberOf("a", { addresses }), LONG_LEASE_MS);
  addresses.rtmp = "b:2";
  ((await directory.members()).members as Map<string, unknown>).clear();
  assertEquals((await directory.members()).members.get("a")?.addresses, { rtmp: "a:1" });
});

Deno.test("MemberTable refuses one node too many, but not one that is there", () => {
  const table = new MemberTable(() => {});
  for (let n = 0; n < MEMBERS_MAX; n++) table.join(memberOf(`n${n}`), LONG_LEASE_MS, NOW_US);
  assertThrows(() => table.join(memberOf("x"), LONG_LEASE_MS, NOW_US), DirectoryUnavailable);
  table.join(memberOf("n0"), LONG_LEASE_MS, NOW_US);
  table.leave("n1", NOW_US, NOW_US);
  table.join(memberOf("x"), LONG_LEASE_MS, NOW_US);
});

Deno.test("MemberTable forgets the oldest dead first, and all after a day", () => {
  const table = new MemberTable(() => {});
  for (let n = 1; n <= DEAD_MAX + 1; n++) table.leave("a", n, NOW_US);
  assertEquals([1, 2].map((n) => table.isDead("a", n, NOW_US)), [false, true]);
  const dayLater = NOW_US + 24 * 3_600 * 1_000_000 + 1_000;
  table.leave("b", 1, dayLater);
  assertEquals(table.isDead("a", DEAD_MAX, dayLater), false);
  assertEquals(table.isDead("b", 1, dayLater), true);
});

Deno.test("ClaimTable gives up the oldest released when full, and refuses when all is owned", () => {
  const table = new ClaimTable();
  const claim = (n: number) => {
    const request = { node: "a", incarnation: 1, expectedEpoch: 0, deadlineUs: NOW_US };
    return table.claim(keyOf(n), { ...request, token: `${n}` }, NOW_US);
  };
  for (let n = 0; n < OWNED_MAX; n++) assertEquals(claim(n).kind, "won");
  assertThrows(() => claim(OWNED_MAX), DirectoryUnavailable);
  assertEquals(claim(0).kind, "won"); // A retry needs no room.
  const owner = { epoch: NOW_US, node: "b", incarnation: 1 };
  assertThrows(() => table.reassert(keyOf(OWNED_MAX), owner, NOW_US), DirectoryUnavailable);
  table.release(keyOf(5), NOW_US, NOW_US);
  table.release(keyOf(3), NOW_US, NOW_US);
  assertEquals(claim(OWNED_MAX).kind, "won");
  assertEquals(table.lookup(keyOf(5), NOW_US), undefined);
  assertEquals(table.lookup(keyOf(3), NOW_US)?.node, "");
});

Deno.test("ClaimTable forgets after two days who was not written again: its node died", () => {
  const table = new ClaimTable();
  for (const n of [1, 2]) {
    const request = { node: "a", incarnation: 1, expectedEpoch: 0, deadlineUs: NOW_US };
    table.claim(keyOf(n), { ...request, token: `${n}` }, NOW_US);
  }
  const dayLaterUs = NOW_US + 24 * 3_600_000_000;
  const owner = { epoch: NOW_US, node: "a", incarnation: 1 };
  assertEquals(table.reassert(keyOf(2), owner, dayLaterUs), owner);
  const later = NOW_US + OWNED_KEPT_MS * 1_000;
  assertEquals(table.lookup(keyOf(1), later - 1_000)?.node, "a");
  assertEquals([1, 2].map((n) => table.lookup(keyOf(n), later)?.node), [undefined, "a"]);
});

Deno.test("ClaimTable keeps the newest timelines, and each for an hour", () => {
  const table = new ClaimTable();
  const figures = { generation: 1, nextSeq: 1, newestDtsUs: 1, segment: 1, discontinuities: 0 };
  for (let n = 0; n <= TIMELINES_MAX; n++) {
    table.writeTimeline(`${n}`, { epoch: 1, ...figures }, NOW_US);
  }
  assertEquals(table.readTimeline("0", NOW_US), undefined);
  assertEquals(table.readTimeline("1", NOW_US)?.epoch, 1);
  assertEquals(table.readTimeline("1", NOW_US + 3_600_000_000), undefined);
});

function keyOf(n: number): OwnedKey {
  return { kind: "s", key: `${n}` };
}
