// Goal: a node ends as its operator expects, and says so when it cannot start.
// Method: real signals to the process that a service manager would have started, with a publisher
// and viewers on the node.
import { assertEquals, assertMatch } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startNodeChild, startTestNode, type TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

/** Longest a node without clients may take to end, in milliseconds. */
const IDLE_END_MS_MAX = 3_000;

/** A node with one stream and a viewer of each protocol. */
async function busyNode(args: readonly string[]) {
  const node = await startTestNode({ args });
  const stream = await publishNumbered(node, "live/a");
  const followers = await Promise.all(
    VIEWER_PROTOCOLS.map((protocol) => follow(node, protocol, "live/a")),
  );
  for (const follower of followers) await untilPlaying(follower);
  return { node, stream, followers };
}

async function assertGone(node: TestNode): Promise<void> {
  for (const pid of node.ready.pids) {
    await eventually(`process ${pid} is gone`, () => !exists(`/proc/${pid}`));
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test(endToEnd("SIGTERM ends an idle node with exit code 0", {}, async () => {
  await using node = await startTestNode();
  const startMs = performance.now();
  node.signal("SIGTERM");
  assertEquals((await node.ended).code, 0);
  assertWithin(IDLE_END_MS_MAX, performance.now() - startMs, "the end");
  await assertGone(node);
}));

Deno.test(endToEnd(
  "SIGTERM lets viewers go on, takes nobody new, and ends all when time is up",
  {},
  async () => {
    const { node, stream, followers } = await busyNode(["--drain-timeout", "5s"]);
    await using _node = node;
    node.signal("SIGTERM");
    await eventually("not ready", async () => (await fetch(node.httpUrl("readyz"))).status === 503);
    assertEquals((await fetch(node.httpUrl("healthz"))).status, 200);
    using refused = await follow(node, "http-flv", "live/a");
    assertEquals(await refused.viewer.ended, "refused: 503");
    const before = followers.map(({ check }) => check.last);
    await eventually("viewers go on", () => {
      return followers.every(({ check }, index) => check.last > before[index] + 25);
    });
    assertEquals((await node.ended).code, 0);
    for (const { viewer, check } of followers) {
      assertEquals([await viewer.ended, check.lost, check.doubled], ["end of stream", 0, 0]);
    }
    await stream.stop();
    await assertGone(node);
  },
));

Deno.test(endToEnd("SIGTERM ends a node as soon as its last client has left", {}, async () => {
  const { node, stream, followers } = await busyNode(["--drain-timeout", "50s"]);
  await using _node = node;
  node.signal("SIGTERM");
  await delay(500);
  for (const { viewer } of followers) viewer.close();
  await stream.end();
  const startMs = performance.now();
  assertEquals((await node.ended).code, 0);
  assertWithin(IDLE_END_MS_MAX, performance.now() - startMs, "the end");
}));

Deno.test(endToEnd("a second SIGINT stops at once", {}, async () => {
  const { node, stream } = await busyNode(["--drain-timeout", "50s"]);
  await using _node = node;
  node.signal("SIGINT");
  await delay(1_000);
  node.signal("SIGINT");
  const startMs = performance.now();
  await node.ended;
  assertWithin(IDLE_END_MS_MAX, performance.now() - startMs, "the end");
  await stream.stop();
  await assertGone(node);
}));

for (const flag of ["rtmp", "http"] as const) {
  Deno.test(endToEnd(`a taken port is refused by name: --${flag}-port`, {}, async () => {
    await using node = await startTestNode();
    const port = new URL(`http://${node.address(flag)}`).port;
    const data = await Deno.makeTempDir({ prefix: "headwater-data-" });
    await using second = startNodeChild([`--${flag}-port`, port, "--data", data]);
    const { code, stdout, stderr } = await second.ended;
    assertEquals([code, stdout], [2, ""]);
    assertMatch(stderr, new RegExp(`--${flag}-port ${port}: the port is taken`));
    await Deno.remove(data, { recursive: true });
  }));
}

Deno.test(endToEnd("a second node on the same data is refused", {}, async () => {
  await using node = await startTestNode();
  await using second = startNodeChild(["--data", node.dataFolder]);
  const { code, stderr } = await second.ended;
  assertEquals(code, 2);
  assertMatch(stderr, /--data/);
}));
