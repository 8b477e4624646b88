// Goal: a stream crosses a link whole and in order, and its subscriber learns how it ends.
// Method: link tables on a virtual clock and network.
import { CREDIT_INITIAL_BYTES } from "../../../cluster/link/source_cursor.ts";
import { FRAME_BYTES_MAX, type LogRecord } from "../../../protocols/media/record.ts";
import { HEADER_BYTES } from "../../../protocols/mrtmp/frame.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { LinkMesh, type LinkNode, type TestStream } from "../../support/link_mesh.ts";

interface Scene {
  readonly mesh: LinkMesh;
  readonly a: LinkNode;
  readonly b: LinkNode;
  readonly stream: TestStream;
}

function scene(frames = 0): Scene {
  const mesh = new LinkMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const stream = b.stream("s");
  stream.push(frames);
  return { mesh, a, b, stream };
}

/** All records of a log. */
function recordsOf({ core: { log } }: TestStream): LogRecord[] {
  return Array.from({ length: log.nextSeq - log.firstSeq }, (_, i) => log.at(log.firstSeq + i)!);
}

/** Byte arrays compare by what they hold, whatever they are views of. */
function plain(records: readonly LogRecord[]): unknown[] {
  const bytes = (_: string, value: unknown) => value instanceof Uint8Array ? value.toHex() : value;
  return records.map((record) => JSON.parse(JSON.stringify(record, bytes)));
}

Deno.test("a subscription brings the whole log, then what is appended, in order", async () => {
  const { mesh, a, b, stream } = scene(60);
  const past = stream.core.log.nextSeq;
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(20);
  assertEquals(sink.story, ["started", "state", "records"]);
  assertEquals([sink.starts[0].start.seq, sink.starts[0].caughtUpSeq], [0, past]);
  assertEquals(sink.states[0], stream.state);
  for (let i = 0; i < 20; i++) {
    stream.push(1);
    await mesh.advance(40);
  }
  assertEquals(plain(sink.records), plain(recordsOf(stream)));
  const tracks = new Set(sink.records.map((record) => record.kind === "frame" && record.track));
  assertEquals(tracks.size, 2); // One object for all frames; false for the other records.
  mesh.close();
});

Deno.test("a record is sent when it is appended, not at the flush", async () => {
  const { mesh, a, b, stream } = scene(1);
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(50);
  const before = sink.records.length;
  stream.push(1); // The flush window is 20 ms.
  await mesh.advance(0.2);
  assertEquals(sink.records.length, before + 1);
  stream.push(1); // Within 2 ms of the one before: waits for that long.
  await mesh.advance(1);
  assertEquals(sink.records.length, before + 1);
  await mesh.advance(1.2);
  assertEquals(sink.records.length, before + 2);
  mesh.close();
});

Deno.test("a subscription resumes by number, and by what the other has when that is less", async () => {
  const { mesh, a, b, stream } = scene(60);
  const { nextSeq } = stream.core.log;
  const here = a.subscribe(b, "s", { fromSeq: 30 });
  const ahead = a.subscribe(b, "s", { fromSeq: nextSeq + 100, mode: "any" });
  await mesh.advance(20);
  const [{ start }] = here.sink.starts;
  assertEquals(start.seq, 30);
  assertEquals(start.head.tracks.length, 1);
  assertEquals(start.anchor?.seq, 0);
  assertEquals(start.lastMark?.segment, 1);
  assertEquals(here.sink.seqs, Array.from({ length: nextSeq - 30 }, (_, i) => 30 + i));
  assertEquals(ahead.sink.starts[0].start.seq, nextSeq);
  stream.push(1);
  await mesh.advance(20);
  assertEquals(ahead.sink.seqs, [nextSeq]);
  mesh.close();
});

Deno.test("a subscription for what is gone begins at the oldest MARK", async () => {
  const { mesh, a, b, stream } = scene(25 * 30); // The log keeps 12 s of 30.
  const { log } = stream.core;
  const { sink } = a.subscribe(b, "s", { fromSeq: 5 });
  await mesh.advance(20);
  assertEquals(sink.records[0].kind, "mark");
  assert(sink.seqs[0] > 5 && sink.seqs[0] - log.firstSeq < 27);
  assertEquals(sink.seqs.at(-1), log.nextSeq - 1);
  mesh.close();
});

