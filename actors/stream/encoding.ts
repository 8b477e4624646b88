/**
 * One wire format of one stream: the log's records as bytes, made once, shared by all its viewers.
 *
 * A viewer is an offset into the encoding (see `viewer.ts`). Viewers in step ask for the same
 * stretch, so stretches are remembered and handed out again without making a view for each.
 *
 * @module
 */
import type { PageEncoder } from "../../protocols/media/page_encoder.ts";
import { FRAME_BYTES_MAX, type LogRecord } from "../../protocols/media/record.ts";
import { sameTrack } from "../../protocols/codecs/track_config.ts";
import { type Track, trackId } from "../../protocols/media/track.ts";
import { FanOut } from "./fan_out.ts";
import type { MediaBudget } from "./media_budget.ts";
import { Page, PAGE_BYTES, PAGE_BYTES_MIN } from "./page.ts";
import { isJoinFrame, LOG_BYTES_MAX, type StreamLog } from "./stream_log.ts";

/** Audio without video has no key frames: a new page, and so a join point, each second. */
const AUDIO_PAGE_US = 1_000_000;

/** How long pages before the newest join point are kept for viewers that still read them. */
const PAGE_KEEP_US = 5_000_000;

/** Most bytes of one encoding: as much as the log it is made from, and its largest frame. */
const ENCODING_BYTES_MAX = LOG_BYTES_MAX + FRAME_BYTES_MAX;

/** Two pages' bytes up to this size go out in one write; beyond it a second write costs less. */
const MERGE_BYTES_MAX = 64 * 1024;

/** Stretches remembered: viewers fall into few groups (just flushed, one flush behind, ...). */
const STRETCHES_KEPT = 8;

interface Stretch {
  start: number;
  end: number;
  bytes: Uint8Array;
}

const NOTHING = new Uint8Array(0);

export interface EncodingOptions {
  readonly log: StreamLog;
  readonly budget: MediaBudget;
  /** The format ends where a track appears or changes. */
  readonly fixedTracks: boolean;
}

export class Encoding {
  readonly encoder: PageEncoder;
  /** Its viewers that are in step. */
  readonly fanOut = new FanOut(this);
  readonly #log: StreamLog;
  readonly #budget: MediaBudget;
  readonly #fixedTracks: boolean;
  /** As told to the viewers, by number. */
  readonly #tracks = new Map<number, Track>();
  readonly #pages: Page[] = [];
  readonly #stretches: Stretch[] = [];
  #nextStretch = 0;
  /** Number of the next record to encode. */
  #nextSeq: number;
  #breaks: number;
  #end = 0;
  /** A key frame was left out, of a format without pictures: the next frame is a join point. */
  #joinDue = false;
  #bytes = 0;
  /** Arena for the next page: what the last group of pictures took, with a quarter to spare. */
  #arenaBytes = PAGE_BYTES_MIN;
  /** Viewers reading it, whether it counts as unusual, and of what; kept by `encodings.ts`. */
  viewers = 0;
  unusual = false;
  original = false;
  /** A track changed and the format cannot tell: nothing will be added any more. */
  finished = false;

