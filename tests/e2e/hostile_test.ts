// Goal: a hostile RTMP client loses its connection, for a reason that is logged, and nobody else
// notices.
// Method: each attack over a real socket, while a viewer watches a numbered stream that must not
// lose a frame; after each a new stream is published and played: a connect that is answered would
// prove nothing.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd, withDeadline } from "../support/end_to_end.ts";
import { type Attack, ATTACKS } from "../support/hostile_rtmp.ts";
import { follow, type Follower, publishNumbered, untilPlaying } from "../support/live.ts";
import { type LogLine, startTestNode, type TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { bytesOf, C0_C1, C2, command } from "../support/wire/rtmp_bytes.ts";
import type { NumberedStream } from "../support/wire/numbered.ts";
import { closeQuietly, connectTo, writeAll } from "../support/wire/rtmp_connection.ts";

/** How soon the node must close, in milliseconds. */
const CLOSE_MS_MAX = 5_000;

/** How long a connection that may go on is kept, in milliseconds. */
const SURVIVE_MS = 300;

/** Most the worker may grow over all attacks, in bytes. */
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;

let node: TestNode;
let stream: NumberedStream;
let witness: Follower;
let beforeBytes: number;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
  stream = await publishNumbered(node, "live/witness");
  witness = await follow(node, "rtmp", "live/witness");
  beforeBytes = node.memoryBytes();
});

Deno.test.afterAll(async () => {
  witness.viewer.close();
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

for (const attack of ATTACKS) {
  const outcome = attack.survives ? "left out" : "closed with a reason";
  Deno.test(endToEnd(`${attack.name}: ${outcome}, others untouched`, {}, async () => {
    const lines = node.logs().length;
    const startMs = performance.now();
    const local = await strike(attack);
    assertWithin(CLOSE_MS_MAX, performance.now() - startMs, "the close");
    if (attack.reason !== undefined) {
      const told = (line: LogLine) => line.peer === local && line.level === "warn";
      assertMatch(JSON.stringify(await node.waitForLog(`about ${local}`, told)), attack.reason);
    }
    assert(node.logs().length - lines < 20, "one attack fills the log");
    await assertAlive();
  }));
}

Deno.test(
  endToEnd("who sends requests and reads no answer is closed, others untouched", {}, async () => {
    const conn = await connectTo(node.address("rtmp"));
    const asks = bytesOf(...Array.from({ length: 2_000 }, () => command(0, "nonsense", 7, null)));
    const flood = async () => {
      await writeAll(conn, bytesOf(C0_C1, C2, command(0, "connect", 1, { tcUrl: "rtmp://h/a" })));
      for (let i = 0; i < 1_000; i++) await writeAll(conn, asks);
    };
    const outcome = await withDeadline(flood().then(() => "all taken", () => "closed"), 30_000);
    closeQuietly(conn);
    assertEquals(outcome, "closed");
    await assertAlive();
  }),
);

Deno.test(endToEnd(
  "after all attacks the witness has every frame and the worker is no larger",
  {},
  async () => {
    assert(node.memoryBytes() - beforeBytes < GROWTH_BYTES_MAX, `grown to ${node.memoryBytes()}`);
    const last = await stream.end();
    const { viewer, check } = witness;
    assertEquals(await viewer.ended, "end of stream");
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
  },
));

/** Sends an attack and waits for the end it must have; its `host:port` on our side. */
async function strike({ bytes, survives }: Attack): Promise<string> {
  const conn = await connectTo(node.address("rtmp"));
  const { hostname, port } = conn.localAddr as Deno.NetAddr;
  const buffer = new Uint8Array(65_536);
  const read = async () => {
    while (await conn.read(buffer) !== null);
  };
  try {
    // The node may close while we still write, or while we read.
    const over = Promise.allSettled([writeAll(conn, bytes()), read()]);
    await (survives ? Promise.race([over, delay(SURVIVE_MS)]) : over);
  } finally {
    closeQuietly(conn);
  }
  return `${hostname}:${port}`;
}

/** A new stream can be published and played. */
async function assertAlive(): Promise<void> {
  const path = `live/alive-${crypto.randomUUID()}`;
  const fresh = await publishNumbered(node, path);
  using follower = await follow(node, "rtmp", path);
  await untilPlaying(follower);
  await fresh.end();
}
