// Goal: the directory in Redis keeps the contract, on a real redis-server and a Redis Cluster.
// Method: the suite that memory passes too; then what only Redis can do: be away, hang, be full.
import { testContract } from "../cluster/directory/contract.ts";
import { redisWorld } from "../cluster/directory/redis_world.ts";
import { RedisServer } from "../support/redis_server.ts";

let server: RedisServer;
Deno.test.beforeAll(async () => {
  server = await RedisServer.start();
});
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

testContract("RedisDirectory", () => redisWorld(server.url, [server.admin]));
