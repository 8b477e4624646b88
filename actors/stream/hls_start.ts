/**
 * Where HLS of a stream begins in the log: at the oldest MARK, or, where AAC is made while somebody
 * wants it, where it is there. Segments without the sound that their tracks announce would have
 * players wait for it.
 *
 * @module
 */
import { isDerived } from "../../protocols/media/derived_audio.ts";
import type { LogRecord } from "../../protocols/media/record.ts";
import type { StreamLog } from "./stream_log.ts";

/** Derived frames further apart than this, in microseconds: nobody wanted them in between. */
const PAUSE_US = 1_000_000;

/**
 * How far the newest derived frame may be behind, in microseconds, while they are being made: an
 * encoder holds back two access units, and a burst of the publisher some more.
 */
const LATE_US_MAX = 2_000_000;

/** Media time after which HLS begins without sound: the transcoder does not work. */
export const DERIVED_WAIT_US_MAX = 5_000_000;

/** Number of the first record to read; `undefined` when the first derived frame must be awaited. */
export function hlsStart(log: StreamLog): number | undefined {
  if (!log.head.tracks.some(isDerived)) return firstMark(log, log.firstSeq);
  const first = firstOfRun(log);
  return first === undefined ? undefined : firstMark(log, first);
}

/** Where HLS begins when no derived frame has come in time. */
export function hlsStartWithout(log: StreamLog): number {
  return firstMark(log, log.firstSeq);
}

/** The record is a frame of a derived track. */
export function isDerivedFrame(record: LogRecord): boolean {
  return record.kind === "frame" && isDerived(record.track);
}

/** Number of the oldest MARK from `from` on, else of the record that comes next. */
function firstMark(log: StreamLog, from: number): number {
  for (let seq = from; seq < log.nextSeq; seq++) {
    if (log.at(seq)?.kind === "mark") return seq;
  }
  return log.nextSeq;
}

/** Number of the oldest derived frame since which there was no pause. */
function firstOfRun(log: StreamLog): number | undefined {
  let first: number | undefined;
  let afterUs = log.newestDtsUs - LATE_US_MAX;
  for (let seq = log.nextSeq - 1; seq >= log.firstSeq; seq--) {
    const record = log.at(seq)!;
    if (!isDerivedFrame(record)) continue;
    if (record.dtsUs < afterUs) break;
    first = seq;
    afterUs = record.dtsUs - PAUSE_US;
  }
  return first;
}
