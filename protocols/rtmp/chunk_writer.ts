/**
 * RTMP chunk stream, output: one whole message cut into chunks, in bytes that fit every viewer.
 *
 * Source: Adobe RTMP 1.0, section 5.3.1. A message is a type-0 chunk with its absolute timestamp
 * and as many type-3 chunks as it needs; types 1 and 2 are never written, so that what a reader
 * must know of earlier messages is nothing. `chunk_reader.ts` is the other direction.
 *
 * @module
 */

/** Chunk size of everything we send, in bytes; announced by Set Chunk Size before any media. */
export const OUTPUT_CHUNK_BYTES = 65_536;

/** Chunk size until a Set Chunk Size message says otherwise, in bytes (5.4.1). */
export const CHUNK_BYTES_DEFAULT = 128;

/** Largest chunk size that makes a difference, in bytes: a message is never longer (5.4.1). */
export const CHUNK_BYTES_MAX = 0xffffff;

/** Largest body that the 24-bit message length can announce, in bytes. */
export const MESSAGE_BODY_BYTES_MAX = 0xffffff;

/** Timestamps from here on are written in 32 bits behind the header, in ms (5.3.1.3). */
const EXTENDED_TIMESTAMP_FROM_MS = 0xffffff;

const EXTENDED_TIMESTAMP_BYTES = 4;
const TYPE_0_HEADER_BYTES = 12; // One byte of basic header, eleven of message header.
const TYPE_3_HEADER_BYTES = 1;
const TYPE_3 = 0xc0;

/** What a message's type-0 header says beside the body's length. */
export interface MessageHead {
  /** 2 to 63: those that fit a basic header of one byte. */
  readonly chunkStreamId: number;
  /** Absolute, in milliseconds; its low 32 bits are written. */
  readonly timestampMs: number;
  /** 0 to 255; {@link MESSAGE_TYPE} in `message.ts` names them. */
  readonly typeId: number;
  /** Message stream id, an unsigned 32-bit number; 0 for the connection itself. */
  readonly streamId: number;
}

/**
 * Bytes that {@link writeChunkedMessage} will write for a body of `bodyBytes`.
 *
 * @throws {RangeError} The body is longer than {@link MESSAGE_BODY_BYTES_MAX} or `chunkBytes` is
 * out of range.
 */
export function chunkedMessageBytes(
  head: MessageHead,
  bodyBytes: number,
  chunkBytes: number,
): number {
  checkSizes(bodyBytes, chunkBytes);
  const extendedBytes = isExtended(head.timestampMs) ? EXTENDED_TIMESTAMP_BYTES : 0;
  const continuations = bodyBytes <= chunkBytes ? 0 : Math.ceil(bodyBytes / chunkBytes) - 1;
  return TYPE_0_HEADER_BYTES + extendedBytes + bodyBytes +
    continuations * (TYPE_3_HEADER_BYTES + extendedBytes);
}

/**
 * Writes one message: the first `bodyHeadBytes` of `bodyHead`, then `body`, cut into chunks.
 *
 * The body comes in two parts because media bodies are a small codec header that we make and a
 * large frame that we must not copy twice.
 *
 * @returns The offset behind the last byte written.
 * @throws {RangeError} `target` is too small, the chunk stream id is not 2 to 63, or the sizes are
 * out of range as for {@link chunkedMessageBytes}.
 */
export function writeChunkedMessage(
  head: MessageHead,
  bodyHead: Uint8Array,
  bodyHeadBytes: number,
  body: Uint8Array,
  chunkBytes: number,
  target: Uint8Array,
  offset: number,
): number {
  const bodyBytes = bodyHeadBytes + body.length;
  const end = offset + chunkedMessageBytes(head, bodyBytes, chunkBytes);
  if (end > target.length) {
    throw new RangeError(`Cannot write message: ends at ${end}, target has ${target.length} bytes`);
  }
  let at = writeType0Header(head, bodyBytes, target, offset);
  let written = 0; // Body bytes.
  while (true) {
    const partEnd = Math.min(written + chunkBytes, bodyBytes);
    if (written < bodyHeadBytes) {
      const headEnd = Math.min(partEnd, bodyHeadBytes);
      while (written < headEnd) target[at++] = bodyHead[written++];
    }
    if (written < partEnd) {
      target.set(slice(body, written - bodyHeadBytes, partEnd - bodyHeadBytes), at);
      at += partEnd - written;
      written = partEnd;
    }
    if (written === bodyBytes) return at;
    at = writeType3Header(head, target, at);
  }
}

