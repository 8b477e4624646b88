// Goal: a Redis that is away, hangs, refuses or is somebody else's costs waiting, never more.
// Method: a real redis-server, killed, stopped, filled up and started again under a directory.
import { DirectoryUnavailable } from "../../cluster/directory/directory.ts";
import { MEMBERS_MAX } from "../../cluster/directory/checks.ts";
import { RedisDirectory } from "../../cluster/directory/redis_directory.ts";
import { CALL_MS } from "../../cluster/directory/redis_settings.ts";
import { claim } from "../cluster/directory/contract_claims.ts";
import {
  answering,
  connected,
  keptLog,
  realPorts,
  targetOf,
} from "../cluster/directory/redis_world.ts";
import { LONG_LEASE_MS, memberOf, NO_LOAD } from "../cluster/directory/world.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { REPOSITORY } from "../support/paths.ts";
import { freePort } from "../support/ports.ts";
import { eventually, runTool } from "../support/processes.ts";
import { RedisServer } from "../support/redis_server.ts";

const needs = ["redis"] as const;
const KEY = { kind: "s", key: "live/cam" } as const;

Deno.test(endToEnd("a directory starts before its Redis, and finds it", { needs }, async () => {
  const log = keptLog();
  const port = freePort();
  const target = targetOf(`redis://:hunter2@127.0.0.1:${port}`);
  const directory = new RedisDirectory({ target, mesh: "m", ports: realPorts(log) });
  let hints = 0;
  directory.onHint(() => hints++);
  const error = await assertRejects(() => directory.members(), DirectoryUnavailable);
  assertMatch(error.message, /not connected yet|ECONNREFUSED/);
  await eventually("a line that says so", () => log.lines.length > 0);
  await using _server = await RedisServer.start({
    ...{ port, password: "hunter2", args: ["--requirepass", "hunter2"] },
  });
  await answering(directory);
  await hintsFollow(directory, () => hints);
  assertEquals(log.lines.map(({ message }) => message), ["directory lost", "directory reached"]);
  assertEquals(log.lines[0].fields.redis, `redis://127.0.0.1:${port}/0`);
  await directory.close();
}));

Deno.test(endToEnd("a Redis that was killed is used again, hints too", { needs }, async () => {
  const log = keptLog();
  const port = freePort();
  const first = await RedisServer.start({ port });
  const directory = await connected(first.url, { ports: realPorts(log) });
  let hints = 0;
  directory.onHint(() => hints++);
  const { incarnation } = await directory.join(memberOf("a"), LONG_LEASE_MS);
  const pending = Promise.allSettled(Array.from({ length: 20 }, () => directory.members()));
  await first[Symbol.asyncDispose]();
  for (const result of await pending) {
    if (result.status === "rejected") assert(result.reason instanceof DirectoryUnavailable);
  }
  await assertRejects(() => directory.members(), DirectoryUnavailable);
  await assertRejects(() => directory.lookup([KEY, KEY]), DirectoryUnavailable);

  await using _second = await RedisServer.start({ port });
  await answering(directory);
  const renewal = { node: "a", incarnation, leaseMs: LONG_LEASE_MS, load: NO_LOAD, watched: [] };
  assertEquals(await directory.renew(renewal), { ok: false, reason: "unknown" });
  await hintsFollow(directory, () => hints);
  const told = log.lines.map(({ message }) => message);
  assertEquals(told, ["directory reached", "directory lost", "directory is back"]);
  await directory.close();
}));

Deno.test(endToEnd("what a hung Redis finds later refuses itself", { needs }, async () => {
  await using server = await RedisServer.start();
  const directory = await connected(server.url, { callMs: CALL_MS });
  const patient = await connected(server.url);
  const { nowUs } = await patient.join(memberOf("a"), LONG_LEASE_MS);
  server.pause();
  const startMs = performance.now();
  const request = { deadlineUs: nowUs + CALL_MS * 1_000 };
  const waited = claim(directory, KEY, request);
  const error = await assertRejects(() => waited, DirectoryUnavailable);
  assertMatch(error.message, /no answer within 300 ms|timed out/);
  const waitedMs = performance.now() - startMs;
  assert(waitedMs < 5_000, `waited ${waitedMs} ms`);
  server.resume();
  assertEquals(await patient.lookup([KEY]), [undefined]); // The claim arrived, and was late.
  await answering(directory);
  await directory.close();
  await patient.close();
}));

