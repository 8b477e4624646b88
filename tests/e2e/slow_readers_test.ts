// Goal: viewers that take a byte a second, or just too little, are closed by --viewer-timeout on
// every protocol; a slow but honest one stays; nobody else notices, and memory keeps its bounds.
// Method: 300 sockets a protocol that ask for a heavy stream and hardly read, beside fresh
// publishers and viewers; then some that read at a sixteenth and at half of its pace.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay, eventually } from "../support/processes.ts";
import { NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { bytesOf, C0_C1, C2, command } from "../support/wire/rtmp_bytes.ts";
import {
  closeQuietly,
  connectCommands,
  connectTo,
  writeAll,
} from "../support/wire/rtmp_connection.ts";

/** Soonest that a fresh viewer must see frames of a fresh publisher, in milliseconds. */
const FRESH_MS_MAX = 2_000;

/** 4 Mbit/s: what the kernel holds for a reader is full within seconds. */
const HEAVY = { framesPerSecond: 25, gopFrames: 25, frameBytes: 20_000, audioBytes: 100 };
const BYTES_PER_SECOND = HEAVY.framesPerSecond * (HEAVY.frameBytes + HEAVY.audioBytes);

const TIMEOUT_SECONDS = 3;
const SOCKETS = 300;

const MIB = 1024 * 1024;
const MEDIA_MIB = 64;

/** What a connection may cost besides media, in bytes: socket, buffers, actors. */
const CONNECTION_BYTES_MAX = 64 * 1024;

/** What the heap may grow beside that before it is collected. */
const HEAP_BYTES_MAX = 128 * MIB;

/** Requests for segments on one connection: more than any kernel holds for it. */
const SEGMENTS = 24;

let node: TestNode;
let heavy: NumberedStream;
let restBytes: number;

Deno.test.beforeAll(async () => {
  node = await startTestNode({
    args: [
      ...["--viewer-timeout", `${TIMEOUT_SECONDS}s`, "--hls-segment", "1s", "--hls-part", "1s"],
      ...["--media-memory", `${MEDIA_MIB}MiB`, "--log-level", "warn"],
    ],
  });
  heavy = new NumberedStream(await Publisher.open(node.address("rtmp"), "live/heavy"), HEAVY);
  await assertFresh();
  restBytes = node.memoryBytes();
});

Deno.test.afterAll(async () => {
  await heavy?.stop();
  await node?.stop();
});

const get = (path: string, ...fields: string[]) =>
  new TextEncoder().encode([`GET /${path} HTTP/1.1`, "Host: x", ...fields, "", ""].join("\r\n"));

/** What each kind of viewer says before it reads. */
const ASK: Readonly<Record<string, () => Promise<Uint8Array> | Uint8Array>> = {
  rtmp: () => {
    const play = command(1, "play", 3, null, "heavy", -2000);
    return bytesOf(C0_C1, C2, connectCommands("host", "live"), play);
  },
  flv: () => get("live/heavy.flv"),
  websocket: () =>
    get(
      "live/heavy.flv",
      ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ),
  ts: () => get("live/heavy.ts"),
  mp4: () => get("live/heavy.mp4"),
  hls: async () => {
    const text = await (await fetch(node.httpUrl("live/heavy.hls/index.m3u8"))).text();
    const name = text.match(/^\d+-\d+\.m4s$/gm)?.at(-1);
    assert(name !== undefined, text);
    return bytesOf(...Array(SEGMENTS).fill(get(`live/heavy.hls/${name}`)));
  },
};
const KINDS = Object.keys(ASK);

Deno.test(endToEnd(
  `${SOCKETS} readers of a byte a second per protocol are closed`,
  { timeoutMs: 90_000 },
  async () => {
    const before = await closedReaders();
    const readers: Reader[] = [];
    for (const kind of KINDS) {
      const asked = await ASK[kind]();
      for (let at = 0; at < SOCKETS; at += 50) {
        const some = Array.from({ length: 50 }, () => Reader.open(kind, asked, 1));
        readers.push(...await Promise.all(some));
      }
    }
    const count = readers.length;
    const endMs = performance.now() + 60_000;
    do {
      await assertFresh();
      assertMemory(count);
    } while (await closedReaders() - before < count && performance.now() < endMs);
    assertEquals(await closedReaders() - before, count);
    for (const reader of readers) reader.close();
    await assertFresh();
    await eventually("their sessions are gone", async () => await sessionsOfHeavy() === 1);
  },
));

Deno.test(endToEnd("who takes too little is closed, who takes half is not", {}, async () => {
  const before = await closedReaders();
  const readers: Reader[] = [];
  for (const kind of KINDS.filter((kind) => kind !== "hls")) {
    const asked = await ASK[kind]();
    readers.push(await Reader.open(kind, asked, BYTES_PER_SECOND / 16));
    readers.push(await Reader.open(kind, asked, BYTES_PER_SECOND / 2));
  }
  const hopeless = readers.length / 2;
  await eventually(
    "the hopeless are closed",
    async () => await closedReaders() - before >= hopeless,
    40_000,
  );
  // The others have been behind for as long; and go on.
  const took = readers.map(({ bytes }) => bytes);
  await delay(2 * TIMEOUT_SECONDS * 1_000);
  assertEquals(await closedReaders() - before, hopeless);
  readers.forEach(({ kind, bytes }, at) => {
    if (at % 2 === 1) assert(bytes - took[at] > BYTES_PER_SECOND, `${kind} took ${bytes}`);
  });
  for (const reader of readers) reader.close();
}));

/** A client that reads so many bytes a second. */
class Reader {
  readonly kind: string;
  bytes = 0;
  readonly #conn: Deno.TcpConn;
  #over = false;

  private constructor(kind: string, conn: Deno.TcpConn) {
    this.kind = kind;
    this.#conn = conn;
  }

  static async open(kind: string, asked: Uint8Array, bytesPerSecond: number): Promise<Reader> {
    const conn = await connectTo(node.address(kind === "rtmp" ? "rtmp" : "http"));
    await writeAll(conn, asked);
    const reader = new Reader(kind, conn);
    reader.#read(bytesPerSecond).catch(() => {}); // Closed by the node, or by us.
    return reader;
  }

  close(): void {
    this.#over = true;
    closeQuietly(this.#conn);
  }

  async #read(bytesPerSecond: number): Promise<void> {
    const perRound = Math.max(1, Math.round(bytesPerSecond / 10));
    const roundMs = 1_000 * perRound / bytesPerSecond;
    const buffer = new Uint8Array(perRound);
    const startMs = performance.now();
    for (let round = 1; !this.#over; round++) {
      for (let left = perRound; left > 0;) {
        const count = await this.#conn.read(buffer.subarray(0, left));
        if (count === null) return;
        left -= count;
        this.bytes += count;
      }
      await delay(Math.max(0, startMs + round * roundMs - performance.now()));
    }
  }
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
  assert(tookMs < FRESH_MS_MAX, `a fresh viewer waited ${tookMs} ms`);
}

function assertMemory(connections: number): void {
  const grown = node.memoryBytes() - restBytes;
  const most = MEDIA_MIB * MIB + connections * CONNECTION_BYTES_MAX + HEAP_BYTES_MAX;
  assert(grown < most, `grown by ${Math.round(grown / MIB)} MiB, at most ${most / MIB} are stated`);
}

/** Connections closed because they took too little, from the metrics. */
async function closedReaders(): Promise<number> {
  const text = await (await fetch(node.httpUrl("metrics"))).text();
  return Number(/^headwater_refused_total\{reason="slow-reader"[^}]*\} (\d+)/m.exec(text)?.[1]);
}

async function sessionsOfHeavy(): Promise<number> {
  const { items } = await node.api<{ items: { stream: { name: string } }[] }>(
    "sessions?limit=1000",
  );
  return items.filter((item) => JSON.stringify(item).includes("heavy")).length;
}
