// Goal: our RTMP client session works with servers, ours and another's.
// Method: it publishes an FLV file's tags and plays them back, over real sockets, through this
// node and through nginx; what comes out must be what went in.
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { collectFlv, flvTags, FrameCollector } from "../support/flv_frames.ts";
import { compareFrames } from "../support/frames.ts";
import { mediaFile } from "../support/media_files.ts";
import { startNginxRtmp } from "../support/nginx_rtmp.ts";
import { startTestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { openSession } from "../support/session_client.ts";
import type { MediaTypeId } from "../../protocols/rtmp/server_events.ts";

/** How much faster than real time the file is published. */
const SPEED = 3;

const SERVERS = {
  "this node": { needs: [], start: startNodeServer },
  "nginx": { needs: ["nginx"], start: startNginxRtmp },
} as const;

async function startNodeServer() {
  const node = await startTestNode();
  return {
    url: node.rtmpUrl("live"),
    [Symbol.asyncDispose]: async () => {
      await node.stop();
    },
  };
}

for (const [name, { needs, start }] of Object.entries(SERVERS)) {
  Deno.test(endToEnd(`ClientSession publishes to ${name} and plays from it`, {
    needs: ["ffmpeg", ...needs],
  }, async () => {
    await using server = await start();
    const address = new URL(server.url.replace(/^rtmp/, "http")).host;
    const bytes = await Deno.readFile(await mediaFile("h264_aac"));
    const target = { app: "live", streamName: "session" };
    using publisher = await openSession(address, { ...target, role: "publish" });
    await publisher.ready;
    const tags = flvTags(bytes);
    const collector = new FrameCollector();
    const half = tags.length / 4;
    await send(publisher, tags.slice(0, half));
    using player = await openSession(
      address,
      { ...target, role: "play" },
      (typeId, timestampMs, body) => collector.message({ typeId, timestampMs, body }),
    );
    await player.ready;
    await send(publisher, tags.slice(half));
    publisher.session.close();
    await publisher.flush();
    if (name === "nginx") await delay(500); // It does not tell the end.
    else assertEquals(await player.ended, "NetStream.Play.UnpublishNotify");
    const expected = collectFlv(bytes);
    // nginx starts with the audio frames since the key frame; the run is the same.
    assertEquals(compareFrames(expected.frames, collector.frames, { framesMin: 50 }), undefined);
    assert(expected.configurations.every((one) => collector.configurations.includes(one)));
  }));
}

Deno.test(endToEnd("ClientSession is told why it may not play", {}, async () => {
  await using node = await startTestNode({ args: ["--play-wait", "0"] });
  const options = { app: "live", streamName: "none", role: "play" } as const;
  using player = await openSession(node.address("rtmp"), options);
  const error = await assertRejects(() => player.ready);
  assertEquals(error.message, "NetStream.Play.StreamNotFound");
}));

/** Sends tags at {@link SPEED}, from the first one's timestamp on. */
async function send(
  client: Awaited<ReturnType<typeof openSession>>,
  tags: ReturnType<typeof flvTags>,
): Promise<void> {
  const startMs = performance.now() - tags[0].timestampMs / SPEED;
  for (const { typeId, timestampMs, body } of tags) {
    await delay(Math.max(0, startMs + timestampMs / SPEED - performance.now()));
    client.session.sendMedia(typeId as MediaTypeId, timestampMs, body);
    await client.flush();
  }
}
