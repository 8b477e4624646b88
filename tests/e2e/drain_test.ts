// Goal: a node leaves the mesh and nobody elsewhere notices: its streams are owned by others without
// a frame lost or doubled, encoders that understand it go on at another node, the rest is sent away
// politely, and the process ends in time.
// Method: three real nodes and a real redis-server; numbered streams, viewers that check each
// number, and signals as a service manager sends them.
import { assert, assertEquals } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, LIGHT, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh } from "../support/mesh.ts";
import type { TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { BareRtsp } from "../support/rtsp_play.ts";
import { RoamingCamera, RtspClient } from "../support/rtsp_roaming.ts";
import { RoamingStream } from "../support/wire/roaming.ts";
import { NumberedCheck, NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { openViewer } from "../support/wire/viewer.ts";

const NEEDS = { needs: ["redis"], timeoutMs: 90_000 } as const;

/** Half of them are published at the node that drains, half elsewhere. */
const STREAMS = 20;

/** Messages from one key frame to the next: each picture has its sound. */
const GOP_MESSAGES = 2 * LIGHT.gopFrames;

/** A frame interval, and what a move may add, in milliseconds. */
const GAP_MS_MAX = 40 + 60;

interface StreamItem {
  readonly name: string;
  readonly owner: string;
  readonly ingest: string | null;
}

/** Notes the largest pause between two messages. */
class Gaps {
  largestMs = 0;
  #lastMs: number | undefined;

  note(): void {
    const nowMs = performance.now();
    if (this.#lastMs !== undefined) this.largestMs = Math.max(this.largestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  reset(): void {
    this.largestMs = 0;
  }
}

/** A viewer that checks numbers and pauses. */
async function watch(node: TestNode, path: string) {
  const check = new NumberedCheck();
  const gaps = new Gaps();
  const viewer = await openViewer({
    protocol: "rtmp",
    address: node.address("rtmp"),
    path,
    onMessage: (message) => {
      check.message(message);
      gaps.note();
    },
  });
  return { viewer, check, gaps };
}

async function streams(node: TestNode): Promise<StreamItem[]> {
  const { items } = await node.api<{ items: StreamItem[] }>("streams?limit=100");
  return items;
}

async function moveTo(node: TestNode, path: string, to: string): Promise<void> {
  await eventually(`${path} is moved to ${to}`, async () => {
    const name = path.slice("live/".length);
    const { status } = await node.fetchApi(`streams/live/${name}/move`, "POST", { to });
    return status === 204;
  });
}

Deno.test(endToEnd("draining a node moves what it owns; no viewer notices", NEEDS, async () => {
  await using mesh = await startMesh(["a", "b", "c"], ["--drain-timeout", "1m"]);
  const [a, b, c] = mesh.nodes;
  const paths = Array.from({ length: STREAMS }, (_, index) => `live/s${index}`);
  const published = await Promise.all(paths.map((path, index) => {
    return publishNumbered(index % 2 === 0 ? a : b, path);
  }));
  await Promise.all(paths.map((path, index) => index % 2 === 0 || moveTo(c, path, "a")));
  const watching = await Promise.all(paths.flatMap((path) => [watch(b, path), watch(c, path)]));
  for (const follower of watching) {
    await untilPlaying(Object.assign(follower, { [Symbol.dispose]() {} }));
  }
  assertEquals((await streams(b)).filter(({ owner }) => owner === "a").length, STREAMS);
  await delay(1_000);
  for (const { gaps } of watching) gaps.reset();
  const startMs = performance.now();
  assertEquals((await c.fetchApi("nodes/a/drain", "POST")).status, 204);
  await eventually("all streams are moved", async () => {
    return (await streams(c)).every(({ owner }) => owner !== "a");
  });
  const tookMs = performance.now() - startMs;
  await delay(1_000);
  const largestMs = Math.max(...watching.map(({ gaps }) => gaps.largestMs));
  console.log(
    `${STREAMS} streams moved in ${tookMs.toFixed(0)} ms, gap ${largestMs.toFixed(0)} ms`,
  );
  const after = await streams(b);
  const even = after.filter(({ name }) => Number(name.slice(1)) % 2 === 0);
  assertEquals(new Set(even.map(({ ingest }) => ingest)), new Set(["a"]), "publishers stay");
  // Each other stream is owned where its publisher is.
  const odd = after.filter((item) => !even.includes(item));
  assertEquals(new Set(odd.map(({ owner, ingest }) => `${owner} ${ingest}`)), new Set(["b b"]));
  assertWithin(GAP_MS_MAX, largestMs, "the largest pause of 40 viewers");
  const lasts = await Promise.all(published.map((stream) => stream.end()));
  for (const [index, { viewer, check }] of watching.entries()) {
    assertEquals(await viewer.ended, "end of stream");
    const last = lasts[Math.floor(index / 2)];
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last], paths[index >> 1]);
  }
}));

Deno.test(endToEnd("SIGTERM asks clients to go elsewhere and ends in time", NEEDS, async () => {
  await using mesh = await startMesh(["a", "b", "c"], ["--drain-timeout", "6s"]);
  const [a, b, c] = mesh.nodes;
  const roaming = new RoamingStream(a.address("rtmp"), "live/roaming");
  const mute = await publishNumbered(a, "live/mute");
  let politelyAsked = false;
  const polite = new NumberedStream(
    await Publisher.open(a.address("rtmp"), "live/polite", undefined, () => politelyAsked = true),
    LIGHT,
  );
  await eventually("all are live", async () => (await streams(c)).length === 3);
  const elsewhere = [
    await follow(b, "rtmp", "live/roaming"),
    await follow(c, "http-flv", "live/roaming"),
    await follow(c, "rtmp", "live/mute"),
    await follow(c, "rtmp", "live/polite"),
  ];
  const here = [
    await follow(a, "rtmp", "live/roaming"),
    await follow(a, "http-flv", "live/roaming"),
    await follow(a, "ws-flv", "live/mute"),
  ];
  const told: string[] = [];
  const asked = await openViewer({
    ...{ protocol: "rtmp", address: a.address("rtmp"), path: "live/mute" },
    onReconnect: (tcUrl) => void told.push(tcUrl),
  });
  for (const follower of [...elsewhere, ...here]) await untilPlaying(follower);
  const startMs = performance.now();
  a.signal("SIGTERM");
  await eventually("not ready", async () => (await fetch(a.httpUrl("readyz"))).status === 503);
  assertEquals((await fetch(a.httpUrl("live/roaming.m3u8"))).status, 200);
  await eventually("the player is asked to go", () => told.length > 0);
  const good = [b, c].map((node) => `rtmp://${node.address("rtmp")}/live`);
  assert(told.length === 1 && good.includes(told[0]), told.join());
  asked.close();
  await eventually("the encoder has gone", () => roaming.addresses.length === 2);
  assert([b, c].some((node) => node.address("rtmp") === roaming.addresses[1]));
  // Who was asked to go and says goodbye comes back elsewhere: its viewers wait.
  await eventually("the polite encoder is asked to go", () => politelyAsked);
  await polite.end();
  const politeAgain = await publishNumbered(b, "live/polite");
  // Who does not understand is sent away in front of a key frame, and comes back elsewhere, too.
  assertEquals(await mute.lost, "closed");
  await eventually("its viewers wait", async () => {
    return (await b.api<{ state: string }>("streams/live/mute")).state === "hold";
  });
  assertEquals((elsewhere[2].check.last + 1) % GOP_MESSAGES, 0);
  await mute.stop();
  const again = await publishNumbered(b, "live/mute");
  const ends = await Promise.all(here.map(({ viewer }) => viewer.ended));
  assertEquals(ends, ["end of stream", "end of stream", "closed: 1001"]);
  assertEquals((await a.ended).code, 0);
  assertWithin(6_500, performance.now() - startMs, "the end of the node");
  for (const { check } of here.slice(0, 2)) assertEquals([check.lost, check.doubled], [0, 0]);
  await delay(1_000);
  const last = await roaming.end();
  for (const { viewer, check } of elsewhere.slice(0, 2)) {
    assertEquals(await viewer.ended, "end of stream");
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
  }
  for (const { check } of elsewhere.slice(2)) {
    await eventually("viewers see who came back", () => check.doubled > 5); // Counts anew.
  }
  await Promise.all([again.end(), politeAgain.end()]);
  for (const { viewer } of elsewhere.slice(2)) assertEquals(await viewer.ended, "end of stream");
}));

Deno.test(endToEnd("RTSP clients are asked to go elsewhere, and sent away", NEEDS, async () => {
  await using mesh = await startMesh(["a", "b"], ["--drain-timeout", "5s"]);
  const [a, b] = mesh.nodes;
  const camera = new RoamingCamera(a.rtspUrl("live/camera?token=t"));
  await eventually("it is live", async () => (await streams(b)).length === 1);
  const there = await follow(b, "rtmp", "live/camera");
  await untilPlaying(there);
  const player = await RtspClient.open(a.rtspUrl("live/camera?token=t"), "play");
  // One that does not understand, and says so.
  using mute = await BareRtsp.open(a.address("rtsp"));
  await mute.request("DESCRIBE", a.rtspUrl("live/camera"));
  await mute.start("PLAY", a.rtspUrl("live/camera"), ["trackID=0"]);
  a.signal("SIGTERM");
  const location = b.rtspUrl("live/camera?token=t");
  await eventually("the player is asked to go", () => player.location !== undefined);
  assertEquals(player.location, location);
  await player.closed;
  await eventually("the camera has gone", () => camera.urls.length === 2);
  assertEquals(camera.urls[1], location);
  const again = await RtspClient.open(location, "play");
  await mute.closed;
  assert(
    mute.requests.some((request) => request.kind === "request" && request.method === "REDIRECT"),
  );
  assertEquals((await a.ended).code, 0);
  await eventually("the player goes on", () => again.packets > 25);
  const last = await camera.end();
  await again.closed;
  assertEquals(await there.viewer.ended, "end of stream");
  assertEquals([there.check.lost, there.check.doubled, there.check.last], [0, 0, last]);
}));

Deno.test(endToEnd("a node that stops at once ends nothing for others", NEEDS, async () => {
  await using mesh = await startMesh(["a", "b", "c"]);
  const [a, b, c] = mesh.nodes;
  const stream = await publishNumbered(b, "live/away");
  const held = await publishNumbered(a, "live/held");
  await moveTo(c, "live/away", "a");
  using away = await follow(c, "rtmp", "live/away");
  using waiting = await follow(c, "http-flv", "live/held");
  for (const follower of [away, waiting]) await untilPlaying(follower);
  a.signal("SIGINT");
  await delay(1_000);
  a.signal("SIGINT");
  await a.ended;
  const before = away.check.last;
  await eventually("frames go on", () => away.check.last > before + 25);
  await held.stop();
  const back = await publishNumbered(b, "live/held");
  const { last } = waiting.check;
  await eventually(
    "the lost publisher's viewers go on",
    () => waiting.check.doubled > 5 || waiting.check.last > last,
  );
  assertEquals([away.check.lost, away.check.doubled], [0, 0]);
  await Promise.all([stream.end(), back.end()]);
  const ends = await Promise.all([away, waiting].map(({ viewer }) => viewer.ended));
  assertEquals(ends, ["end of stream", "end of stream"]);
}));
