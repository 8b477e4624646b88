// Goal: hosts that share a Redis are one server: what is published to one node plays from every
// other by every protocol, bit-exact, over one subscription an edge; the same after a move.
// Method: three real nodes and a real redis-server; ffmpeg publishes to A, players and the tests'
// own strict readers play from B and C; HLS is fetched from the nodes in turn.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { collectFlv } from "../support/flv_frames.ts";
import { compareFrames, type Frames } from "../support/frames.ts";
import { tsFrames } from "../support/hls_players.ts";
import { normaliseForTs } from "../support/players.ts";
import { mediaFile } from "../support/media_files.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import type { TestNode } from "../support/node_process.ts";
import { playFfmpeg, publish } from "../support/players.ts";
import { delay, eventually } from "../support/processes.ts";
import { collect } from "../support/wire/collect.ts";
import type { ViewerProtocol } from "../support/wire/viewer.ts";

const NEEDS = { needs: ["ffmpeg", "redis"], timeoutMs: 90_000 } as const;

/** A second of frames. */
const FRAMES_MIN = 25;

/** 90 kHz ticks, and FLV's milliseconds. */
const TS_TOLERANCE_US = 1_050;

let mesh: TestMesh;

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b", "c"]);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

interface StreamItem {
  readonly owner: string;
  readonly ingest: string | null;
  readonly state: string;
  readonly viewers: { readonly total: number };
}

interface LinkItem {
  readonly node: string;
  readonly direction: string;
  readonly subscriptionsOut: number;
}

async function playOwn(node: TestNode, protocol: ViewerProtocol, path: string): Promise<Frames> {
  const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
  const { collector, ended } = await collect({ protocol, address, path });
  assertEquals(ended, "end of stream");
  return collector.frames;
}

/** Takes a live body to its end, for a program that reads it more than once. */
async function playTs(url: string): Promise<Frames> {
  const file = await Deno.makeTempFile({ prefix: "headwater-mesh-", suffix: ".ts" });
  try {
    const response = await fetch(url);
    await Deno.writeFile(file, response.body!);
    return await tsFrames(file);
  } finally {
    await Deno.remove(file);
  }
}

/** Plays by every live protocol from a node, to the end; says what went wrong. */
function playAll(node: TestNode, path: string, flv: Frames, ts: Frames) {
  const judge = async (what: string, playing: Promise<Frames>, expected: Frames, us = 0) => {
    const got = await playing;
    const fault = compareFrames(expected, got, { framesMin: FRAMES_MIN, toleranceUs: us });
    return fault === undefined ? [] : [`${what} from ${node.ready.node}: ${fault}`];
  };
  return [
    judge("rtmp", playOwn(node, "rtmp", path), flv),
    judge("http-flv", playOwn(node, "http-flv", path), flv),
    judge("ws-flv", playOwn(node, "ws-flv", path), flv),
    judge("ffmpeg http-flv", playFfmpeg(node.httpUrl(`${path}.flv`)), flv),
    judge("ts", playTs(node.httpUrl(`${path}.ts`)), ts, TS_TOLERANCE_US),
    judge("mp4", playFfmpeg(node.httpUrl(`${path}.mp4`)), flv, TS_TOLERANCE_US),
  ];
}

async function streamOn(node: TestNode, path: string): Promise<StreamItem> {
  return await node.api<StreamItem>(`streams/live/${path.slice("live/".length)}`);
}

async function untilLive(node: TestNode, path: string): Promise<void> {
  await eventually(`${path} is live`, async () => {
    const response = await node.fetchApi(`streams/live/${path.slice("live/".length)}`);
    const body: unknown = await response.json();
    return response.ok && (body as StreamItem).state === "live";
  });
}

async function subscriptions(node: TestNode): Promise<Record<string, number>> {
  const { items } = await node.api<{ items: LinkItem[] }>("links");
  const sums: Record<string, number> = {};
  for (const { node: name, subscriptionsOut } of items) {
    sums[name] = (sums[name] ?? 0) + subscriptionsOut;
  }
  return sums;
}

Deno.test(
  endToEnd("a stream plays bit-exact from every node by every protocol", NEEDS, async () => {
    const [a, b, c] = mesh.nodes;
    const path = "live/every";
    const file = await mediaFile("h264_aac");
    const flv = collectFlv(await Deno.readFile(file)).frames;
    const ts = await normaliseForTs(file);
    const publisher = publish(a.rtmpUrl(path), file);
    await untilLive(b, path);
    const playing = [b, c].flatMap((node) => playAll(node, path, flv, ts));
    await delay(1_500);
    const info = await streamOn(c, path);
    assertEquals([info.owner, info.ingest], ["a", "a"]);
    assertEquals(info.viewers.total, 12);
    assertEquals(await subscriptions(b), { a: 0, b: 1, c: 1 });
    assertEquals((await Promise.all(playing)).flat(), []);
    assertEquals((await publisher.ended).code, 0);
  }),
);

