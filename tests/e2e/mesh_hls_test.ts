// Goal: HLS needs no sticky sessions: any node answers any request of any player.
// Method: three nodes behind a front that sends each request to the next of them. Clients of the
// tests take all playlists (with blocking reload where the container has it), segments, parts and
// hints to the end, by the rules that hold for one server; hls.js in Chromium plays through it.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, probeFrames } from "../support/frames.ts";
import { playHlsInBrowser } from "../support/hls_browser.ts";
import { tsFrames } from "../support/hls_players.ts";
import { checkParts, type HlsContainerName, watchHls, wholeFile } from "../support/hls_watch.ts";
import { mediaFile } from "../support/media_files.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { move, untilLive } from "../support/mesh_api.ts";
import { publish } from "../support/players.ts";
import { type RotatingFront, startFront } from "../support/rotating_front.ts";

/** How long hls.js plays, and how much of it must have been shown, in seconds. */
const PLAY_SECONDS = 15;
const MEDIA_SECONDS_MIN = 11;

/** A tick of 90 kHz or 44.1 kHz and the rounding to microseconds, twice. */
const TICK_US = 50;

let mesh: TestMesh;
let front: RotatingFront;

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b", "c"]);
  front = startFront(mesh.nodes);
});

Deno.test.afterAll(async () => {
  await front?.[Symbol.asyncDispose]();
  await mesh?.[Symbol.asyncDispose]();
});

/** Follows a stream through the front to its end; what it got must be the source. */
async function watchExactly(path: string, container: HlsContainerName, source: string) {
  const watched = await watchHls(front, path, container);
  checkParts(watched);
  const file = await Deno.makeTempFile({ prefix: "headwater-mesh-hls-" });
  try {
    await Deno.writeFile(file, wholeFile(watched));
    const read = container === "ts" ? tsFrames : probeFrames;
    const [expected, got] = await Promise.all([read(source), read(file)]);
    const limits = { toleranceUs: TICK_US, framesMin: expected.video.length - 30 };
    assertEquals(compareFrames(expected, got, limits), undefined, container);
  } finally {
    await Deno.remove(file);
  }
  return watched;
}

/** Publishes to a, moves the stream to `owner`, and follows both containers to the end. */
async function playInTurns(owner: string): Promise<void> {
  const path = `live/turns-${owner}`;
  const source = await mediaFile("h264_aac");
  const publisher = publish(mesh.nodes[0].rtmpUrl(path), source);
  await untilLive(mesh.nodes[1], path);
  if (owner !== "a") await move(mesh.nodes[1], path, owner);
  const [fmp4] = await Promise.all([
    watchExactly(path, "fmp4", source),
    watchExactly(path, "ts", source),
  ]);
  assert(fmp4.segments.flatMap(({ parts }) => parts).length > 20, "hardly any parts");
  assert(fmp4.hints.kept > 5, `${fmp4.hints.kept} hints kept`);
  assertEquals((await publisher.ended).code, 0);
}

Deno.test(endToEnd("HLS of both containers is exact from nodes in turn, whoever owns the stream", {
  needs: ["ffmpeg", "redis"],
}, async () => {
  await Promise.all([playInTurns("a"), playInTurns("c")]);
  front.requests.forEach((count) => assert(count > 50, `${front.requests}`));
}));

Deno.test(endToEnd("hls.js plays through nodes in turn without an error", {
  needs: ["ffmpeg", "redis", "chromium"],
}, async () => {
  const path = "live/browser";
  await using _publisher = publish(mesh.nodes[0].rtmpUrl(path), await mediaFile("minute"));
  await untilLive(mesh.nodes[1], path);
  const refused = front.refusals.length;
  const play = await playHlsInBrowser(front.httpUrl(`${path}.m3u8`), PLAY_SECONDS);
  const { glimpses: _glimpses, ...said } = play;
  const text = `${JSON.stringify(said)} ${front.refusals.slice(refused)}`;
  assertEquals(play.errors, [], text);
  assertEquals(front.refusals.slice(refused).filter((one) => !one.startsWith("404")), [], text);
  assert(play.mediaSeconds >= MEDIA_SECONDS_MIN, text);
  assert(play.changes >= play.presented * 0.9 && play.partsLoaded > 40, text);
}));
