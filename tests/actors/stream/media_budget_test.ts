// Goal: logs stay within the node's budget, whatever publishers send.
// Method: many logs on one budget, and one log that never has a key frame.
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { LOG_BYTES_MAX, StreamLog } from "../../../actors/stream/stream_log.ts";
import type { Frame } from "../../../protocols/media/record.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { VIDEO } from "../../support/stream_records.ts";

const MIB = 1024 * 1024;

function frame(seq: number, bytes: number, keyframe: boolean): Frame {
  const dtsUs = seq * 40_000;
  const data = new Uint8Array(bytes);
  return { kind: "frame", seq, track: VIDEO, dtsUs, ptsUs: dtsUs, keyframe, data };
}

Deno.test("MediaBudget holds a thousand logs together, each with what a joiner needs", () => {
  const budget = new MediaBudget(16 * MIB);
  const logs = Array.from({ length: 1_000 }, () => new StreamLog({ budget, windowUs: 20_000_000 }));
  let most = 0;
  for (let seq = 0; seq < 150; seq++) {
    for (const log of logs) log.append(frame(seq, 400, seq % 10 === 0));
    most = Math.max(most, budget.usedBytes);
  }
  assert(most <= budget.limitBytes + 1_000, `${most} bytes were held`);
  assert(most > budget.limitBytes * 0.7, `only ${most} bytes were held`);
  assertEquals(logs.filter((log) => log.joinSeq === undefined).length, 0);
});

Deno.test("MediaBudget holds a group of pictures without end", () => {
  const budget = new MediaBudget(16 * MIB);
  const log = new StreamLog({ budget, windowUs: 20_000_000 });
  for (let seq = 0; seq < 40; seq++) {
    log.append(frame(seq, MIB, seq === 0));
    assert(budget.usedBytes <= budget.limitBytes, `${budget.usedBytes} bytes after ${seq}`);
  }
  assert(log.firstSeq > 20); // Its key frame is gone, and most of what came behind it.
  log.clear();
  assertEquals(budget.usedBytes, 0);
});

Deno.test("StreamLog.append() keeps one log within its own bound", () => {
  const budget = new MediaBudget(1024 * MIB);
  const log = new StreamLog({ budget, windowUs: 3_600_000_000 });
  for (let seq = 0; seq < 100; seq++) log.append(frame(seq, MIB, seq === 0));
  assert(log.bytes <= LOG_BYTES_MAX, `${log.bytes} bytes`);
});
