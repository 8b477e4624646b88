// Goal: what another node says of a stream is believed only as far as it makes sense.
// Method: frames that Python made, in orders that are right and wrong, and seeded mutations of them.
import type { Random } from "../../../actors/runtime/ports.ts";
import { LinkUpstream } from "../../../cluster/link/link_upstream.ts";
import { TickGauge } from "../../../cluster/link/tick_gauge.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { FrameReader } from "../../../protocols/mrtmp/frame_reader.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { mutate } from "../../fuzz/mutator.ts";
import { RecordingSink } from "../../support/link_mesh.ts";
import { mrtmpVector, receivedFrame } from "../../support/mrtmp_vectors.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

/** A subscription whose handle is 1. */
function subscription(): { upstream: LinkUpstream; sink: RecordingSink; ports: VirtualPorts } {
  const ports = new VirtualPorts();
  const upstream = new LinkUpstream({ node: "b", log: ports.log, needed() {} });
  const sink = new RecordingSink();
  upstream.open({ node: "b", name: { app: "live", name: "s" }, mode: "edge", epoch: 0, sink });
  return { upstream, sink, ports };
}

/** A vector for handle 1; records with another number if one is given. */
function frameOf(name: string, seq?: number): Uint8Array {
  const bytes = mrtmpVector(name);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 1);
  if (seq !== undefined) view.setFloat64(12, seq);
  return bytes;
}

Deno.test("LinkUpstream tells a sink the story of its handle", () => {
  const { upstream, sink } = subscription();
  for (
    const frame of [
      frameOf("start"),
      frameOf("state"),
      frameOf("keyframe", 100),
      frameOf("mark", 101),
      frameOf("track_video", 102),
      frameOf("frame_fraction", 103),
      frameOf("start_empty"),
      frameOf("end_moved"),
      frameOf("keyframe", 0), // Under way when it ended: nobody cares.
    ]
  ) upstream.frame(receivedFrame(frame));
  assertEquals(sink.story, ["started", "state", "records", "started", "closed"]);
  assertEquals(sink.seqs, [100, 101, 102, 103]);
  assertEquals(sink.ends, [{ kind: "moved", owner: "n9", epoch: 12, seq: 345 }]);
  const [first, , told, last] = sink.records;
  assert(first.kind === "frame" && told.kind === "track" && last.kind === "frame");
  assert(first.track === sink.starts[0].start.head.tracks[0]);
  assert(last.track === told.track && last.track !== first.track);
});

const WRONG: Readonly<Record<string, readonly Uint8Array[]>> = {
  "a record before START": [frameOf("mark", 0)],
  "a STATE before START": [frameOf("state")],
  "a record too many": [frameOf("start"), frameOf("mark", 101)],
  "a record twice": [frameOf("start"), frameOf("mark", 100), frameOf("mark", 100)],
  "a track from before the last START": [
    ...[frameOf("start"), frameOf("start_empty")],
    frameOf("keyframe", 0),
  ],
  "what is no media": [frameOf("start"), frameOf("call")],
};

for (const [what, frames] of Object.entries(WRONG)) {
  Deno.test(`LinkUpstream refuses ${what}`, () => {
    const { upstream } = subscription();
    assertThrows(() => {
      for (const frame of frames) upstream.frame(receivedFrame(frame));
    }, ProtocolError);
  });
}

/** The bytes with one bit of them wrong. */
function flipped(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  changed[randomInteger(random, bytes.length)] ^= 1 << randomInteger(random, 8);
  return changed;
}

Deno.test("LinkUpstream reads or refuses fuzzed streams, and tells sinks nothing out of order", () => {
  const names = ["start", "state", "keyframe", "mark", "track_audio", "data_script", "end_ended"];
  const whole = concatBytes(...names.map((name, index) => {
    return frameOf(name, index > 1 && index < 6 ? 98 + index : undefined);
  }));
  const seeds = [whole, ...names.map((name) => frameOf(name))];
  let records = 0;
  for (let seed = 0; seed < 2_000; seed++) {
    const { upstream, sink, ports } = subscription();
    const reader = new FrameReader((frame) => upstream.frame(frame), {
      arenaBytes: 4_096,
      bodyBytesMax: 1 << 20,
    });
    try {
      const random = seededRandom(seed);
      reader.feed(seed % 2 === 0 ? mutate(seeds, random) : flipped(whole, random));
    } catch (error) {
      assert(error instanceof ProtocolError, `seed ${seed}: ${error}`);
    }
    assertEquals(ports.lines, [], `seed ${seed}`);
    assert(sink.ends.length <= 1 && (sink.story[0] ?? "started") !== "records", `seed ${seed}`);
    for (const [index, seq] of sink.seqs.entries()) {
      if (sink.starts.length === 1) assertEquals(seq, sink.starts[0].start.seq + index);
    }
    records += sink.records.length;
  }
  assert(records > 1_000, `only ${records} records came through`);
});

Deno.test("TickGauge tells the lateness that all but one of a thousand ticks stayed below", () => {
  const gauge = new TickGauge();
  assertEquals(gauge.latenessMs, 0);
  for (let i = 0; i < 1_198; i++) gauge.note(i % 10);
  gauge.note(500);
  gauge.note(13);
  assertEquals(gauge.latenessMs, 13);
  for (let i = 0; i < 1_200; i++) gauge.note(1);
  assertEquals(gauge.latenessMs, 1);
});