Deno.test(endToEnd("the same with the stream owned by another node", NEEDS, async () => {
  const [a, b, c] = mesh.nodes;
  const path = "live/moved";
  const file = await mediaFile("h264_aac");
  const flv = collectFlv(await Deno.readFile(file)).frames;
  const ts = await normaliseForTs(file);
  const publisher = publish(a.rtmpUrl(path), file);
  await untilLive(b, path);
  const early = playOwn(b, "rtmp", path);
  await delay(500);
  const moved = await b.fetchApi("streams/live/moved/move", "POST", { to: "c" });
  assertEquals([moved.status, await moved.text()], [204, ""]);
  const info = await streamOn(a, path);
  assertEquals([info.owner, info.ingest, info.state], ["c", "a", "live"]);
  const playing = [a, b, c].flatMap((node) => playAll(node, path, flv, ts));
  await delay(500);
  assertEquals(await subscriptions(a), { a: 0, b: 1, c: 1 });
  assertEquals((await Promise.all(playing)).flat(), []);
  // Who watched before the move has noticed nothing.
  assertEquals(compareFrames(flv, await early, { framesMin: 100 }), undefined);
  assertEquals((await publisher.ended).code, 0);
}));

Deno.test(endToEnd("a fourth node serves within a second of being ready", NEEDS, async () => {
  const [a] = mesh.nodes;
  const path = "live/fourth";
  const publisher = publish(a.rtmpUrl(path), await mediaFile("h264_aac"));
  await untilLive(a, path);
  const d = await mesh.add("d");
  const startedMs = performance.now();
  const response = await fetch(d.httpUrl(`${path}.flv`));
  const reader = response.body!.getReader();
  await reader.read();
  const tookMs = performance.now() - startedMs;
  await reader.cancel();
  assert(tookMs < 1_000, `${tookMs} ms`);
  assertEquals((await streamOn(d, path)).owner, "a");
  publisher.signal("SIGTERM");
  await publisher.ended;
}));

Deno.test(endToEnd("HLS is the same bytes on every node", NEEDS, async () => {
  const path = "live/hls";
  const publisher = publish(mesh.nodes[0].rtmpUrl(path), await mediaFile("h264_aac"));
  await untilLive(mesh.nodes[1], path);
  const fetched = new Map<string, string>();
  let turn = 0;
  /** Each request goes to the next node. */
  const get = async (target: string) => {
    const node = mesh.nodes[turn++ % 3];
    const response = await fetch(node.httpUrl(target));
    const body = new Uint8Array(await response.arrayBuffer());
    assertEquals(response.status, 200, `${target} from ${node.ready.node}`);
    return body;
  };
  const text = (body: Uint8Array) => new TextDecoder().decode(body);
  const master = text(await get(`${path}.m3u8`));
  const media = `live/${master.split("\n").find((line) => line.endsWith(".m3u8"))!}`;
  const folder = media.slice(0, media.lastIndexOf("/") + 1);
  const endMs = performance.now() + 6_000;
  let highest = -1;
  while (performance.now() < endMs) {
    const playlist = text(await get(media));
    const sequence = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)![1]);
    assert(sequence >= highest, `${sequence} after ${highest}`);
    highest = sequence;
    const uris = [...playlist.matchAll(/^[^#\n].*$/gm)].map(([line]) => line)
      .concat([...playlist.matchAll(/#EXT-X-(?:PART|MAP):.*URI="([^"]+)"/g)].map(([, uri]) => uri));
    for (const uri of uris.filter((uri) => !fetched.has(uri))) {
      const bodies = [await get(folder + uri), await get(folder + uri), await get(folder + uri)];
      const digests = await Promise.all(bodies.map(digestOf));
      assertEquals(new Set(digests).size, 1, uri);
      fetched.set(uri, digests[0]);
    }
    await delay(100);
  }
  assert(fetched.size > 15, `${fetched.size} resources`);
  publisher.signal("SIGTERM");
  await publisher.ended;
}));

async function digestOf(body: Uint8Array): Promise<string> {
  const copy = new Uint8Array(body);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", copy)).toHex();
}
