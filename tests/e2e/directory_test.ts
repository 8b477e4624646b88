// Goal: the directory in Redis keeps the contract on a real redis-server.
// Method: the suite that memory passes too, then random histories given to both.
import { contractTests } from "../cluster/directory/contract.ts";
import { redisWorld } from "../cluster/directory/redis_world.ts";
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
