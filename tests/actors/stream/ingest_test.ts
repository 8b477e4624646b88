// Goal: the ingest's records say everything that HLS needs, alike for whoever reads the log.
// Method: a publisher on a virtual clock; the log is read by a segmenter that joins it.
import { Flusher } from "../../../actors/stream/flusher.ts";
import { Ingest } from "../../../actors/stream/ingest.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { type Grant, StreamCore } from "../../../actors/stream/stream_core.ts";
import { TIMELINE_START_US } from "../../../actors/stream/timeline_repair.ts";
import { firstSegment } from "../../../protocols/hls/marker.ts";
import { HLS_SETTINGS } from "../../../protocols/hls/settings.ts";
import type { LogRecord, MarkRecord, SegmentMark } from "../../../protocols/media/record.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { segmenterFrom } from "../../support/hls_streams.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

function newStream() {
  const ports = new VirtualPorts();
  const flusher = new Flusher<StreamCore>({
    ...ports,
    window: 20,
    latenessMs: () => 0,
    failed: (_stream, error) => {
      throw error;
    },
  });
  const core = new StreamCore({ app: "live", name: "a" }, {
    budget: new MediaBudget(1 << 30),
    windowUs: 5_000_000,
    flusher,
  });
  const records: LogRecord[] = [];
  const append = core.append.bind(core);
  core.append = (record) => {
    records.push(record);
    append(record);
  };
  return { core, ports, records };
}

function grantOf(core: StreamCore, generation: number, startUs = TIMELINE_START_US): Grant {
  const { nextSeq, lastMark } = core.log;
  return {
    epoch: generation,
    generation,
    nextSeq,
    startUs,
    afterUs: startUs - 1,
    lastMark,
    hls: HLS_SETTINGS,
  };
}

/** Both tracks and `seconds` of video, 25 frames and one key frame a second. */
function publish(ingest: Ingest, ports: VirtualPorts, seconds: number): void {
  ingest.track(VIDEO);
  ingest.track(AUDIO);
  for (let count = 0; count < seconds * 25; count++) {
    const keyframe = count % 25 === 0;
    const data = Uint8Array.of(count);
    ingest.frame({ track: VIDEO, sourceUs: count * 40_000, compositionUs: 0, keyframe, data });
    ports.advanceSync(40);
  }
}

Deno.test("Ingest.frame() sets a mark in front of the frame that opens a segment", () => {
  const { core, ports, records } = newStream();
  const wallUs = Math.round(ports.clock.wallMs() * 1000);
  publish(new Ingest(core, grantOf(core, 1), ports), ports, 5);
  assertEquals(records.map(({ seq }) => seq), records.map((_, seq) => seq));
  assertEquals(records[0], {
    kind: "anchor",
    seq: 0,
    dtsUs: TIMELINE_START_US,
    generation: 1,
    wallUs,
    hls: HLS_SETTINGS,
  });
  const first = firstSegment(HLS_SETTINGS, wallUs);
  const marks = records.filter((record) => record.kind === "mark");
  assertEquals(marks.map(({ segment }) => segment - first), [0, 1, 2]);
  for (const { seq, dtsUs } of marks) {
    const next = records[seq + 1];
    assert(next.kind === "frame" && next.keyframe && next.dtsUs === dtsUs);
  }
  assertEquals(core.log.lastMark, marks.at(-1));
});

Deno.test("Ingest continues the numbers of the publisher before", () => {
  const { core, ports, records } = newStream();
  const first = new Ingest(core, grantOf(core, 1), ports);
  publish(first, ports, 3);
  first.revoke();
  ports.advanceSync(30_000);
  const last = lastMark(core);
  publish(new Ingest(core, grantOf(core, 2, 60_000_000), ports), ports, 3);
  const next = records.find((record) => record.kind === "mark" && record.seq > last.seq);
  const { segment, discontinuity, discontinuities } = next as unknown as SegmentMark;
  assertEquals([segment - last.segment, discontinuity, discontinuities], [1, true, 1]);
  const { listed } = segmenterFrom(records);
  assertEquals(listed.map(({ generation, durationUs }) => [generation, durationUs]), [
    [1, 2_000_000],
    [1, 1_000_000],
    [2, 2_000_000],
  ]);
});

Deno.test("Ingest.track() lets a changed configuration open a segment", () => {
  const { core, ports } = newStream();
  const ingest = new Ingest(core, grantOf(core, 1), ports);
  publish(ingest, ports, 3);
  const { discontinuities } = core.log.lastMark!;
  const track = { ...VIDEO, config: Uint8Array.of(7, 7) };
  ingest.track(track);
  const data = Uint8Array.of(1);
  ingest.frame({ track, sourceUs: 3_000_000, compositionUs: 0, keyframe: true, data });
  const { discontinuity, discontinuities: counted, seq } = lastMark(core);
  assertEquals([discontinuity, counted - discontinuities, seq], [true, 1, core.log.nextSeq - 2]);
});

Deno.test("StreamLog tells a joiner the anchor and the tracks in force at a mark", () => {
  const { core, ports } = newStream();
  publish(new Ingest(core, grantOf(core, 1), ports), ports, 3);
  const second = new Ingest(core, grantOf(core, 2, 60_000_000), ports);
  second.track(AUDIO);
  const { log } = core;
  const mark = lastMark(core);
  assertEquals(log.anchorAt(mark.seq)?.generation, 1);
  assertEquals(log.headAt(mark.seq).tracks, [VIDEO, AUDIO]);
  assertEquals(log.anchorAt(log.nextSeq)?.generation, 2);
  assertEquals(log.headAt(log.nextSeq).tracks, [AUDIO]); // The former publisher's video is gone.
  assertEquals(log.anchorAt(-1), undefined);
  log.clear();
  assertEquals([log.anchorAt(log.nextSeq), log.lastMark], [undefined, mark]);
});

Deno.test("StreamLog.anchorAt() knows the anchor of records whose anchor is gone", () => {
  const { core, ports } = newStream();
  publish(new Ingest(core, grantOf(core, 1), ports), ports, 12);
  assert(core.log.firstSeq > 0);
  assertEquals(core.log.anchorAt(core.log.firstSeq)?.generation, 1);
});

/** A log that began here knows its newest MARK with its number. */
function lastMark({ log }: StreamCore): MarkRecord {
  return log.lastMark as MarkRecord;
}
