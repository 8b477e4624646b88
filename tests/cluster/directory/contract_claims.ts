/**
 * What every directory does with owned things: claims, races, releases, names, timelines.
 *
 * @module
 */
import type {
  ClaimRequest,
  ClaimResult,
  Directory,
  OwnedKey,
  Timeline,
} from "../../../cluster/directory/directory.ts";
import { DirectoryUnavailable } from "../../../cluster/directory/directory.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import type { ContractCase } from "./world.ts";

/** A deadline that no clock reaches. */
export const NO_DEADLINE_US = Number.MAX_SAFE_INTEGER;

const KEY: OwnedKey = { kind: "s", key: "live/cam" };

/** Names that would reach another key if they were not encoded; with their kind. */
const HOSTILE_NAMES = [
  ...["a", "{a}", "a}", "}{", "{}", "a:own", "a}:own", "s:{a}:own", "{c}:members", "c", "*", "?"],
  ...["a b", " a", "a ", "a\n", "a\0", "a\0b", "%61", "%", "A", "ä", "a\u0308", "🎥", "\u2028"],
  ...["x".repeat(1_000), "x".repeat(1_001), "é".repeat(1_000), "__proto__", "constructor"],
];

/** @see contract.ts */
export const CLAIM_CASES: readonly ContractCase[] = [
  {
    name: "claim() gives what is free once, and tells the others whose it is",
    async run({ open }) {
      const directory = open();
      assertEquals(await directory.lookup([KEY]), [undefined]);
      const epoch = await win(directory, KEY, { node: "a", incarnation: 5 });
      assert(epoch > 1e15, "microseconds since 1970");
      const owner = { epoch, node: "a", incarnation: 5 };
      assertEquals(await claim(directory, KEY, { node: "b" }), { kind: "lost", owner });
      assertEquals(await directory.lookup([KEY]), [owner]);
    },
  },
  {
    name: "claim() with the epoch of the owner takes over, with a higher epoch",
    async run({ open }) {
      const directory = open();
      const first = await win(directory, KEY, { node: "a" });
      const second = await win(directory, KEY, { node: "b", expectedEpoch: first });
      assert(second > first);
      const late = await claim(directory, KEY, { node: "c", expectedEpoch: first });
      assertEquals(late.kind === "lost" && late.owner.node, "b");
    },
  },
  {
    name: "claim() of what is gone tells that nobody owns it",
    async run({ open }) {
      const owner = { epoch: 0, node: "", incarnation: 0 };
      assertEquals(await claim(open(), KEY, { expectedEpoch: 7 }), { kind: "lost", owner });
    },
  },
  {
    name: "claim() once more with the same token is the same claim",
    async run({ open }) {
      const directory = open();
      const epoch = await win(directory, KEY, { token: "one" });
      assertEquals(await claim(directory, KEY, { token: "one" }), { kind: "won", epoch });
      const second = await win(directory, KEY, { token: "two", expectedEpoch: epoch });
      const old = await claim(directory, KEY, { token: "one" });
      assertEquals(old.kind === "lost" && old.owner.epoch, second);
    },
  },
  {
    name: "claim() after its deadline changes nothing",
    async run({ open }) {
      const directory = open();
      assertEquals(await claim(directory, KEY, { deadlineUs: 1e15 }), { kind: "late" });
      assertEquals(await directory.lookup([KEY]), [undefined]);
    },
  },
  {
    name: "claim() never gives an epoch twice, not even after the data was lost",
    async run({ open, wipe }) {
      const directory = open();
      let last = 0;
      for (let round = 0; round < 5; round++) {
        const first = await win(directory, KEY, { node: "a" });
        const second = await win(directory, KEY, { node: "b", expectedEpoch: first });
        assert(first > last && second > first);
        last = second;
        await wipe();
      }
    },
  },
  {
    name: "claim() goes on above an epoch that is ahead of the clock",
    async run({ open }) {
      const directory = open();
      const epoch = 5_000_000_000_000_123; // In the year 2128; odd, to see each digit.
      await directory.reassert(KEY, { epoch, node: "a", incarnation: 1 });
      assertEquals(await win(directory, KEY, { expectedEpoch: epoch }), epoch + 1);
    },
  },
  {
    name: "claim() has exactly one winner of 20, 100 times",
    async run({ open }) {
      const directories = Array.from({ length: 4 }, () => open());
      await Promise.all(directories.map((directory) => directory.lookup([KEY])));
      for (let round = 0; round < 100; round++) {
        const key = { kind: "s", key: `race ${round}` } as const;
        const results = await Promise.all(Array.from({ length: 20 }, (_, claimer) => {
          const request = { node: `n${claimer}`, token: `t${claimer}` };
          return claim(directories[claimer % directories.length], key, request);
        }));
        const winners = results.flatMap((result, claimer) =>
          result.kind === "won"
            ? [{ epoch: result.epoch, node: `n${claimer}`, incarnation: 1 }]
            : []
        );
        assertEquals(winners.length, 1);
        for (const result of results) {
          if (result.kind !== "won") assertEquals(result, { kind: "lost", owner: winners[0] });
        }
      }
    },
  },
  {
    name: "release() gives up one's own only, and the epoch stays",
    async run({ open }) {
      const directory = open();
      const first = await win(directory, KEY, { node: "a", token: "one" });
      const epoch = await win(directory, KEY, { node: "b", expectedEpoch: first });
      assertEquals(await directory.release(KEY, first), false);
      assertEquals(await directory.release(KEY, epoch), true);
      assertEquals(await directory.release(KEY, epoch), true); // Twice is once.
      const nobody = { epoch, node: "", incarnation: 0 };
      assertEquals(await directory.lookup([KEY]), [nobody]);
      assertEquals(await claim(directory, KEY, {}), { kind: "lost", owner: nobody });
      assert(await win(directory, KEY, { expectedEpoch: epoch }) > epoch);
      assertEquals(await directory.release({ kind: "s", key: "no" }, epoch), false);
    },
  },
  {
    name: "release() is not undone by a claim that arrives twice",
    async run({ open }) {
      const directory = open();
      const epoch = await win(directory, KEY, { token: "one" });
      await directory.release(KEY, epoch);
      assertEquals((await claim(directory, KEY, { token: "one" })).kind, "lost");
    },
  },
  {
    name: "a released epoch is forgotten after a day, an owned one is not",
    async run({ open, passDay }) {
      const directory = open();
      const other: OwnedKey = { kind: "s", key: "live/other" };
      const back: OwnedKey = { kind: "s", key: "live/back" };
      const again: OwnedKey = { kind: "s", key: "live/again" };
      await directory.release(KEY, await win(directory, KEY));
      const epoch = await win(directory, other);
      const released = await win(directory, back);
      await directory.release(back, released);
      await win(directory, back, { token: "two", expectedEpoch: released });
      const mine = await win(directory, again);
      await directory.release(again, mine);
      await directory.reassert(again, { epoch: mine, node: "a", incarnation: 1 });
      await passDay();
      const found = await directory.lookup([KEY, other, back, again]);
      assertEquals(found.map((owner) => owner !== undefined), [false, true, true, true]);
      assertEquals(found[1]?.epoch, epoch);
    },
  },
  {
    name: "reassert() writes unless a higher epoch is stored, and gives what is",
    async run({ open }) {
      const directory = open();
      const mine = { epoch: 1_000, node: "a", incarnation: 1 };
      const higher = { epoch: 1_001, node: "b", incarnation: 2 };
      assertEquals(await directory.reassert(KEY, mine), mine);
      assertEquals(await directory.reassert(KEY, mine), mine);
      assertEquals(await directory.reassert(KEY, higher), higher);
      assertEquals(await directory.reassert(KEY, mine), higher);
      assertEquals(await directory.lookup([KEY]), [higher]);
    },
  },
  {
    name: "reassert() takes the token away",
    async run({ open }) {
      const directory = open();
      const epoch = await win(directory, KEY, { node: "a", token: "one" });
      await directory.reassert(KEY, { epoch: epoch + 1, node: "b", incarnation: 1 });
      assertEquals((await claim(directory, KEY, { node: "a", token: "one" })).kind, "lost");
    },
  },
  {
    name: "lookup() answers in order, many at once, in one round trip or none",
    async run({ open }) {
      const directory = open();
      assertEquals(await directory.lookup([]), []);
      assertEquals(directory.roundTrips, 0);
      const keys = Array.from({ length: 30 }, (_, n): OwnedKey => ({ kind: "j", key: `${n}` }));
      const epochs = await Promise.all(keys.map((key) => win(directory, key)));
      const none: OwnedKey = { kind: "j", key: "none" };
      const found = await directory.lookup([none, ...keys.toReversed(), keys[0]]);
      const expected = [undefined, ...epochs.toReversed(), epochs[0]];
      assertEquals(found.map((owner) => owner?.epoch), expected);
    },
  },
  {
    name: "no name reaches the record of another, in no kind",
    async run({ open }) {
      const directory = open();
      const keys = HOSTILE_NAMES.flatMap((key): OwnedKey[] => [
        { kind: "s", key },
        { kind: "d", key },
        { kind: "j", key },
      ]);
      const epochs: number[] = [];
      for (const key of keys) {
        epochs.push(await win(directory, key, { node: `owner of ${key.kind}`, token: key.key }));
      }
      const found = await directory.lookup(keys);
      assertEquals(found.map((owner) => owner?.epoch), epochs);
      for (const key of keys.slice(0, 30)) {
        await directory.release(key, epochs[keys.indexOf(key)]);
      }
      const after = await directory.lookup(keys);
      assertEquals(after.map((owner) => owner?.node !== ""), keys.map((_, index) => index >= 30));
    },
  },
  {
    name: "a timeline is kept per stream, and an older owner cannot overwrite it",
    async run({ open }) {
      const directory = open();
      const timeline = timelineOf(7);
      assertEquals(await directory.readTimeline("live/{a}"), undefined);
      await directory.writeTimeline("live/{a}", timeline);
      assertEquals(await directory.readTimeline("live/{a}"), timeline);
      assertEquals(await directory.readTimeline("live/a"), undefined);
      await directory.writeTimeline("live/{a}", { ...timeline, nextSeq: 101 });
      await directory.writeTimeline("live/{a}", timelineOf(6));
      assertEquals(await directory.readTimeline("live/{a}"), { ...timeline, nextSeq: 101 });
      await directory.writeTimeline("live/{a}", timelineOf(8));
      assertEquals(await directory.readTimeline("live/{a}"), timelineOf(8));
    },
  },
  {
    name: "keys that are none, epochs out of range: the caller's fault",
    async run({ open }) {
      const directory = open();
      await assertRejects(() => claim(directory, { kind: "s", key: "" }), RangeError);
      await assertRejects(() => claim(directory, { kind: "s", key: "\udfff" }), TypeError);
      await assertRejects(() => directory.lookup([{ ...KEY, key: "x".repeat(4_097) }]), RangeError);
      await assertRejects(() => claim(directory, KEY, { expectedEpoch: -1 }), RangeError);
      await assertRejects(() => claim(directory, KEY, { token: "" }), RangeError);
      await assertRejects(() => directory.release(KEY, 0), RangeError);
      await assertRejects(() => directory.writeTimeline("a", timelineOf(0.5)), RangeError);
      assertEquals(directory.roundTrips, 0);
    },
  },
  {
    name: "close() ends one node's way, not the others'; what is asked then is unavailable",
    async run({ open }) {
      const [one, two] = [open(), open()];
      await win(one, KEY);
      await one.close();
      await one.close();
      await assertRejects(() => one.lookup([KEY]), DirectoryUnavailable);
      await assertRejects(() => one.members(), DirectoryUnavailable);
      assertEquals((await two.lookup([KEY]))[0]?.node, "a");
    },
  },
];

/** Claims with what matters to the case. */
export function claim(
  directory: Directory,
  key: OwnedKey,
  more: Partial<ClaimRequest> = {},
): Promise<ClaimResult> {
  return directory.claim(key, {
    node: "a",
    incarnation: 1,
    expectedEpoch: 0,
    deadlineUs: NO_DEADLINE_US,
    token: `${more.node} ${more.expectedEpoch}`,
    ...more,
  });
}

/** Claims what must be free; the epoch. */
async function win(
  directory: Directory,
  key: OwnedKey,
  more: Partial<ClaimRequest> = {},
): Promise<number> {
  const result = await claim(directory, key, more);
  assert(result.kind === "won", `Claim of ${JSON.stringify(key)}: ${result.kind}`);
  return result.epoch;
}

function timelineOf(epoch: number): Timeline {
  return {
    epoch,
    generation: 2,
    nextSeq: 100,
    newestDtsUs: -40_000,
    segment: 1_700_000_000,
    discontinuities: 1,
  };
}