Deno.test(endToEnd("a Redis that hangs for long is left and found again", { needs }, async () => {
  await using server = await RedisServer.start();
  const log = keptLog();
  const directory = await connected(server.url, { ports: realPorts(log), callMs: CALL_MS });
  server.pause();
  await eventually("a connection that is given up", async () => {
    await assertRejects(() => directory.members(), DirectoryUnavailable);
    return log.lines.some(({ message }) => message === "directory lost");
  }, 10_000);
  server.resume();
  await answering(directory);
  await directory.close();
}));

Deno.test(endToEnd("a wrong password is told, and not repeated", { needs }, async () => {
  await using server = await RedisServer.start({
    ...{ password: "right", args: ["--requirepass", "right"] },
  });
  const log = keptLog();
  const target = targetOf(`redis://:hunter2@127.0.0.1:${server.port}`);
  const directory = new RedisDirectory({ target, mesh: "m", ports: realPorts(log) });
  const line = await eventually("a line that says so", () => log.lines[0]);
  assertMatch(String(line.fields.reason), /WRONGPASS/);
  const error = await assertRejects(() => directory.members(), DirectoryUnavailable);
  assertMatch(error.message, /WRONGPASS/);
  assert(!JSON.stringify([log.lines, error.message]).includes("hunter2"));
  await directory.close();
}));

Deno.test(
  endToEnd("a user with few rights is enough", { needs }, async () => {
    await using server = await RedisServer.start();
    await server.admin.call("ACL", "SETUSER", "app", "on", ">pass", ...RIGHTS);
    const directory = await connected(`redis://app:pass@127.0.0.1:${server.port}/0`);
    let hints = 0;
    directory.onHint(() => hints++);
    const { incarnation } = await directory.join(memberOf("a"), LONG_LEASE_MS);
    const renewal = {
      node: "a",
      incarnation,
      leaseMs: LONG_LEASE_MS,
      load: NO_LOAD,
      watched: ["a"],
    };
    assert((await directory.renew(renewal)).ok);
    assertEquals((await claim(directory, KEY)).kind, "won");
    assertEquals((await directory.lookup([KEY, KEY])).length, 2);
    assertEquals(await directory.sharedSecret("x"), "x");
    await hintsFollow(directory, () => hints);
    await directory.leave("a", incarnation);
    await directory.close();
  }),
);

Deno.test(
  endToEnd("a Redis without memory left refuses, and the log tells", { needs }, async () => {
    await using server = await RedisServer.start({ args: ["--maxmemory-policy", "noeviction"] });
    const log = keptLog();
    const directory = await connected(server.url, { ports: realPorts(log) });
    await directory.join(memberOf("a"), LONG_LEASE_MS);
    await server.admin.config("SET", "maxmemory", "1");
    const error = await assertRejects(() => claim(directory, KEY), DirectoryUnavailable);
    assertMatch(error.message, /OOM/);
    await assertRejects(() => claim(directory, KEY), DirectoryUnavailable);
    const told = log.lines.map(({ message }) => message);
    assertEquals(told, ["directory reached", "directory refuses"]);
    await server.admin.config("SET", "maxmemory", "0");
    assertEquals((await claim(directory, KEY)).kind, "won");
    await directory.close();
  }),
);

Deno.test(endToEnd("a mesh that has all its nodes takes no more", { needs }, async () => {
  await using server = await RedisServer.start();
  const directory = await connected(server.url, { mesh: "m" });
  await directory.join(memberOf("a"), LONG_LEASE_MS);
  for (let n = 1; n < MEMBERS_MAX; n++) await server.admin.hset("hw:m:{c}:members", `n${n}`, "x");
  const join = () => directory.join(memberOf("b"), LONG_LEASE_MS);
  assertMatch((await assertRejects(join, DirectoryUnavailable)).message, /all its nodes/);
  await directory.join(memberOf("a"), LONG_LEASE_MS);
  await server.admin.hdel("hw:m:{c}:members", "n1");
  await join();
  await directory.close();
}));

Deno.test(endToEnd("keys of another type are no reason to fall over", { needs }, async () => {
  await using server = await RedisServer.start();
  const directory = await connected(server.url, { mesh: "m" });
  await server.admin.set("hw:m:s:{live%2Fcam}:own", "somebody else's");
  await assertRejects(() => claim(directory, KEY), DirectoryUnavailable);
  await assertRejects(() => directory.lookup([KEY]), DirectoryUnavailable);
  await server.admin.hset("hw:m:{c}:members", "b", "nonsense");
  await directory.join(memberOf("a"), LONG_LEASE_MS);
  assertEquals([...(await directory.members()).members.keys()], ["a"]);
  await directory.close();
}));

