// Goal: the directory keeps its contract in a Redis Cluster, and survives the loss of a master.
// Method: three real masters on loopback; the suite of a single server, then one of them killed.
import { DirectoryUnavailable } from "../../cluster/directory/directory.ts";
import { claim } from "../cluster/directory/contract_claims.ts";
import { contractTests } from "../cluster/directory/contract.ts";
import { firstDifference } from "../cluster/directory/histories.ts";
import {
  answering,
  connected,
  keptLog,
  realPorts,
  redisWorld,
} from "../cluster/directory/redis_world.ts";
import { LONG_LEASE_MS, memberOf, memoryWorld } from "../cluster/directory/world.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { RedisCluster } from "../support/redis_server.ts";

const needs = ["redis"] as const;

let starting: Promise<RedisCluster> | undefined;
const cluster = () => starting ??= RedisCluster.start();
Deno.test.afterAll(async () => await (await starting)?.[Symbol.asyncDispose]());

const world = async () => {
  const { url, servers } = await cluster();
  return await redisWorld(url, servers.map(({ admin }) => admin));
};
for (const { name, body } of contractTests("RedisDirectory in a Cluster", world)) {
  Deno.test(endToEnd(name, { needs }, body));
}

Deno.test(endToEnd("memory and a Redis Cluster agree on 10 histories", { needs }, async () => {
  for (let seed = 1_001; seed <= 1_010; seed++) {
    const real = await world();
    try {
      assertEquals(await firstDifference(seed, memoryWorld(), real), undefined);
    } finally {
      await real.close();
    }
  }
}));

Deno.test(endToEnd("a Cluster's slots are all used, each in its place", { needs }, async () => {
  const { url, servers } = await cluster();
  const directory = await connected(url, { mesh: "spread" });
  for (let n = 0; n < 100; n++) {
    assertEquals((await claim(directory, { kind: "s", key: `live/${n}` })).kind, "won");
  }
  const counts = await Promise.all(
    servers.map(async ({ admin }) => (await admin.keys("hw:spread:s:*")).length),
  );
  assertEquals(counts.reduce((sum, count) => sum + count), 100);
  assert(counts.every((count) => count > 10), `${counts}`);
  await directory.close();
}));

Deno.test(endToEnd("a Cluster that loses a master answers for the others", { needs }, async () => {
  await using own = await RedisCluster.start();
  for (const { admin } of own.servers) {
    await admin.config("SET", "cluster-require-full-coverage", "no");
  }
  const log = keptLog();
  const directory = await connected(own.url, { ports: realPorts(log) });
  await directory.join(memberOf("a"), LONG_LEASE_MS);
  await own.servers[0].kill(); // The one that the URL names.
  const keys = Array.from({ length: 30 }, (_, n) => ({ kind: "s", key: `live/${n}` } as const));
  await answering(directory);
  let won = 0;
  for (const key of keys) {
    try {
      if ((await claim(directory, key)).kind === "won") won++;
    } catch (error) {
      assert(error instanceof DirectoryUnavailable);
    }
  }
  assert(won > 0 && won < keys.length, `${won} of ${keys.length}`);
  await directory.close();
}));
