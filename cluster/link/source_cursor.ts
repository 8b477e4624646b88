/**
 * One subscription as the serving node has it: a cursor into a stream's log that sends while its
 * credit lasts.
 *
 * It owns no records. When it waited so long that the log dropped what it wanted, or it fell too
 * far behind, it goes on from a newer place and says so with another START.
 *
 * @module
 */
import type { LogReader, StreamCore } from "../../actors/stream/stream_core.ts";
import type { StreamLog } from "../../actors/stream/stream_log.ts";
import type { LogStart, SessionState } from "../../actors/stream/upstream.ts";
import type { LogRecord, SegmentMark } from "../../protocols/media/record.ts";
import { FRAME_TYPE, malformed } from "../../protocols/mrtmp/frame.ts";
import type { FrameWriter } from "../../protocols/mrtmp/frame_writer.ts";
import { type StartMessage, writeStart } from "../../protocols/mrtmp/start.ts";
import {
  CREDIT_BYTES_MAX,
  type EndMessage,
  writeEnd,
  writeState,
} from "../../protocols/mrtmp/subscription.ts";
import type { MediaSource } from "./media_sender.ts";

/** What a subscription may be sent before its first CREDIT, in bytes (MRTMP, 4.3). */
export const CREDIT_INITIAL_BYTES = 4 * 1024 * 1024;

/** How much farther than at its start a cursor may fall behind, in microseconds. */
const LAG_US_MAX = 5_000_000;

/** What its link counts. */
export interface SourceCounters {
  /** Times that a subscription had something to send and no credit. */
  creditStalls: number;
  /** Times that one left records out to catch up. */
  jumps: number;
}

export interface SourceCursorOptions {
  readonly handle: number;
  readonly core: StreamCore;
  /** Node that subscribes, and what for. */
  readonly peer: string;
  readonly mode: "edge" | "any";
  /** The stream's state as its owner tells it, now. */
  readonly state: () => SessionState;
  readonly fromSeq: number | undefined;
  readonly counters: SourceCounters;
  /** It has something to send. */
  readonly wake: (cursor: SourceCursor) => void;
  /** Its END is on the way; it is to be forgotten. */
  readonly over: (cursor: SourceCursor) => void;
}

export class SourceCursor implements LogReader, MediaSource {
  queued = false;
  readonly handle: number;
  readonly core: StreamCore;
  readonly peer: string;
  readonly mode: "edge" | "any";
  readonly #options: SourceCursorOptions;
  #credit = CREDIT_INITIAL_BYTES;
  #stalled = false;
  #seq: number;
  #breaks = 0;
  /** A START that must go out before anything else. */
  #start: StartMessage | undefined;
  #stateDue = true;
  #lagAllowedUs = 0;
  /** How it ends, once that is known, and the records before it: the log may drop them first. */
  #end: EndMessage | undefined;
  #tail: readonly LogRecord[] = [];
  #tailSeq = 0;
  #retired = false;

  constructor(options: SourceCursorOptions) {
    this.#options = options;
    this.handle = options.handle;
    this.peer = options.peer;
    this.mode = options.mode;
    this.core = options.core;
    this.#seq = firstSeq(this.core.log, options.fromSeq);
    this.#begin();
  }

