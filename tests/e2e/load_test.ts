// Goal: 2,000 viewers of one stream lose nothing, and one who stalls harms nobody.
// Method: numbered frames; viewers in a process of their own parse all they get and count what is
// missing or doubled; memory is the worker's resident set before and while they watch.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { Load } from "../support/load.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

const VIEWERS = 2_000;

/** How long they all watch, in milliseconds. */
const WATCH_MS = 4_000;

/** About 400 kbit/s: what matters here is the number of messages and sockets. */
const SMALL = { framesPerSecond: 25, gopFrames: 50, frameBytes: 1_800, audioBytes: 200 };

/** Bound on memory per viewer, in bytes: a stalled or leaking outlet would cost far more. */
const VIEWER_BYTES_MAX = 64 * 1024;

for (const protocol of VIEWER_PROTOCOLS) {
  Deno.test(
    endToEnd(
      `${VIEWERS} viewers over ${protocol} lose no frame`,
      { timeoutMs: 90_000 },
      async () => {
        await using node = await startTestNode();
        const path = "live/load";
        const publisher = await Publisher.open(node.address("rtmp"), path);
        const stream = new NumberedStream(publisher, SMALL);
        await delay(1_000);
        const beforeBytes = node.memoryBytes();
        const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
        await using load = new Load({
          protocol,
          address,
          path,
          viewers: VIEWERS,
          timeoutMs: 80_000,
        });
        await load.playing;
        await delay(WATCH_MS);
        const viewerBytes = (node.memoryBytes() - beforeBytes) / VIEWERS;
        const last = await stream.end();
        const result = await load.done;
        console.log(`${protocol}: ${(viewerBytes / 1024).toFixed(1)} KiB resident per viewer`);
        assertEquals(result, {
          event: "done",
          viewers: VIEWERS,
          lost: 0,
          doubled: 0,
          lastMin: last,
          lastMax: last,
          ended: { "end of stream": VIEWERS },
        });
        assert(viewerBytes < VIEWER_BYTES_MAX, `${viewerBytes} bytes per viewer`);
      },
    ),
  );
}

/** About 8 Mbit/s: fills the kernel's buffers of a stalled socket within seconds. */
const LARGE = { framesPerSecond: 25, gopFrames: 25, frameBytes: 40_000, audioBytes: 0 };
const STALL_VIEWERS = 100;

/** After how long without progress a viewer is dropped, in milliseconds. */
const VIEWER_TIMEOUT_MS = 2_000;

/** Most the worker may grow while one viewer stalls: the log, its pages and 100 sockets. */
const STALL_GROWTH_BYTES_MAX = 160 * 1024 * 1024;

Deno.test(endToEnd("one viewer who reads nothing costs the other 100 no frame and is dropped", {
  timeoutMs: 90_000,
}, async () => {
  const args = ["--viewer-timeout", `${VIEWER_TIMEOUT_MS}ms`];
  await using node = await startTestNode({ args });
  const path = "live/stall";
  const address = node.address("rtmp");
  const publisher = await Publisher.open(address, path);
  const stream = new NumberedStream(publisher, LARGE);
  await delay(1_000);
  const beforeBytes = node.memoryBytes();
  await using load = new Load({
    ...{ protocol: "rtmp", address, path, viewers: STALL_VIEWERS, stall: true },
    timeoutMs: 80_000,
  });
  await load.playing;
  await viewersAre(node, STALL_VIEWERS + 1);
  let mostBytes = 0;
  await eventually("the stalled viewer is dropped", async () => {
    mostBytes = Math.max(mostBytes, node.memoryBytes());
    return await viewers(node) === STALL_VIEWERS;
  }, 30_000);
  const last = await stream.end();
  const { lost, doubled, lastMin, ended } = await load.done;
  const grownBytes = mostBytes - beforeBytes;
  console.log(`with a stalled viewer the worker grew by ${(grownBytes / 2 ** 20).toFixed(0)} MiB`);
  assertEquals({ lost, doubled, lastMin }, { lost: 0, doubled: 0, lastMin: last });
  assertEquals(ended, { "end of stream": STALL_VIEWERS });
  assert(grownBytes < STALL_GROWTH_BYTES_MAX, `the worker grew by ${grownBytes} bytes`);
}));

async function viewers(node: TestNode): Promise<number> {
  const stream = await node.api<{ viewers: { total: number } }>("streams/live/stall");
  return stream.viewers.total;
}

async function viewersAre(node: TestNode, count: number): Promise<void> {
  await eventually(`${count} viewers`, async () => await viewers(node) === count);
}
