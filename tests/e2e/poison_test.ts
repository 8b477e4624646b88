// Goal: an actor that throws is restarted without dropping its viewers, and a stream at which
// everything fails takes no node, no link and no other stream down.
// Method: real nodes in which the stream's name says what fails (`poison_worker.ts`), while a
// healthy stream is watched on both from the first to the last moment.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, type Follower, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { apiPathOf, streamOn, untilLive, untilState } from "../support/mesh_api.ts";
import type { TestNode } from "../support/node_process.ts";
import { REPOSITORY } from "../support/paths.ts";
import { delay, eventually } from "../support/processes.ts";
import type { NumberedStream } from "../support/wire/numbered.ts";

const NEEDS = { needs: ["redis"] } as const;

const HOLD_MS = 2_000;

/** Moves that are asked for: an actor that fails four times within ten seconds is given up. */
const ASKED_TIMES = 6;

/** How long a stream without faults takes to be published and seen, at most, in milliseconds. */
const FRESH_MS_MAX = 5_000;

interface WatchedStream {
  readonly stream: NumberedStream;
  readonly followers: readonly Follower[];
}

let mesh: TestMesh;
let healthy: WatchedStream;

Deno.test.beforeAll(async () => {
  const program = `${REPOSITORY}/tests/e2e/poison_main.ts`;
  mesh = await startMesh(["a", "b"], ["--hold", `${HOLD_MS}ms`], program);
  healthy = await watched("live/healthy");
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

/** A stream of a's with viewers of two kinds on both nodes. */
async function watched(path: string): Promise<WatchedStream> {
  const [a] = mesh.nodes;
  const stream = await publishNumbered(a, path);
  await untilLive(a, path);
  const followers = await Promise.all(
    mesh.nodes.flatMap((node) => [follow(node, "rtmp", path), follow(node, "http-flv", path)]),
  );
  for (const follower of followers) await untilPlaying(follower);
  return { stream, followers };
}

async function assertEnds({ stream, followers }: WatchedStream): Promise<void> {
  const { last: now } = stream;
  await eventually("all have seen it", () => followers.every(({ check }) => check.last >= now));
  const last = await stream.end();
  for (const { viewer, check } of followers) {
    assertEquals(await viewer.ended, "end of stream");
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
  }
}

function failures(node: TestNode, path: string): number {
  return node.logs().filter(({ message, key }) => message === "actor failed" && key === path)
    .length;
}

function askToMove(path: string, to: string): Promise<Response> {
  return mesh.nodes[0].fetchApi(`${apiPathOf(path)}/move`, "POST", { to });
}

/** Asks until it is done; the actor may be down for a moment. */
async function moveAgain(path: string, to: string): Promise<void> {
  await eventually(`${path} moves to ${to}`, async () => {
    const response = await askToMove(path, to);
    await response.body?.cancel();
    return response.status === 204;
  });
}

Deno.test(
  endToEnd("actors that throw come back, and their viewers notice nothing", NEEDS, async () => {
    const [a, b] = mesh.nodes;
    const path = "live/stumbles";
    const seen = await watched(path);
    await moveAgain(path, "b");
    assertEquals((await streamOn(a, path)).owner, "b");
    await moveAgain(path, "a");
    assert(failures(a, path) >= 1, `${failures(a, path)} failures at a`);
    assert(failures(b, path) >= 1, `${failures(b, path)} failures at b`);
    await assertEnds(seen);
  }),
);

Deno.test(endToEnd("a hold ends in time though its actor was restarted", NEEDS, async () => {
  const [a] = mesh.nodes;
  const path = "live/stumbles-held";
  const stream = await publishNumbered(a, path);
  await untilLive(a, path);
  using follower = await follow(a, "rtmp", path);
  await untilPlaying(follower);
  await stream.stop();
  await untilState(a, path, "hold");
  const response = await askToMove(path, "b");
  await response.body?.cancel();
  const before = failures(a, path);
  assert(before >= 1, "nothing has failed");
  assertEquals(await follower.viewer.ended, "end of stream");
  assertEquals(follower.check.lost, 0);
}));

Deno.test(
  endToEnd("actors that always throw are given up, and their viewers play on", NEEDS, async () => {
    const [a] = mesh.nodes;
    const path = "live/falls";
    const stream = await publishNumbered(a, path);
    await untilLive(a, path);
    using follower = await follow(a, "rtmp", path);
    await untilPlaying(follower);
    for (let asked = 0; asked < ASKED_TIMES; asked++) {
      const response = await askToMove(path, "b");
      assertEquals(response.status, 409, await response.text());
      await delay(150 * asked); // Beyond the restart's own pause.
    }
    await a.waitForLog(
      "given up",
      ({ message, key }) => message === "actor given up" && key === path,
    );
    const { last } = stream;
    await eventually("it plays on", () => follower.check.last > last + 10);
    const end = await stream.end();
    assertEquals(await follower.viewer.ended, "end of stream");
    assertEquals([follower.check.lost, follower.check.last], [0, end]);
  }),
);

Deno.test(
  endToEnd(
    "a stream of which no bytes can be made ends alone, and may come again",
    NEEDS,
    async () => {
      const [a] = mesh.nodes;
      const path = "live/rots";
      for (let round = 0; round < 2; round++) {
        const { stream, followers } = await watched(path);
        await Promise.all(followers.map(({ viewer }) => viewer.ended));
        // Its encoder is told, too: what it sends reaches nobody any more.
        await stream.lost;
        await stream.stop();
        const failed = a.logs().filter(({ message }) => message === "stream failed, ended");
        assert(failed.length > round);
      }
    },
  ),
);

Deno.test(
  endToEnd("none of it was noticed by a stream beside it, and both nodes live", NEEDS, async () => {
    for (const node of mesh.nodes) {
      for (const pid of node.ready.pids) Deno.kill(pid, "SIGCONT"); // Throws when it is gone.
      assertEquals((await node.fetchApi("nodes")).status, 200);
    }
    const startMs = performance.now();
    const fresh = await watched("live/fresh");
    const tookMs = performance.now() - startMs;
    assert(tookMs < FRESH_MS_MAX, `${tookMs} ms`);
    await assertEnds(fresh);
    await assertEnds(healthy);
  }),
);
