// Goal: HLS on nodes that have no log of a stream: exact for real players that go from node to
// node, with no subscription and next to no memory there; and one of many players' nodes takes the
// stream itself.
// Method: three real nodes, none standing by; ffmpeg plays both containers through a front that
// sends each request to the next node, while the stream is moved; then requests in numbers.
import { REQUESTS_MAX } from "../../actors/stream/hls_fetches.ts";
import { parseExposition } from "../actors/http/exposition.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames } from "../support/frames.ts";
import { storeWithFfmpeg, tsFrames } from "../support/hls_players.ts";
import { mediaFile } from "../support/media_files.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { apiPathOf, move, subscriptions, untilLive } from "../support/mesh_api.ts";
import type { TestNode } from "../support/node_process.ts";
import { normaliseForTs, publish } from "../support/players.ts";
import { delay, eventually } from "../support/processes.ts";
import { startFront } from "../support/rotating_front.ts";

/** A tick of 90 kHz or 44.1 kHz and the rounding to microseconds and milliseconds. */
const TICK_US = 1_050;

let mesh: TestMesh;

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b", "c"], ["--replicas", "0", "--hls-segment", "1s"]);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

/** A number of a node's metrics. */
async function metric(node: TestNode, name: string): Promise<number> {
  const text = await (await fetch(node.httpUrl("metrics"))).text();
  return parseExposition(text).get(name)!.samples[0].value;
}

/** Nodes that get the stream from its owner, by any node's account. */
async function edgesOf(path: string): Promise<string[]> {
  const { edges } = await mesh.nodes[0].api<{ edges: { node: string }[] }>(apiPathOf(path));
  return edges.map(({ node }) => node);
}

Deno.test(endToEnd("ffmpeg plays from nodes in turn, of which two have nothing of the stream", {
  needs: ["ffmpeg", "redis"],
}, async () => {
  const path = "live/turns";
  const file = await mediaFile("quarter");
  const folder = await Deno.makeTempDir({ prefix: "headwater-fetch-" });
  await using front = startFront(mesh.nodes);
  const publisher = publish(mesh.nodes[0].rtmpUrl(path), file);
  await untilLive(mesh.nodes[1], path);
  const playing = ["?container=ts", ""].map(async (query, index) => {
    return tsFrames(
      await storeWithFfmpeg(front.httpUrl(`${path}.m3u8${query}`), `${folder}/${index}`),
    );
  });
  await delay(7_000);
  assertEquals(await subscriptions(mesh.nodes[0]), { a: 0, b: 0, c: 0 });
  assertEquals(await edgesOf(path), []);
  const [memory, ...others] = await Promise.all(
    mesh.nodes.map((node) => metric(node, "headwater_media_memory_used_bytes")),
  );
  others.forEach((other) => assert(other < memory / 2, `${other} of ${memory}`));
  await move(mesh.nodes[1], path, "c");
  const [source, ...got] = await Promise.all([normaliseForTs(file), ...playing]);
  for (const frames of got) {
    const limits = { toleranceUs: TICK_US, framesMin: source.video.length - 75 };
    assertEquals(compareFrames(source, frames, limits), undefined);
  }
  assertEquals((await publisher.ended).code, 0);
  assertEquals(front.refusals.filter((one) => !one.startsWith("404")), []);
  front.requests.forEach((count) => assert(count > 8, `${front.requests}`));
  const [fetches, shared, jumps] = await Promise.all(
    ["hls_fetches_total", "hls_fetches_shared_total", "edge_received_frames_total"].map((name) =>
      metric(mesh.nodes[1], `headwater_${name}`)
    ),
  );
  assert(fetches > 8 && jumps === 0, `${fetches} fetches, ${shared} shared, ${jumps} frames`);
  await Deno.remove(folder, { recursive: true });
}));

Deno.test(endToEnd("a node of many requests takes the stream itself", {
  needs: ["ffmpeg", "redis"],
}, async () => {
  const path = "live/many";
  const [a, b] = mesh.nodes;
  await using _publisher = publish(a.rtmpUrl(path), await mediaFile("minute"));
  await untilLive(b, path);
  const ask = async () => {
    const response = await fetch(b.httpUrl(`${path}.hls/index.m3u8`));
    await response.body?.cancel();
    return response.status;
  };
  await eventually("its first segment", async () => await ask() === 200);
  assertEquals(await edgesOf(path), []);
  for (let sent = 0; sent < REQUESTS_MAX + 10; sent++) assertEquals(await ask(), 200);
  await eventually("a subscription", async () => (await edgesOf(path)).join() === "b");
  const fetched = await metric(b, "headwater_hls_fetches_total");
  for (let sent = 0; sent < 10; sent++) assertEquals(await ask(), 200);
  assertEquals(await metric(b, "headwater_hls_fetches_total"), fetched);
}));
