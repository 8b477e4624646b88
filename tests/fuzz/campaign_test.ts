// Goal: the campaign finds what is broken, names the input, and repeats itself.
// Method: targets that are broken on purpose; a true hang needs a process of its own and is tested
// in tests/e2e/fuzz_test.ts.
import { BROKEN_FUZZ_TARGETS } from "../support/broken_fuzz_targets.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { seededRandom } from "../support/random.ts";
import { meterAllocations } from "./allocation_meter.ts";
import { type Failure, inputOf, runCampaign, runInput, sharesOf } from "./campaign.ts";
import { allTargets, type FuzzTarget } from "./fuzz_target.ts";
import { INPUT_BYTES_MAX, mutate } from "./mutator.ts";

meterAllocations();

function broken(name: string): FuzzTarget {
  const found = BROKEN_FUZZ_TARGETS.find((target) => target.name === name);
  if (found === undefined) throw new Error(`Cannot test: no target is named ${name}`);
  return found;
}

async function campaign(target: FuzzTarget, options: { shard?: number; shards?: number } = {}) {
  const failures: Failure[] = [];
  const begun: number[] = [];
  const reports = await runCampaign({
    targets: [target],
    inputs: 1_000,
    seed: 7,
    shard: options.shard ?? 0,
    shards: options.shards ?? 1,
    begin: (_target, index) => begun.push(index),
    failed: (failure) => failures.push(failure),
  });
  return { failures, begun, reports };
}

for (
  const [name, reason] of [
    ["throws", /TypeError: thrown on purpose/],
    ["allocates", /an array of 268435456 bytes/],
    ["allocates often", /104857600 bytes in all/],
  ] as const
) {
  Deno.test(`runCampaign() finds a target that ${name}`, async () => {
    const { failures } = await campaign(broken(name));
    assertEquals(failures.length, 3, "enough is enough");
    for (const { index, hex, ...failure } of failures) {
      assertEquals([failure.target, failure.seed], [name, 7]);
      assertMatch(failure.reason, reason);
      assert(hex.startsWith("ff"), hex);
      assertEquals(inputOf(broken(name), 7, index).toHex(), hex);
    }
  });
}

Deno.test("runCampaign() passes a sound target with all of its inputs", async () => {
  const { failures, reports } = await campaign(broken("sound"));
  assertEquals(failures, []);
  assertEquals(reports.map(({ target, inputs }) => [target, inputs]), [["sound", 1_000]]);
});

Deno.test("runCampaign() deals the inputs to the shards, each to one", async () => {
  const dealt = await Promise.all(
    [0, 1, 2].map(async (shard) => (await campaign(broken("sound"), { shard, shards: 3 })).begun),
  );
  const all = dealt.flat().sort((a, b) => a - b);
  assertEquals(all, Array.from({ length: 1_000 }, (_, index) => index));
});

Deno.test("runInput() awaits a target that answers later", async () => {
  const run = () => Promise.reject(new Error("late"));
  const { fault } = await runInput({ ...broken("sound"), run }, new Uint8Array(1));
  assertMatch(fault ?? "", /Error: late/);
});

Deno.test("sharesOf() gives all inputs away, expensive targets fewer", () => {
  const targets = [broken("sound"), { ...broken("throws"), costs: 4 }, broken("hangs")];
  assertEquals(sharesOf(targets, 900), [400, 100, 400]);
  assertEquals(sharesOf(targets, 1).reduce((sum, share) => sum + share), 1);
});

Deno.test("mutate() gives the same bytes for the same seed and leaves its seeds alone", () => {
  const seeds = [Uint8Array.of(1, 2, 3), new Uint8Array(100)];
  const before = seeds.map((seed) => seed.toHex());
  const outputs = new Set<string>();
  for (let seed = 0; seed < 2_000; seed++) {
    const input = mutate(seeds, seededRandom(seed));
    assertEquals(mutate(seeds, seededRandom(seed)), input);
    assert(input.length <= INPUT_BYTES_MAX);
    outputs.add(input.toHex());
  }
  assertEquals(seeds.map((seed) => seed.toHex()), before);
  assert(outputs.size > 1_500, `${outputs.size} different inputs of 2000`);
});

Deno.test("mutate() cuts, grows, nests deeply and passes seeds on unchanged", () => {
  const seed = Uint8Array.of(0x0a, 0, 0, 0, 1, 8, 0, 9);
  const inputs = Array.from({ length: 3_000 }, (_, at) => mutate([seed], seededRandom(at)));
  assert(inputs.some((input) => input.length === 0), "empty");
  assert(inputs.some((input) => input.length > 3_000), "long");
  assert(inputs.some((input) => input.toHex() === seed.toHex()), "unchanged");
  assert(inputs.some((input) => input.toHex().includes("0a00000001".repeat(50))), "nested");
});

Deno.test("mutate() takes seeds without a byte", () => {
  for (let seed = 0; seed < 500; seed++) mutate([new Uint8Array(0)], seededRandom(seed));
});

Deno.test("allTargets() finds the targets of this folder, by names of their own", async () => {
  const names = (await allTargets()).map(({ name }) => name);
  for (const name of ["h264 SPS", "a sequence of tags", "client session, playing"]) {
    assert(names.includes(name), name);
  }
});
