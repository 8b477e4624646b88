// Goal: a stream has one name, however a client splits, escapes or decorates it.
// Method: publish under one spelling, play under others on every protocol; names that must not
// exist are refused by each protocol.
import { assertEquals, assertRejects } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { playFfmpeg, publish } from "../support/players.ts";
import { delay, eventually } from "../support/processes.ts";
import { openViewer } from "../support/wire/viewer.ts";

interface Spelling {
  readonly path: string;
  /** Where an RTMP client splits it, when not at the last slash. */
  readonly app?: string;
}

interface Name {
  readonly what: string;
  readonly publish: Spelling;
  /** How the API lists it. */
  readonly listed: readonly [app: string, name: string];
  readonly rtmp: readonly Spelling[];
  readonly http: string;
}

const NAMES: readonly Name[] = [
  {
    what: "slashes",
    publish: { path: "live/a/b/c" },
    listed: ["live", "a/b/c"],
    rtmp: [{ path: "live/a/b/c", app: "live" }, { path: "live/a/b/c", app: "live/a" }],
    http: "live/a/b/c",
  },
  {
    what: "spaces",
    publish: { path: "live/front door" },
    listed: ["live", "front door"],
    rtmp: [{ path: "live/front%20door" }, { path: "live/front door" }],
    http: "live/front%20door",
  },
  {
    what: "UTF-8",
    publish: { path: "live/Straße 東京" },
    listed: ["live", "Straße 東京"],
    rtmp: [{ path: "live/Stra%C3%9Fe%20%E6%9D%B1%E4%BA%AC" }],
    http: "live/Stra%C3%9Fe%20%E6%9D%B1%E4%BA%AC",
  },
  {
    what: "a percent sign and a plus",
    publish: { path: "live/100%25+1" },
    listed: ["live", "100%+1"],
    rtmp: [{ path: "live/100%25+1" }],
    http: "live/100%25+1",
  },
  {
    what: "one element",
    publish: { path: "cam", app: "" },
    listed: ["-", "cam"],
    rtmp: [{ path: "cam", app: "" }, { path: "cam", app: "cam" }],
    http: "-/cam",
  },
  {
    what: "a query",
    publish: { path: "live/q?token=abc&x=1" },
    listed: ["live", "q"],
    rtmp: [{ path: "live/q" }, { path: "live/q?other=2" }],
    http: "live/q",
  },
  {
    what: "a file's suffix",
    publish: { path: "live/test.sdp" },
    listed: ["live", "test.sdp"],
    rtmp: [{ path: "live/test.sdp" }],
    http: "live/test.sdp",
  },
];

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode({ args: ["--play-wait", "0"] });
});

Deno.test.afterAll(async () => {
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

for (const { what, publish, listed, rtmp, http } of NAMES) {
  Deno.test(endToEnd(`a name with ${what} is one stream on every protocol`, {}, async () => {
    const stream = await publishNumbered(node, publish.path, publish.app);
    await delay(200);
    for (const { path, app } of rtmp) {
      using follower = await follow(node, "rtmp", path, app);
      await untilPlaying(follower);
    }
    for (const protocol of ["http-flv", "ws-flv"] as const) {
      using follower = await follow(node, protocol, http);
      await untilPlaying(follower);
    }
    const [app, name] = listed.map(encodeURIComponent);
    const info = await node.api<{ app: string; name: string }>(`streams/${app}/${name}`);
    assertEquals([info.app, info.name], [...listed]);
    await stream.end();
  }));
}

const REFUSED = [
  "api/x",
  "metrics/x",
  "healthz/x",
  "readyz/x",
  "vod/x",
  "assets/x",
  "live/..",
  "live/%2e%2e/x",
  "live/a%2Fb",
  "live/a%00b",
  `live/${"x".repeat(600)}`,
];

for (const path of REFUSED) {
  Deno.test(endToEnd(`the name ${path.slice(0, 20)} is refused`, {}, async () => {
    const error = await assertRejects(() => publishNumbered(node, path));
    assertEquals(/BadName|Rejected|closed/.test(error.message), true, error.message);
    const target = { protocol: "rtmp", address: node.address("rtmp"), path } as const;
    using viewer = await openViewer(target);
    assertEquals(/^refused: |^closed/.test(await viewer.ended), true, await viewer.ended);
    // On a busy machine the stream of the test before may be ending still.
    await eventually(
      "no stream is listed",
      async () => (await node.api<{ items: unknown[] }>("streams")).items.length === 0,
    );
  }));
}

Deno.test(endToEnd("ffmpeg publishes and plays a name with slashes, spaces and UTF-8", {
  needs: ["ffmpeg"],
}, async () => {
  // ffmpeg takes what follows a space for its own options, so spaces are always escaped.
  const url = node.rtmpUrl("live/hall%202/tür/cam");
  await using _publisher = publish(url, await mediaFile("h264"));
  await delay(1_000);
  const got = await Promise.all([
    playFfmpeg(url),
    playFfmpeg(node.httpUrl("live/hall%202/t%C3%BCr/cam.flv")),
  ]);
  assertEquals(got.map(({ video }) => video.length > 50), [true, true]);
}));
