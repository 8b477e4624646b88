/**
 * The recorded RTMP connections of tests/vectors/rtmp_wire, and chunks built by hand.
 *
 * @module
 */
import { ChunkReader, type Message } from "../../protocols/rtmp/chunk_reader.ts";
import { REPOSITORY } from "./paths.ts";

/** Bytes before the chunk stream: version and two packets (RTMP 1.0, 5.2). */
export const HANDSHAKE_TOTAL_BYTES = 1 + 2 * 1536;

/** A file of tests/vectors/rtmp_wire. */
export function wireVector(name: string): Uint8Array {
  return Deno.readFileSync(`${REPOSITORY}/tests/vectors/rtmp_wire/${name}`);
}

/** The bytes behind the handshake of a recorded connection. */
export function chunkStreamOf(name: string): Uint8Array {
  return wireVector(name).subarray(HANDSHAKE_TOTAL_BYTES);
}

/** Bytes from hexadecimal text; spaces are ignored. */
export function hex(text: string): Uint8Array {
  return Uint8Array.fromHex(text.replaceAll(/\s/g, ""));
}

/** All messages in `bytes`, fed in pieces. */
export function readMessages(
  bytes: Uint8Array,
  options: { readonly pieceBytes?: number; readonly messageBytesMax?: number } = {},
): Message[] {
  const messages: Message[] = [];
  const reader = new ChunkReader((message) => messages.push(message) > 0);
  reader.messageBytesMax = options.messageBytesMax ?? 1024 * 1024;
  const pieceBytes = options.pieceBytes ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    // A copy that is spoilt at once: the reader may keep nothing of what it was given.
    const piece = bytes.slice(at, at + pieceBytes);
    const consumed = reader.feed(piece);
    if (consumed !== piece.length) throw new Error(`${consumed} of ${piece.length} consumed`);
    piece.fill(0xee);
  }
  return messages;
}

/** Fields of a message header; what a chunk type leaves out is not written. */
export interface ChunkFields {
  readonly timestampMs?: number;
  readonly bodyBytes?: number;
  readonly typeId?: number;
  readonly streamId?: number;
}

/**
 * One chunk, written as RTMP 1.0, 5.3.1 says and independently of our writer. Timestamps of
 * 0xffffff and above are extended; on type 3 the field is written when `timestampMs` is given.
 */
export function chunk(
  type: 0 | 1 | 2 | 3,
  id: number,
  fields: ChunkFields,
  payload: Uint8Array | string = "",
): Uint8Array {
  const { timestampMs = 0, bodyBytes = 0, typeId = 0, streamId = 0 } = fields;
  const extended = type === 3 ? fields.timestampMs !== undefined : timestampMs >= 0xffffff;
  let text = basicHeader(type, id);
  if (type <= 2) text += digits(extended ? 0xffffff : timestampMs, 3);
  if (type <= 1) text += digits(bodyBytes, 3) + digits(typeId, 1);
  if (type === 0) text += digits(streamId, 4).match(/../g)!.reverse().join("");
  if (extended) text += digits(timestampMs, 4);
  return Uint8Array.of(...hex(text), ...typeof payload === "string" ? hex(payload) : payload);
}

function basicHeader(type: number, id: number): string {
  if (id < 64) return digits(type << 6 | id, 1);
  if (id < 320) return digits(type << 6, 1) + digits(id - 64, 1);
  return digits(type << 6 | 1, 1) + digits((id - 64) % 256, 1) + digits((id - 64) >> 8, 1);
}

function digits(value: number, bytes: number): string {
  return value.toString(16).padStart(bytes * 2, "0");
}
