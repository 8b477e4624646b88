// Goal: the API of any node is the API of the mesh, and tells what happens anywhere in it; a name
// that is given twice belongs to the newer node.
// Method: three real nodes; streams and viewers on some of them, questions to the others.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { EventReader, type ToldEvent } from "../support/event_reader.ts";
import { follow, type Follower, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import {
  apiPathOf,
  linksOf,
  move,
  type StreamItem,
  streamOn,
  untilLive,
} from "../support/mesh_api.ts";
import { memberOn } from "../support/mesh_raw_socket.ts";
import type { TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";
import { parseExposition } from "../actors/http/exposition.ts";
import type { NumberedStream } from "../support/wire/numbered.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

const NEEDS = { needs: ["redis"] } as const;

interface EdgeItem {
  readonly node: string;
  readonly from: string;
  readonly viewers: number;
  readonly framesIn: number;
  readonly bytesIn: number;
  readonly jumps: number;
}

interface SessionItem {
  readonly id: string;
  readonly node: string;
  readonly role: string;
  readonly protocol: string;
  readonly name: string;
}

let mesh: TestMesh;

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b", "c"]);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

/** A stream on a, watched on b and c. */
async function watched(path: string): Promise<{ stream: NumberedStream; viewers: Follower[] }> {
  const [a, b, c] = mesh.nodes;
  const stream = await publishNumbered(a, path);
  await untilLive(b, path);
  const viewers = await Promise.all([
    ...VIEWER_PROTOCOLS.map((protocol) => follow(b, protocol, path)),
    follow(c, "rtmp", path),
  ]);
  for (const viewer of viewers) await untilPlaying(viewer);
  return { stream, viewers };
}

async function sessionsOf(node: TestNode, name: string): Promise<SessionItem[]> {
  const { items } = await node.api<{ items: SessionItem[] }>("sessions?limit=500");
  return items.filter((item) => item.name === name);
}

async function remove(node: TestNode, path: string): Promise<number> {
  const response = await node.fetchApi(path, "DELETE");
  await response.body?.cancel();
  return response.status;
}

/** Numbers of a node's metrics by name and, where they have one, label. */
async function metricsOf(node: TestNode): Promise<Record<string, number>> {
  const text = await (await fetch(node.httpUrl("metrics"))).text();
  return Object.fromEntries(
    [...parseExposition(text)].flatMap(([name, { samples }]) =>
      samples.map(({ labels, value }) => [[name, ...Object.values(labels)].join(" "), value])
    ),
  );
}

Deno.test(
  endToEnd(
    "any node lists all streams, sessions and links, and ends any of them",
    NEEDS,
    async () => {
      const [a, b, c] = mesh.nodes;
      const path = "live/listed";
      const { stream, viewers } = await watched(path);
      for (const node of mesh.nodes) {
        const { viewers, owner, ingest } = await streamOn(node, path);
        assertEquals([owner, ingest, viewers.total], ["a", "a", 4]);
        assertEquals({ ...viewers.byProtocol }, { "rtmp": 2, "http-flv": 1, "ws-flv": 1 });
        const sessions = await sessionsOf(node, "listed");
        const told = sessions.map(({ node, role }) => `${role} ${node}`).sort();
        assertEquals(told, ["play b", "play b", "play b", "play c", "publish a"]);
        const links = await linksOf(node);
        const out = links.find(({ node, peer, direction }) =>
          node === "b" && peer === "a" && direction === "out"
        );
        assert(out !== undefined && out.subscriptionsOut >= 1 && out.bytesIn > 1_000, "b to a");
        const into = links.find(({ node, peer, direction }) =>
          node === "a" && peer === "b" && direction === "in"
        );
        assert(into !== undefined && into.subscriptionsIn >= 1 && into.framesOut > 10, "a from b");
      }
      await eventually("b's edge is told", async () => {
        const { edges } = await c.api<StreamItem & { edges: readonly EdgeItem[] }>(apiPathOf(path));
        const edge = edges.find(({ node }) => node === "b");
        if (edge === undefined || edge.framesIn < 50) return false;
        assertEquals([edge.from, edge.viewers, edge.jumps], ["a", 3, 0]);
        return edge.bytesIn > 20_000;
      });

      // One viewer of b, from c; then the publisher's stream, from b.
      const kicked = (await sessionsOf(c, "listed")).find(({ node, protocol }) =>
        node === "b" && protocol === "http-flv"
      )!;
      assertEquals(await remove(c, `sessions/${encodeURIComponent(kicked.id)}`), 204);
      await viewers[1].viewer.ended;
      await untilPlaying(viewers[0], viewers[0].check.last - viewers[0].check.first + 10);
      assertEquals((await sessionsOf(a, "listed")).length, 4);
      assertEquals(await remove(b, apiPathOf(path)), 204);
      for (const { viewer } of viewers) await viewer.ended;
      await stream.lost;
      await eventually("nobody has it", async () => await remove(c, apiPathOf(path)) === 404);
      const publisher = await publishNumbered(a, path);
      const [session] = await eventually("it is listed", async () => {
        const sessions = await sessionsOf(c, "listed");
        return sessions.length > 0 && sessions;
      });
      assertEquals(await remove(c, `sessions/${encodeURIComponent(session.id)}`), 204);
      await publisher.lost;
    },
  ),
);

Deno.test(endToEnd("metrics tell of each link, and of what edges get", NEEDS, async () => {
  const [a, b] = mesh.nodes;
  const path = "live/measured";
  const before = await metricsOf(b);
  const { stream, viewers } = await watched(path);
  const FRAMES = "headwater_edge_received_frames_total";
  await eventually("the round-trip time is known, and two seconds were sent", async () => {
    const now = await metricsOf(b);
    return now["headwater_link_rtt_seconds a"] > 0 && now[FRAMES] - before[FRAMES] > 100;
  });
  const [ofA, ofB] = [await metricsOf(a), await metricsOf(b)];
  const risen = (name: string) => ofB[name] - (before[name] ?? 0);
  assert(risen("headwater_link_received_bytes_total a") > 10_000);
  assert(risen("headwater_link_received_frames_total a") > 10);
  assert(risen("headwater_edge_received_frames_total") > 10);
  assert(risen("headwater_edge_received_bytes_total") > 10_000);
  assertEquals(risen("headwater_received_frames_total"), 0);
  assert(ofB["headwater_link_streams_received a"] >= 1);
  assert(ofA["headwater_link_streams_sent b"] >= 1);
  assertEquals(ofA["headwater_link_credit_stalls_total b"], 0);
  assertEquals(ofA["headwater_link_jumps_total b"], 0);
  await stream.end();
  for (const { viewer } of viewers) await viewer.ended;
}));

Deno.test(endToEnd("events of every node are told by any of them", NEEDS, async () => {
  const [a, b, c] = mesh.nodes;
  const path = "live/told";
  await using onC = await EventReader.open(c);
  await using onB = await EventReader.open(b);
  // What happens before a node is first asked is not told.
  const first = await publishNumbered(a, path);
  const of = (kind: string) => (event: ToldEvent) => event.kind === kind && event.name === "told";
  const both = async (kind: string) => {
    await onB.wait(kind, of(kind));
    return await onC.wait(kind, of(kind));
  };
  const started = await both("stream-started");
  assertEquals([started.app, started.node, started.ingest], ["live", "a", "a"]);
  await move(c, path, "b");
  assertEquals((await both("stream-moved")).to, "b");
  await first.stop();
  assertEquals((await both("stream-held")).node, "b");
  const second = await publishNumbered(c, path);
  const resumed = await both("stream-resumed");
  assertEquals([resumed.node, resumed.ingest], ["b", "c"]);
  await second.end();
  await both("stream-ended");

  const d = await mesh.add("d");
  for (const reader of [onB, onC]) {
    await reader.wait("d joined", ({ kind, node }) => kind === "node-joined" && node === "d");
  }
  await d.stop();
  for (const reader of [onB, onC]) {
    await reader.wait("d left", ({ kind, node }) => kind === "node-left" && node === "d");
  }
}));

Deno.test(endToEnd("a name given twice is the newer node's until that leaves", NEEDS, async () => {
  const [a, b, c] = mesh.nodes;
  const path = "live/kept";
  const stream = await publishNumbered(b, path);
  await untilLive(c, path);
  using follower = await follow(c, "rtmp", path);
  await untilPlaying(follower);
  // The older one serves its viewers through its links as long as it may have any.
  const older = await memberOn(b, "a");
  const newer = await mesh.add("a");
  await a.waitForLog("it is fenced", ({ message }) => /expelled from the mesh/.test(`${message}`));
  await a.waitForLog("it waits", ({ message }) => /another node has this name/.test(`${message}`));
  const member = await memberOn(c, "a");
  assert(member.incarnation > older.incarnation);
  assertEquals(member.addresses.rtmp, newer.ready.addresses.rtmp);
  // The newer one takes part.
  using through = await follow(newer, "http-flv", path);
  await untilPlaying(through);
  const ofNewer = await publishNumbered(newer, "live/newer");
  await untilLive(c, "live/newer");
  using watching = await follow(c, "ws-flv", "live/newer");
  await untilPlaying(watching, 100); // For some renewals of everybody.
  assertEquals((await memberOn(c, "a")).incarnation, member.incarnation);
  await ofNewer.end();
  through[Symbol.dispose](); // It would be drained for long.
  await newer.stop();
  await eventually("the older one is back", async () => {
    const { items } = await c.api<{ items: { name: string; addresses: { rtmp?: string } }[] }>(
      "nodes",
    );
    return items.some(({ name, addresses }) =>
      name === "a" && addresses.rtmp === older.addresses.rtmp
    );
  });
  using again = await follow(a, "http-flv", path);
  await untilPlaying(again);
  const { check } = follower;
  await untilPlaying(follower, check.last - check.first + 10);
  assertEquals([check.lost, check.doubled], [0, 0]);
  await stream.end();
}));