Deno.test(
  endToEnd("TLS: a certificate of the given authority, and no other", {
    needs: ["redis", "openssl"],
  }, async () => {
    const folder = await Deno.makeTempDir({ prefix: "headwater-tls-" });
    await makeCertificate(folder);
    const file = (name: string) => `${folder}/${name}`;
    const port = freePort();
    await using _server = await RedisServer.start({
      port: freePort(), // The tests' own way in is plain.
      args: [
        ...["--tls-port", String(port), "--tls-auth-clients", "no"],
        ...["--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem")],
        ...["--tls-ca-cert-file", file("ca.pem")],
      ],
    });
    const ca = await Deno.readTextFile(file("ca.pem"));
    const directory = await connected(`rediss://127.0.0.1:${port}`, { ca });
    assertEquals((await claim(directory, KEY)).kind, "won");
    await directory.close();

    const log = keptLog();
    const target = targetOf(`rediss://127.0.0.1:${port}`);
    const stranger = new RedisDirectory({ target, mesh: "m", ports: realPorts(log) });
    const line = await eventually("a line that says so", () => log.lines[0]);
    assertMatch(String(line.fields.reason), /certificate|issuer|CA|authority/i);
    await assertRejects(() => stranger.members(), DirectoryUnavailable);
    await stranger.close();
    await Deno.remove(folder, { recursive: true });
  }),
);

Deno.test(endToEnd("it needs no permission but the network", { needs }, async () => {
  await using server = await RedisServer.start();
  const program = `${REPOSITORY}/tests/cluster/directory/least_permissions.ts`;
  const permissions = [`--allow-net=127.0.0.1:${server.port}`, "--ignore-env"];
  const args = ["run", "--no-prompt", "--no-check", "--quiet", ...permissions, program, server.url];
  const output = await runTool(Deno.execPath(), args, { timeoutMs: 30_000, cwd: REPOSITORY });
  assertEquals(output, "joined, 1 member\n");
}));

Deno.test(endToEnd("one call is one command, and renewing is one call", { needs }, async () => {
  await using server = await RedisServer.start();
  const directory = await connected(server.url);
  const { incarnation } = await directory.join(memberOf("a"), LONG_LEASE_MS);
  const renewal = { node: "a", incarnation, leaseMs: LONG_LEASE_MS, load: NO_LOAD };
  const renew = () => directory.renew({ ...renewal, watched: ["b", "c"] });
  await renew(); // The first call of a script brings its text along.
  const before = { calls: directory.roundTrips, commands: await commandsOf(server) };
  for (let round = 0; round < 10; round++) await renew();
  assertEquals(directory.roundTrips - before.calls, 10);
  assertEquals(await commandsOf(server) - before.commands, 10);
  await directory.close();
}));

/** What a user of a single Redis must be allowed. */
const RIGHTS = [
  ...["resetchannels", "~hw:*", "&hw:*", "-@all"],
  ...["+@read", "+@write", "+@connection", "+@pubsub", "+@scripting", "+info", "+time"],
];

/** Changes the view until hints of it arrive: more than the one that a new subscription gives. */
async function hintsFollow(directory: RedisDirectory, hints: () => number): Promise<void> {
  const before = hints();
  await eventually("hints", async () => {
    await directory.join(memberOf("somebody"), LONG_LEASE_MS);
    return hints() > before + 2;
  });
}

/** Scripts that clients have run so far. */
async function commandsOf(server: RedisServer): Promise<number> {
  const stats = await server.admin.info("commandstats");
  const counts = [...stats.matchAll(/^cmdstat_(?:eval|evalsha):calls=(\d+)/gm)];
  return counts.reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** An authority, and a certificate of its for 127.0.0.1. */
async function makeCertificate(folder: string): Promise<void> {
  const openssl = (args: string[]) => runTool("openssl", args, { timeoutMs: 30_000, cwd: folder });
  await Deno.writeTextFile(
    `${folder}/ext`,
    "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
  );
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(["req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca"]);
  await openssl(["req", ...key, "-keyout", "key.pem", "-out", "csr", "-subj", "/CN=redis"]);
  const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext"];
  await openssl(["x509", "-req", "-in", "csr", "-out", "cert.pem", ...sign]);
}
