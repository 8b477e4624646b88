/**
 * A page: a stretch of one encoding, append-only, shared by every viewer of it.
 *
 * @module
 */
import type { StreamHead } from "../../protocols/media/record.ts";

/** Usual size of a page's arena; a larger frame gets a page of its own size. */
export const PAGE_BYTES = 256 * 1024;

/** Smallest arena: a quiet audio stream fills about this much in its second. */
export const PAGE_BYTES_MIN = 16 * 1024;

export class Page {
  /** The arena; bytes below `used` never change again. */
  readonly bytes: Uint8Array;
  /** Offset of the page's first byte within its encoding. */
  readonly base: number;
  /** Tracks and standing data valid at the first byte. */
  readonly head: StreamHead;
  /** Decode time of the first record, in microseconds. */
  readonly dtsUs: number;
  /** Number of the first record. */
  readonly firstSeq: number;
  used = 0;
  /** How many frames it holds; a page without one may still become a join point. */
  frames = 0;
  /** A viewer can start here. */
  joinable: boolean;
  /** Where record `firstSeq + i` starts, in bytes from the page's start. */
  readonly #starts: number[] = [];
  #preface: Uint8Array | undefined;

  constructor(options: {
    arenaBytes: number;
    base: number;
    head: StreamHead;
    dtsUs: number;
    firstSeq: number;
    joinable: boolean;
  }) {
    this.bytes = new Uint8Array(options.arenaBytes);
    this.base = options.base;
    this.head = options.head;
    this.dtsUs = options.dtsUs;
    this.firstSeq = options.firstSeq;
    this.joinable = options.joinable;
  }

  /** Offset of the first byte after the page within its encoding. */
  get end(): number {
    return this.base + this.used;
  }

  get freeBytes(): number {
    return this.bytes.length - this.used;
  }

  /** Notes that the next record starts at the current end. */
  noteStart(): void {
    this.#starts.push(this.used);
  }

  /** Offset, within the encoding, where record `seq` starts; `undefined` if it is not in here. */
  startOf(seq: number): number | undefined {
    const start = this.#starts[seq - this.firstSeq];
    return start === undefined ? undefined : this.base + start;
  }

  /** What a viewer needs before the first byte; made once, by `make`, for all who jump here. */
  preface(make: (head: StreamHead, dtsUs: number) => Uint8Array): Uint8Array {
    return this.#preface ??= make(this.head, this.dtsUs);
  }
}
