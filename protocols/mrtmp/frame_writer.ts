/**
 * Gathers frames of many streams into one stretch of bytes for one write.
 *
 * Source: README.md beside this file, section 2. Payloads are copied once, here; nothing is
 * allocated per record.
 *
 * @module
 */
import type { LogRecord } from "../media/record.ts";
import { type FrameType, HEADER_BYTES, writeHeader } from "./frame.ts";
import { recordBodyBytes, writeRecord } from "./record_codec.ts";

/** A buffer that grew beyond this for a huge frame is given back after it was written. */
export const KEPT_BYTES_MAX = 1024 * 1024;

const NO_BODY = new Uint8Array(0);

export class FrameWriter {
  readonly #initialBytes: number;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #end = 0;
  /** Frames gathered since the last {@link clear}. */
  frames = 0;

  /** @param initialBytes Room at the start; it grows by itself. */
  constructor(initialBytes: number) {
    this.#initialBytes = initialBytes;
    this.#bytes = new Uint8Array(initialBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Bytes gathered. */
  get length(): number {
    return this.#end;
  }

  /** Adds a log record. @returns The bytes it took, its header included. */
  record(handle: number, record: LogRecord): number {
    const bytes = HEADER_BYTES + recordBodyBytes(record);
    const at = this.#end;
    this.#reserve(bytes);
    writeRecord(record, handle, this.#bytes, this.#view, at);
    this.#end = at + bytes;
    this.frames++;
    return bytes;
  }

  /** Adds any other frame. @returns The bytes it took. */
  frame(type: FrameType, handle: number, body: Uint8Array = NO_BODY): number {
    const bytes = HEADER_BYTES + body.length;
    const at = this.#end;
    this.#reserve(bytes);
    writeHeader(this.#view, at, { type, flags: 0, handle }, body.length);
    this.#bytes.set(body, at + HEADER_BYTES);
    this.#end = at + bytes;
    this.frames++;
    return bytes;
  }

  /** Adds a frame that is whole already, header and all. */
  whole(frame: Uint8Array): void {
    const at = this.#end;
    this.#reserve(frame.length);
    this.#bytes.set(frame, at);
    this.#end = at + frame.length;
    this.frames++;
  }

  /** What was gathered, as a view that holds until {@link clear}. */
  taken(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#end);
  }

  /** Begins anew; what {@link taken} gave may be overwritten from now on. */
  clear(): void {
    this.#end = this.frames = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#resize(this.#initialBytes);
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#bytes.length) return;
    const old = this.#bytes.subarray(0, this.#end);
    this.#resize(Math.max(needed, Math.min(2 * this.#bytes.length, KEPT_BYTES_MAX)));
    this.#bytes.set(old);
  }

  #resize(bytes: number): void {
    this.#bytes = new Uint8Array(bytes);
    this.#view = new DataView(this.#bytes.buffer);
  }
}
