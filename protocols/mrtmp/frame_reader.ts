/**
 * Cuts a connection's bytes into frames without copying them.
 *
 * Source: README.md beside this file, section 2. The socket reads straight into an arena, and
 * bodies are views of it; a full arena is left to whoever still looks into it, and a new one is
 * begun. A frame that is large against the arena gets a buffer of its own.
 *
 * @module
 */
import { HEADER_BYTES, malformed, type ReceivedFrame } from "./frame.ts";

/** Size of an arena on a media connection, in bytes: what a busy link takes in some milliseconds. */
export const MEDIA_ARENA_BYTES = 256 * 1024;

/** Size of an arena on a control connection, in bytes. */
export const CONTROL_ARENA_BYTES = 16 * 1024;

/** A frame larger than this share of an arena gets a buffer of its own. */
const LARGE_SHARE = 1 / 4;

/** With less room than this share of an arena left, reads would become too small: a new one. */
const SPACE_SHARE = 1 / 8;

const NO_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

export interface FrameReaderOptions {
  readonly arenaBytes: number;
  /** Longest body accepted, in bytes. */
  readonly bodyBytesMax: number;
}

/** The one frame object that a reader hands out, again and again. */
class FrameSlot implements ReceivedFrame {
  type = 0;
  flags = 0;
  handle = 0;
  bytes = NO_BYTES;
  view = NO_VIEW;
  start = 0;
  end = 0;
}

/**
 * Reads frames. The socket puts bytes where {@link space} says and {@link filled} parses them.
 * After it threw, the connection is over and the reader must not be used again.
 */
export class FrameReader {
  /** Longest body accepted, in bytes; may be changed between frames. */
  bodyBytesMax: number;
  /** Set it inside `onFrame` to stop: what else was read is forgotten. */
  stopped = false;
  /** Frames read so far. */
  frames = 0;
  /** Bytes read so far. */
  bytes = 0;
  readonly #onFrame: (frame: ReceivedFrame) => void;
  readonly #arenaBytes: number;
  readonly #largeBytes: number;
  readonly #slot = new FrameSlot();
  #arena = NO_BYTES;
  #view = NO_VIEW;
  /** Where the frame that is not whole yet begins, and where what was read ends. */
  #start = 0;
  #end = 0;
  /** Body of a large frame, and how much of it is there. Its header is in the slot. */
  #large: Uint8Array<ArrayBuffer> | undefined;
  #largeEnd = 0;

  /**
   * @param onFrame Called with each whole frame, inside {@link filled}. The frame object is used
   * again; the bytes of its body never change, so views of them may be kept.
   */
  constructor(onFrame: (frame: ReceivedFrame) => void, options: FrameReaderOptions) {
    this.#onFrame = onFrame;
    this.#arenaBytes = options.arenaBytes;
    this.#largeBytes = options.arenaBytes * LARGE_SHARE;
    this.bodyBytesMax = options.bodyBytesMax;
  }

  /** Where the next bytes of the connection go; never empty. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#large !== undefined) return this.#large.subarray(this.#largeEnd);
    if (this.#arena.length - this.#end < this.#needed()) this.#renew();
    return this.#arena.subarray(this.#end);
  }

  /**
   * Parses, after so many bytes were put into {@link space}.
   *
   * @throws {ProtocolError} A frame is longer than {@link bodyBytesMax}, or what `onFrame` throws.
   */
  filled(bytes: number): void {
    this.bytes += bytes;
    if (this.#large !== undefined) {
      this.#largeEnd += bytes;
      if (this.#largeEnd === this.#large.length) this.#finishLarge(this.#large);
      return;
    }
    this.#end += bytes;
    while (!this.stopped && this.#parseOne());
  }

  /** Takes bytes from elsewhere; they are copied. @throws {ProtocolError} As {@link filled}. */
  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.stopped;) {
      const space = this.space();
      const count = Math.min(space.length, bytes.length - at);
      space.set(bytes.subarray(at, at + count));
      this.filled(count);
      at += count;
    }
  }

  /** Hands out the frame at `#start`; false when it is not whole. */
  #parseOne(): boolean {
    const start = this.#start;
    const there = this.#end - start;
    if (there < HEADER_BYTES) return false;
    const view = this.#view;
    const bodyBytes = view.getUint32(start + 8);
    if (bodyBytes > this.bodyBytesMax) throw this.#tooLong(bodyBytes, there);
    const slot = this.#slot;
    slot.type = view.getUint8(start);
    slot.flags = view.getUint8(start + 1);
    slot.handle = view.getUint32(start + 4);
    const bodyStart = start + HEADER_BYTES;
    if (there < HEADER_BYTES + bodyBytes) {
      if (bodyBytes > this.#largeBytes) this.#beginLarge(bodyStart, bodyBytes);
      return false;
    }
    this.#start = bodyStart + bodyBytes;
    this.#hand(this.#arena, view, bodyStart, this.#start);
    return true;
  }

  #hand(bytes: Uint8Array<ArrayBuffer>, view: DataView, start: number, end: number): void {
    const slot = this.#slot;
    slot.bytes = bytes;
    slot.view = view as DataView<ArrayBuffer>;
    slot.start = start;
    slot.end = end;
    this.frames++;
    this.#onFrame(slot);
  }

  #beginLarge(bodyStart: number, bodyBytes: number): void {
    // The length was checked against bodyBytesMax; one such buffer exists per connection.
    this.#large = new Uint8Array(bodyBytes);
    this.#large.set(this.#arena.subarray(bodyStart, this.#end));
    this.#largeEnd = this.#end - bodyStart;
    this.#start = this.#end;
  }

  #finishLarge(large: Uint8Array<ArrayBuffer>): void {
    this.#large = undefined;
    this.#hand(large, new DataView(large.buffer), 0, large.length);
  }

  /** Room that the next read wants behind `#end`. */
  #needed(): number {
    const usual = this.#arenaBytes * SPACE_SHARE;
    const there = this.#end - this.#start;
    if (there < HEADER_BYTES) return usual;
    // The frame that has begun is not large, so it fits a new arena whole.
    return Math.max(usual, HEADER_BYTES + this.#view.getUint32(this.#start + 8) - there);
  }

  /** Begins a new arena with what was read of an unfinished frame. */
  #renew(): void {
    const arena = new Uint8Array(this.#arenaBytes);
    arena.set(this.#arena.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#arena = arena;
    this.#view = new DataView(arena.buffer);
  }

  #tooLong(bodyBytes: number, there: number): Error {
    return malformed(
      `Cannot read frame: body of ${bodyBytes} bytes announced, at most ${this.bodyBytesMax} fit`,
      "2",
      this.bytes - there + 8,
    );
  }
}
