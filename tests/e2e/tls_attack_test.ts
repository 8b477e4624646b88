// Goal: whoever stalls, lies or stops reading within TLS is closed by a limit that is counted, and
// keeps no descriptor of the node, whatever he does with his end; others are served meanwhile.
// Method: real sockets in number against one node with short limits. The attackers never close their
// ends; the node's sockets are counted by the kernel.
import { assert, assertEquals } from "../support/assert.ts";
import { certificate, LOCAL_NAMES } from "../support/certificates.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { LIGHT } from "../support/live.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { Child, eventually } from "../support/processes.ts";
import { seededRandom } from "../support/random.ts";
import { dial, IN_TLS, trust } from "../support/wire/dial.ts";
import { NumberedCheck, NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { closeQuietly, connectTo, writeAll } from "../support/wire/rtmp_connection.ts";
import { openViewer } from "../support/wire/viewer.ts";
import { socketsOf } from "../support/workers.ts";

const NEEDS = { needs: ["openssl"], timeoutMs: 60_000 } as const;

const PORTS = ["rtmps", "rtsps", "https"] as const;
const TIMEOUT_SECONDS = 3;
const PER_ADDRESS_MAX = 700;

/** Sockets that may come and go by themselves: the API's and the tests' own. */
const SOCKETS_SPARE = 12;

let folder: string;
let node: TestNode;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-tls-" });
  trust((await certificate(folder, "one", LOCAL_NAMES)).ca);
  node = await startTestNode({
    args: [
      ...["--tls-cert", `${folder}/one.crt`, "--tls-key", `${folder}/one.key`],
      ...PORTS.flatMap((protocol) => [`--${protocol}-port`, "0"]),
      ...["--handshake-timeout", `${TIMEOUT_SECONDS}s`, "--viewer-timeout", "2s"],
      ...["--max-connections-per-address", String(PER_ADDRESS_MAX), "--log-level", "warn"],
    ],
  });
});

Deno.test.afterAll(async () => {
  await node?.stop();
  if (folder !== undefined) await Deno.remove(folder, { recursive: true });
});

/** Attackers' connections; they stay open on their side until they are disposed of. */
class Crowd implements Disposable {
  readonly #conns: Deno.TcpConn[] = [];

  /** Connects, sends `bytes` and never anything more. */
  async add(protocol: typeof PORTS[number], bytes: Uint8Array): Promise<Deno.TcpConn> {
    const conn = await connectTo(node.address(protocol));
    this.#conns.push(conn);
    if (bytes.length > 0) await writeAll(conn, bytes).catch(() => {}); // It may be closed already.
    return conn;
  }

  /** Resolves when the node has closed all of them. */
  async closed(): Promise<void> {
    await Promise.all(this.#conns.map(async (conn) => {
      const buffer = new Uint8Array(256);
      while (await conn.read(buffer).catch(() => null) !== null);
    }));
  }

  [Symbol.dispose](): void {
    for (const conn of this.#conns) closeQuietly(conn);
  }
}

/** A new stream is published by RTMPS and played by HTTPS in time. */
async function assertFresh(): Promise<void> {
  const startMs = performance.now();
  const path = `fresh/${crypto.randomUUID()}`;
  const publisher = await Publisher.open(`${IN_TLS}${node.address("rtmps")}`, path);
  const stream = new NumberedStream(publisher, LIGHT);
  const check = new NumberedCheck();
  const onMessage = check.message.bind(check);
  const address = `${IN_TLS}${node.address("https")}`;
  using _viewer = await openViewer({ protocol: "http-flv", address, path, onMessage });
  await eventually("frames come", () => check.last > check.first + 2);
  assertWithin(2_000, performance.now() - startMs, "a fresh stream over TLS");
  await stream.end();
}

/** Waits until the node has no more sockets than before. */
async function untilFreed(before: number): Promise<void> {
  const now = () => socketsOf(node.workerPid);
  await eventually("descriptors are freed", () => now() <= before + SOCKETS_SPARE).catch(() => {
    assert(false, `${now()} sockets are open, ${before} were before`);
  });
}

/** Refusals by reason, from the metrics. */
async function refused(): Promise<Record<string, number>> {
  const text = await (await node.fetchMetrics()).text();
  const lines = text.matchAll(/^headwater_refused_total\{reason="([^"]+)"[^}]*\} (\d+)/gm);
  return Object.fromEntries([...lines].map(([, reason, count]) => [reason, Number(count)]));
}

/** What a client of OpenSSL says first. */
async function clientHello(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const target = `127.0.0.1:${listener.addr.port}`;
  await using _client = new Child("openssl", ["s_client", "-connect", target], {
    timeoutMs: 10_000,
  });
  using conn = await listener.accept();
  const buffer = new Uint8Array(4_096);
  return buffer.slice(0, await conn.read(buffer) ?? 0);
}

