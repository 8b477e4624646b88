/**
 * Where the bytes of a unit gather until it is complete.
 *
 * @module
 */
import { FRAME_BYTES_MAX } from "../media/record.ts";

/** Room at first, in bytes: a small picture or any audio frame. */
const ROOM_BYTES = 16 * 1024;

/** Most room that is kept from one unit to the next, in bytes: a large picture. */
const KEPT_BYTES_MAX = 512 * 1024;

export class UnitBuffer {
  #bytes: Uint8Array = new Uint8Array(ROOM_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Appends `bytes`; false, and nothing done, beyond {@link FRAME_BYTES_MAX} in all. */
  append(bytes: Uint8Array): boolean {
    if (!this.#reserve(bytes.length)) return false;
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return true;
  }

  /** Appends one byte, as {@link append}. */
  appendByte(byte: number): boolean {
    if (!this.#reserve(1)) return false;
    this.#bytes[this.#length++] = byte;
    return true;
  }

  /** Makes room for `bytes` more at `offset`, what is behind moves; as {@link append}. */
  insert(offset: number, bytes: number): boolean {
    if (!this.#reserve(bytes)) return false;
    this.#bytes.copyWithin(offset + bytes, offset, this.#length);
    this.#length += bytes;
    return true;
  }

  /** Writes over the byte at `offset`, which is there. */
  setByte(offset: number, value: number): void {
    this.#bytes[offset] = value;
  }

  /** Appends four zero bytes, to be set later, as {@link append}. */
  appendUint32(): boolean {
    if (!this.#reserve(4)) return false;
    this.setUint32(this.#length, 0);
    this.#length += 4;
    return true;
  }

  /** Writes a number over the four bytes at `offset`, which are there or have been reserved. */
  setUint32(offset: number, value: number): void {
    this.#bytes[offset] = value >>> 24;
    this.#bytes[offset + 1] = value >>> 16;
    this.#bytes[offset + 2] = value >>> 8;
    this.#bytes[offset + 3] = value;
  }

  /** The bytes from `start` to the end, valid until the next change. */
  tail(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#length);
  }

  /** Forgets what is behind `length`. */
  truncate(length: number): void {
    this.#length = length;
  }

  /** A copy of all bytes; the buffer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.clear();
    return taken;
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = new Uint8Array(ROOM_BYTES);
  }

  #reserve(bytes: number): boolean {
    const wanted = this.#length + bytes;
    if (wanted > FRAME_BYTES_MAX) return false;
    if (wanted <= this.#bytes.length) return true;
    const grown = new Uint8Array(
      Math.min(FRAME_BYTES_MAX, Math.max(wanted, this.#bytes.length * 2)),
    );
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
    return true;
  }
}
