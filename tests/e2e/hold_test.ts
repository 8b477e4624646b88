// Goal: viewers of every protocol keep their connection while a lost publisher is waited for, and go
// on when it is back; when it does not come, they end cleanly.
// Method: 20 viewers a stream; the publisher's socket is dropped in the middle of a group of pictures
// and comes back after a while, with the same picture size or another.
import { assert, assertEquals } from "../support/assert.ts";
import { readSource, sendInTime, type SourceMessage } from "../support/broken_sources.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { checkSteps, readBody, watch } from "../support/held_viewers.ts";
import { get, mediaPlaylistUrl, watchHls } from "../support/hls_watch.ts";
import type { MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { contentOf, VIDEO } from "../support/wire/media_message.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

/** Viewers of each protocol but HLS, which has two a container: 20 in all. */
const VIEWERS = 4;

/** The first session is cut here, in the middle of a group of pictures. */
const CUT_MS = 3_500;

interface Return {
  readonly gapMs: number;
  readonly media: MediaName;
}

const RETURNS: readonly Return[] = [
  { gapMs: 200, media: "h264_aac" },
  { gapMs: 3_000, media: "large" },
  { gapMs: 25_000, media: "h264_aac" },
];

let node: TestNode;
let outcomes: Promise<void>[];

Deno.test.beforeAll(async () => {
  node = await startTestNode();
  outcomes = RETURNS.map(lossAndReturn); // Side by side: most of the time is waiting.
  for (const outcome of outcomes) outcome.catch(() => {}); // Each test awaits its own.
});

Deno.test.afterAll(async () => {
  await node?.stop();
});

for (const [at, { gapMs, media }] of RETURNS.entries()) {
  const size = media === "large" ? "another" : "the same";
  Deno.test(endToEnd(
    `20 viewers stay when the publisher returns after ${gapMs} ms with ${size} picture size`,
    { needs: ["ffmpeg"] },
    () => outcomes[at],
  ));
}

Deno.test(endToEnd("viewers end cleanly when the hold is over", { needs: ["ffmpeg"] }, async () => {
  await using short = await startTestNode({ args: ["--hold", "1s"] });
  const publisher = await Publisher.open(short.address("rtmp"), "live/gone");
  const sending = sendInTime(publisher, (await readSource("h264_aac")).filter(isEarly));
  await delay(500);
  const viewers = await Promise.all(
    VIEWER_PROTOCOLS.map((protocol) => watch(short, protocol, "live/gone")),
  );
  const body = readBody(short, "live/gone.ts");
  const hls = watchHls(short, "live/gone", "fmp4");
  hls.catch(() => {});
  await sending;
  publisher.drop();
  for (const { ended } of viewers) assertEquals(await ended, "end of stream");
  assert(await body > 0);
  assert((await hls).segments.length > 0);
}));

/** One stream that is lost and comes back; all of its viewers. */
async function lossAndReturn({ gapMs, media }: Return): Promise<void> {
  const path = `live/back-${gapMs}`;
  const first = (await readSource("h264_aac")).filter(isEarly);
  const second = (await readSource(media)).filter(({ atMs }) => atMs < 5_000);
  const publisher = await Publisher.open(node.address("rtmp"), path);
  const sending = sendInTime(publisher, first);
  await delay(500);
  const viewers = await Promise.all(
    VIEWER_PROTOCOLS.flatMap((protocol) =>
      Array.from({ length: VIEWERS }, () => watch(node, protocol, path))
    ),
  );
  const bodies = Array.from({ length: VIEWERS }, () => readBody(node, `${path}.ts`));
  const playlists = (["fmp4", "ts"] as const).flatMap((container) => [
    playlistsOf(path, container),
    pollPlaylist(path, container),
  ]);
  for (const pending of [...bodies, ...playlists]) pending.catch(() => {}); // Awaited below.
  await sending;
  publisher.drop();
  await delay(gapMs);
  const returned = await Publisher.open(node.address("rtmp"), path);
  assertEquals(returned.code, "NetStream.Publish.Start");
  await sendInTime(returned, second);
  await returned.end();

  const pictures = second.filter(isPicture).length;
  for (const viewer of viewers) {
    const { ended, count } = viewer;
    assertEquals(await ended, "end of stream");
    checkSteps(viewer);
    assert(count.pictures > pictures + 25, `${count.pictures} pictures, ${pictures} at the end`);
  }
  const sizes = await Promise.all(bodies);
  assertEquals(new Set(sizes.map((bytes) => bytes > 100_000)), new Set([true]));
  for (const texts of await Promise.all(playlists)) {
    assert(texts.some((text) => text.includes("#EXT-X-DISCONTINUITY\n")), "no discontinuity");
  }
}

async function playlistsOf(path: string, container: "fmp4" | "ts"): Promise<readonly string[]> {
  return (await watchHls(node, path, container)).playlists;
}

/** Asks for a playlist each second up to its end; the media sequence must never go back. */
async function pollPlaylist(path: string, container: "fmp4" | "ts"): Promise<readonly string[]> {
  const { url } = await mediaPlaylistUrl(node, path, container);
  const texts: string[] = [];
  let sequence = 0;
  while (!texts.at(-1)?.includes("#EXT-X-ENDLIST")) {
    const text = await (await get(url)).text();
    const next = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
    assert(next >= sequence, `media sequence ${next} behind ${sequence}`);
    sequence = next;
    texts.push(text);
    await delay(1_000);
  }
  return texts;
}

function isEarly({ atMs }: SourceMessage): boolean {
  return atMs < CUT_MS;
}

function isPicture({ typeId, timestampMs, body }: SourceMessage): boolean {
  return typeId === VIDEO && contentOf({ typeId, timestampMs, body }).kind === "frame";
}
