// Goal: a hostile RTMP client loses its connection, for a reason that is logged, and nobody else
// notices.
// Method: each attack over a real socket, while a viewer watches a numbered stream that must not
// lose a frame; after each a new stream is published and played: a connect that is answered would
// prove nothing.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { e2eTest, withDeadline } from "../support/end_to_end.ts";
import { type Attack, ATTACKS } from "../support/hostile_rtmp.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";
import { NumberedCheck, NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { closeQuietly, connectTo, writeAll } from "../support/wire/rtmp_connection.ts";
import { openViewer, type Viewer } from "../support/wire/viewer.ts";

/** How soon the node must close, in milliseconds. */
const CLOSE_MS_MAX = 5_000;

/** Most the worker may grow over all attacks, in bytes. */
const GROWTH_BYTES_MAX = 128 * 1024 * 1024;

const SMALL = { framesPerSecond: 25, gopFrames: 10, frameBytes: 1_000, audioBytes: 100 };

let node: TestNode;
let stream: NumberedStream;
let witness: Viewer;
let beforeBytes: number;
const check = new NumberedCheck();

Deno.test.beforeAll(async () => {
  node = await startTestNode();
  stream = await publishNumbered("live/witness");
  const target = { protocol: "rtmp", address: node.address("rtmp"), path: "live/witness" } as const;
  witness = await openViewer({ ...target, onMessage: (message) => check.message(message) });
  beforeBytes = node.memoryBytes();
});

Deno.test.afterAll(async () => {
  witness.close();
  await node.stop();
});

for (const attack of ATTACKS) {
  e2eTest(`${attack.name}: closed with a reason, others untouched`, {}, async () => {
    const lines = node.logs().length;
    const local = await withDeadline(strike(attack), CLOSE_MS_MAX);
    if (attack.reason !== undefined) {
      const line = await node.waitForLog(`why ${local} was closed`, (line) => line.peer === local);
      assertMatch(JSON.stringify(line), attack.reason);
    }
    assert(node.logs().length - lines < 20, "one attack fills the log");
    await assertAlive();
  });
}

e2eTest("who sends requests and reads no answer is closed, others untouched", {}, async () => {
  const { command, bytesOf, C0_C1, C2 } = await import("../support/wire/rtmp_bytes.ts");
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
});

e2eTest(
  "after all attacks the witness has every frame and the worker is no larger",
  {},
  async () => {
    assert(node.memoryBytes() - beforeBytes < GROWTH_BYTES_MAX, `grown to ${node.memoryBytes()}`);
    const last = await stream.end();
    assertEquals(await witness.ended, "end of stream");
    assertEquals([check.lost, check.doubled, check.last], [0, 0, last]);
  },
);

/** Sends an attack and waits for the end of the connection; its `host:port` on our side. */
async function strike({ bytes }: Attack): Promise<string> {
  const conn = await connectTo(node.address("rtmp"));
  const { hostname, port } = conn.localAddr as Deno.NetAddr;
  const buffer = new Uint8Array(65_536);
  const read = async () => {
    while (await conn.read(buffer) !== null);
  };
  try {
    // The node may close while we still write, or while we read.
    await Promise.allSettled([writeAll(conn, bytes()), read()]);
  } finally {
    closeQuietly(conn);
  }
  return `${hostname}:${port}`;
}

/** A new stream can be published and played. */
async function assertAlive(): Promise<void> {
  const path = `live/alive-${crypto.randomUUID()}`;
  const fresh = await publishNumbered(path);
  const seen = new NumberedCheck();
  const target = { protocol: "rtmp", address: node.address("rtmp"), path } as const;
  using _viewer = await openViewer({ ...target, onMessage: (message) => seen.message(message) });
  await eventually("a new stream is played", () => seen.last > seen.first + 4);
  await fresh.end();
}

async function publishNumbered(path: string): Promise<NumberedStream> {
  const publisher = await Publisher.open(node.address("rtmp"), path);
  assertEquals(publisher.code, "NetStream.Publish.Start");
  return new NumberedStream(publisher, SMALL);
}
