/**
 * FLV tag header: the 11 bytes in front of every audio, video or script body.
 *
 * Source: Adobe FLV and F4V 10.1, annex E.4.1. All integers are big-endian. The 4 bytes behind
 * each body (PreviousTagSize, E.3) belong to `file_header.ts`.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Size of an encoded tag header, in bytes. */
export const TAG_HEADER_BYTES = 11;

/** Largest body a 24-bit length can announce, in bytes. */
export const TAG_BODY_BYTES_MAX = 0xffffff;

/** TagType values (E.4.1); RTMP uses the same numbers as message types. */
export const TAG_TYPE = { audio: 8, video: 9, script: 18 } as const;
export type TagType = typeof TAG_TYPE[keyof typeof TAG_TYPE];

/** Decoded fields of one tag header. */
export interface TagHeader {
  readonly type: TagType;
  readonly bodyBytes: number;
  /**
   * Decode time in milliseconds, 0 to 2^32 - 1, wrapping. E.4.1 calls the field signed; we read
   * it unsigned because RTMP, which fills it, counts unsigned (RTMP 1.0, section 4).
   */
  readonly dtsMs: number;
}

/**
 * Reads the header at `offset`.
 *
 * @returns The header, or `undefined` when fewer than {@link TAG_HEADER_BYTES} bytes remain.
 * @throws {ProtocolError} The tag is encrypted or its type is unknown.
 */
export function parseTagHeader(bytes: Uint8Array, offset = 0): TagHeader | undefined {
  if (bytes.length - offset < TAG_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, TAG_HEADER_BYTES);

  const first = view.getUint8(0);
  if ((first & 0x20) !== 0) throw malformed("Cannot read encrypted tag: Filter bit is set", offset);
  const type = first & 0x1f;
  if (!isTagType(type)) throw malformed(`Cannot read tag: unknown TagType ${type}`, offset);

  // The wire splits the timestamp: low 24 bits first, then the high 8.
  const dtsMs = ((view.getUint8(7) << 24) | (view.getUint32(3) & 0xffffff)) >>> 0;
  return { type, bodyBytes: view.getUint32(0) & 0xffffff, dtsMs };
}

/**
 * Writes `header` into `target` at `offset`; the inverse of {@link parseTagHeader}.
 *
 * @throws {RangeError} The body is longer than {@link TAG_BODY_BYTES_MAX}.
 */
export function writeTagHeader(header: TagHeader, target: Uint8Array, offset = 0): void {
  const { type, bodyBytes, dtsMs } = header;
  if (bodyBytes > TAG_BODY_BYTES_MAX) {
    throw new RangeError(
      `Cannot write tag: body is ${bodyBytes} bytes, at most ${TAG_BODY_BYTES_MAX} fit`,
    );
  }
  target[offset] = type;
  target[offset + 1] = bodyBytes >>> 16; // DataSize
  target[offset + 2] = bodyBytes >>> 8;
  target[offset + 3] = bodyBytes;
  target[offset + 4] = dtsMs >>> 16; // Timestamp
  target[offset + 5] = dtsMs >>> 8;
  target[offset + 6] = dtsMs;
  target[offset + 7] = dtsMs >>> 24; // TimestampExtended
  target.fill(0, offset + 8, offset + TAG_HEADER_BYTES); // StreamID is three zero bytes.
}

function isTagType(value: number): value is TagType {
  return value === TAG_TYPE.audio || value === TAG_TYPE.video || value === TAG_TYPE.script;
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "FLV", section: "E.4.1", offset });
}
