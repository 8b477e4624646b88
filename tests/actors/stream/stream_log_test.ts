// Goal: the log is bounded in every way it promises, and always knows where one can join.
// Method: appends records of known size and time and looks at what is left.
import { LOG_BYTES_MAX, LOG_RECORDS_MAX, StreamLog } from "../../../actors/stream/stream_log.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { AUDIO, audioFrame, trackRecord, VIDEO, videoFrame } from "../../support/stream_records.ts";

const SECOND_US = 1_000_000;

function newLog(options: { limitBytes?: number; windowUs?: number } = {}) {
  const budget = new MediaBudget(options.limitBytes ?? 1 << 30);
  const log = new StreamLog({ budget, windowUs: options.windowUs ?? 5 * SECOND_US });
  return { budget, log };
}

Deno.test("StreamLog.append() refuses a number that is not the next", () => {
  const { log } = newLog();
  log.append(trackRecord(0, VIDEO));
  const error = assertThrows(() => log.append(trackRecord(2, VIDEO)), RangeError);
  assertEquals(error.message, "Cannot append record 2: the log is at 1");
});

Deno.test("StreamLog.joinSeq is the newest key frame, the live end without video", () => {
  const { log } = newLog();
  assertEquals(log.joinSeq, 0);
  log.append(trackRecord(0, VIDEO));
  assertEquals(log.joinSeq, undefined);
  log.append(videoFrame(1, { dtsUs: 0, keyframe: true }));
  log.append(videoFrame(2, { dtsUs: 40_000 }));
  assertEquals(log.joinSeq, 1);
  log.append(videoFrame(3, { dtsUs: 80_000, keyframe: true }));
  assertEquals(log.joinSeq, 3);

  const audio = newLog().log;
  audio.append(trackRecord(0, AUDIO));
  audio.append(audioFrame(1, 0));
  assertEquals(audio.joinSeq, 2);
});

Deno.test("StreamLog.append() drops by time, but never the newest group of pictures", () => {
  const { log } = newLog({ windowUs: 2 * SECOND_US });
  log.append(trackRecord(0, VIDEO));
  for (let seq = 1; seq <= 100; seq++) { // Ten frames a second, one key frame in all.
    log.append(videoFrame(seq, { dtsUs: seq * 100_000, keyframe: seq === 1 }));
  }
  assertEquals([log.firstSeq, log.joinSeq], [1, 1]);
  log.append(videoFrame(101, { dtsUs: 101 * 100_000, keyframe: true }));
  assertEquals([log.firstSeq, log.joinSeq], [81, 101]);
});

Deno.test("StreamLog.append() drops by bytes even within the group of pictures", () => {
  const { log, budget } = newLog();
  log.append(trackRecord(0, VIDEO));
  const bytes = 8 * 1024 * 1024;
  for (let seq = 1; seq <= 10; seq++) {
    log.append(videoFrame(seq, { dtsUs: seq * 1000, keyframe: seq === 1, bytes }));
  }
  assert(log.bytes <= LOG_BYTES_MAX);
  assertEquals(log.firstSeq, 4);
  assertEquals(log.joinSeq, undefined); // The next key frame must be awaited.
  assertEquals(budget.usedBytes, log.bytes);
});

Deno.test("StreamLog.append() drops by count", () => {
  const { log } = newLog({ windowUs: Number.MAX_SAFE_INTEGER });
  for (let seq = 0; seq < LOG_RECORDS_MAX + 10; seq++) log.append(audioFrame(seq, seq, 1));
  assertEquals(log.nextSeq - log.firstSeq, LOG_RECORDS_MAX);
  assertEquals(log.at(log.firstSeq)?.seq, 10);
  assertEquals(log.at(9), undefined);
});

Deno.test("StreamLog.append() shrinks to the newest group of pictures under memory pressure", () => {
  const { log, budget } = newLog({ limitBytes: 100_000 });
  log.append(trackRecord(0, VIDEO));
  for (let seq = 1; seq < 200; seq++) {
    log.append(videoFrame(seq, { dtsUs: seq * 1000, keyframe: seq % 10 === 1, bytes: 4_000 }));
  }
  assert(budget.usedBytes <= 100_000);
  assertEquals(log.firstSeq, log.joinSeq);
});

