/**
 * One chunk stream of RTMP input: what its later chunks inherit from its earlier ones.
 *
 * Source: Adobe RTMP 1.0, section 5.3.1. `chunk_reader.ts` owns the parsing; here is the state that
 * chunk types 1 to 3 lean on, and the one rule of theirs that encoders disagree about.
 *
 * @module
 */

/** What a reader function answers when the header goes on behind the end of the input. */
export const INCOMPLETE = -1;

/** The body of a chunk stream that is between messages, and of every empty message. */
export const NO_BODY: Uint8Array<ArrayBuffer> = new Uint8Array(0);

/** What later chunks of a chunk stream inherit, and the message it is in the middle of. */
export class ChunkStream {
  /** 2 to 65,599. */
  readonly id: number;
  typeId = 0;
  streamId = 0;
  bodyBytes = 0;
  timestampMs = 0;
  /** The latest timestamp field, extended or not: absolute after type 0, else a delta. */
  fieldMs = 0;
  /** The latest header of type 0, 1 or 2 had an extended timestamp. */
  extended = false;
  /** A message was begun and is not whole. */
  partial = false;
  body: Uint8Array<ArrayBuffer> = NO_BODY;
  filledBytes = 0;

  constructor(id: number) {
    this.id = id;
  }
}

/**
 * Size of the extended timestamp that a type-3 chunk repeats (5.3.1.3): 4, or 0 for the encoders
 * that leave it out, which shows by the bytes being none that it could be. Field or absolute time
 * may be repeated; both are seen. Decides at the first differing byte, so that it never waits for
 * bytes that a peer without the field has no reason to send.
 *
 * @returns 4, 0, or {@link INCOMPLETE} while all bytes up to `end` could still be the field.
 */
export function repeatedTimestampBytes(
  stream: ChunkStream,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  const size = Math.min(4, end - start);
  let matchesField = true;
  let matchesTime = true;
  for (let i = 0; i < size; i++) {
    const shift = 24 - i * 8;
    matchesField &&= bytes[start + i] === (stream.fieldMs >>> shift & 0xff);
    matchesTime &&= bytes[start + i] === (stream.timestampMs >>> shift & 0xff);
  }
  if (!matchesField && !matchesTime) return 0;
  return size < 4 ? INCOMPLETE : 4;
}

/** The big-endian unsigned 32-bit integer at `at`. */
export function uint32(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3]) >>> 0;
}