  constructor(encoder: PageEncoder, options: EncodingOptions) {
    this.encoder = encoder;
    this.#log = options.log;
    this.#budget = options.budget;
    this.#fixedTracks = options.fixedTracks;
    const { log } = options;
    this.#nextSeq = log.joinSeq ?? log.nextSeq;
    this.#breaks = log.breaks;
    for (const track of log.headAt(this.#nextSeq).tracks) this.#learn(track);
    for (let i = 0; i < STRETCHES_KEPT; i++) {
      this.#stretches.push({ start: -1, end: -1, bytes: NOTHING });
    }
  }

  /** Offset after the last byte made. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of all pages held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Newest page a viewer can start at, or `undefined` when a key frame must be awaited. */
  get joinPage(): Page | undefined {
    for (let i = this.#pages.length - 1; i >= 0; i--) {
      if (this.#pages[i].joinable) return this.#pages[i];
    }
    return undefined;
  }

  /** Encodes what the log has gained. Called once a flush, however many viewers there are. */
  catchUp(): void {
    const { firstSeq, nextSeq, breaks } = this.#log;
    if (this.finished || (this.#nextSeq === nextSeq && this.#breaks === breaks)) return;
    const gap = this.#nextSeq < firstSeq || this.#nextSeq > nextSeq || this.#breaks !== breaks;
    this.#breaks = breaks;
    if (gap) this.#skipTo(firstSeq);
    while (this.#nextSeq < this.#log.nextSeq) {
      const record = this.#log.at(this.#nextSeq)!;
      if (record.kind === "track" && !this.#learn(record.track)) {
        this.#pages.at(-1)?.noteStart(); // Told already, by the session before.
      } else if (this.#fixedTracks && record.kind === "track" && this.#end > 0) {
        this.finished = true;
        break;
      } else this.#encode(record);
      this.#nextSeq++;
    }
    this.#trim();
  }

  /** Notes a track's configuration; false when viewers know it. */
  #learn(track: Track): boolean {
    const id = trackId(track);
    const known = this.#tracks.get(id);
    this.#tracks.set(id, track);
    return known === undefined || !equalTracks(known, track);
  }

  /**
   * The bytes from `position` on, ending at a message boundary: at least one message, at most
   * what is there. Shared: never write into them.
   *
   * @returns `undefined` when the bytes at `position` are gone.
   */
  read(position: number): Uint8Array | undefined {
    for (const stretch of this.#stretches) {
      if (stretch.start === position && stretch.end === this.#end) return stretch.bytes;
    }
    const first = this.#pageIndex(position);
    if (first < 0) return undefined;
    const stretch = this.#stretches[this.#nextStretch];
    this.#nextStretch = (this.#nextStretch + 1) % STRETCHES_KEPT;
    stretch.bytes = this.#cut(first, position);
    stretch.start = position;
    // A stretch that stops early must not be taken for one that reaches the end.
    const reached = position + stretch.bytes.length;
    stretch.end = reached === this.#end ? reached : -1;
    return stretch.bytes;
  }

  /** Gives all memory back; nobody may read it any more. */
  close(): void {
    while (this.#pages.length > 0) this.#dropPage();
    for (const stretch of this.#stretches) stretch.bytes = NOTHING;
  }

  #cut(first: number, position: number): Uint8Array {
    const page = this.#pages[first];
    const start = position - page.base;
    const total = this.#end - position;
    if (first === this.#pages.length - 1 || total > MERGE_BYTES_MAX) {
      return page.bytes.subarray(start, page.used);
    }
    // A flush that straddles pages is copied together once, for every viewer in step.
    const merged = new Uint8Array(total);
    merged.set(page.bytes.subarray(start, page.used), 0);
    for (let i = first + 1, at = page.used - start; i < this.#pages.length; i++) {
      merged.set(this.#pages[i].bytes.subarray(0, this.#pages[i].used), at);
      at += this.#pages[i].used;
    }
    return merged;
  }

  /** Index of the page that holds the byte at `position`; -1 when it is gone or not there yet. */
  #pageIndex(position: number): number {
    for (let i = this.#pages.length - 1; i >= 0; i--) {
      if (position >= this.#pages[i].end) return -1;
      if (position >= this.#pages[i].base) return i;
    }
    return -1;
  }

  #encode(record: LogRecord): void {
    const sizeBytes = this.encoder.sizeOf(record);
    if (sizeBytes === 0) {
      this.#joinDue ||= this.#opensJoin(record);
      return this.#pages.at(-1)?.noteStart();
    }
    const page = this.#pageFor(record, sizeBytes);
    if (record.kind === "frame") this.#joinDue = false;
    page.noteStart();
    this.encoder.write(record, page.bytes, page.used);
    page.used += sizeBytes;
    this.#end += sizeBytes;
    if (record.kind === "frame") page.frames++;
  }

  #pageFor(record: LogRecord, sizeBytes: number): Page {
    const page = this.#pages.at(-1);
    if (page === undefined) return this.#openPage(record, sizeBytes, this.#opensJoin(record));
    if (this.#opensJoin(record)) {
      if (page.frames > 0 || page.freeBytes < sizeBytes) {
        return this.#openPage(record, sizeBytes, true);
      }
      // Only configuration so far: the key frame belongs right behind it.
      page.joinable = true;
      return page;
    }
    if (record.kind === "track" && page.frames > 0) {
      return this.#openPage(record, sizeBytes, false);
    }
    return page.freeBytes < sizeBytes ? this.#openPage(record, sizeBytes, false) : page;
  }

  /** A decoder can start with `record`. */
  #opensJoin(record: LogRecord): boolean {
    if (record.kind !== "frame") return false;
    if (this.#log.hasVideo) return this.#joinDue || isJoinFrame(record);
    const newest = this.joinPage;
    return newest === undefined || record.dtsUs - newest.dtsUs >= AUDIO_PAGE_US;
  }

  #openPage(record: LogRecord, sizeBytes: number, joinable: boolean): Page {
    const last = this.#pages.at(-1);
    if (last !== undefined) {
      const expected = Math.max(PAGE_BYTES_MIN, last.used + (last.used >> 2));
      this.#arenaBytes = Math.min(PAGE_BYTES, expected);
    }
    const page = new Page({
      arenaBytes: Math.max(sizeBytes, this.#arenaBytes),
      base: this.#end,
      head: this.#log.headAt(record.seq),
      dtsUs: record.dtsUs,
      firstSeq: record.seq,
      joinable,
    });
    this.#bytes += page.bytes.length;
    this.#budget.take(page.bytes.length);
    this.#pages.push(page);
    return page;
  }

  /**
   * Records were dropped before we saw them, or the log went on from another node's: a link was
   * away for long, or this node is far beyond its load.
   */
  #skipTo(seq: number): void {
    this.#nextSeq = seq;
    for (const track of this.#log.headAt(seq).tracks) this.#learn(track);
    if (this.#pages.length === 0) return;
    // A gap may lie between the pages: nobody may read across it.
    while (this.#pages.length > 0) this.#dropPage();
    this.#end++;
  }

  #trim(): void {
    const join = this.joinPage;
    const keepFromUs = this.#budget.pressed
      ? Number.POSITIVE_INFINITY
      : this.#log.newestDtsUs - PAGE_KEEP_US;
    while (this.#pages.length > 1 && this.#pages[0] !== join) {
      // A page is over when the next one begins.
      if (this.#pages[1].dtsUs >= keepFromUs && this.#bytes <= ENCODING_BYTES_MAX) return;
      this.#dropPage();
    }
    while (this.#pages.length > 1 && this.#bytes > ENCODING_BYTES_MAX) this.#dropPage();
  }

  #dropPage(): void {
    const { length } = this.#pages.shift()!.bytes;
    this.#bytes -= length;
    this.#budget.give(length);
  }
}

/** Nothing about the track has changed that anybody must be told. */
function equalTracks(a: Track, b: Track): boolean {
  if (!sameTrack(a, b)) return false;
  if (a.kind === "video" || b.kind === "video") return true;
  return a.sampleRate === b.sampleRate && a.channels === b.channels;
}
