// Goal: URLs with user info publish and play over RTMP where the application asks for a proof, a
// wrong password gets the protocol's own refusal, and no password is sent or logged.
// Method: FFmpeg and GStreamer with rtmp://user:pass@…, and clients with credentials elsewhere.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { type Ended, eventually, runChild } from "../support/processes.ts";
import { openSession } from "../support/session_client.ts";

const SECRET = "s3cret";
const PUBLISHER = `encoder:pub+${SECRET}`;
const VIEWER = `viewer:view:${SECRET}`;

const CONFIG = `
applications:
  asked:
    rtmp-challenge: true
    users:
      - { user: encoder, pass: "pub+${SECRET}", publish: true }
      - { user: viewer, pass: "view:${SECRET}", play: true }
  watched:
    rtmp-challenge: true
    users: [{ user: encoder, pass: "pub+${SECRET}", publish: true }]
`;

let node: TestNode;
let folder: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-challenge-" });
  await Deno.writeTextFile(`${folder}/hw.yaml`, CONFIG);
  node = await startTestNode({
    args: ["--config", `${folder}/hw.yaml`, "--log-level", "debug", "--play-wait", "1s"],
  });
});

Deno.test.afterAll(async () => {
  await node?.stop();
  await Deno.remove(folder, { recursive: true });
});

function url(path: string, userInfo?: string): string {
  return `rtmp://${userInfo === undefined ? "" : `${userInfo}@`}${node.address("rtmp")}/${path}`;
}

/** FFmpeg plays a second of it. */
function ffmpegPlays(path: string, userInfo?: string): Promise<Ended> {
  const args = ["-nostdin", "-v", "error", "-rw_timeout", "8000000", "-i", url(path, userInfo)];
  return runChild("ffmpeg", [...args, "-t", "1", "-c", "copy", "-f", "null", "-"], {
    timeoutMs: 20_000,
  });
}

function gstreamerPlays(path: string, userInfo: string): Promise<Ended> {
  const source = ["rtmp2src", `location=${url(path, userInfo)}`, "num-buffers=5"];
  return runChild("gst-launch-1.0", ["-q", ...source, "!", "fakesink"], { timeoutMs: 20_000 });
}

Deno.test(endToEnd("URL user info publishes and plays where a proof is asked for", {
  needs: ["ffmpeg", "gstreamer"],
}, async () => {
  const file = await mediaFile("h264_aac");
  await using source = publish(url("asked/cam", PUBLISHER), file);
  await eventually("it is published", async () => {
    const response = await node.fetchApi("streams/asked/cam");
    await response.body?.cancel();
    return response.ok;
  });
  const [ffmpeg, gstreamer, wrong, none, wrongGstreamer] = await Promise.all([
    ffmpegPlays("asked/cam", VIEWER),
    gstreamerPlays("asked/cam", VIEWER),
    ffmpegPlays("asked/cam", `viewer:wrong-${SECRET}`),
    ffmpegPlays("asked/cam"),
    gstreamerPlays("asked/cam", `viewer:wrong-${SECRET}`),
  ]);
  assertEquals([ffmpeg.code, ffmpeg.stderr], [0, ""]);
  assertEquals([gstreamer.code, gstreamer.stderr], [0, ""]);
  assert(wrong.code !== 0);
  assertMatch(wrong.stderr, /Incorrect username\/password/);
  assert(none.code !== 0);
  assertMatch(none.stderr, /No credentials set/);
  assertMatch(wrongGstreamer.stderr, /authentication failed/);
  // It has proved to be somebody, who may not do this.
  const publisher = await ffmpegPlays("asked/cam", PUBLISHER);
  assert(publisher.code !== 0);
  await source.end();
  const logs = JSON.stringify(node.logs());
  assert(!logs.includes(SECRET) && !logs.includes("response="), "a credential was logged");
}));

Deno.test(endToEnd("a wrong password publishes nothing", { needs: ["ffmpeg"] }, async () => {
  const file = await mediaFile("h264_aac");
  await using source = publish(url("asked/no", `encoder:wrong-${SECRET}`), file);
  const { code, stderr } = await source.ended;
  assert(code !== 0);
  assertMatch(stderr, /Incorrect username\/password/);
}));

Deno.test(endToEnd("who needs no credentials is not asked for them", {}, async () => {
  const options = { app: "watched", streamName: "cam" };
  using player = await openSession(node.address("rtmp"), { ...options, role: "play" });
  using publisher = await openSession(node.address("rtmp"), {
    ...{ ...options, role: "publish" },
    userInfo: PUBLISHER,
  });
  await publisher.ready;
  await player.ready;
  using nobody = await openSession(node.address("rtmp"), {
    ...{ ...options, role: "publish" },
    streamName: "other",
  });
  const refusal = await nobody.ready.then(() => "ok", (error: Error) => error.message);
  assertMatch(refusal, /NetConnection\.Connect\.Rejected/);
}));

Deno.test(endToEnd("credentials behind the application need no proof", {}, async () => {
  const query = new URLSearchParams({ user: "encoder", pass: `pub+${SECRET}` });
  using publisher = await openSession(node.address("rtmp"), {
    role: "publish",
    app: `asked?${query}`,
    streamName: "query",
  });
  await publisher.ready;
}));
