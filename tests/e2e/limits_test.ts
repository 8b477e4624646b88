// Goal: the limits of a node and of an application refuse each protocol's way, and are counted.
// Method: a node with limits so small that the second client is one too many; viewers that hardly
// read are closed by --viewer-timeout.
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, LIGHT, publishNumbered, untilPlaying } from "../support/live.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { bytesOf, C0_C1, C2, command } from "../support/wire/rtmp_bytes.ts";
import {
  closeQuietly,
  connectCommands,
  connectTo,
  RtmpConnection,
  writeAll,
} from "../support/wire/rtmp_connection.ts";

/** Viewers of each protocol that take a byte a second. */
const SLOW_READERS = 20;

const CONFIG = JSON.stringify({
  applications: {
    few: { limits: { streams: 1, connections: 3 } },
    thin: { limits: { "bit-rate": "100kbps", "frame-size": "2KiB" } },
  },
});

let node: TestNode;
let folder: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-limits-" });
  await Deno.writeTextFile(`${folder}/config.json`, CONFIG);
  node = await startTestNode({
    args: [
      ...["--config", `${folder}/config.json`, "--max-publishes", "1", "--max-streams", "8"],
      ...["--viewer-timeout", "2s", "--max-connections-per-address", "100", "--play-wait", "0"],
    ],
  });
});

Deno.test.afterAll(async () => {
  await node?.stop();
  await Deno.remove(folder, { recursive: true });
});

Deno.test(endToEnd("an application's streams and connections are limited", {}, async () => {
  const stream = await publishNumbered(node, "few/a");
  const error = await assertRejects(() => publishNumbered(node, "few/b"));
  assertMatch(error.message, /NetStream\.Publish\.Failed/);
  assertEquals((await refused())["application-streams"], 1);
  using first = await follow(node, "rtmp", "few/a");
  using second = await follow(node, "http-flv", "few/a");
  await untilPlaying(first);
  await untilPlaying(second);
  for (
    const [protocol, code] of [
      ["rtmp", "refused: NetStream.Play.Failed"],
      ["http-flv", "refused: 503"],
      ["ws-flv", "refused: 503"],
    ] as const
  ) {
    using third = await follow(node, protocol, "few/a");
    assertEquals(await third.viewer.ended, code);
  }
  assertEquals((await refused())["application-connections"], 3);
  second.viewer.close();
  await eventually("there is room again", async () => {
    const again = await follow(node, "ws-flv", "few/a");
    const ended = await Promise.race([again.viewer.ended, delay(200)]);
    again.viewer.close();
    return ended === undefined;
  });
  await stream.end();
}));

Deno.test(endToEnd("an application's bit rate and frame size are limited", {}, async () => {
  const options = { ...LIGHT, frameBytes: 1_500, audioBytes: 0 }; // 300 kbit/s
  const publisher = await Publisher.open(node.address("rtmp"), "thin/a");
  const stream = new NumberedStream(publisher, options);
  await stream.lost;
  await stream.stop();
  assertEquals((await refused())["bit-rate"], 1);
  const large = await Publisher.open(node.address("rtmp"), "thin/b");
  const tooLarge = new NumberedStream(large, { ...options, frameBytes: 3_000 });
  await tooLarge.lost;
  await tooLarge.stop();
  assertEquals((await refused())["frame-size"], 1);
}));

Deno.test(endToEnd("a connection's second publish is refused", {}, async () => {
  const codes: string[] = [];
  using connection = await RtmpConnection.open(node.address("rtmp"), {
    message: () => {},
    status: (code) => codes.push(code),
  });
  await connection.send(bytesOf(
    connectCommands(node.address("rtmp"), "live"),
    command(0, "createStream", 3, null),
    command(1, "publish", 4, null, "one", "live"),
    command(2, "publish", 5, null, "two", "live"),
  ));
  await eventually("both are answered", () => codes.includes("NetStream.Publish.Failed"));
  assert(codes.includes("NetStream.Publish.Start"));
  assertEquals((await refused())["max-publishes"], 1);
}));

Deno.test(endToEnd("a node's streams are limited", {}, async () => {
  const open = Array.from(
    { length: 9 },
    (_, at) => Publisher.open(node.address("rtmp"), `n/${at}`),
  );
  const publishers = await Promise.all(open);
  const codes = publishers.map(({ code }) => code);
  assert(codes.includes("NetStream.Publish.Failed") && codes.includes("NetStream.Publish.Start"));
  assert((await refused()).full > 0);
  for (const publisher of publishers) await publisher.end();
}));

Deno.test(endToEnd("one address may have so many connections", {}, async () => {
  const conns = await Promise.all(
    Array.from({ length: 120 }, () => connectTo(node.address("rtmp"))),
  );
  let ended = 0;
  for (const conn of conns) {
    void conn.read(new Uint8Array(1)).catch(() => null).then((read) => {
      if (read === null) ended++;
    });
  }
  await eventually("20 are refused", () => ended >= 20);
  for (const conn of conns) closeQuietly(conn);
  // The one who asks is refused, too, until the others have left.
  const counted = async () => (await refused())["max-connections-per-address"] >= 20;
  await eventually("the others have left", () => counted().catch(() => false));
}));

Deno.test(endToEnd("viewers that take a byte a second are closed, others go on", {}, async () => {
  const heavy = { framesPerSecond: 25, gopFrames: 25, frameBytes: 40_000, audioBytes: 0 };
  const publisher = await eventually("the streams of before are forgotten", async () => {
    const one = await Publisher.open(node.address("rtmp"), "live/heavy");
    return one.code === "NetStream.Publish.Start" && one;
  }, 60_000);
  const stream = new NumberedStream(publisher, heavy);
  await delay(200);
  using witness = await follow(node, "rtmp", "live/heavy");
  await untilPlaying(witness);
  const upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const get = (fields: string) =>
    new TextEncoder().encode(`GET /live/heavy.flv HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
  const address = node.address("rtmp");
  const play = command(1, "play", 3, null, "heavy", -2000);
  const asks = [
    ["rtmp", bytesOf(C0_C1, C2, connectCommands(address, "live"), play)],
    ["http", get("")],
    ["http", get(upgrade)],
  ] as const;
  const timers: ReturnType<typeof setInterval>[] = [];
  const conns: Deno.TcpConn[] = [];
  for (const [listener, ask] of asks) {
    for (let i = 0; i < SLOW_READERS; i++) {
      const conn = await connectTo(node.address(listener));
      conns.push(conn);
      await writeAll(conn, ask);
      timers.push(setInterval(() => void conn.read(new Uint8Array(1)).catch(() => {}), 1_000));
    }
  }
  const wanted = asks.length * SLOW_READERS;
  await eventually("all are closed", async () => await timedOut() === wanted, 60_000);
  for (const timer of timers) clearInterval(timer);
  for (const conn of conns) closeQuietly(conn);
  const last = await stream.end();
  assertEquals(await witness.viewer.ended, "end of stream");
  assertEquals([witness.check.lost, witness.check.last], [0, last]);
}));

async function metrics(): Promise<string> {
  return await (await fetch(node.httpUrl("metrics"))).text();
}

/** Refusals by reason. */
async function refused(): Promise<Record<string, number>> {
  const lines = (await metrics()).matchAll(
    /^headwater_refused_total\{reason="([^"]+)"[^}]*\} (\d+)/gm,
  );
  return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]));
}

async function timedOut(): Promise<number> {
  return Number(/^headwater_viewer_timeouts_total (\d+)/m.exec(await metrics())?.[1]);
}