Deno.test(endToEnd("handshakes that stall are closed, and cost no descriptor", NEEDS, async () => {
  await assertFresh();
  const [before, hello] = [socketsOf(node.workerPid), await clientHello()];
  const { "handshake-timeout": timeouts } = await refused();
  using crowd = new Crowd();
  const startMs = performance.now();
  for (let i = 0; i < 200; i++) {
    for (const protocol of PORTS) {
      // Nothing, a part, or all of what a client says first, and then no more.
      await crowd.add(protocol, hello.subarray(0, [0, 3, 90, hello.length][i % 4]));
    }
  }
  for (let i = 0; i < 3; i++) await assertFresh();
  await crowd.closed();
  assertWithin((TIMEOUT_SECONDS + 5) * 1_000, performance.now() - startMs, "the last close");
  await untilFreed(before);
  assertEquals((await refused())["handshake-timeout"] - timeouts, 600);
}));

Deno.test(endToEnd("what is no TLS is closed at once, and counted", NEEDS, async () => {
  const before = socketsOf(node.workerPid);
  const { "tls-handshake": failed } = await refused();
  const random = seededRandom(8443);
  const noise = () => Uint8Array.from({ length: 300 }, () => Math.floor(random.next() * 256));
  const plain = [
    new TextEncoder().encode("GET /live/a.flv HTTP/1.1\r\nHost: a\r\n\r\n"),
    new TextEncoder().encode("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    Uint8Array.from({ length: 1_537 }, (_, i) => i === 0 ? 3 : i % 256), // RTMP's C0 and C1.
  ];
  using crowd = new Crowd();
  for (let i = 0; i < 50; i++) {
    for (const protocol of PORTS) {
      const bytes = i % 2 === 0 ? plain[i % plain.length] : noise();
      bytes[0] ||= 1; // Zero at the front is a record that has yet to come whole.
      await crowd.add(protocol, bytes);
    }
  }
  await crowd.closed();
  await untilFreed(before);
  assert((await refused())["tls-handshake"] - failed >= 140, JSON.stringify(await refused()));
  await assertFresh();
}));

Deno.test(endToEnd("damaged handshakes end their connections alone", NEEDS, async () => {
  const [before, hello] = [socketsOf(node.workerPid), await clientHello()];
  const random = seededRandom(322);
  const below = (limit: number) => Math.floor(random.next() * limit);
  using crowd = new Crowd();
  for (let i = 0; i < 300; i++) {
    const bytes = hello.slice(0, i % 3 === 0 ? below(hello.length) : hello.length);
    for (let j = 0; j < 1 + i % 8 && bytes.length > 0; j++) bytes[below(bytes.length)] = below(256);
    await crowd.add(PORTS[i % PORTS.length], bytes);
  }
  await assertFresh();
  await crowd.closed();
  await untilFreed(before);
}));

Deno.test(endToEnd("one address has no more connections for being in TLS", NEEDS, async () => {
  const before = socketsOf(node.workerPid);
  const { "max-connections-per-address": full } = await refused();
  {
    using crowd = new Crowd();
    for (let i = 0; i < PER_ADDRESS_MAX + 60; i++) await crowd.add("https", new Uint8Array(0));
    await eventually("refusals", async () => {
      return (await refused().catch(() => undefined))?.["max-connections-per-address"]! >=
        full + 50;
    });
    await crowd.closed();
  }
  await untilFreed(before);
  await assertFresh();
}));

Deno.test(endToEnd("a viewer in TLS that reads nothing is closed", NEEDS, async () => {
  const address = `${IN_TLS}${node.address("rtmps")}`;
  const heavy = { ...LIGHT, frameBytes: 120_000 };
  const stream = new NumberedStream(await Publisher.open(address, "live/heavy"), heavy);
  await eventually("a stream", async () => (await node.fetchApi("streams/live/heavy")).ok);
  const before = socketsOf(node.workerPid);
  const { "slow-reader": slow } = await refused();
  const held: Deno.Conn[] = [];
  for (let i = 0; i < 5; i++) {
    const conn = await dial(`${IN_TLS}${node.address("https")}`);
    const request = `GET /live/heavy.flv HTTP/1.1\r\nHost: ${node.address("https")}\r\n\r\n`;
    await conn.write(new TextEncoder().encode(request));
    held.push(conn); // And never read.
  }
  await eventually("closed", async () => (await refused())["slow-reader"] >= slow + 5, 40_000);
  await untilFreed(before);
  await assertFresh();
  for (const conn of held) closeQuietly(conn);
  await stream.end();
}));
