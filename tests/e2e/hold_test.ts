// Goal: viewers of every protocol keep their connection while a lost publisher is waited for, and go
// on when it is back; when it does not come, they end cleanly.
// Method: 20 viewers a stream; the publisher's socket is dropped in the middle of a group of pictures
// and comes back after a while, with the same picture size or another.
import { assert, assertEquals } from "../support/assert.ts";
import { readSource, sendInTime, type SourceMessage } from "../support/broken_sources.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { get, mediaPlaylistUrl, watchHls } from "../support/hls_watch.ts";
import type { MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { AUDIO, contentOf, type MediaMessage, VIDEO } from "../support/wire/media_message.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { closeQuietly, connectTo, writeAll } from "../support/wire/rtmp_connection.ts";
import { openViewer, VIEWER_PROTOCOLS, type ViewerProtocol } from "../support/wire/viewer.ts";

/** Viewers of each protocol but HLS, which has two a container: 20 in all. */
const VIEWERS = 4;

/** The first session is cut here, in the middle of a group of pictures. */
const CUT_MS = 3_500;

/** Longest step of one track's timestamps, in milliseconds: some frames lost at the seam. */
const STEP_MS_MAX = 400;

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
  for (const { ended, steps, count } of viewers) {
    assertEquals(await ended, "end of stream");
    for (const [typeId, { least, most }] of steps) {
      assert(least > 0 && most < STEP_MS_MAX, `track ${typeId} steps by ${least} to ${most} ms`);
    }
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

interface Watched {
  readonly ended: Promise<string>;
  /** Least and largest step of timestamps by track. */
  readonly steps: Map<number, { lastMs: number; least: number; most: number }>;
  readonly count: { pictures: number };
}

async function watch(on: TestNode, protocol: ViewerProtocol, path: string): Promise<Watched> {
  const steps: Watched["steps"] = new Map();
  const count = { pictures: 0 };
  const onMessage = (message: MediaMessage) => {
    const { typeId, timestampMs } = message;
    if (typeId !== VIDEO && typeId !== AUDIO) return;
    if (contentOf(message).kind !== "frame") return;
    if (typeId === VIDEO) count.pictures++;
    const step = steps.get(typeId);
    if (step === undefined) {
      steps.set(typeId, { lastMs: timestampMs, least: Infinity, most: -Infinity });
      return;
    }
    step.least = Math.min(step.least, timestampMs - step.lastMs);
    step.most = Math.max(step.most, timestampMs - step.lastMs);
    step.lastMs = timestampMs;
  };
  const address = on.address(protocol === "rtmp" ? "rtmp" : "http");
  const { ended } = await openViewer({ protocol, address, path, onMessage });
  await eventually(`${protocol} plays`, () => count.pictures > 0);
  return { ended, steps, count };
}

/** Reads a body on one connection to its end; its bytes. */
async function readBody(on: TestNode, target: string): Promise<number> {
  const conn = await connectTo(on.address("http"));
  await writeAll(conn, new TextEncoder().encode(`GET /${target} HTTP/1.1\r\nHost: x\r\n\r\n`));
  const buffer = new Uint8Array(65_536);
  let bytes = 0;
  for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) bytes += n;
  closeQuietly(conn);
  return bytes;
}

function isEarly({ atMs }: SourceMessage): boolean {
  return atMs < CUT_MS;
}

function isPicture({ typeId, timestampMs, body }: SourceMessage): boolean {
  return typeId === VIDEO && contentOf({ typeId, timestampMs, body }).kind === "frame";
}