Deno.test("StreamLog.append() gives up its oldest records when the budget is exhausted", () => {
  const { log, budget } = newLog({ limitBytes: 50_000 });
  log.append(trackRecord(0, VIDEO));
  for (let seq = 1; seq < 100; seq++) {
    log.append(videoFrame(seq, { dtsUs: seq * 1000, keyframe: seq === 1, bytes: 4_000 }));
    assert(budget.usedBytes <= 50_000, `${budget.usedBytes} bytes at record ${seq}`);
  }
});

Deno.test("StreamLog.headAt() tells the tracks as they were at a record", () => {
  const { log } = newLog();
  log.append(trackRecord(0, VIDEO));
  log.append(videoFrame(1, { dtsUs: 0, keyframe: true }));
  log.append(trackRecord(2, AUDIO));
  const changed = { ...VIDEO, config: Uint8Array.of(9) };
  log.append(trackRecord(3, changed));
  assertEquals(log.headAt(1).tracks, [VIDEO]);
  assertEquals(log.headAt(2).tracks, [VIDEO, AUDIO]);
  assertEquals(log.headAt(3).tracks, [changed, AUDIO]);
  assert(log.headAt(3) === log.head);
});

Deno.test("StreamLog.head keeps standing data and lets events pass", () => {
  const { log } = newLog();
  const data = (seq: number, name: string, byte: number) => ({
    kind: "data" as const,
    seq,
    dtsUs: 0,
    carrier: "script" as const,
    name,
    payload: Uint8Array.of(byte),
  });
  log.append(data(0, "onMetaData", 1));
  log.append(data(1, "onCuePoint", 2));
  log.append(data(2, "onMetaData", 3));
  assertEquals(log.head.data.map(({ name, payload }) => [name, payload[0]]), [["onMetaData", 3]]);
});

Deno.test("StreamLog.settled waits for both kinds of track or a second of media", () => {
  const { log } = newLog();
  assert(!log.settled);
  log.append(trackRecord(0, VIDEO));
  log.append(videoFrame(1, { dtsUs: 0, keyframe: true }));
  assert(!log.settled);
  log.append(videoFrame(2, { dtsUs: SECOND_US }));
  assert(log.settled);

  const both = newLog().log;
  both.append(trackRecord(0, VIDEO));
  both.append(trackRecord(1, AUDIO));
  assert(both.settled);
});

Deno.test("StreamLog.clear() gives all memory back and keeps counting", () => {
  const { log, budget } = newLog();
  for (let seq = 0; seq < 10; seq++) log.append(audioFrame(seq, seq));
  log.clear();
  assertEquals([budget.usedBytes, log.bytes, log.nextSeq], [0, 0, 10]);
});

Deno.test("StreamLog.begin() goes on from another log's number, head, anchor and mark", () => {
  const log = new StreamLog({ budget: new MediaBudget(1 << 20), windowUs: 1_000_000 });
  const head = { tracks: [VIDEO, AUDIO], data: [] };
  const hls = { segmentUs: 2_000_000, partUs: 200_000, windowSegments: 6 };
  const anchor = { kind: "anchor", seq: 90, dtsUs: 5_000, generation: 7, wallUs: 1, hls } as const;
  const lastMark = { segment: 4, discontinuity: false, discontinuities: 2 };
  log.begin({ seq: 100, head, anchor, lastMark }, 102);
  assertEquals([log.firstSeq, log.nextSeq, log.behind], [100, 100, true]);
  assertEquals(log.anchorAt(100), anchor);
  assertEquals(log.headAt(100), head);
  assertEquals(log.lastMark, lastMark);
  assertEquals(log.settled, false); // Nobody joins while the past is on its way.
  const data = Uint8Array.of(1);
  const frame = { kind: "frame", track: VIDEO, keyframe: true, data } as const;
  log.append({ ...frame, seq: 100, dtsUs: 10_000, ptsUs: 10_000 });
  log.append({ ...frame, seq: 101, dtsUs: 20_000, ptsUs: 20_000 });
  assertEquals([log.behind, log.settled, log.joinSeq], [false, true, 101]);
});