Deno.test("a node that does not have a stream refuses it, with a hint where it has one", async () => {
  const { mesh, a, b, stream } = scene(1);
  const unknown = a.subscribe(b, "other");
  const stale = a.subscribe(b, "s", { epoch: 8 });
  stream.core.end();
  const ended = a.subscribe(b, "s");
  await mesh.advance(20);
  assertEquals(unknown.sink.ends, [{ kind: "refused", owner: "elsewhere" }]);
  assertEquals(stale.sink.ends, [{ kind: "refused" }]);
  assertEquals(ended.sink.ends, [{ kind: "refused" }]);
  mesh.close();
});

Deno.test("every failure to subscribe is told later, never inside open()", async () => {
  const { mesh, a, b } = scene();
  mesh.network.kill("b");
  const dead = a.subscribe(b, "s");
  const self = a.subscribe(a, "s");
  const closed = a.subscribe(a, "s");
  closed.subscription.close();
  assertEquals([dead.sink.ends, self.sink.ends], [[], []]);
  await mesh.advance(20);
  const lost = [{ kind: "lost" as const }];
  assertEquals([dead.sink.ends, self.sink.ends, closed.sink.ends], [lost, lost, []]);
  mesh.close();
});

Deno.test("STATE comes again when the owner says so, and END after the last record", async () => {
  const { mesh, a, b, stream } = scene(3);
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(20);
  stream.state = { ...stream.state, state: "hold", ingest: "" };
  b.table.stateChanged(stream.core);
  await mesh.advance(20);
  assertEquals(sink.states.map(({ state }) => state), ["live", "hold"]);
  stream.push(5);
  const { nextSeq } = stream.core.log;
  stream.core.end(); // The log is empty from here on.
  await mesh.advance(20);
  assertEquals(sink.seqs, Array.from({ length: nextSeq }, (_, seq) => seq));
  assertEquals(sink.ends, [{ kind: "ended" }]);
  assertEquals(sink.story, ["started", "state", "records", "state", "records", "closed"]);
  assertEquals([stream.core.eager.size, a.table.snapshot()[0].subscriptions], [0, 0]);
  mesh.close();
});

Deno.test("moved() sends what there is and says who goes on", async () => {
  const { mesh, a, b, stream } = scene(3);
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(20);
  stream.push(2);
  const seq = stream.core.log.nextSeq;
  b.table.moved(stream.core, { owner: "c", epoch: 9, seq });
  stream.push(2); // Not for this subscriber any more.
  await mesh.advance(20);
  assertEquals(sink.seqs.at(-1), seq - 1);
  assertEquals(sink.ends, [{ kind: "moved", owner: "c", epoch: 9, seq }]);
  mesh.close();
});

Deno.test("close() ends a subscription on both sides, and nothing is told any more", async () => {
  const { mesh, a, b, stream } = scene(3);
  const { sink, subscription } = a.subscribe(b, "s");
  await mesh.advance(20);
  const told = sink.records.length;
  stream.push(3);
  subscription.close();
  subscription.close();
  await mesh.advance(20);
  assertEquals([sink.records.length, sink.ends.length, stream.core.eager.size], [told, 0, 0]);
  mesh.close();
});

Deno.test("a broken link loses all its subscriptions, once, and resuming leaves no gap", async () => {
  const { mesh, a, b, stream } = scene(10);
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(20);
  mesh.network.cut("a", "b");
  await mesh.advance(1);
  assertEquals(sink.ends, [{ kind: "lost" }]);
  stream.push(10);
  const again = a.subscribe(b, "s", { fromSeq: sink.seqs.at(-1)! + 1 });
  await mesh.advance(50);
  const { nextSeq } = stream.core.log;
  assertEquals(
    [...sink.seqs, ...again.sink.seqs],
    Array.from({ length: nextSeq }, (_, seq) => seq),
  );
  assertEquals(stream.core.eager.size, 1);
  mesh.close();
});

Deno.test("the largest frame passes, and credit comes back for it", async () => {
  const { mesh, a, b, stream } = scene(1);
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(20);
  stream.push(1, FRAME_BYTES_MAX);
  stream.push(3, 100);
  await mesh.advance(200);
  const [frame] = sink.records.slice(-4);
  assert(frame.kind === "frame" && frame.data.length === FRAME_BYTES_MAX);
  assertEquals(sink.seqs.at(-1), stream.core.log.nextSeq - 1);
  const [link] = b.table.snapshot();
  assertEquals([link.creditStalls, link.jumps], [1, 0]);
  mesh.close();
});

Deno.test("a stream of many megabytes comes through its credit, whole", async () => {
  const { mesh, a, b, stream } = scene(1);
  const { sink } = a.subscribe(b, "s");
  for (let i = 0; i < 40; i++) {
    stream.push(5, 100_000);
    await mesh.advance(20);
  }
  await mesh.advance(100);
  const { nextSeq } = stream.core.log;
  assertEquals(sink.seqs, Array.from({ length: nextSeq }, (_, seq) => seq));
  assert(a.table.snapshot()[0].bytesIn > 4 * CREDIT_INITIAL_BYTES);
  mesh.close();
});

