// Goal: random histories tell two directories apart when they differ, and only then.
// Method: memory against itself, then against copies of it with one fault each.
import type { Directory } from "../../../cluster/directory/directory.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { firstDifference } from "./histories.ts";
import { memoryWorld, type World } from "./world.ts";

/** Histories within which each fault must show. */
const SEEDS = 40;

type Fault = (directory: Directory) => Partial<Directory>;

const FAULTS: Readonly<Record<string, Fault>> = {
  "claims without looking at the token": (right) => ({
    claim: (key, request) => right.claim(key, { ...request, token: crypto.randomUUID() }),
  }),
  "claims without looking at the deadline": (right) => ({
    claim: (key, request) => right.claim(key, { ...request, deadlineUs: Number.MAX_SAFE_INTEGER }),
  }),
  "releases what somebody else owns": (right) => ({
    async release(key, epoch) {
      const [owner] = await right.lookup([key]);
      return await right.release(key, owner?.epoch ?? epoch);
    },
  }),
  "reasserts over a higher epoch": (right) => ({
    async reassert(key, owner) {
      const [stored] = await right.lookup([key]);
      if (stored !== undefined && stored.epoch > owner.epoch) {
        await right.release(key, stored.epoch);
      }
      return await right.reassert(key, owner);
    },
  }),
  "needs no second vote": (right) => ({
    suspect: (suspicion) => right.suspect({ ...suspicion, votesNeeded: 1 }),
  }),
  "needs a second vote for proof": (right) => ({
    suspect: (suspicion) => right.suspect({ ...suspicion, strong: false }),
  }),
  "has no grace": (right) => ({
    suspect: (suspicion) => right.suspect({ ...suspicion, graceMs: 0 }),
  }),
  "takes the dead back": (right) => ({
    async join(member, leaseMs) {
      const joined = await right.join({ ...member, incarnation: 0 }, leaseMs);
      return { ...joined, incarnation: member.incarnation || joined.incarnation };
    },
  }),
  "says nobody is silent": (right) => ({
    renew: (options) => right.renew({ ...options, watched: [] }),
  }),
  "forgets who left": (right) => ({
    leave: async (node) => void await right.members().then(() => node),
  }),
};

Deno.test("firstDifference() finds none between memory and itself", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    assertEquals(await firstDifference(seed, memoryWorld(), memoryWorld()), undefined);
  }
});

for (const [what, fault] of Object.entries(FAULTS)) {
  Deno.test(`firstDifference() sees a directory that ${what}`, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      if (await firstDifference(seed, memoryWorld(), faulty(fault)) !== undefined) return;
    }
    assert(false, `No difference in ${SEEDS} histories`);
  });
}

function faulty(fault: Fault): World {
  const world = memoryWorld();
  return {
    ...world,
    open() {
      const right = world.open();
      const changed = fault(right);
      return new Proxy(right, {
        get(target, name) {
          const value = Reflect.get(name in changed ? changed : target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
}
