// Goal: a viewer may come before its publisher, and is refused properly when none comes.
// Method: each protocol against nodes with a long, a short and no wait.
import { assert, assertEquals } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startTestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { openViewer, VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

/** How each protocol says that nobody publishes. */
const REFUSALS = {
  "rtmp": "refused: NetStream.Play.StreamNotFound",
  "http-flv": "refused: 404",
  "ws-flv": "refused: 404",
} as const;

Deno.test(endToEnd(
  "viewers of every protocol wait for the publisher and get its first frame",
  {},
  async () => {
    await using node = await startTestNode();
    const followers = await Promise.all(
      VIEWER_PROTOCOLS.map((protocol) => follow(node, protocol, "live/later")),
    );
    await delay(1_000);
    const stream = await publishNumbered(node, "live/later");
    for (const follower of followers) {
      await untilPlaying(follower);
      assertEquals(follower.check.first, 0);
    }
    const last = await stream.end();
    for (const { viewer, check } of followers) {
      assertEquals(await viewer.ended, "end of stream");
      assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
    }
  },
));

const WAITS = [
  { wait: "0", atLeastMs: 0, atMostMs: 500 },
  { wait: "1500ms", atLeastMs: 1_400, atMostMs: 3_000 },
];

for (const { wait, atLeastMs, atMostMs } of WAITS) {
  Deno.test(endToEnd(`--play-wait ${wait} refuses in each protocol's own way`, {}, async () => {
    await using node = await startTestNode({ args: ["--play-wait", wait] });
    await Promise.all(VIEWER_PROTOCOLS.map(async (protocol) => {
      const startMs = performance.now();
      const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
      using viewer = await openViewer({ protocol, address, path: "live/never" });
      assertEquals(await viewer.ended, REFUSALS[protocol]);
      const tookMs = performance.now() - startMs;
      assert(tookMs >= atLeastMs, `${protocol} took ${tookMs} ms`);
      assertWithin(atMostMs, tookMs, `the refusal over ${protocol}`);
    }));
  }));
}
