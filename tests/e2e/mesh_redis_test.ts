// Goal: Redis decides and does not carry: a node asks it twice a second at most, whatever streams
// and viewers there are; and no name of a stream reaches another key of it.
// Method: three real nodes; MONITOR of a real redis-server sees every command that a client sends,
// and tells those that scripts call apart; names that would break out of a key, if any could.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { get, watchHls } from "../support/hls_watch.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { apiPathOf, untilLive } from "../support/mesh_api.ts";
import { delay, eventually } from "../support/processes.ts";

const NEEDS = { needs: ["redis"] } as const;

/** How long commands are counted, in milliseconds. */
const WATCH_MS = 10_000;

/** Most round trips of a node in a second. */
const ROUND_TRIPS_MAX = 2;

/** Commands of one connection that come closer together were sent in one go, in seconds. */
const PIPELINE_SECONDS = 0.002;

let mesh: TestMesh;

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b", "c"]);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

Deno.test(
  endToEnd(
    "a node asks Redis twice a second at most, with streams and viewers",
    NEEDS,
    async () => {
      const { nodes, redis } = mesh;
      const paths = Array.from({ length: 9 }, (_, at) => `live/steady-${at}`);
      const streams = await Promise.all(
        paths.map((path, at) => publishNumbered(nodes[at % 3], path)),
      );
      const followers = await Promise.all(
        paths.flatMap((path) =>
          nodes.map((node, at) => follow(node, (["rtmp", "http-flv", "ws-flv"] as const)[at], path))
        ),
      );
      for (const follower of followers) await untilPlaying(follower);
      const hls = nodes.map((node) => watchHls(node, paths[0], "fmp4"));
      for (const watching of hls) watching.catch(() => {}); // Awaited below.
      await delay(1_500); // What was found out about the new streams has been.

      const commands = new Map<string, number>();
      const monitor = await redis.admin.monitor();
      const lastAt = new Map<string, number>();
      monitor.on("monitor", (time: string, args: string[], source: string) => {
        if (source === "lua") return; // Called by a script, within its round trip.
        const at = Number(time);
        const together = at - (lastAt.get(source) ?? 0) < PIPELINE_SECONDS;
        lastAt.set(source, at);
        const name = together ? "with the one before" : args[0];
        commands.set(name, (commands.get(name) ?? 0) + 1);
      });
      const fromMs = performance.now();
      await delay(WATCH_MS);
      const seconds = (performance.now() - fromMs) / 1_000;
      monitor.disconnect();
      const said = JSON.stringify(Object.fromEntries(commands));
      commands.delete("with the one before");
      const perNode = [...commands.values()].reduce((sum, count) => sum + count, 0) / 3 / seconds;
      console.log(`${perNode.toFixed(2)} round trips a second and node: ${said}`);
      assert(perNode > 1, `Cannot have seen them all: ${said}`);
      assert(perNode <= ROUND_TRIPS_MAX, said);

      for (const { check } of followers) assertEquals([check.lost, check.doubled], [0, 0]);
      await Promise.all(streams.map((stream) => stream.end()));
      await Promise.all(hls);
    },
  ),
);

const NAMES = [
  "{curly} braces:and*colons",
  "x}:own",
  "x/{c}:members",
  "hw:headwater:{c}:view",
  "a b?[!'()*.~]\\\"$(x)",
  "Straße 東京 🎥 \u0301",
  "%2e%2e%7B%00",
  "l".repeat(300),
  "東".repeat(160),
];

/** As a client writes it into a path. */
const escaped = (name: string) => name.split("/").map(encodeURIComponent).join("/");

Deno.test(
  endToEnd("a stream of any name is one on every node, and no other key's", NEEDS, async () => {
    // Side by side: most of the time is waiting for a first segment.
    const outcomes = await Promise.allSettled(NAMES.map(isOne));
    const faults = outcomes.flatMap((outcome, at) =>
      outcome.status === "fulfilled" ? [] : [`${NAMES[at]}: ${outcome.reason}`]
    );
    assertEquals(faults, []);
  }),
);

async function isOne(name: string): Promise<void> {
  const [a, b, c] = mesh.nodes;
  const path = `live/${escaped(name)}`;
  const stream = await publishNumbered(a, path);
  const info = await untilLive(b, `live/${name}`);
  assertEquals([info.app, info.name, info.owner], ["live", name, "a"]);
  const followers = [
    await follow(b, "rtmp", path),
    await follow(b, "http-flv", path),
    await follow(c, "ws-flv", path),
  ];
  for (const follower of followers) await untilPlaying(follower);
  await keysAreOurs(name);
  const { items } = await c.api<{ items: { name: string }[] }>("streams");
  assert(items.some((item) => item.name === name), "it is not listed");
  assertMatch(await (await get(c.httpUrl(`${path}.m3u8`))).text(), /#EXT-X-STREAM-INF/);
  const [watched] = await Promise.all([watchHls(b, path, "ts"), stream.end()]);
  assert(watched.segments.length > 0);
  for (const { viewer, check } of followers) {
    assertEquals(await viewer.ended, "end of stream");
    assertEquals([check.lost, check.doubled], [0, 0]);
  }
  await eventually("it is not listed any more", async () => {
    const response = await b.fetchApi(apiPathOf(`live/${name}`));
    await response.body?.cancel();
    return response.status === 404;
  });
}

/** A record of a member, or of a stream, whose name can be nothing else. */
const KEY = /^hw:headwater:(?:\{c\}:(?:[a-z]+|lease:[abc]|votes:[abc])|s:\{[\w%-]+\}:(?:own|tl))$/;

/** The stream has its own record, and there is no key that nobody should have written. */
async function keysAreOurs(name: string): Promise<void> {
  const { admin } = mesh.redis;
  const keys = await admin.keys("*");
  assertEquals(keys.filter((key) => !KEY.test(key)), []);
  const encoded = encodeURIComponent(`live/${name}`)
    .replace(/[!'()*.~]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  assert(keys.includes(`hw:headwater:s:{${encoded}}:own`), keys.join(" "));
  assertEquals((await admin.hkeys("hw:headwater:{c}:members")).sort(), ["a", "b", "c"]);
}
