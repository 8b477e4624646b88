/**
 * Walks an HTTP answer with an FLV body, plain or in WebSocket frames; headers and lengths only.
 *
 * @module
 */
import type { MediaSink, Scanner } from "./media_sink.ts";
import { STAMP_BYTES } from "./stamp.ts";

/** File header and the first PreviousTagSize (FLV 10.1, annex E.2). */
const FILE_HEADER_BYTES = 13;

const TAG_HEADER_BYTES = 11;
const PREVIOUS_TAG_SIZE_BYTES = 4;
const VIDEO = 9;

/** Longest head of an answer, in bytes. */
const HEAD_BYTES_MAX = 8 * 1024;

/** FLV tags of one viewer. */
class FlvScanner {
  readonly #sink: MediaSink;
  readonly #header = new Uint8Array(TAG_HEADER_BYTES);
  readonly #tail = new Uint8Array(STAMP_BYTES);
  #headerBytes = 0;
  #skip = FILE_HEADER_BYTES;
  #bodyBytes = 0;
  #gotBytes = 0;

  constructor(sink: MediaSink) {
    this.#sink = sink;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#skip > 0) {
        const size = Math.min(this.#skip, end - at);
        this.#skip -= size;
        at += size;
      } else if (this.#headerBytes < TAG_HEADER_BYTES) {
        this.#header[this.#headerBytes++] = bytes[at++];
        if (this.#headerBytes === TAG_HEADER_BYTES) this.#open();
      } else {
        at = this.#body(bytes, at, end);
      }
    }
  }

  #open(): void {
    const [type, high, middle, low] = this.#header;
    if (type !== 8 && type !== VIDEO && type !== 18) throw new Error(`TagType ${type}`);
    this.#bodyBytes = high << 16 | middle << 8 | low;
    this.#gotBytes = 0;
  }

  #body(bytes: Uint8Array, at: number, end: number): number {
    const size = Math.min(this.#bodyBytes - this.#gotBytes, end - at);
    const type = this.#header[0];
    if (type === VIDEO) {
      const tailAt = this.#bodyBytes - STAMP_BYTES;
      for (let i = Math.max(0, tailAt - this.#gotBytes); i < size; i++) {
        this.#tail[this.#gotBytes + i - tailAt] = bytes[at + i];
      }
    }
    this.#gotBytes += size;
    if (this.#gotBytes === this.#bodyBytes) {
      this.#headerBytes = 0;
      this.#skip = PREVIOUS_TAG_SIZE_BYTES;
      this.#sink.message(type, type === VIDEO ? this.#tail : undefined);
    }
    return at + size;
  }
}

/** WebSocket frames of a server, which are never masked (RFC 6455, section 5.2). */
class FrameScanner {
  readonly #flv: FlvScanner;
  readonly #header = new Uint8Array(10);
  #headerBytes = 0;
  #left = 0;
  #binary = false;

  constructor(flv: FlvScanner) {
    this.#flv = flv;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#left > 0) {
        const size = Math.min(this.#left, end - at);
        if (this.#binary) this.#flv.feed(bytes, at, at + size);
        this.#left -= size;
        at += size;
      } else {
        this.#header[this.#headerBytes++] = bytes[at++];
        this.#open();
      }
    }
  }

  #open(): void {
    const header = this.#header;
    if (this.#headerBytes < 2) return;
    const short = header[1] & 127;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (this.#headerBytes < 2 + lengthBytes) return;
    let left = lengthBytes === 0 ? short : 0;
    for (let i = 0; i < lengthBytes; i++) left = left * 256 + header[2 + i];
    this.#left = left;
    this.#binary = (header[0] & 15) < 3;
    this.#headerBytes = 0;
  }
}

export class HttpFlvScanner implements Scanner {
  readonly #next: FlvScanner | FrameScanner;
  readonly #wantedStatus: number;
  #head: string | undefined = "";

  constructor(sink: MediaSink, options: { readonly websocket: boolean }) {
    const flv = new FlvScanner(sink);
    this.#next = options.websocket ? new FrameScanner(flv) : flv;
    this.#wantedStatus = options.websocket ? 101 : 200;
  }

  feed(bytes: Uint8Array, end: number): void {
    if (this.#head === undefined) return this.#next.feed(bytes, 0, end);
    const former = this.#head.length;
    this.#head += new TextDecoder("latin1").decode(bytes.subarray(0, end));
    const blank = this.#head.indexOf("\r\n\r\n");
    if (blank < 0) {
      if (this.#head.length > HEAD_BYTES_MAX) throw new Error("A head without an end");
      return;
    }
    const status = Number(this.#head.slice(9, 12));
    if (status !== this.#wantedStatus) throw new Error(`The server answered ${status}`);
    this.#head = undefined;
    this.#next.feed(bytes, blank + 4 - former, end);
  }
}