Deno.test("the log of the serving node may go on from elsewhere: START says so", async () => {
  const { mesh, a, b, stream } = scene(30);
  const { sink } = a.subscribe(b, "s");
  await mesh.advance(20);
  const { log } = stream.core;
  const start = { seq: 1_000, head: log.head, anchor: undefined, lastMark: undefined };
  log.begin(start, 1_000);
  stream.push(2);
  await mesh.advance(20);
  assertEquals(sink.starts.map(({ start: { seq } }) => seq), [0, 1_000]);
  log.begin({ ...start, seq: 10 }, 10);
  stream.push(2);
  await mesh.advance(20);
  assertEquals(sink.starts.at(-1)?.start.seq, 10);
  assertEquals(sink.seqs.slice(-2), [10, 11]);
  mesh.close();
});

Deno.test("a sink that throws loses its own subscription only", async () => {
  const { mesh, a, b, stream } = scene(3);
  const other = b.stream("t");
  other.push(3);
  const bad = a.subscribe(b, "s");
  const good = a.subscribe(b, "t");
  bad.sink.record = () => {
    throw new Error("defect");
  };
  await mesh.advance(20);
  assertEquals(bad.sink.ends, [{ kind: "lost" }]);
  assertEquals(stream.core.eager.size, 0);
  assertEquals(good.sink.seqs.length, other.core.log.nextSeq);
  mesh.close();
});

Deno.test("a state that cannot be told ends its own subscription only", async () => {
  const { mesh, a, b, stream } = scene(3);
  const { state } = stream;
  let asked = 0;
  Object.defineProperty(stream, "state", {
    get() {
      if (asked++ === 0) return state;
      throw new Error("defect");
    },
  });
  b.stream("t").push(3);
  const [bad, good] = [a.subscribe(b, "s"), a.subscribe(b, "t")];
  await mesh.advance(20);
  assertEquals(good.sink.story, ["started", "state", "records"]);
  assertEquals(bad.sink.ends, [{ kind: "refused" }]);
  const worse = a.subscribe(b, "s"); // Now even the question fails.
  await mesh.advance(20);
  assertEquals(worse.sink.ends, [{ kind: "refused" }]);
  assertEquals(good.sink.ends, []);
  mesh.close();
});

Deno.test("many streams share writes, and each has its turn", async () => {
  const mesh = new LinkMesh();
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const streams = Array.from({ length: 50 }, (_, i) => b.stream(`s${i}`));
  const sinks = streams.map((_, i) => a.subscribe(b, `s${i}`).sink);
  await mesh.advance(50);
  const [, media] = [...mesh.network.connections];
  const before = b.table.snapshot()[0].framesOut;
  const takenBefore = media.pipes[1].taken;
  for (const stream of streams) stream.push(2);
  await mesh.advance(5);
  const sent = b.table.snapshot()[0].framesOut - before;
  assert(sent >= 150 && sent <= 153, `${sent}`); // And a BEAT or PONG now and then.
  assert(media.pipes[1].taken - takenBefore > 50 * 3 * HEADER_BYTES);
  for (const [i, sink] of sinks.entries()) {
    assertEquals(sink.seqs, Array.from({ length: streams[i].core.log.nextSeq }, (_, seq) => seq));
  }
  mesh.close();
});

Deno.test("a stream that is far behind does not delay one that is live", async () => {
  const mesh = new LinkMesh({ delayMs: () => 20 }); // 256 KiB are under way at most, for 20 ms.
  const [a, b] = [mesh.add("a"), mesh.add("b")];
  const [stream, heavy] = [b.stream("s"), b.stream("heavy")];
  stream.push(1);
  heavy.push(70, 50_000); // Three and a half megabytes to be sent to who comes now.
  const live = a.subscribe(b, "s");
  await mesh.until("the link", () => live.sink.records.length > 0);
  const behind = a.subscribe(b, "heavy");
  await mesh.until("the first of it", () => behind.sink.records.length > 0);
  const before = behind.sink.records.length;
  stream.push(1);
  const { nextSeq } = stream.core.log;
  await mesh.until("the live frame", () => live.sink.seqs.at(-1) === nextSeq - 1);
  const between = behind.sink.records.length - before;
  assert(between < 30, `${between} records came first`); // Those that were written already.
  await mesh.until("all", () => behind.sink.seqs.at(-1) === heavy.core.log.nextSeq - 1);
  mesh.close();
});
