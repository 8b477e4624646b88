// Goal: the player page plays a stream of a real node over each protocol that it offers, and says
// what is wrong when it cannot.
// Method: headless Chromium on the node's own page; frames must advance about as fast as the clock,
// and neither the page nor its policy may complain.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { openPlayerPage } from "../support/player_page.ts";
import { publish } from "../support/players.ts";
import { delay, eventually } from "../support/processes.ts";

/** How long it plays after the first frame, in seconds, and how much of it must be presented. */
const PLAY_SECONDS = 4;
const MEDIA_SECONDS_MIN = 3;

/** How far into a GOP of 10 s the viewer joins, in milliseconds. */
const JOIN_MS = 3_000;

/** Furthest behind the newest picture, in seconds: less than the GOP that the viewer started with. */
const BEHIND_SECONDS_MAX = 2;

/** Within this the page has shown what was left and read that nothing follows, in milliseconds. */
const END_MS_MAX = 15_000;

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

/**
 * HLS starts at the live end, and a GOP longer than a segment has no key frame there: its viewer
 * would wait for the next one. The others start at the newest key frame, wherever it is.
 */
const SOURCES = { "ll-hls": "quarter", "http-flv": "long_gop", "ws-flv": "long_gop" } as const;

for (const [protocol, source] of Object.entries(SOURCES)) {
  Deno.test(
    endToEnd(`the player page plays ${protocol}`, { needs: ["ffmpeg", "chromium"] }, async () => {
      await using _publisher = publish(node.rtmpUrl("live/page"), await mediaFile(source));
      await delay(JOIN_MS);
      await using player = await openPlayerPage(node.httpUrl(`live/page.html#${protocol}`));
      await player.untilState("live");
      const startSeconds = await player.currentTime();
      await delay(PLAY_SECONDS * 1_000);
      const seen = await player.look();
      assertEquals(seen.protocol, protocol);
      assertEquals([seen.state, seen.message], ["Live", ""]);
      assert(seen.currentTime - startSeconds >= MEDIA_SECONDS_MIN, JSON.stringify(seen));
      assert(seen.frames >= MEDIA_SECONDS_MIN * 16, JSON.stringify(seen));
      assertEquals(seen.size, "320 × 180");
      assertMatch(seen.latency, /^\d\.\d s$/);
      assert(parseFloat(seen.latency) < BEHIND_SECONDS_MAX, seen.latency);
      assertEquals(player.errors, []);
    }),
  );
}

Deno.test(
  endToEnd("the player page changes the protocol", { needs: ["ffmpeg", "chromium"] }, async () => {
    await using _publisher = publish(node.rtmpUrl("live/change"), await mediaFile("long_gop"));
    await delay(500);
    await using player = await openPlayerPage(node.httpUrl("live/change.html"));
    await player.untilState("live");
    assertEquals((await player.look()).protocol, "ll-hls");
    await player.choose("ws-flv");
    await player.untilState("live");
    assertEquals((await player.look()).protocol, "ws-flv");
    const protocols = async () => {
      const { items } = await node.api<{ items: { protocol: string }[] }>("sessions");
      return items.map(({ protocol }) => protocol).filter((name) => name.endsWith("flv"));
    };
    assertEquals(await protocols(), ["ws-flv"]);
    assertEquals(player.errors, []);
  }),
);

Deno.test(endToEnd(
  "the player page waits for a stream that is not there yet",
  { needs: ["ffmpeg", "chromium"] },
  async () => {
    await using impatient = await startTestNode({ args: ["--play-wait", "0"] });
    await using player = await openPlayerPage(impatient.httpUrl("live/late.html"));
    await player.untilState("waiting");
    const { message } = await player.look();
    assertEquals(message, "live/late is not live yet; waiting for it.");
    await using _publisher = publish(impatient.rtmpUrl("live/late"), await mediaFile("long_gop"));
    await player.untilState("live");
    assertEquals((await player.look()).message, "");
  },
));

Deno.test(endToEnd(
  "the player page says that a stream has ended",
  { needs: ["ffmpeg", "chromium"] },
  async () => {
    const publisher = publish(node.rtmpUrl("live/ends"), await mediaFile("quarter"));
    await delay(500);
    await using player = await openPlayerPage(node.httpUrl("live/ends.html"));
    await player.untilState("live");
    // What ffmpeg sends when it is asked to end: the stream is over at once.
    await publisher.end("SIGTERM");
    // It may say first that pictures are missing: the last ones are shown before the end is read.
    await eventually("the page to say so", async () => {
      return (await player.look()).message.startsWith("live/ends has ended; waiting");
    }, END_MS_MAX);
  },
));
