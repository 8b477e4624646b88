// Goal: a publisher that loses its socket on one node and returns on another is one stream, on
// every node; a proper end is one, too.
// Method: the tests' own publisher drops its connection to a in the middle of a group of pictures
// and comes back to b; viewers of c (and of a and b) and HLS clients of every node stay.
import { assert, assertEquals } from "../support/assert.ts";
import { readSource, sendInTime } from "../support/broken_sources.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { checkSteps, readBody, watch, type Watched } from "../support/held_viewers.ts";
import { watchHls } from "../support/hls_watch.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { move, streamOn, untilLive, untilState } from "../support/mesh_api.ts";
import { delay, eventually } from "../support/processes.ts";
import { startFront } from "../support/rotating_front.ts";
import { RoamingCamera, RtspClient } from "../support/rtsp_roaming.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

const NEEDS = { needs: ["ffmpeg", "redis"] } as const;

/** The first session is cut here, in the middle of a group of pictures. */
const CUT_MS = 3_500;

/** How long nobody publishes, and how much is sent afterwards. */
const GAP_MS = 1_500;
const SECOND_MS = 4_500;

/** "At once", on a machine that is busy; the hold would take 30 s. */
const AT_ONCE_MS = 5_000;

/** Who owns the stream of a publisher that is lost at a, and where it comes back. */
const CASES = [["a", "b"], ["c", "b"], ["c", "c"], ["b", "a"]] as const;

let mesh: TestMesh;
let outcomes: Promise<void>[];

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b", "c"]);
  // Side by side: most of the time is waiting.
  outcomes = CASES.map(([owner, back]) => lossAndReturn(owner, back));
  for (const outcome of outcomes) outcome.catch(() => {}); // Each test awaits its own.
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

for (const [at, [owner, back]] of CASES.entries()) {
  Deno.test(endToEnd(
    `a publisher is lost at a and returns at ${back}, its stream owned by ${owner}`,
    NEEDS,
    () => outcomes[at],
  ));
}

Deno.test(endToEnd("a proper end at a ends the viewers of b and c at once", NEEDS, async () => {
  const [a, b, c] = mesh.nodes;
  const path = "live/ends";
  const stream = await publishNumbered(a, path);
  await untilLive(b, path);
  const followers = await Promise.all(
    [b, c].flatMap((node) => VIEWER_PROTOCOLS.map((protocol) => follow(node, protocol, path))),
  );
  for (const follower of followers) await untilPlaying(follower);
  const last = await stream.end();
  const endedMs = performance.now();
  for (const { viewer, check } of followers) {
    assertEquals(await viewer.ended, "end of stream");
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
  }
  const tookMs = performance.now() - endedMs;
  assert(tookMs < AT_ONCE_MS, `${tookMs} ms`);
}));

Deno.test(endToEnd("an RTSP publisher moves, is lost at a and returns at b", NEEDS, async () => {
  const [a, b, c] = mesh.nodes;
  const path = "live/camera";
  const camera = new RoamingCamera(a.rtspUrl(path));
  await untilLive(b, path);
  const player = await RtspClient.open(c.rtspUrl(path), "play");
  const followers = await Promise.all([a, b, c].map((node) => follow(node, "rtmp", path)));
  for (const follower of followers) await untilPlaying(follower);
  await move(b, path, "c");
  await delay(500);
  camera.lose();
  await untilState(c, path, "hold");
  const { packets } = player;
  camera.goOn(b.rtspUrl(path));
  const { owner, ingest } = await untilState(a, path, "live");
  assertEquals([owner, ingest], ["c", "b"]);
  await eventually("the player goes on", () => player.packets > packets + 25);
  const last = await camera.end();
  await player.closed;
  for (const { viewer, check } of followers) {
    assertEquals(await viewer.ended, "end of stream");
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
  }
}));

/** One stream that is lost at a and comes back somewhere; viewers of all nodes. */
async function lossAndReturn(owner: string, back: string): Promise<void> {
  const [a, b, c] = mesh.nodes;
  const path = `live/${owner}-back-${back}`;
  const source = await readSource("h264_aac");
  const publisher = await Publisher.open(a.address("rtmp"), path);
  const sending = sendInTime(publisher, source.filter(({ atMs }) => atMs < CUT_MS));
  await untilLive(b, path);
  if (owner !== "a") await move(b, path, owner);
  const viewers: Watched[] = await Promise.all([
    ...VIEWER_PROTOCOLS.map((protocol) => watch(c, protocol, path)),
    watch(a, "rtmp", path),
    watch(b, "http-flv", path),
  ]);
  const body = readBody(c, `${path}.ts`);
  await using front = startFront(mesh.nodes);
  const playlists = Promise.all([
    ...[a, b, c].map((node) => watchHls(node, path, "fmp4")),
    watchHls(front, path, "ts"),
  ]);
  for (const pending of [body, playlists]) pending.catch(() => {}); // Awaited below.
  await sending;
  publisher.drop();
  await untilState(c, path, "hold");
  await delay(GAP_MS);
  const node = mesh.nodes.find(({ ready }) => ready.node === back)!;
  const returned = await Publisher.open(node.address("rtmp"), path);
  assertEquals(returned.code, "NetStream.Publish.Start");
  const more = sendInTime(returned, source.filter(({ atMs }) => atMs < SECOND_MS));
  await delay(1_000);
  const { owner: now, ingest, state } = await streamOn(a, path);
  assertEquals([now, ingest, state], [owner, back, "live"]);
  await more;
  await returned.end();
  for (const viewer of viewers) {
    assertEquals(await viewer.ended, "end of stream");
    checkSteps(viewer);
    const { pictures } = viewer.count;
    assert(pictures > 120, `${pictures} pictures`); // 25 a second, of which some came before it.
  }
  assert(await body > 100_000);
  const watched = await playlists;
  for (const { segments } of watched) {
    assertEquals(segments.length, segments.at(-1)!.number - segments[0].number + 1);
    assertEquals(segments.at(-1)!.discontinuities - segments[0].discontinuities, 1);
  }
  // Every node has told the same story to its end.
  const ends = watched.slice(0, 3).map(({ playlists }) => playlists.at(-1));
  assertEquals(new Set(ends).size, 1, ends.join("\n"));
}
