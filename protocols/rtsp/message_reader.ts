/**
 * Takes an RTSP connection's bytes apart: requests, responses and interleaved frames, mixed and cut
 * at any byte boundary.
 *
 * Source: RFC 2326, sections 4 and 10.12. What is handed out are views, of the bytes given or of
 * the reader's own buffer; they hold until the handler returns. Keeps at most one element that is
 * not complete, and while it is held what comes meanwhile.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { INTERLEAVED_HEADER_BYTES, INTERLEAVED_MAGIC } from "../rtp/interleaved.ts";
import {
  parseRtspHead,
  RTSP_BODY_BYTES_MAX,
  RTSP_HEAD_BYTES_MAX,
  RTSP_HEAD_TOO_LONG,
  type RtspHead,
  type RtspMessage,
} from "./message.ts";

/** Largest interleaved packet: its length has 16 bits. */
export const INTERLEAVED_BYTES_MAX = 0xffff;

/**
 * Most bytes kept while the reader is held. A client may pipeline a few requests meanwhile, and a
 * publisher's first frames come behind its RECORD.
 */
export const HELD_BYTES_MAX = 256 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const NO_BYTES = new Uint8Array(0);

/** Told what comes, in order, from within `feed`. What it throws leaves `feed`. */
export interface RtspReaderEvents {
  message(message: RtspMessage): void;
  /** @param packet Nearly always an RTP or RTCP packet; a view that holds until it returns. */
  interleaved(channel: number, packet: Uint8Array): void;
}

export class RtspMessageReader {
  readonly #events: RtspReaderEvents;
  /** What has been read of an element that is not complete; the first `#filled` bytes count. */
  #buffer: Uint8Array = NO_BYTES;
  #filled = 0;
  /** How far a head has been searched for its end, from its first byte. */
  #searched = 0;
  #head: RtspHead | undefined;
  /** Parse nothing: an answer is being thought about. Set it back and `feed` nothing. */
  held = false;

  constructor(events: RtspReaderEvents) {
    this.#events = events;
  }

  /** Bytes kept for later. */
  get pendingBytes(): number {
    return this.#filled;
  }

  /**
   * Takes the next bytes; they are the caller's again when it returns.
   *
   * @throws {ProtocolError} They are no RTSP, or pass a limit.
   */
  feed(bytes: Uint8Array): void {
    if (this.held) return this.#keepHeld(bytes);
    const input = this.#filled === 0 ? bytes : this.#joined(bytes);
    let at = 0;
    while (!this.held && at < input.length) {
      const next = this.#readOne(input, at);
      if (next === undefined) break;
      at = next;
    }
    this.#keep(input, at);
  }

  /** Reads one element at `at`; returns where the next one starts, `undefined` = not yet. */
  #readOne(input: Uint8Array, at: number): number | undefined {
    if (this.#head !== undefined) return this.#readBody(this.#head, input, at);
    const first = input[at];
    // Empty lines between messages are noise that is to be ignored (RFC 7826, section 5.2).
    if (first === CR || first === LF) return at + 1;
    if (first === INTERLEAVED_MAGIC) return this.#readInterleaved(input, at);
    const end = this.#endOfHead(input, at);
    if (end === undefined) return undefined;
    this.#searched = 0;
    const head = parseRtspHead(input.subarray(at, end));
    if (head.bodyBytes > 0) {
      this.#head = head;
      return end;
    }
    this.#events.message(head.message);
    return end;
  }

  #readInterleaved(input: Uint8Array, at: number): number | undefined {
    const start = at + INTERLEAVED_HEADER_BYTES;
    if (input.length < start) return undefined;
    const end = start + (input[at + 2] << 8 | input[at + 3]);
    if (input.length < end) return undefined;
    this.#events.interleaved(input[at + 1], input.subarray(start, end));
    return end;
  }

  #readBody(head: RtspHead, input: Uint8Array, at: number): number | undefined {
    const end = at + head.bodyBytes;
    if (input.length < end) return undefined;
    this.#head = undefined;
    this.#events.message({ ...head.message, body: input.subarray(at, end) });
    return end;
  }

  /** Offset behind the empty line that ends the head at `at`. */
  #endOfHead(input: Uint8Array, at: number): number | undefined {
    const limit = Math.min(input.length, at + RTSP_HEAD_BYTES_MAX);
    // The last LF seen may have been the first of the two: search from there again.
    for (let lf = input.indexOf(LF, at + this.#searched); lf >= 0 && lf < limit;) {
      const next = input[lf + 1] === CR ? lf + 2 : lf + 1;
      if (next >= limit) break;
      if (input[next] === LF) return next + 1;
      this.#searched = lf + 1 - at;
      lf = input.indexOf(LF, lf + 1);
    }
    if (input.length - at < RTSP_HEAD_BYTES_MAX) return undefined;
    throw new ProtocolError(
      `Cannot read message: its head is longer than ${RTSP_HEAD_BYTES_MAX} bytes`,
      { protocol: "RTSP", section: RTSP_HEAD_TOO_LONG, offset: 0 },
    );
  }

  /** What was kept and `bytes` behind it. */
  #joined(bytes: Uint8Array): Uint8Array {
    const length = this.#filled + bytes.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#filled));
      larger.set(this.#buffer.subarray(0, this.#filled));
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#filled);
    this.#filled = length;
    return this.#buffer.subarray(0, length);
  }

  /** Keeps what stands behind `at`. */
  #keep(input: Uint8Array, at: number): void {
    const left = input.length - at;
    if (left === 0) this.#buffer = NO_BYTES; // Thousands of connections keep nothing.
    else if (this.#filled === 0) this.#buffer = input.slice(at);
    else if (at > 0) this.#buffer.copyWithin(0, at, input.length);
    this.#filled = left;
  }

  #keepHeld(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#filled + bytes.length > HELD_BYTES_MAX) {
      throw new ProtocolError(
        `Cannot keep input: over ${HELD_BYTES_MAX} bytes came before an answer`,
        { protocol: "RTSP", section: "RFC 2326, 9.1", offset: 0 },
      );
    }
    this.#joined(bytes);
  }
}

/** Most bytes a reader keeps of one element: what a connection may cost. */
export const ELEMENT_BYTES_MAX = Math.max(
  RTSP_HEAD_BYTES_MAX + RTSP_BODY_BYTES_MAX,
  INTERLEAVED_HEADER_BYTES + INTERLEAVED_BYTES_MAX,
);
