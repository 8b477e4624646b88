// Goal: links work over the system's sockets, in the clear and in TLS, and add hardly any time.
// Method: two or three nodes' links in this process, on loopback.
import { DenoTransport, type LinkTls } from "../../cluster/link/deno_transport.ts";
import type { LinkPeer } from "../../cluster/link/link_settings.ts";
import { DialError } from "../../cluster/link/transport.ts";
import type { LogRecord } from "../../protocols/media/record.ts";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { certificate } from "../support/certificates.ts";
import { freePort } from "../support/ports.ts";
import { delay, eventually } from "../support/processes.ts";
import { type RealLinks, realLinks, realStream } from "../support/real_links.ts";
import { trackRecord, VIDEO, videoFrame } from "../support/stream_records.ts";
import { RecordingSink } from "../support/link_mesh.ts";

/** Two nodes; ended when the test is. */
function pair(options: { tls?: LinkTls; otherTls?: LinkTls } = {}): {
  a: RealLinks;
  b: RealLinks;
  peers: Map<string, LinkPeer>;
} & Disposable {
  const peers = new Map<string, LinkPeer>();
  const a = realLinks({ name: "a", peers, tls: options.tls });
  const b = realLinks({ name: "b", peers, tls: options.otherTls ?? options.tls });
  return {
    a,
    b,
    peers,
    [Symbol.dispose]() {
      a.table.close("test over");
      b.table.close("test over");
    },
  };
}

function ask({ table }: RealLinks, req: unknown) {
  return table.ask("b", { kind: "echo", key: "k", name: "say", req, timeoutMs: 5_000 });
}

/** Subscribes to a stream of b. */
function subscribe({ table }: RealLinks, name: string): RecordingSink {
  const sink = new RecordingSink();
  table.open({ node: "b", name: { app: "live", name }, mode: "edge", epoch: 0, sink });
  return sink;
}

Deno.test("links carry asks and streams over TCP, bit-exact, with hardly any delay", async () => {
  using nodes = pair();
  const { a, b } = nodes;
  assertEquals(await ask(a, { text: "é", bytes: Uint8Array.of(1, 2) }), {
    ok: true,
    value: { text: "é", bytes: Uint8Array.of(1, 2) },
  });
  const core = realStream("s");
  b.streams.set("s", core);
  core.append(trackRecord(0, VIDEO));
  const sink = subscribe(a, "s");
  const sentAtMs: number[] = [];
  const tookMs: number[] = [];
  const record = sink.record.bind(sink);
  sink.record = (got: LogRecord) => {
    if (got.kind === "frame") tookMs.push(performance.now() - sentAtMs[got.seq]);
    record(got);
  };
  await eventually("the subscription", () => sink.records.length === 1);
  for (let seq = 1; seq <= 150; seq++) {
    sentAtMs[seq] = performance.now();
    core.append(videoFrame(seq, { dtsUs: seq * 10_000, keyframe: seq === 1, bytes: 2_000 + seq }));
    await delay(5);
  }
  await eventually("all records", () => sink.records.length === 151);
  for (const got of sink.records) {
    const sent = core.log.at(got.seq)!;
    assert(got.kind === sent.kind && got.dtsUs === sent.dtsUs);
    if (got.kind === "frame" && sent.kind === "frame") assertEquals(got.data, sent.data);
  }
  // The middle of 150: a busy machine delays a few of them, hardly half.
  const p50Ms = tookMs.sort((x, y) => x - y)[75];
  assert(p50Ms <= 5, `p50 is ${p50Ms} ms`);
});

Deno.test("links carry a frame of 8 MiB over TCP, and megabytes behind it", async () => {
  using nodes = pair();
  const { a, b } = nodes;
  const core = realStream("s", 60_000_000);
  b.streams.set("s", core);
  core.append(trackRecord(0, VIDEO));
  const sink = subscribe(a, "s");
  await eventually("the subscription", () => sink.records.length === 1);
  for (let seq = 1; seq <= 40; seq++) {
    const bytes = seq === 1 ? 8 * 1024 * 1024 : 300_000;
    core.append(videoFrame(seq, { dtsUs: seq * 40_000, keyframe: seq === 1, bytes }));
  }
  await eventually("all records", () => sink.records.length === 41);
  assertEquals(sink.seqs, Array.from({ length: 41 }, (_, seq) => seq));
});

Deno.test("a dial to a port that nobody has says that it was refused", async () => {
  const transport = new DenoTransport({ hostname: "127.0.0.1", port: 0, acceptFailed() {} });
  const port = freePort();
  const refused = await assertRejects(() => transport.dial("127.0.0.1", port, 1_000), DialError);
  assertEquals(refused.refused, true);
});

Deno.test("a node that goes away is noticed at once, and its port refuses", async () => {
  using nodes = pair();
  const { a, b } = nodes;
  await ask(a, 1);
  b.table.close("gone");
  assertEquals(await ask(a, 2), { ok: false, error: "unreachable" });
  await eventually("the refusal", () => a.events.includes("lost b refused"));
});

Deno.test("links run in TLS, whatever the certificate's name, and refuse another authority and silence", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const [ours, theirs] = [await certificate(folder, "ours"), await certificate(folder, "theirs")];
    {
      using nodes = pair({ tls: ours });
      assertEquals(await ask(nodes.a, "in TLS"), { ok: true, value: "in TLS" });
    }
    // Somebody takes the connection and never says a word.
    using mute = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = mute.addr as Deno.NetAddr;
    const transport = new DenoTransport({
      ...{ hostname: "127.0.0.1", port: 0, tls: ours, acceptFailed() {} },
    });
    const lost = await assertRejects(() => transport.dial("127.0.0.1", port, 200), DialError);
    assertEquals(lost.refused, false);
    using nodes = pair({ tls: ours, otherTls: theirs });
    const reply = await ask(nodes.a, "in TLS");
    assertEquals(reply.ok, false);
    assertEquals(nodes.a.table.snapshot().filter(({ state }) => state === "up"), []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
