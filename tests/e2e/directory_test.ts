// Goal: the directory in Redis keeps the contract on a real redis-server.
// Method: the suite that memory passes too, then random histories given to both.
import { contractTests } from "../cluster/directory/contract.ts";
import { firstDifference } from "../cluster/directory/histories.ts";
import { redisWorld } from "../cluster/directory/redis_world.ts";
import { memoryWorld } from "../cluster/directory/world.ts";
import { assertEquals } from "../support/assert.ts";
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
