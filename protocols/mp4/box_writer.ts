/**
 * Writing boxes: small builders for the tree of an init segment, which is rare, and a cursor for
 * movie fragments, of which a live stream has hundreds a second.
 *
 * Source: ISO/IEC 14496-12:2015, section 4.2 (Box, FullBox). All integers are big-endian. Boxes of
 * 2^32 bytes and more are not written.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";

/** Size of a box's size and type, in bytes. */
export const BOX_HEADER_BYTES = 8;

/** Size of a full box's size, type, version and flags, in bytes. */
export const FULL_BOX_HEADER_BYTES = 12;

/** The 32 bits of a type of four ASCII characters. */
export function fourCc(type: string): number {
  let value = 0;
  for (let index = 0; index < 4; index++) value = value * 256 + type.charCodeAt(index);
  return value;
}

/** A box of `parts`, in an array of its own. */
export function box(type: string, ...parts: Uint8Array[]): Uint8Array {
  const header = new Uint8Array(BOX_HEADER_BYTES);
  const joined = concatBytes(header, ...parts);
  const view = new DataView(joined.buffer);
  view.setUint32(0, joined.length);
  view.setUint32(4, fourCc(type));
  return joined;
}

/** A box whose content starts with `version` and 24 bits of `flags`. */
export function fullBox(
  type: string,
  version: number,
  flags: number,
  ...parts: Uint8Array[]
): Uint8Array {
  return box(type, u32(version * 0x1000000 + flags), ...parts);
}

/** Bytes as they are. */
export function u8(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** 16-bit integers. */
export function u16(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint16(index * 2, value);
  return bytes;
}

/** 32-bit integers. */
export function u32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return bytes;
}

/** ASCII text, without terminator. */
export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A position in an array that boxes of known size are written to. Borrows the array. */
export class BoxCursor {
  readonly #target: Uint8Array;
  readonly #view: DataView;
  #offset: number;

  constructor(target: Uint8Array, offset: number) {
    this.#target = target;
    this.#view = new DataView(target.buffer, target.byteOffset, target.length);
    this.#offset = offset;
  }

  /** Opens a box of `bytes` in all; `type` as {@link fourCc} gives it. */
  box(bytes: number, type: number): void {
    this.u32(bytes);
    this.u32(type);
  }

  /** Opens a full box. */
  fullBox(bytes: number, type: number, version: number, flags: number): void {
    this.box(bytes, type);
    this.u32(version * 0x1000000 + flags);
  }

  u32(value: number): void {
    this.#view.setUint32(this.#offset, value);
    this.#offset += 4;
  }

  i32(value: number): void {
    this.#view.setInt32(this.#offset, value);
    this.#offset += 4;
  }

  /** An integer of 0 to 2^53 - 1 in 64 bits. */
  u64(value: number): void {
    this.u32(Math.floor(value / 0x100000000));
    this.u32(value % 0x100000000);
  }

  bytes(data: Uint8Array): void {
    this.#target.set(data, this.#offset);
    this.#offset += data.length;
  }
}
