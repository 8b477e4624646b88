// Goal: nobody notices that Redis is away, fails over or came back empty; networks that are cut
// cost viewers on the side of most no more than was promised, and one owner is left.
// Method: `deno task chaos` with two runs of each fault, which last for less; real nodes, real
// redis-servers, alone, under sentinels and as a Cluster, and network namespaces.
import type { Fault } from "../chaos/faults.ts";
import { Ground } from "../chaos/ground.ts";
import { missingNetwork } from "../chaos/network.ts";
import { partitionFaults } from "../chaos/partition_faults.ts";
import { redisFaults } from "../chaos/redis_faults.ts";
import { missedBounds, runRounds } from "../chaos/series.ts";
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";

const NEEDS = { needs: ["redis"], timeoutMs: 200_000 } as const;
const TIMES = 2;

/** Three meshes and eleven redis-servers share the machine; `deno task chaos` has one at a time. */
const SHARED = { p50Ms: 400, p99Ms: 600 };

const REDIS = redisFaults({ goneMs: 4_000, longMs: 0, stoppedMs: 4_000, watchMs: 2_000 })
  .map((fault) => ({ ...fault, bounds: SHARED }));
const CUTS = partitionFaults({ redisMs: 2_000, linkMs: 2_000, splitMs: 5_000 });
const missing = await missingNetwork();

/** Those of `faults` with these names, one after the other on one mesh. */
async function faultsOf(faults: readonly Fault[], names: readonly string[]): Promise<string[]> {
  const chosen = faults.filter(({ name }) => names.includes(name));
  const [{ nodes, cables, stand }] = chosen;
  if (cables && missing !== undefined) return [];
  await using ground = await Ground.start({ names: nodes, cables, stand });
  const found: string[] = [];
  for (const fault of chosen) {
    const told = (text: string) => console.log(text);
    const outcome = await runRounds(ground, fault, { times: TIMES, told });
    found.push(...missedBounds(outcome), ...outcome.faults);
  }
  return found;
}

Deno.test(endToEnd("nobody notices that Redis is away, or is another one", NEEDS, async () => {
  const found = await Promise.all([
    faultsOf(REDIS, ["redis-gone", "redis-stop"]),
    faultsOf(REDIS, ["sentinel"]),
    faultsOf(REDIS, ["cluster"]),
  ]);
  assertEquals(found.flat(), []);
}));

Deno.test({
  ...endToEnd("cuts cost viewers on the side of most little", NEEDS, async () => {
    const found = await Promise.all([
      faultsOf(CUTS, ["redis-cut", "link-cut"]),
      faultsOf(CUTS, ["split"]),
    ]);
    assertEquals(found.flat(), []);
  }),
  ...(missing === undefined ? {} : { name: `cuts (skipped: ${missing})`, ignore: true }),
});
