/**
 * MessagePack bodies: plain data, checked before anything is made of it.
 *
 * Sources: the MessagePack specification (github.com/msgpack/msgpack, spec.md); README.md beside
 * this file, section 3. Only what JSON has, and byte strings: extension types are refused, which
 * is also why dates, maps and the like cannot be sent.
 *
 * @module
 */
import { Decoder, Encoder, type ExtData } from "@msgpack/msgpack";
import { CONTROL_BODY_BYTES_MAX, malformed, type ReceivedFrame } from "./frame.ts";

/** Most arrays and maps within each other. */
export const PACKED_DEPTH_MAX = 32;

/** Room of the encoder that is kept; it grows for larger values. */
const ENCODER_BYTES = 4 * 1024;

/** No extension types; whatever is not plain would arrive as something else. */
const PLAIN_ONLY = {
  tryToEncode(value: unknown): ExtData | null {
    if (Array.isArray(value) || value instanceof Uint8Array) return null;
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) return null;
    const name = (value as object).constructor?.name;
    throw new TypeError(`Cannot pack value: ${name} is not plain data`);
  },
  decode(): unknown {
    throw new TypeError("Cannot unpack value: extension types are not used");
  },
};

const decoder = new Decoder({
  extensionCodec: PLAIN_ONLY,
  maxStrLength: CONTROL_BODY_BYTES_MAX,
  maxBinLength: CONTROL_BODY_BYTES_MAX,
  maxArrayLength: CONTROL_BODY_BYTES_MAX,
  maxMapLength: CONTROL_BODY_BYTES_MAX,
  maxExtLength: 0,
});

let encoder = newEncoder();

/**
 * Packs plain data; properties that are `undefined` are left out.
 *
 * @returns Bytes that hold until the next call: copy or write them at once.
 * @throws {TypeError} The value is not plain data or nests too deeply.
 * @throws {RangeError} It needs more than {@link CONTROL_BODY_BYTES_MAX} bytes.
 */
export function pack(value: unknown): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = encoder.encodeSharedRef(value);
  } catch (error) {
    encoder = newEncoder();
    throw new TypeError(`Cannot pack value: ${error instanceof Error ? error.message : error}`);
  }
  if (bytes.length <= CONTROL_BODY_BYTES_MAX) return bytes;
  encoder = newEncoder(); // The old one keeps its large buffer.
  throw new RangeError(
    `Cannot pack value: ${bytes.length} bytes, at most ${CONTROL_BODY_BYTES_MAX} fit`,
  );
}

/**
 * Reads a body that is one MessagePack value. Byte strings in it are views of the frame.
 *
 * @throws {ProtocolError} It is not exactly one value, nests too deeply or has an extension type.
 */
export function unpack(frame: ReceivedFrame, section: string, skippedBytes = 0): unknown {
  const { view, bytes, end } = frame;
  const start = frame.start + skippedBytes;
  checkStructure(view, start, end, section);
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw malformed(`Cannot unpack value: ${reason}`, section, skippedBytes);
  }
}

function newEncoder(): Encoder {
  return new Encoder({
    extensionCodec: PLAIN_ONLY,
    ignoreUndefined: true,
    maxDepth: PACKED_DEPTH_MAX,
    initialBufferSize: ENCODER_BYTES,
  });
}

/**
 * Walks over the value's headers. The decoder allocates an array by the length that it announces;
 * after this walk every announced element is known to be there, so that all of them together are
 * no more than the body has bytes.
 */
function checkStructure(view: DataView, start: number, end: number, section: string): void {
  /** Values still to come, by depth. */
  const left = new Uint32Array(PACKED_DEPTH_MAX + 1);
  let depth = 0;
  left[0] = 1;
  let at = start;
  while (true) {
    while (left[depth] === 0) {
      if (depth === 0) {
        if (at === end) return;
        throw malformed(`Cannot unpack value: ${end - at} bytes follow it`, section, at - start);
      }
      depth--;
    }
    left[depth]--;
    if (at >= end) throw cut(section, at - start);
    const tag = view.getUint8(at);
    const headBytes = 1 + lengthBytesOf(tag);
    if (end - at < headBytes) throw cut(section, at - start);
    if (isUnused(tag)) {
      throw malformed(`Cannot unpack value: type ${tag} is not used`, section, at - start);
    }
    const children = childrenOf(view, at, tag);
    const payloadBytes = payloadBytesOf(view, at, tag);
    if (end - at - headBytes < Math.max(children, payloadBytes)) throw cut(section, at - start);
    at += headBytes + payloadBytes;
    if (children === 0) continue;
    if (depth === PACKED_DEPTH_MAX) {
      throw malformed(
        `Cannot unpack value: more than ${PACKED_DEPTH_MAX} levels`,
        section,
        at - start,
      );
    }
    left[++depth] = children;
  }
}

/** Never used (c1) and extension types. */
function isUnused(tag: number): boolean {
  return tag === 0xc1 || (tag >= 0xc7 && tag <= 0xc9) || (tag >= 0xd4 && tag <= 0xd8);
}

/** Bytes of the length that follows the tag of a byte string, text, array or map. */
function lengthBytesOf(tag: number): number {
  switch (tag) {
    case 0xc4: // bin 8
    case 0xd9: // str 8
      return 1;
    case 0xc5: // bin 16
    case 0xda: // str 16
    case 0xdc: // array 16
    case 0xde: // map 16
      return 2;
    case 0xc6: // bin 32
    case 0xdb: // str 32
    case 0xdd: // array 32
    case 0xdf: // map 32
      return 4;
    default:
      return 0;
  }
}

function lengthAt(view: DataView, at: number, bytes: number): number {
  if (bytes === 1) return view.getUint8(at);
  return bytes === 2 ? view.getUint16(at) : view.getUint32(at);
}

/** Values inside an array or map: two for each entry of a map. */
function childrenOf(view: DataView, at: number, tag: number): number {
  if (tag >= 0x80 && tag <= 0x8f) return 2 * (tag & 0x0f);
  if (tag >= 0x90 && tag <= 0x9f) return tag & 0x0f;
  if (tag === 0xdc || tag === 0xdd) return lengthAt(view, at + 1, lengthBytesOf(tag));
  if (tag === 0xde || tag === 0xdf) return 2 * lengthAt(view, at + 1, lengthBytesOf(tag));
  return 0;
}

/** Bytes of numbers, texts and byte strings behind their head. */
function payloadBytesOf(view: DataView, at: number, tag: number): number {
  if (tag >= 0xa0 && tag <= 0xbf) return tag & 0x1f;
  if ((tag >= 0xc4 && tag <= 0xc6) || (tag >= 0xd9 && tag <= 0xdb)) {
    return lengthAt(view, at + 1, lengthBytesOf(tag));
  }
  if (tag === 0xca) return 4; // float 32
  if (tag === 0xcb) return 8; // float 64
  if (tag >= 0xcc && tag <= 0xd3) return 1 << (tag & 3); // uint and int of 8 to 64 bits
  return 0;
}

function cut(section: string, offset: number): Error {
  return malformed("Cannot unpack value: the body ends inside it", section, offset);
}
