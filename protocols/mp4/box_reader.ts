/**
 * Reading boxes: where one starts and ends, the boxes within another, and the fields of one.
 *
 * Source: ISO/IEC 14496-12:2015, section 4.2. Nothing is copied and nothing recurses; who wants a
 * box within a box asks for it by name.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/**
 * Largest box, in bytes: a minute's fragment at 35 Mbit/s. Whoever waits for the rest of a box
 * knows that it will not wait for more.
 */
export const BOX_BYTES_MAX = 256 * 1024 * 1024;

/** Size and type, and the 64-bit size behind them. */
const HEADER_BYTES = 8;
const LARGE_HEADER_BYTES = 16;

/** Sizes with a meaning of their own (4.2). */
const SIZE_TO_END = 0;
const SIZE_IS_LARGE = 1;

/** Where a box lies, as offsets into the array it was found in. */
export interface Box {
  readonly type: string; // four characters, each of 0 to 255
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
}

/**
 * Finds the box at `offset`, which must lie whole before `end`.
 *
 * @returns The box, or `undefined` when it is not all there.
 * @throws {ProtocolError} Its size is smaller than its header or over {@link BOX_BYTES_MAX}.
 */
export function parseBox(bytes: Uint8Array, offset = 0, end = bytes.length): Box | undefined {
  if (end - offset < HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, end - offset);
  let size = view.getUint32(0);
  let headerBytes = HEADER_BYTES;
  if (size === SIZE_TO_END) size = end - offset;
  else if (size === SIZE_IS_LARGE) {
    if (end - offset < LARGE_HEADER_BYTES) return undefined;
    size = view.getUint32(8) * 0x100000000 + view.getUint32(12);
    headerBytes = LARGE_HEADER_BYTES;
  }
  if (size < headerBytes || size > BOX_BYTES_MAX) {
    throw malformed(`a box of ${size} bytes, up to ${BOX_BYTES_MAX} fit`, "4.2", offset);
  }
  if (size > end - offset) return undefined;
  return {
    type: String.fromCharCode(...bytes.subarray(offset + 4, offset + HEADER_BYTES)),
    start: offset,
    contentStart: offset + headerBytes,
    end: offset + size,
  };
}

/**
 * The boxes within `parent`, in order.
 *
 * @param skipBytes Content of `parent` in front of the first of them.
 * @throws {ProtocolError} One reaches beyond the end of its parent.
 */
export function* boxesIn(bytes: Uint8Array, parent: Box, skipBytes = 0): Generator<Box> {
  for (let offset = parent.contentStart + skipBytes; offset < parent.end;) {
    // Less than a header at the end is padding, such as the zero that QuickTime ends lists with.
    if (parent.end - offset < HEADER_BYTES) return;
    const box = parseBox(bytes, offset, parent.end);
    if (box === undefined) throw malformed(`a box beyond its ${parent.type}`, "4.2", offset);
    yield box;
    offset = box.end;
  }
}

/** The first box of `type` within `parent`; `undefined` when there is none. */
export function findBox(
  bytes: Uint8Array,
  parent: Box | undefined,
  type: string,
  skipBytes = 0,
): Box | undefined {
  if (parent === undefined) return undefined;
  for (const box of boxesIn(bytes, parent, skipBytes)) {
    if (box.type === type) return box;
  }
  return undefined;
}

/** A position within a box's content, moving forward; each read throws when it would pass the end. */
export class BoxFields {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #offset: number;

  /** Starts at the content of `box`, or at `start`. Borrows the array. */
  constructor(bytes: Uint8Array, box: Pick<Box, "contentStart" | "end">) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#offset = box.contentStart;
    this.#end = box.end;
  }

  /** Of the next byte, in the whole array. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes left in the box. */
  get remaining(): number {
    return this.#end - this.#offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  i16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** A 64-bit integer; those over 2^53 - 1 are refused. */
  u64(): number {
    const at = this.#offset;
    const value = this.u32() * 0x100000000 + this.u32();
    if (Number.isSafeInteger(value)) return value;
    throw malformed("a 64-bit integer over 2^53 - 1", "4.2", at);
  }

  /** The next `count` bytes, as a view. */
  bytes(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** The next `count` bytes as fields of their own; passes over them. */
  part(count: number): BoxFields {
    const start = this.#take(count);
    return new BoxFields(this.#bytes, { contentStart: start, end: start + count });
  }

  #take(count: number): number {
    const at = this.#offset;
    if (count > this.remaining) {
      throw malformed(`${this.remaining} bytes, ${count} are needed`, "4.2", at);
    }
    this.#offset += count;
    return at;
  }
}

/** The error of every reader of this folder. */
export function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read MP4: ${found}`, { protocol: "MP4", section, offset });
}
