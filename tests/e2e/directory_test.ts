// Goal: the directory in Redis keeps the contract on a real redis-server.
// Method: the suite that memory passes too, then random histories given to both.
import {
  OWNED_KEPT_MS,
  RELEASED_KEPT_MS,
  TIMELINE_KEPT_MS,
} from "../../cluster/directory/checks.ts";
import { claim } from "../cluster/directory/contract_claims.ts";
import { contractTests } from "../cluster/directory/contract.ts";
import { firstDifference } from "../cluster/directory/histories.ts";
import { redisWorld } from "../cluster/directory/redis_world.ts";
import { memberOf, memoryWorld } from "../cluster/directory/world.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { RedisServer } from "../support/redis_server.ts";

let starting: Promise<RedisServer> | undefined;
const redis = () => starting ??= RedisServer.start();
Deno.test.afterAll(async () => await (await starting)?.[Symbol.asyncDispose]());

const world = async () => {
  const server = await redis();
  return await redisWorld(server.url, [server.admin]);
};
for (const { name, body } of contractTests("RedisDirectory", world)) {
  Deno.test(endToEnd(name, { needs: ["redis"] }, body));
}

/** Histories of a run: a second or two. */
const HISTORIES = 60;

Deno.test(
  endToEnd(`memory and Redis agree on ${HISTORIES} histories`, { needs: ["redis"] }, async () => {
    const server = await redis();
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const real = await redisWorld(server.url, [server.admin], 1);
      try {
        assertEquals(await firstDifference(seed, memoryWorld(), real), undefined);
      } finally {
        await real.close();
      }
    }
  }),
);

Deno.test(
  endToEnd(
    "what may be forgotten has an expiry, what is owned a long one",
    { needs: ["redis"] },
    async () => {
      const { open, keys, close } = await world();
      const { admin } = await redis();
      const directory = open();
      const member = memberOf("a}");
      const { incarnation } = await directory.join(member, 5_000);
      const vote = { node: "a}", incarnation, voter: "b", votesNeeded: 2, windowMs: 60_000 };
      await directory.suspect({ ...vote, strong: false, graceMs: 0 });
      const [owned, released] = ["owned", "released"].map((key) => ({ kind: "s", key } as const));
      await claim(directory, owned);
      const won = await claim(directory, released);
      assert(won.kind === "won");
      await directory.release(released, won.epoch);
      await directory.writeTimeline("owned", {
        ...{ epoch: 1, generation: 1, nextSeq: 1, newestDtsUs: 1, segment: 1, discontinuities: 0 },
      });
      const left = async (key: string, mostMs: number) => {
        const leftMs = await admin.pttl(key);
        assert(leftMs > 0 && leftMs <= mostMs, `${key}: ${leftMs} of ${mostMs}`);
      };
      await left(keys.lease("a}"), 5_000);
      await left(keys.votes("a}"), 60_000);
      await left(keys.owned(released), RELEASED_KEPT_MS);
      await left(keys.timeline("owned"), TIMELINE_KEPT_MS);
      await left(keys.owned(owned), OWNED_KEPT_MS);
      assert(await admin.pttl(keys.owned(owned)) > RELEASED_KEPT_MS);
      for (const key of Object.values(keys.control).slice(0, -1)) {
        assert([-1, -2].includes(await admin.pttl(key)), key);
      }
      await close();
    },
  ),
);
