/**
 * Bytes an RTMP client sends, made by hand: good ones for the tests' viewers, and the parts from
 * which the hostile tests make bad ones (RTMP 1.0, sections 5.2, 5.3 and 7).
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** What {@link amf0} can write. */
export type Amf0Value = number | string | boolean | null | { readonly [key: string]: Amf0Value };

/** Writes AMF0 values one after another. */
export function amf0(...values: readonly Amf0Value[]): Uint8Array {
  return bytesOf(...values.map(amf0Value));
}

function amf0Value(value: Amf0Value): Uint8Array {
  if (value === null) return Uint8Array.of(5);
  if (typeof value === "number") return bytesOf(0, float64(value));
  if (typeof value === "boolean") return Uint8Array.of(1, value ? 1 : 0);
  if (typeof value === "string") return bytesOf(2, text(value));
  const fields = Object.entries(value).map(([key, field]) => bytesOf(text(key), amf0Value(field)));
  return bytesOf(3, ...fields, 0, 0, 9);
}

/** Joins bytes and byte arrays. */
export function bytesOf(...parts: readonly (number | Uint8Array)[]): Uint8Array {
  const arrays = parts.map((part) => typeof part === "number" ? Uint8Array.of(part) : part);
  return new Uint8Array(Buffer.concat(arrays));
}

/** A 16-bit length and UTF-8. */
export function text(value: string): Uint8Array {
  const utf8 = new TextEncoder().encode(value);
  return bytesOf(utf8.length >> 8, utf8.length & 255, utf8);
}

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function float64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value);
  return bytes;
}

/** Chunk size a client has until it announces another. */
const CHUNK_BYTES = 128;

export interface ChunkHead {
  readonly chunkStreamId: number;
  readonly typeId: number;
  readonly streamId?: number;
  readonly timestampMs?: number;
  /** Length the header announces; the body's own unless given. */
  readonly bodyBytes?: number;
}

/**
 * A message in chunks, 128 bytes each unless said: a type 0 header, then type 3. Timestamps from
 * 0xffffff on only fit messages of a single chunk here.
 */
export function message(head: ChunkHead, body: Uint8Array, chunkBytes = CHUNK_BYTES): Uint8Array {
  const parts: (number | Uint8Array)[] = [chunkHeader(head, body.length)];
  for (let at = 0; at === 0 || at < body.length; at += chunkBytes) {
    if (at > 0) parts.push(basicHeader(3, head.chunkStreamId));
    parts.push(body.subarray(at, at + chunkBytes));
  }
  return bytesOf(...parts);
}

/** A type 0 header, with an extended timestamp where it needs one (5.3.1.3). */
export function chunkHeader(head: ChunkHead, bodyBytes: number): Uint8Array {
  const length = head.bodyBytes ?? bodyBytes;
  const streamId = uint32(head.streamId ?? 0).reverse(); // Little-endian, unlike all else.
  const first = basicHeader(0, head.chunkStreamId);
  const timeMs = head.timestampMs ?? 0;
  const extended = timeMs >= 0xffffff ? uint32(timeMs) : new Uint8Array(0);
  const time = uint32(Math.min(timeMs, 0xffffff)).subarray(1);
  return bytesOf(first, time, uint32(length).subarray(1), head.typeId, streamId, extended);
}

/** A basic header of 1, 2 or 3 bytes. */
export function basicHeader(format: number, chunkStreamId: number): Uint8Array {
  const rest = chunkStreamId - 64;
  if (rest < 0) return Uint8Array.of((format << 6) | chunkStreamId);
  if (rest < 256) return Uint8Array.of(format << 6, rest);
  return Uint8Array.of((format << 6) | 1, rest & 255, rest >> 8);
}

/** A command message (type 20). */
export function command(streamId: number, ...values: readonly Amf0Value[]): Uint8Array {
  return message({ chunkStreamId: 3, typeId: 20, streamId }, amf0(...values));
}

/** C0 and C1 of the plain handshake; C2 may be anything, so it is the same again. */
export const HANDSHAKE_BYTES = 1536;
export const C0_C1 = bytesOf(3, new Uint8Array(HANDSHAKE_BYTES));
export const C2 = new Uint8Array(HANDSHAKE_BYTES);
