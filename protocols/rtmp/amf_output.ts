/**
 * A growing array that AMF values are written into.
 *
 * @module
 */
import { AMF_DEPTH_MAX } from "./amf_value.ts";

const UTF8 = new TextEncoder();
const FIRST_BYTES = 256; // Most replies fit.

/** Bytes written so far, at the end of which all methods append. */
export class AmfOutput {
  #bytes = new Uint8Array(FIRST_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #depth = 0;

  uint8(value: number): void {
    const offset = this.#room(1); // First: it may move the bytes.
    this.#bytes[offset] = value;
  }

  uint16(value: number): void {
    const offset = this.#room(2); // First: it may move the bytes.
    this.#view.setUint16(offset, value);
  }

  uint32(value: number): void {
    const offset = this.#room(4); // First: it may move the bytes.
    this.#view.setUint32(offset, value);
  }

  double(value: number): void {
    const offset = this.#room(8); // First: it may move the bytes.
    this.#view.setFloat64(offset, value);
  }

  raw(bytes: Uint8Array): void {
    const offset = this.#room(bytes.length); // First: it may move the bytes.
    this.#bytes.set(bytes, offset);
  }

  /**
   * Writes the elements of an object or array one level deeper.
   *
   * @throws {RangeError} They nest deeper than readers go, or without end.
   */
  nested(write: () => void): void {
    if (this.#depth === AMF_DEPTH_MAX) {
      throw new RangeError(`Cannot write value: nested deeper than ${AMF_DEPTH_MAX} levels`);
    }
    this.#depth += 1;
    write();
    this.#depth -= 1;
  }

  /** All that was written, in an array of its own. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #room(size: number): number {
    const offset = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return offset;
  }
}

/** UTF-8 of `text`; unpaired surrogates become replacement characters. */
export function utf8(text: string): Uint8Array {
  return UTF8.encode(text);
}