/** One whole message in an array of its own; for control messages and replies. */
export function chunkedMessage(
  head: MessageHead,
  body: Uint8Array,
  chunkBytes: number,
): Uint8Array {
  const target = new Uint8Array(chunkedMessageBytes(head, body.length, chunkBytes));
  writeChunkedMessage(head, NO_BYTES, 0, body, chunkBytes, target, 0);
  return target;
}

const NO_BYTES = new Uint8Array(0);

function writeType0Header(
  head: MessageHead,
  bodyBytes: number,
  target: Uint8Array,
  offset: number,
): number {
  const { chunkStreamId, streamId } = head;
  if (!(chunkStreamId >= 2 && chunkStreamId <= 63)) {
    throw new RangeError(`Cannot write message: chunk stream id ${chunkStreamId} is not 2 to 63`);
  }
  const extended = isExtended(head.timestampMs);
  const field = extended ? 0xffffff : head.timestampMs >>> 0;
  target[offset] = chunkStreamId; // fmt 0
  target[offset + 1] = field >>> 16; // timestamp
  target[offset + 2] = field >>> 8;
  target[offset + 3] = field;
  target[offset + 4] = bodyBytes >>> 16; // message length
  target[offset + 5] = bodyBytes >>> 8;
  target[offset + 6] = bodyBytes;
  target[offset + 7] = head.typeId; // message type id
  target[offset + 8] = streamId; // message stream id, the one little-endian field of RTMP
  target[offset + 9] = streamId >>> 8;
  target[offset + 10] = streamId >>> 16;
  target[offset + 11] = streamId >>> 24;
  const at = offset + TYPE_0_HEADER_BYTES;
  return extended ? writeExtendedTimestamp(head.timestampMs, target, at) : at;
}

/** A type-3 chunk repeats the extended timestamp of its message (5.3.1.3). */
function writeType3Header(head: MessageHead, target: Uint8Array, offset: number): number {
  target[offset] = TYPE_3 | head.chunkStreamId;
  const at = offset + TYPE_3_HEADER_BYTES;
  return isExtended(head.timestampMs) ? writeExtendedTimestamp(head.timestampMs, target, at) : at;
}

function writeExtendedTimestamp(timestampMs: number, target: Uint8Array, offset: number): number {
  target[offset] = timestampMs >>> 24;
  target[offset + 1] = timestampMs >>> 16;
  target[offset + 2] = timestampMs >>> 8;
  target[offset + 3] = timestampMs;
  return offset + EXTENDED_TIMESTAMP_BYTES;
}

function isExtended(timestampMs: number): boolean {
  return (timestampMs >>> 0) >= EXTENDED_TIMESTAMP_FROM_MS;
}

/** A view of a part, or `bytes` itself when the part is all of it: the usual, and no new object. */
function slice(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to);
}

function checkSizes(bodyBytes: number, chunkBytes: number): void {
  if (!(bodyBytes >= 0 && bodyBytes <= MESSAGE_BODY_BYTES_MAX)) {
    throw new RangeError(
      `Cannot write message: body is ${bodyBytes} bytes, at most ${MESSAGE_BODY_BYTES_MAX} fit`,
    );
  }
  if (!(chunkBytes >= 1 && chunkBytes <= CHUNK_BYTES_MAX)) {
    throw new RangeError(
      `Cannot write message: chunk size ${chunkBytes} is not 1 to ${CHUNK_BYTES_MAX}`,
    );
  }
}
