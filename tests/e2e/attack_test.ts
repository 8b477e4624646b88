// Goal: whoever floods, stalls or lies is closed by a limit that is counted, memory stays within its
// statement, and a fresh publisher and viewer are served within two seconds at any time.
// Method: real sockets in great number against one node with short limits; between and during the
// attacks a new stream is published and played.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { VIDEO } from "../support/wire/media_message.ts";
import { numberedBody } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { bytesOf, C0_C1, C2, uint32 } from "../support/wire/rtmp_bytes.ts";
import {
  closeQuietly,
  connectCommands,
  connectTo,
  writeAll,
} from "../support/wire/rtmp_connection.ts";
import { openViewer, VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

/** Soonest that a fresh viewer must see frames of a fresh publisher, in milliseconds. */
const FRESH_MS_MAX = 2_000;

const TIMEOUT_SECONDS = 3;
const BIT_RATE_MAX = 20_000_000;
const MEDIA_MIB = 64;

/** What a connection may cost besides media, in bytes: socket, buffers, actors. */
const CONNECTION_BYTES_MAX = 64 * 1024;

/** What the heap may grow beside that before it is collected. */
const HEAP_BYTES_MAX = 128 * 1024 * 1024;

const MIB = 1024 * 1024;

/** Of a picture of 320x180, by x264; frames without one are not taken. */
const CONFIGURATION = Uint8Array.fromHex(
  "17000000000142c00cffe100176742c00cda05067e7c0440000003004000000c83c50aa801000468ce0fc8",
);

let node: TestNode;
let restBytes: number;

Deno.test.beforeAll(async () => {
  const timeout = `${TIMEOUT_SECONDS}s`;
  node = await startTestNode({
    args: [
      ...["--handshake-timeout", timeout, "--idle-timeout", timeout, "--publish-timeout", timeout],
      ...["--max-bitrate", `${BIT_RATE_MAX / 1e6}Mbps`, "--max-frame", "1MiB"],
      ...["--media-memory", `${MEDIA_MIB}MiB`, "--play-wait", "2s", "--log-level", "warn"],
      ...["--max-connections-per-address", "11000"],
    ],
  });
  await assertFresh();
  restBytes = node.memoryBytes();
});

Deno.test.afterAll(async () => {
  await node?.stop();
});

const SLOW = {
  rtmp: ["rtmp", C0_C1],
  http: ["http", new TextEncoder().encode(`GET /live/x.flv HTTP/1.1\r\nX: ${"x".repeat(900)}`)],
  ws: ["http", new TextEncoder().encode("GET /live/x.flv HTTP/1.1\r\nUpgrade: websocket\r\nX: y")],
} as const;

Deno.test(
  endToEnd("300 slow senders per protocol are closed by the handshake timeout", {}, async () => {
    const before = (await refused())["handshake-timeout"];
    const startMs = performance.now();
    const slow = Object.values(SLOW).map(([listener, bytes]) =>
      crowd(300, listener, (conn) => drip(conn, bytes))
    );
    const sockets = (await Promise.all(slow)).flat();
    for (let i = 0; i < 3; i++) await assertFresh();
    await Promise.all(sockets.map(({ closed }) => closed));
    const seconds = (performance.now() - startMs) / 1_000;
    assertWithin((TIMEOUT_SECONDS + 5) * 1_000, seconds * 1_000, "the last close");
    assertEquals((await refused())["handshake-timeout"] - before, 900);
  }),
);

Deno.test(
  endToEnd("10,000 connections that say nothing are closed", { timeoutMs: 90_000 }, async () => {
    const openMax = Number(new TextDecoder().decode(
      new Deno.Command("sh", { args: ["-c", "ulimit -n"] }).outputSync().stdout,
    ));
    const count = Math.min(10_000, openMax - 1_000);
    if (count < 10_000) console.warn(`only ${count} connections: ${openMax} files may be open`);
    const before = (await refused())["handshake-timeout"];
    const sockets = await crowd(count / 2, "rtmp");
    await assertFresh();
    sockets.push(...await crowd(count / 2, "http"));
    await assertFresh();
    assertMemory(count);
    await Promise.all(sockets.map(({ closed }) => closed));
    await assertFresh();
    assertEquals((await refused())["handshake-timeout"] - before, count);
  }),
);

Deno.test(
  endToEnd(
    "1,000 publishers of frames of a byte disturb nobody",
    { timeoutMs: 90_000 },
    async () => {
      const publishers: Publisher[] = [];
      for (let at = 0; at < 1_000; at += 50) {
        const some = Array.from(
          { length: 50 },
          (_, i) => Publisher.open(node.address("rtmp"), `many/${at + i}`),
        );
        publishers.push(...await Promise.all(some));
      }
      const tiny = bytesOf(0x17, 1, 0, 0, 0, uint32(1), 0x65);
      for (const publisher of publishers) await publisher.send(VIDEO, 0, CONFIGURATION);
      const endMs = performance.now() + 6_000;
      const sending = (async () => {
        for (let ms = 0; performance.now() < endMs; ms += 200) {
          const round = delay(200);
          for (const publisher of publishers) await publisher.send(VIDEO, ms, tiny);
          await round;
        }
      })();
      while (performance.now() < endMs) await assertFresh();
      await sending;
      assertMemory(1_000);
      for (const publisher of publishers) await publisher.end();
    },
  ),
);

Deno.test(
  endToEnd("a publisher at a gigabit per second is slowed down, then closed", {}, async () => {
    const beforeBytes = node.memoryBytes(); // What went before has left its marks on the heap.
    const publisher = await Publisher.open(node.address("rtmp"), "live/flood");
    await publisher.send(VIDEO, 0, CONFIGURATION);
    const body = numberedBody(VIDEO, 1, true, 500_000);
    let sent = 0;
    let over = false;
    const flood = (async () => {
      for (let ms = 0; !over; ms += 4) {
        await publisher.send(VIDEO, ms, body);
        sent += body.length;
      }
    })().catch(() => {});
    const startMs = performance.now();
    const ended = publisher.ended.finally(() => over = true);
    while (!over && performance.now() - startMs < 20_000) await assertFresh();
    await ended;
    await flood;
    const seconds = (performance.now() - startMs) / 1_000;
    assertWithin(16_000, seconds * 1_000, "the close");
    // What was taken: the rate, a burst of four seconds, and what the kernel holds.
    assert(sent * 8 < BIT_RATE_MAX * (seconds + 4) + 16 * MIB * 8, `${sent} bytes were taken`);
    assertEquals((await refused())["bit-rate"], 1);
    assertMemory(1, beforeBytes);
  }),
);

Deno.test(
  endToEnd("a frame above the limit ends its publisher, one below does not", {}, async () => {
    const publisher = await Publisher.open(node.address("rtmp"), "live/large");
    await publisher.send(VIDEO, 0, numberedBody(VIDEO, 1, true, MIB - 100));
    await delay(300);
    assertEquals((await refused())["frame-size"], 0);
    await publisher.send(VIDEO, 40, numberedBody(VIDEO, 2, false, MIB + 100));
    await publisher.ended;
    assertEquals((await refused())["frame-size"], 1);
  }),
);

Deno.test(endToEnd("a publisher that falls silent is closed, and its stream held", {}, async () => {
  const before = (await refused())["publish-timeout"];
  const publisher = await Publisher.open(node.address("rtmp"), "live/silent");
  await publisher.send(VIDEO, 0, CONFIGURATION);
  await publisher.send(VIDEO, 0, numberedBody(VIDEO, 1, true, 100));
  await publisher.ended;
  assertEquals((await refused())["publish-timeout"] - before, 1);
  assertEquals((await node.api<{ state: string }>("streams/live/silent")).state, "hold");
  assertEquals((await node.fetchApi("streams/live/silent", "DELETE")).ok, true);
}));

Deno.test(endToEnd("a client that connects and wants nothing is closed", {}, async () => {
  const before = (await refused())["idle-timeout"];
  const conn = await connectTo(node.address("rtmp"));
  await writeAll(conn, bytesOf(C0_C1, C2, connectCommands(node.address("rtmp"), "live")));
  await untilClosed(conn);
  assert((await refused())["idle-timeout"] > before, "not counted");
}));

Deno.test(endToEnd("a head that is too long is refused with 431", {}, async () => {
  const conn = await connectTo(node.address("http"));
  const head = `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(17_000)}`;
  await writeAll(conn, new TextEncoder().encode(head));
  assertMatch(await untilClosed(conn), /^HTTP\/1\.1 431 /);
  assertEquals((await refused())["head-size"], 1);
}));

const HTTP_FORMS = [".m3u8", ".ts", ".mp4", ".html"];

const HOSTILE = [
  ...["../../canary", "..%2f..%2fcanary", "%2e%2e/%2e%2e/canary", "a%2fb", "a%00b", "a\0b"],
  ...["x".repeat(400), "Straße-東京-🎥", "$(touch canary)", "`touch canary`", ";touch canary"],
  ...["*", "?[a-z]", "{a,b}", "~", "-rf", "|canary", "&", "%n%s", "a\\..\\b", "con:", "%%", "#x"],
];

Deno.test(
  endToEnd(
    "hostile names work as plain names or are refused; nothing leaves --data",
    {},
    async () => {
      const outside = `${node.dataFolder}-canary`;
      await Deno.writeTextFile(outside, "alive");
      const parent = node.dataFolder.slice(0, node.dataFolder.lastIndexOf("/"));
      const around = async () => {
        const names: string[] = [];
        for await (const { name } of Deno.readDir(parent)) {
          if (/canary/.test(name)) names.push(name);
        }
        return names.sort();
      };
      const before = await around();
      for (const name of HOSTILE) {
        for (const protocol of VIEWER_PROTOCOLS) await tryName(name, protocol);
      }
      await Promise.all(HOSTILE.flatMap((name) => HTTP_FORMS.map((form) => tryTarget(name, form))));
      assertEquals(await around(), before);
      assertEquals(await Deno.readTextFile(outside), "alive");
      await Deno.remove(outside);
      await assertFresh();
    },
  ),
);

/** Asks for a name over HTTP: an answer must come that serves or refuses. */
async function tryTarget(name: string, form: string): Promise<void> {
  const conn = await connectTo(node.address("http"));
  const target = `/live/${encodeURI(name).replaceAll("%25", "%")}${form}`;
  await writeAll(conn, new TextEncoder().encode(`HEAD ${target} HTTP/1.0\r\n\r\n`));
  assertMatch(await untilClosed(conn), /^HTTP\/1\.[01] (200|4\d\d|503) /, target);
}

/** Publishes and plays under a name, or is refused. */
async function tryName(name: string, protocol: typeof VIEWER_PROTOCOLS[number]): Promise<void> {
  const publisher = await Publisher.open(node.address("rtmp"), `live/${name}`, "live")
    .catch(() => undefined);
  const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
  const path = protocol === "rtmp" ? name : encodeURI(name).replaceAll("%25", "%");
  if (/[\r\n ]/.test(path) && protocol !== "rtmp") return publisher?.drop();
  const viewer = await openViewer({ protocol, address, path: `live/${path}`, app: "live" });
  await Promise.race([viewer.ended, delay(20)]);
  viewer.close();
  await publisher?.end().catch(() => {});
}

interface Silent {
  readonly closed: Promise<unknown>;
}

/** Opens sockets, a few hundred at a time, and does something with each. */
async function crowd(
  count: number,
  listener: "rtmp" | "http",
  act: (conn: Deno.TcpConn) => void = () => {},
): Promise<Silent[]> {
  const all: Silent[] = [];
  while (all.length < count) {
    const some = Math.min(250, count - all.length);
    const conns = await Promise.all(
      Array.from({ length: some }, () => connectTo(node.address(listener))),
    );
    for (const conn of conns) {
      act(conn);
      all.push({ closed: untilClosed(conn) });
    }
  }
  return all;
}

/** A byte a second. */
function drip(conn: Deno.TcpConn, bytes: Uint8Array): void {
  let at = 0;
  const timer = setInterval(() => {
    conn.write(bytes.subarray(at, ++at)).catch(() => clearInterval(timer));
  }, 1_000);
}

/** Reads until the other side closes; the start of what came. */
async function untilClosed(conn: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(4_096);
  let text = "";
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      text = (text + new TextDecoder("latin1").decode(buffer.subarray(0, n))).slice(0, 8_192);
    }
  } catch {
    // Reset: closed as well.
  }
  closeQuietly(conn);
  return text;
}

/** A new stream is published and played in time. */
async function assertFresh(): Promise<void> {
  const startMs = performance.now();
  const path = `fresh/${crypto.randomUUID()}`;
  const stream = await publishNumbered(node, path);
  using follower = await follow(node, "rtmp", path);
  await untilPlaying(follower, 2);
  const tookMs = performance.now() - startMs;
  await stream.end();
  assertWithin(FRESH_MS_MAX, tookMs, "a fresh stream");
}

function assertMemory(connections: number, fromBytes = restBytes): void {
  const grown = node.memoryBytes() - fromBytes;
  const most = MEDIA_MIB * MIB + connections * CONNECTION_BYTES_MAX + HEAP_BYTES_MAX;
  assert(grown < most, `grown by ${Math.round(grown / MIB)} MiB, at most ${most / MIB} are stated`);
}

/** Refusals by reason, from the metrics. */
async function refused(): Promise<Record<string, number>> {
  const text = await eventually(
    "metrics",
    async () => (await fetch(node.httpUrl("metrics"))).text(),
  );
  const lines = text.matchAll(/^headwater_refused_total\{reason="([^"]+)"[^}]*\} (\d+)/gm);
  return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]));
}
