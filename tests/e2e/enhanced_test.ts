// Goal: codecs of Enhanced RTMP pass through untouched, as do odd but correct publishers.
// Method: a publisher of the tests' own sends the bodies that a newer ffmpeg wrote; strict readers
// of every protocol receive them, the first half of the readers from the start, the rest later.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { collectFlv, flvTags } from "../support/flv_frames.ts";
import { compareFrames } from "../support/frames.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { collect, type Collected } from "../support/wire/collect.ts";
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
  await node.stop();
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
        await sendAll(publisher, bytes);
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

function collectFrom(protocol: typeof VIEWER_PROTOCOLS[number], path: string): Promise<Collected> {
  const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
  return collect({ protocol, address, path });
}

/** Sends every tag when its timestamp is due. */
async function sendAll(publisher: Publisher, bytes: Uint8Array): Promise<void> {
  const startMs = performance.now();
  for (const { typeId, timestampMs, body } of flvTags(bytes)) {
    await delay(Math.max(0, startMs + timestampMs / SPEED - performance.now()));
    await publisher.send(typeId, timestampMs, body);
  }
}
