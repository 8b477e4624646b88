// Goal: without Redis everything goes on, new viewers and new publishers included; when it is back,
// empty, it is told what there is, and nothing changes its owner.
// Method: three real nodes; redis-server is killed and started again empty on the same port;
// numbered frames tell whether a viewer missed anything.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh } from "../support/mesh.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { RedisServer } from "../support/redis_server.ts";

const NEEDS = { needs: ["redis"], timeoutMs: 90_000 } as const;

/** Longer than a lease. */
const AWAY_MS = 4_000;

interface StreamItem {
  readonly owner: string;
  readonly state: string;
  readonly epoch: number;
}

function streamOn(node: TestNode, name: string): Promise<StreamItem> {
  return node.api<StreamItem>(`streams/live/${name}`);
}

Deno.test(
  endToEnd("a mesh goes on without Redis, and with one that came back empty", NEEDS, async () => {
    await using mesh = await startMesh(["a", "b", "c"]);
    const [a, b, c] = mesh.nodes;
    const before = await publishNumbered(a, "live/before");
    using old = await follow(b, "rtmp", "live/before");
    await untilPlaying(old);
    const { epoch } = await streamOn(b, "before");

    await mesh.redis.kill();
    await delay(1_000);
    using late = await follow(c, "http-flv", "live/before");
    await untilPlaying(late);
    const during = await publishNumbered(c, "live/during");
    using joined = await follow(b, "rtmp", "live/during");
    await untilPlaying(joined);
    await delay(AWAY_MS);
    assertEquals((await streamOn(b, "before")).epoch, epoch);
    for (const node of mesh.nodes) {
      const healthy = await fetch(node.httpUrl("healthz"));
      assertEquals([healthy.status, await healthy.text().then((text) => text !== "")], [200, true]);
    }

    await using redis = await RedisServer.start({ port: mesh.redis.port });
    await eventually("all nodes are back", async () => {
      const { items } = await a.api<{ items: unknown[] }>("nodes");
      return items.length === 3;
    });
    await delay(AWAY_MS);
    const known = await streamOn(b, "before");
    assertEquals([known.owner, known.state, known.epoch], ["a", "live", epoch]);
    const fresh = await streamOn(a, "during");
    assertEquals([fresh.owner, fresh.state], ["c", "live"]);
    await eventually("what is owned is in Redis again", async () => {
      const keys = await redis.admin.keys("hw:headwater:s:*");
      return keys.length >= 2;
    });
    const after = await publishNumbered(b, "live/after");
    using last = await follow(a, "rtmp", "live/after");
    await untilPlaying(last);
    for (const { check } of [old, late, joined, last]) {
      assertEquals([check.lost, check.doubled], [0, 0]);
    }
    assert(before.last - old.check.last < 25, `${before.last - old.check.last} behind`);
    for (const stream of [before, during, after]) await stream.end();
  }),
);

Deno.test(endToEnd("a node that alone has lost Redis hands its streams over", NEEDS, async () => {
  await using mesh = await startMesh(["a", "b"]);
  const [a, b] = mesh.nodes;
  const cut = await cutNode(mesh.redis.port, "cut");
  mesh.nodes.push(cut.node);
  const stream = await publishNumbered(a, "live/cut");
  const moved = await a.fetchApi("streams/live/cut/move", "POST", { to: "cut" });
  assertEquals(moved.status, 204);
  using viewer = await follow(b, "rtmp", "live/cut");
  await untilPlaying(viewer);
  cut.cut();
  await eventually("another node owns it", async () => (await streamOn(b, "cut")).owner !== "cut");
  await untilPlaying(viewer, viewer.check.last - viewer.check.first + 50);
  assertEquals([viewer.check.lost, viewer.check.doubled], [0, 0]);
  await stream.end();
}));

/** A node whose way to Redis, and that alone, can be cut. */
async function cutNode(port: number, name: string): Promise<{ node: TestNode; cut: () => void }> {
  const relay = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns = new Set<Deno.Conn>();
  (async () => {
    for await (const near of relay) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      conns.add(near).add(far);
      near.readable.pipeTo(far.writable).catch(() => {});
      far.readable.pipeTo(near.writable).catch(() => {});
    }
  })().catch(() => {});
  const redis = `redis://127.0.0.1:${(relay.addr as Deno.NetAddr).port}`;
  const args = ["--redis", redis, "--mesh-port", "0", "--name", name];
  const node = await startTestNode({ args });
  return {
    node,
    cut() {
      relay.close();
      for (const conn of conns) {
        try {
          conn.close();
        } catch {
          // Closed by its other end.
        }
      }
    },
  };
}