  /** The log has gained records, or the stream has ended. */
  advance(): void {
    if (this.queued && !this.core.ended) return;
    if (this.core.ended && this.#end === undefined) this.finish({ reason: "ended" });
    else this.#options.wake(this);
  }

  /** The owner tells something new; it goes out ahead of records. */
  stateChanged(): void {
    this.#stateDue = true;
    this.#options.wake(this);
  }

  /** Sends what the log has by now, then END. */
  finish(end: EndMessage): void {
    if (this.#end !== undefined) return;
    if (this.#gap) this.#jump();
    const { log } = this.core;
    const tail: LogRecord[] = [];
    for (let seq = this.#seq; seq < log.nextSeq; seq++) tail.push(log.at(seq)!);
    this.#tail = tail;
    this.#tailSeq = this.#seq;
    this.#end = end;
    this.#options.wake(this);
  }

  /** Sends nothing more, should it still be waiting for its turn. */
  retire(): void {
    this.#retired = true;
    this.#tail = [];
  }

  /** @throws {ProtocolError} The subscription then has more credit than it may have. */
  addCredit(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > CREDIT_BYTES_MAX) {
      throw malformed(
        `Cannot take credit: ${this.#credit} bytes, at most ${CREDIT_BYTES_MAX}`,
        "4.3",
      );
    }
    if (!this.#stalled || this.#credit <= 0) return;
    this.#stalled = false;
    this.#options.wake(this);
  }

  fill(writer: FrameWriter, bytes: number): boolean {
    if (this.#retired) return false;
    const until = writer.length + bytes;
    while (writer.length < until) {
      this.#announce(writer);
      const record = this.#next();
      if (record === undefined && !this.#gap) return this.#caughtUp(writer);
      if (this.#credit <= 0) return this.#stall();
      if (record === undefined || this.#lags(record)) this.#jump();
      else {
        this.#credit -= writer.record(this.handle, record);
        this.#seq++;
      }
    }
    return true;
  }

  /** START and STATE, where they are due. */
  #announce(writer: FrameWriter): void {
    if (this.#start !== undefined) {
      writer.frame(FRAME_TYPE.start, this.handle, writeStart(this.#start));
      this.#start = undefined;
    }
    if (!this.#stateDue) return;
    this.#stateDue = false;
    if (this.core.ended) return; // There is no state any more; END follows.
    writer.frame(FRAME_TYPE.state, this.handle, writeState(this.#options.state()));
  }

  #next(): LogRecord | undefined {
    if (this.#end !== undefined) return this.#tail[this.#seq - this.#tailSeq];
    return this.core.log.at(this.#seq);
  }

  /** What it wants is gone, or the log went on from other numbers. */
  get #gap(): boolean {
    if (this.#end !== undefined) return false;
    const { firstSeq, nextSeq, breaks } = this.core.log;
    return this.#seq < firstSeq || this.#seq > nextSeq || this.#breaks !== breaks;
  }

  #lags(record: LogRecord): boolean {
    const { log } = this.core;
    if (this.#end !== undefined || log.newestDtsUs - record.dtsUs <= this.#lagAllowedUs) {
      return false;
    }
    return (log.joinSeq ?? 0) > this.#seq;
  }

  #stall(): boolean {
    if (!this.#stalled) this.#options.counters.creditStalls++;
    this.#stalled = true;
    return false;
  }

  #caughtUp(writer: FrameWriter): boolean {
    this.#lagAllowedUs = LAG_US_MAX;
    if (this.#end === undefined) return false;
    writer.frame(FRAME_TYPE.end, this.handle, writeEnd(this.#end));
    this.#options.over(this);
    return false;
  }

  #jump(): void {
    this.#options.counters.jumps++;
    this.#seq = joinSeq(this.core.log);
    this.#begin();
  }

  /** Goes on from where it now is. */
  #begin(): void {
    const { log } = this.core;
    this.#breaks = log.breaks;
    this.#start = { start: startAt(log, this.#seq), caughtUpSeq: log.nextSeq };
    const dtsUs = log.at(this.#seq)?.dtsUs ?? log.newestDtsUs;
    this.#lagAllowedUs = Math.max(0, log.newestDtsUs - dtsUs) + LAG_US_MAX;
  }
}

/** Where a subscription that wants `fromSeq` begins. */
function firstSeq(log: StreamLog, fromSeq: number | undefined): number {
  if (fromSeq === undefined) return log.firstSeq;
  if (fromSeq >= log.firstSeq) return Math.min(fromSeq, log.nextSeq);
  return oldestMark(log) ?? log.firstSeq;
}

/** Where one that must leave records out goes on: at the MARK of the newest key frame. */
function joinSeq(log: StreamLog): number {
  const seq = log.joinSeq ?? oldestMark(log) ?? log.firstSeq;
  return log.at(seq - 1)?.kind === "mark" ? seq - 1 : seq;
}

function oldestMark(log: StreamLog): number | undefined {
  for (let seq = log.firstSeq; seq < log.nextSeq; seq++) {
    if (log.at(seq)!.kind === "mark") return seq;
  }
  return undefined;
}

/** What is in force in front of record `seq`. */
function startAt(log: StreamLog, seq: number): LogStart {
  return {
    seq,
    head: log.headAt(Math.max(seq - 1, log.firstSeq)),
    anchor: log.anchorAt(seq - 1),
    lastMark: lastMarkBefore(log, seq),
  };
}

function lastMarkBefore(log: StreamLog, seq: number): SegmentMark | undefined {
  for (let at = seq - 1; at >= log.firstSeq; at--) {
    const record = log.at(at)!;
    if (record.kind === "mark") return record;
  }
  for (let at = seq; at < log.nextSeq; at++) {
    if (log.at(at)!.kind === "mark") return undefined; // The one before it is not known any more.
  }
  return log.lastMark;
}
