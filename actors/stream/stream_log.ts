/**
 * A stream's log: its newest records, numbered, bounded by bytes, count and time.
 *
 * The log does not know who reads it. A reader is a number (the next `seq` it wants) kept by the
 * reader itself; a reader that asks for a record which is gone starts again at {@link joinSeq}.
 *
 * @module
 */
import {
  type AnchorRecord,
  EMPTY_HEAD,
  type Frame,
  type LogRecord,
  type SegmentMark,
  type StreamHead,
} from "../../protocols/media/record.ts";
import { trackId } from "../../protocols/media/track.ts";
import type { MediaBudget } from "./media_budget.ts";
import type { LogStart } from "./upstream.ts";

/** Most bytes one log holds: eight frames of the largest size there is. */
export const LOG_BYTES_MAX = 64 * 1024 * 1024;

/** Most records one log holds: a quarter of an hour at 73 records a second. */
export const LOG_RECORDS_MAX = 65_536;

/** What a record costs besides its payload: the objects that describe it. */
const RECORD_OVERHEAD_BYTES = 256;

/** Standing data a head keeps: onMetaData, colour information and a few of an encoder's own. */
const STANDING_DATA_MAX = 8;

/** Data that describes the stream from now on; everything else (cue points) is a passing event. */
const STANDING_DATA = new Set(["onMetaData", "colorInfo"]);

/** Whether data of that name describes the stream from now on. */
export function isStandingData(name: string): boolean {
  return STANDING_DATA.has(name);
}

/**
 * How much media must pass before a missing kind of track is taken for absent: encoders announce
 * audio and video within a few frames of each other, and players want both told at the start.
 */
const SETTLE_US = 1_000_000;

/** Distance of frames while none is known, and the longest that is taken for usual. */
const FRAME_INTERVAL_US = 40_000;
const FRAME_INTERVAL_US_MAX = 2_000_000;

/** A change of the head, and the record that made it. */
interface HeadChange {
  readonly seq: number;
  readonly head: StreamHead;
}

export interface StreamLogOptions {
  readonly budget: MediaBudget;
  /** How far back records are kept, in microseconds; the newest group of pictures always is. */
  readonly windowUs: number;
}

export class StreamLog {
  readonly #budget: MediaBudget;
  /** How far back records are kept from the next one on, in microseconds. */
  windowUs: number;
  /** Power-of-two ring; record `seq` lives at `seq & mask`. */
  #ring: (LogRecord | undefined)[] = new Array(256).fill(undefined);
  #firstSeq: number;
  #nextSeq: number;
  #bytes = 0;
  #oldestDtsUs: number | undefined;
  #newestDtsUs = 0;
  /** Heads still needed, oldest first; the first one holds from the oldest record on. */
  readonly #heads: HeadChange[];
  /** Numbers of the default video track's key frames that are still in the log, oldest first. */
  readonly #keyframes: number[] = [];
  /** Anchors still needed, oldest first; the first one holds from the oldest record on. */
  readonly #anchors: AnchorRecord[] = [];
  #lastMark: SegmentMark | undefined;
  /** Records up to this number are of the past; nobody joins before they are there. */
  #caughtUpSeq = 0;
  /** Times that it went on from another log's record: readers must begin anew, too. */
  breaks = 0;

  constructor(options: StreamLogOptions, nextSeq = 0) {
    this.#budget = options.budget;
    this.windowUs = options.windowUs;
    this.#firstSeq = this.#nextSeq = nextSeq;
    this.#heads = [{ seq: nextSeq, head: EMPTY_HEAD }];
  }

  /** Number of the oldest record held. */
  get firstSeq(): number {
    return this.#firstSeq;
  }

  /** Number the next record must carry. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Payload and overhead of all records held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Largest decode time appended so far, in microseconds. */
  get newestDtsUs(): number {
    return this.#newestDtsUs;
  }

  /** Tracks and standing data after the newest record. */
  get head(): StreamHead {
    return this.#heads[this.#heads.length - 1].head;
  }

