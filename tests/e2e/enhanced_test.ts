// Goal: codecs of Enhanced RTMP pass through untouched, as do odd but correct publishers.
// Method: a publisher of the tests' own sends the bodies that a newer ffmpeg wrote; strict readers
// of every protocol receive them, the first half of the readers from the start, the rest later.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { collectFlv, flvTags, FrameCollector } from "../support/flv_frames.ts";
import { compareFrames } from "../support/frames.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { Child, delay } from "../support/processes.ts";
import { collect, type Collected } from "../support/wire/collect.ts";
import type { MediaMessage } from "../support/wire/media_message.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

/** How far into the stream the late viewers join, in milliseconds. */
const JOIN_MS = 1_700;

/** How much faster than real time the frames are sent. */
const SPEED = 2;

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

for (const source of ["h265_aac", "av1_aac"] satisfies MediaName[]) {
  Deno.test(
    endToEnd(
      `${source} by Enhanced RTMP reaches RTMP, HTTP-FLV and WebSocket-FLV`,
      {},
      async () => {
        const bytes = await Deno.readFile(await mediaFile(source));
        const path = `live/${source}`;
        const early = VIEWER_PROTOCOLS.map((protocol) => collectFrom(protocol, path));
        await using publisher = await Publisher.open(node.address("rtmp"), path);
        assertEquals(publisher.code, "NetStream.Publish.Start");
        const late: Promise<Collected>[] = [];
        const joining = delay(JOIN_MS / SPEED).then(() => {
          late.push(...VIEWER_PROTOCOLS.map((protocol) => collectFrom(protocol, path)));
        });
        await sendAll(publisher, flvTags(bytes));
        await joining;
        await publisher.end();

        const expected = collectFlv(bytes);
        const collected = await Promise.all([...early, ...late]);
        for (const [index, { collector, ended }] of collected.entries()) {
          assertEquals(ended, "end of stream");
          assertEquals(compareFrames(expected.frames, collector.frames), undefined);
          const whole = index < VIEWER_PROTOCOLS.length;
          const count = collector.frames.video.length;
          assert(whole === (count === expected.frames.video.length), `${count} video frames`);
          for (const configuration of expected.configurations.slice(-2)) {
            assert(collector.configurations.includes(configuration), `no ${configuration}`);
          }
        }
      },
    ),
  );
}

Deno.test(endToEnd("a change of resolution reaches every viewer, who goes on decoding", {
  needs: ["ffmpeg"],
}, async () => {
  const path = "live/resized";
  const viewers = VIEWER_PROTOCOLS.map((protocol) => collectFrom(protocol, path));
  const decoder = new Child("ffmpeg", [
    ...["-nostdin", "-v", "warning", "-i", node.rtmpUrl(path), "-f", "framemd5", "-"],
  ], { timeoutMs: 30_000 });
  await using publisher = await Publisher.open(node.address("rtmp"), path);
  const small = flvTags(await Deno.readFile(await mediaFile("h264_aac")));
  const large = flvTags(await Deno.readFile(await mediaFile("large")));
  const resized = [
    ...small,
    ...large.map((tag) => ({ ...tag, timestampMs: tag.timestampMs + 6_100 })),
  ];
  await sendAll(publisher, resized);
  await publisher.end();

  const expected = new FrameCollector();
  for (const tag of resized) expected.message(tag);
  for (const { collector, ended } of await Promise.all(viewers)) {
    assertEquals(ended, "end of stream");
    assertEquals(compareFrames(expected.frames, collector.frames), undefined);
    const configurations = (all: string[]) => all.filter((one) => one.startsWith("video"));
    assertEquals(
      configurations(collector.configurations),
      configurations(expected.configurations),
    );
  }
  const { code, stdout, stderr } = await decoder.ended;
  assertEquals([code, stderr], [0, ""]);
  // Every picture of both sizes was decoded; ffmpeg scales the second to the first.
  const pictures = stdout.split("\n").filter((line) => line.startsWith("0,")).length;
  assert(pictures >= expected.frames.video.length - 2, `${pictures} pictures`);
}));

function collectFrom(protocol: typeof VIEWER_PROTOCOLS[number], path: string): Promise<Collected> {
  const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
  return collect({ protocol, address, path });
}

/** Sends every tag when its timestamp is due. */
async function sendAll(publisher: Publisher, tags: readonly MediaMessage[]): Promise<void> {
  const startMs = performance.now();
  for (const { typeId, timestampMs, body } of tags) {
    await delay(Math.max(0, startMs + timestampMs / SPEED - performance.now()));
    await publisher.send(typeId, timestampMs, body);
  }
}
