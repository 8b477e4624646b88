/**
 * What every directory does with members: joins, leases, views, votes, death.
 *
 * @module
 */
import type { Directory, RenewResult } from "../../../cluster/directory/directory.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { eventually } from "../../support/processes.ts";
import { type ContractCase, GRACE_MS, LONG_LEASE_MS, memberOf, NO_LOAD } from "./world.ts";

/** @see contract.ts */
export const MEMBER_CASES: readonly ContractCase[] = [
  {
    name: "join() gives incarnations that rise and a view that rises",
    async run({ open }) {
      const directory = open();
      const first = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const second = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const other = await directory.join(memberOf("b"), LONG_LEASE_MS);
      assert(first.incarnation > 1e15 && first.nowUs > 1e15, "microseconds since 1970");
      assert(second.incarnation > first.incarnation);
      assert(first.view > 0 && second.view > first.view && other.view > second.view);
      assertEquals((await directory.members()).view, other.view);
    },
  },
  {
    name: "members() gives what was introduced, whole",
    async run({ open }) {
      const directory = open();
      const member = memberOf("näme {c}:* \n|", {
        address: "2001:db8::1",
        host: "rack 1|2",
        zone: "z|",
        role: "edge",
        state: "draining",
        addresses: { rtmp: "[2001:db8::1]:1935", http: "h:1" },
        weight: 0.5,
      });
      const { incarnation } = await directory.join(member, LONG_LEASE_MS);
      await directory.join(memberOf("b"), LONG_LEASE_MS);
      const { members } = await directory.members();
      assertEquals([...members.keys()].toSorted(), ["b", member.node]);
      assertEquals(members.get(member.node), { ...member, incarnation });
    },
  },
  {
    name: "join() with the same incarnation replaces the node's record and keeps its lease",
    async run({ open }) {
      const directory = open();
      const { incarnation } = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const again = await directory.join(memberOf("a", { incarnation, port: 1 }), LONG_LEASE_MS);
      assertEquals(again.incarnation, incarnation);
      assertEquals((await directory.members()).members.get("a")?.port, 1);
      assertEquals((await renew(directory, "a", incarnation)).ok, true);
      assertEquals(await directory.isDead("a", incarnation), false);
    },
  },
  {
    name: "the newer of two incarnations wins; the older is fenced and dead",
    async run({ open }) {
      const directory = open();
      const older = (await directory.join(memberOf("a"), LONG_LEASE_MS)).incarnation;
      const newer = (await directory.join(memberOf("a"), LONG_LEASE_MS)).incarnation;
      assertEquals(await renew(directory, "a", older), { ok: false, reason: "fenced" });
      assertEquals((await renew(directory, "a", newer)).ok, true);
      assertEquals(await directory.isDead("a", older), true);
      assertEquals(await directory.isDead("a", newer), false);
      await directory.leave("a", newer);
      assertEquals(await renew(directory, "a", older), { ok: false, reason: "fenced" });
    },
  },
  {
    name: "join() with a dead or older incarnation gives a new one",
    async run({ open, wipe }) {
      const directory = open();
      const older = (await directory.join(memberOf("a"), LONG_LEASE_MS)).incarnation;
      const newer = (await directory.join(memberOf("a"), LONG_LEASE_MS)).incarnation;
      await directory.leave("a", newer);
      const back = await directory.join(memberOf("a", { incarnation: newer }), LONG_LEASE_MS);
      assert(back.incarnation > newer);

      await wipe();
      await directory.join(memberOf("a", { incarnation: newer }), LONG_LEASE_MS);
      assertEquals(await directory.isDead("a", older), true); // Though no marker says so.
      const late = await directory.join(memberOf("a", { incarnation: older }), LONG_LEASE_MS);
      assert(late.incarnation > newer);
    },
  },
  {
    name: "renew() tells a view, the time, who is silent and the loads",
    async run({ open, dropLease }) {
      const directory = open();
      const a = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const b = await directory.join(memberOf("b {x}"), LONG_LEASE_MS);
      const load = { cpu: 0.25, lagMs: 1.5, egressKbps: 1e6, streams: 3, viewers: 4 };
      assert((await renew(directory, "b {x}", b.incarnation, { load })).ok);
      const watched = ["b {x}", "nobody", "a"];
      const result = await renew(directory, "a", a.incarnation, { watched });
      assert(result.ok);
      assertEquals(result.view, b.view);
      assert(result.nowUs >= b.nowUs && result.nowUs > 1e15);
      assertEquals(result.silent, ["nobody"]);
      assertEquals([...result.loads].toSorted(), [["a", NO_LOAD], ["b {x}", load]]);

      await dropLease("b {x}");
      const later = await renew(directory, "a", a.incarnation, { watched });
      assert(later.ok);
      assertEquals(later.silent, ["b {x}", "nobody"]);
    },
  },
  {
    name: "a lease ends by itself, and a late renewal takes it up again",
    async run({ open, pass }) {
      const directory = open();
      const a = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const b = await directory.join(memberOf("b"), 150);
      await pass(300);
      const silent = await renew(directory, "a", a.incarnation, { watched: ["b"] });
      assertEquals(silent.ok && silent.silent, ["b"]);
      assert((await renew(directory, "b", b.incarnation)).ok);
      const awake = await renew(directory, "a", a.incarnation, { watched: ["b"] });
      assertEquals(awake.ok && awake.silent, []);
    },
  },
  {
    name: "figures that are no numbers cost nobody a lease",
    async run({ open }) {
      const directory = open();
      const { incarnation } = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const load = { ...NO_LOAD, cpu: NaN, lagMs: Infinity, streams: 2 };
      const result = await renew(directory, "a", incarnation, { load });
      assertEquals(result.ok && result.loads.get("a"), { ...NO_LOAD, streams: 2 });
    },
  },
  {
    name: "setState() changes the state of a living incarnation only, and the view once",
    async run({ open }) {
      const directory = open();
      const { incarnation, view } = await directory.join(memberOf("a"), LONG_LEASE_MS);
      assertEquals(await directory.setState("a", incarnation, "draining"), true);
      const drained = await directory.members();
      assertEquals(drained.members.get("a"), memberOf("a", { incarnation, state: "draining" }));
      assert(drained.view > view);
      assertEquals(await directory.setState("a", incarnation, "draining"), true);
      assertEquals((await directory.members()).view, drained.view);
      assertEquals(await directory.setState("a", incarnation - 1, "up"), false);
      assertEquals(await directory.setState("b", incarnation, "up"), false);
      assertEquals((await directory.members()).members.get("a")?.state, "draining");
    },
  },
  {
    name: "leave() is for good, and takes the load along",
    async run({ open }) {
      const directory = open();
      const a = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const b = await directory.join(memberOf("b"), LONG_LEASE_MS);
      await renew(directory, "a", a.incarnation);
      await directory.leave("a", a.incarnation);
      const after = await directory.members();
      assertEquals([...after.members.keys()], ["b"]);
      assert(after.view > b.view);
      assertEquals(await directory.isDead("a", a.incarnation), true);
      assertEquals(await renew(directory, "a", a.incarnation), { ok: false, reason: "fenced" });
      const left = await renew(directory, "b", b.incarnation, { watched: ["a"] });
      assertEquals(left.ok && [[...left.loads.keys()], left.silent], [["b"], ["a"]]);
      await directory.leave("a", a.incarnation); // Twice is once.
      assertEquals((await directory.members()).view, after.view);
    },
  },
  {
    name: "leave() of an older incarnation leaves the newer alone",
    async run({ open }) {
      const directory = open();
      const older = (await directory.join(memberOf("a"), LONG_LEASE_MS)).incarnation;
      const newer = (await directory.join(memberOf("a"), LONG_LEASE_MS)).incarnation;
      await directory.leave("a", older);
      assert((await renew(directory, "a", newer)).ok);
    },
  },
  {
    name: "suspect() needs votes of different nodes while the lease lives",
    async run({ open, regainSight }) {
      const { directory, incarnation } = await victim(open());
      await regainSight();
      assertEquals(await suspect(directory, incarnation, { voter: "a" }), "noted");
      assertEquals(await suspect(directory, incarnation, { voter: "a" }), "noted");
      assertEquals(await directory.isDead("v", incarnation), false);
      assertEquals(await suspect(directory, incarnation, { voter: "b" }), "expelled");
      assertEquals(await directory.isDead("v", incarnation), true);
      assertEquals((await directory.members()).members.has("v"), false);
      assertEquals(await renew(directory, "v", incarnation), { ok: false, reason: "fenced" });
      assertEquals(await suspect(directory, incarnation, { voter: "c" }), "gone");
    },
  },
  {
    name: "suspect() forgets votes after their window",
    async run({ open, pass }) {
      const { directory, incarnation } = await victim(open());
      const windowMs = 150;
      assertEquals(await suspect(directory, incarnation, { voter: "a", windowMs }), "noted");
      await pass(300);
      assertEquals(await suspect(directory, incarnation, { voter: "b", windowMs }), "noted");
    },
  },
  {
    name: "suspect() forgets each vote after its own time, whoever votes later",
    async run({ open, pass }) {
      const { directory, incarnation } = await victim(open());
      const more = { windowMs: 200, votesNeeded: 3 };
      assertEquals(await suspect(directory, incarnation, { ...more, voter: "a" }), "noted");
      await pass(120);
      assertEquals(await suspect(directory, incarnation, { ...more, voter: "b" }), "noted");
      await pass(120);
      assertEquals(await suspect(directory, incarnation, { ...more, voter: "c" }), "noted");
    },
  },
  {
    name: "suspect() takes a refused connection for proof",
    async run({ open }) {
      const { directory, incarnation } = await victim(open());
      assertEquals(await suspect(directory, incarnation, { strong: true }), "expelled");
    },
  },
  {
    name: "suspect() believes a lease that ended",
    async run({ open, regainSight, dropLease }) {
      const { directory, incarnation } = await victim(open());
      await regainSight();
      await dropLease("v");
      assertEquals(await suspect(directory, incarnation), "expelled");
    },
  },
  {
    name: "suspect() does not believe a lease that ended while nobody could renew",
    async run({ open, regainSight, goBlind, dropLease }) {
      const { directory, incarnation } = await victim(open());
      await dropLease("v");
      assertEquals(await suspect(directory, incarnation), "noted"); // A fresh directory is blind.
      await regainSight();
      await goBlind();
      assertEquals(await suspect(directory, incarnation), "noted");
      assertEquals(await suspect(directory, incarnation, { voter: "b" }), "expelled");
    },
  },
  {
    name: "suspect() with grace over expels again, after blindness too",
    async run({ open, goBlind, regainSight, dropLease }) {
      const { directory, incarnation } = await victim(open());
      await goBlind();
      await regainSight();
      await dropLease("v");
      assertEquals(await suspect(directory, incarnation), "expelled");
    },
  },
  {
    name: "votes on an older incarnation do not count against a newer one",
    async run({ open, regainSight }) {
      const { directory, incarnation } = await victim(open());
      await regainSight();
      assertEquals(await suspect(directory, incarnation, { voter: "a" }), "noted");
      const newer = (await directory.join(memberOf("v"), LONG_LEASE_MS)).incarnation;
      assertEquals(await suspect(directory, incarnation, { voter: "b" }), "gone");
      assertEquals(await suspect(directory, newer, { voter: "b" }), "noted");
      assertEquals((await renew(directory, "v", newer)).ok, true);
    },
  },
  {
    name: "a directory that lost its data says so, and takes its nodes back as they were",
    async run({ open, wipe }) {
      const directory = open();
      const { incarnation, view } = await directory.join(memberOf("a"), LONG_LEASE_MS);
      const key = { kind: "s", key: "live/a" } as const;
      const deadlineUs = Number.MAX_SAFE_INTEGER;
      const claim = { node: "a", incarnation, expectedEpoch: 0, deadlineUs, token: "t" };
      const won = await directory.claim(key, claim);
      assert(won.kind === "won");
      await wipe();
      assertEquals(await renew(directory, "a", incarnation), { ok: false, reason: "unknown" });
      const back = await directory.join(memberOf("a", { incarnation }), LONG_LEASE_MS);
      assertEquals(back.incarnation, incarnation);
      assert(back.view > view, "a view is not used twice, or a node would think it has seen it");
      assertEquals(await directory.lookup([key]), [undefined]);
      const owner = { epoch: won.epoch, node: "a", incarnation };
      assertEquals(await directory.reassert(key, owner), owner);
      assertEquals(await directory.lookup([key]), [owner]);
    },
  },
  {
    name: "sharedSecret() keeps the first one",
    async run({ open }) {
      assertEquals(await open().sharedSecret("örste {c}"), "örste {c}");
      assertEquals(await open().sharedSecret("second"), "örste {c}");
    },
  },
  {
    name: "onHint() calls every node back when the view changes",
    async run({ open }) {
      const [one, two] = [open(), open()];
      const seen = [0, 0];
      one.onHint(() => seen[0]++);
      two.onHint(() => seen[1]++);
      // Hints may be lost before the subscription stands, and there is one when it does.
      await eventually("hints of a join", async () => {
        await one.join(memberOf("a"), LONG_LEASE_MS);
        return seen[0] > 2 && seen[1] > 2;
      });
    },
  },
  {
    name: "nobody's names and odd numbers are the caller's fault",
    async run({ open }) {
      const directory = open();
      await assertRejects(() => directory.join(memberOf(""), 1_000), RangeError);
      await assertRejects(() => directory.join(memberOf("x".repeat(129)), 1_000), RangeError);
      await assertRejects(() => directory.join(memberOf("\ud800"), 1_000), TypeError);
      await assertRejects(() => directory.join(memberOf("a", { weight: 0 }), 1_000), RangeError);
      await assertRejects(() => directory.join(memberOf("a"), 0.5), RangeError);
      await assertRejects(() => renew(directory, "a", 0), RangeError);
      await assertRejects(() => suspect(directory, 1, { votesNeeded: 0 }), RangeError);
      assertEquals(directory.roundTrips, 0);
    },
  },
];

function renew(
  directory: Directory,
  node: string,
  incarnation: number,
  more: Partial<Parameters<Directory["renew"]>[0]> = {},
): Promise<RenewResult> {
  const leaseMs = LONG_LEASE_MS;
  return directory.renew({ node, incarnation, leaseMs, load: NO_LOAD, watched: [], ...more });
}

/** A directory with the member "v". */
async function victim(
  directory: Directory,
): Promise<{ directory: Directory; incarnation: number }> {
  const { incarnation } = await directory.join(memberOf("v"), LONG_LEASE_MS);
  return { directory, incarnation };
}

function suspect(
  directory: Directory,
  incarnation: number,
  more: Partial<Parameters<Directory["suspect"]>[0]> = {},
): Promise<"expelled" | "noted" | "gone"> {
  return directory.suspect({
    node: "v",
    incarnation,
    voter: "a",
    votesNeeded: 2,
    windowMs: 60_000,
    strong: false,
    graceMs: GRACE_MS,
    ...more,
  });
}
