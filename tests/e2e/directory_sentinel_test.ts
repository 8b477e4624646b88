// Goal: with Sentinel the directory finds the master, also when it is another one by now.
// Method: a real master, its replica and three sentinels on loopback; the master is killed.
import { DirectoryUnavailable } from "../../cluster/directory/directory.ts";
import { RedisDirectory } from "../../cluster/directory/redis_directory.ts";
import { claim } from "../cluster/directory/contract_claims.ts";
import {
  answering,
  connected,
  keptLog,
  realPorts,
  targetOf,
} from "../cluster/directory/redis_world.ts";
import { LONG_LEASE_MS, memberOf } from "../cluster/directory/world.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { freePort } from "../support/ports.ts";
import { eventually } from "../support/processes.ts";
import { RedisSentinels } from "../support/redis_server.ts";

const needs = ["redis"] as const;

Deno.test(endToEnd("a directory follows the master that sentinels name", { needs }, async () => {
  await using sentinels = await RedisSentinels.start();
  const log = keptLog();
  const directory = await connected(sentinels.url, { ports: realPorts(log) });
  let hints = 0;
  directory.onHint(() => hints++);
  await directory.join(memberOf("a"), LONG_LEASE_MS);
  const key = { kind: "s", key: "live/cam" } as const;
  const first = await claim(directory, key);
  assert(first.kind === "won");
  assertEquals(await sentinels.master.admin.wait(1, 5_000), 1);

  await sentinels.master.kill();
  await assertRejects(() => directory.members(), DirectoryUnavailable);
  await eventually("another master", async () => {
    try {
      return (await directory.setState("a", 1, "up")) === false;
    } catch {
      return false;
    }
  }, 40_000);
  assertEquals([...(await directory.members()).members.keys()], ["a"]);
  const second = await claim(directory, key, { node: "b", expectedEpoch: first.epoch });
  assert(second.kind === "won" && second.epoch > first.epoch);
  const before = hints;
  await eventually("hints from the new master", async () => {
    await directory.join(memberOf("b"), LONG_LEASE_MS);
    return hints > before + 2;
  });
  const told = log.lines.map(({ message }) => message);
  assertEquals(told, ["directory reached", "directory lost", "directory is back"]);
  await directory.close();
}));

Deno.test(endToEnd("sentinels that are not there are told of once", { needs: [] }, async () => {
  const log = keptLog();
  const target = targetOf(`redis+sentinel://127.0.0.1:${freePort()}/headwater`);
  const directory = new RedisDirectory({ target, mesh: "m", ports: realPorts(log) });
  await eventually("a line that says so", () => log.lines.length > 0);
  await assertRejects(() => directory.members(), DirectoryUnavailable);
  await assertRejects(() => answering(directory, 1_500));
  assertEquals(log.lines.map(({ message }) => message), ["directory lost"]);
  await directory.close();
}));