  /** Tracks and standing data after record `seq`, which must be in the log or be its next. */
  headAt(seq: number): StreamHead {
    let at = this.#heads.length - 1;
    while (at > 0 && this.#heads[at].seq > seq) at--;
    return this.#heads[at].head;
  }

  /** The anchor in force at record `seq`, `undefined` before the first one. */
  anchorAt(seq: number): AnchorRecord | undefined {
    return this.#anchors.findLast((anchor) => anchor.seq <= seq);
  }

  /** The newest MARK ever appended, whether or not it is still in the log. */
  get lastMark(): SegmentMark | undefined {
    return this.#lastMark;
  }

  /** Usual distance of the newest frames of the leading track, in microseconds. */
  get frameIntervalUs(): number {
    const lead = this.hasVideo ? "video" : "audio";
    let newestUs: number | undefined;
    for (let seq = this.#nextSeq - 1; seq >= this.#firstSeq; seq--) {
      const record = this.at(seq)!;
      if (record.kind !== "frame" || record.track.kind !== lead) continue;
      if (newestUs !== undefined) {
        const distanceUs = newestUs - record.dtsUs;
        return distanceUs > 0 && distanceUs < FRAME_INTERVAL_US_MAX
          ? distanceUs
          : FRAME_INTERVAL_US;
      }
      newestUs = record.dtsUs;
    }
    return FRAME_INTERVAL_US;
  }

  get hasVideo(): boolean {
    return this.head.tracks.some((track) => track.kind === "video");
  }

  /** The stream's kinds of track are known: both are there, or one had its time to appear. */
  get settled(): boolean {
    const tracks = this.head.tracks;
    return !this.behind && tracks.length > 0 &&
      (tracks.some((track) => track.kind !== tracks[0].kind) ||
        this.#newestDtsUs - (this.#oldestDtsUs ?? this.#newestDtsUs) >= SETTLE_US);
  }

  /**
   * Number of the record somebody who joins now starts at: the newest key frame; the live end
   * when there is no video; `undefined` when the next key frame must be awaited.
   */
  get joinSeq(): number | undefined {
    return this.#keyframes.at(-1) ?? (this.hasVideo ? undefined : this.#nextSeq);
  }

  /** The record numbered `seq`, or `undefined` when it is gone or not there yet. */
  at(seq: number): LogRecord | undefined {
    if (seq < this.#firstSeq || seq >= this.#nextSeq) return undefined;
    return this.#ring[seq & (this.#ring.length - 1)];
  }

  /**
   * Adds the next record and drops what the bounds no longer allow.
   *
   * @throws {RangeError} The record's number is not {@link nextSeq}.
   */
  append(record: LogRecord): void {
    if (record.seq !== this.#nextSeq) {
      throw new RangeError(`Cannot append record ${record.seq}: the log is at ${this.#nextSeq}`);
    }
    if (this.#nextSeq - this.#firstSeq === this.#ring.length) this.#makeRoom();
    this.#ring[record.seq & (this.#ring.length - 1)] = record;
    this.#nextSeq++;
    const bytes = recordBytes(record);
    this.#bytes += bytes;
    this.#budget.take(bytes);
    this.#oldestDtsUs ??= record.dtsUs;
    if (record.dtsUs > this.#newestDtsUs) this.#newestDtsUs = record.dtsUs;
    this.#note(record);
    this.#trim();
  }

  /**
   * Goes on from a record of another node's log, forgetting its own.
   *
   * @param caughtUpSeq The first record that is not of the past.
   */
  begin({ seq, head, anchor, lastMark }: LogStart, caughtUpSeq: number): void {
    this.clear();
    this.breaks++;
    this.#firstSeq = this.#nextSeq = seq;
    this.#caughtUpSeq = caughtUpSeq;
    this.#heads.splice(0, this.#heads.length, { seq, head });
    if (anchor !== undefined) {
      this.#anchors.push(anchor);
      this.#newestDtsUs = Math.max(this.#newestDtsUs, anchor.dtsUs);
    }
    this.#lastMark = lastMark;
  }

  /** Records of the past are still on their way from another node. */
  get behind(): boolean {
    return this.#nextSeq < this.#caughtUpSeq;
  }

  /** Forgets everything and gives its memory back; the numbers go on. */
  clear(): void {
    while (this.#firstSeq < this.#nextSeq) this.#dropOldest();
    this.#heads.splice(0, this.#heads.length, { seq: this.#nextSeq, head: EMPTY_HEAD });
    this.#anchors.length = 0;
    this.#oldestDtsUs = undefined;
  }

  #note(record: LogRecord): void {
    if (record.kind === "frame") {
      if (isJoinFrame(record)) this.#keyframes.push(record.seq);
      return;
    }
    if (record.kind === "mark") this.#lastMark = record;
    if (record.kind === "anchor") this.#anchors.push(record);
    const head = headAfter(this.head, record);
    if (head !== this.head) this.#heads.push({ seq: record.seq, head });
  }

  /** Drops the oldest records until every bound holds; the newest record always stays. */
  #trim(): void {
    const keepFromUs = this.#budget.pressed
      ? Number.POSITIVE_INFINITY
      : this.#newestDtsUs - this.windowUs;
    while (this.#firstSeq < this.#nextSeq - 1) {
      const needed = this.#firstSeq >= (this.#keyframes.at(-1) ?? this.#nextSeq);
      const oldest = this.#ring[this.#firstSeq & (this.#ring.length - 1)]!;
      const expired = oldest.dtsUs < keepFromUs && !needed;
      if (!expired && this.#bytes <= LOG_BYTES_MAX && !this.#budget.exhausted) return;
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const slot = this.#firstSeq & (this.#ring.length - 1);
    const bytes = recordBytes(this.#ring[slot]!);
    this.#ring[slot] = undefined;
    this.#bytes -= bytes;
    this.#budget.give(bytes);
    this.#firstSeq++;
    if (this.#keyframes[0] < this.#firstSeq) this.#keyframes.shift();
    if (this.#heads.length > 1 && this.#heads[1].seq <= this.#firstSeq) this.#heads.shift();
    if (this.#anchors.length > 1 && this.#anchors[1].seq <= this.#firstSeq) this.#anchors.shift();
  }

  /** Doubles the ring, or drops the oldest record once the ring is as large as it may be. */
  #makeRoom(): void {
    const old = this.#ring;
    if (old.length === LOG_RECORDS_MAX) return this.#dropOldest();
    this.#ring = new Array(old.length * 2).fill(undefined);
    for (let seq = this.#firstSeq; seq < this.#nextSeq; seq++) {
      this.#ring[seq & (this.#ring.length - 1)] = old[seq & (old.length - 1)];
    }
  }
}

function recordBytes(record: LogRecord): number {
  if (record.kind === "frame") return RECORD_OVERHEAD_BYTES + record.data.length;
  if (record.kind === "data") return RECORD_OVERHEAD_BYTES + record.payload.length;
  return RECORD_OVERHEAD_BYTES;
}

/** A video decoder can start here: a key frame of the default video track. */
export function isJoinFrame(frame: Frame): boolean {
  return frame.keyframe && frame.track.kind === "video" && frame.track.index === 0;
}

function headAfter(head: StreamHead, record: LogRecord): StreamHead {
  // A publish session announces its own tracks: those of the one before may never come again.
  if (record.kind === "anchor") return EMPTY_HEAD;
  if (record.kind === "track") {
    const others = head.tracks.filter((track) => trackId(track) !== trackId(record.track));
    const tracks = [...others, record.track].sort((a, b) => trackId(a) - trackId(b));
    return { ...head, tracks };
  }
  if (record.kind === "data" && STANDING_DATA.has(record.name)) {
    const others = head.data.filter((data) => data.name !== record.name);
    return { ...head, data: [...others, record].slice(-STANDING_DATA_MAX) };
  }
  return head;
}
