/**
 * FLV file header, and the size that stands behind each tag.
 *
 * Source: Adobe FLV and F4V 10.1, annexes E.2 (header) and E.3 (body). An FLV file is this header,
 * PreviousTagSize0, then tags, each followed by its PreviousTagSize.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Size of the header of version 1, in bytes; also the DataOffset it states. */
export const FILE_HEADER_BYTES = 9;

/** Size of a PreviousTagSize field, in bytes. */
export const PREVIOUS_TAG_SIZE_BYTES = 4;

/** Largest DataOffset we follow, in bytes; no writer in use puts more than 9 bytes there. */
export const DATA_OFFSET_MAX = 1024;

const SIGNATURE = [0x46, 0x4c, 0x56]; // "FLV"
const FLAG_AUDIO = 0x04;
const FLAG_VIDEO = 0x01;

/** Decoded fields of the file header. */
export interface FileHeader {
  /** TypeFlagsAudio: the file has audio tags. */
  readonly audio: boolean;
  /** TypeFlagsVideo: the file has video tags. */
  readonly video: boolean;
  /** Where the body starts, in bytes from the start of the header; 9 in every file we write. */
  readonly dataOffset: number;
}

/**
 * Reads the header at `offset`.
 *
 * @returns The header, or `undefined` when fewer than {@link FILE_HEADER_BYTES} bytes remain.
 * @throws {ProtocolError} No FLV of version 1, or a DataOffset outside 9 to
 * {@link DATA_OFFSET_MAX}.
 */
export function parseFileHeader(bytes: Uint8Array, offset = 0): FileHeader | undefined {
  if (bytes.length - offset < FILE_HEADER_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, FILE_HEADER_BYTES);
  if (SIGNATURE.some((byte, index) => view.getUint8(index) !== byte)) {
    throw malformed("Cannot read FLV file: it does not start with FLV", offset);
  }
  const version = view.getUint8(3);
  if (version !== 1) throw malformed(`Cannot read FLV file: version ${version}, not 1`, offset + 3);
  const dataOffset = view.getUint32(5);
  if (dataOffset < FILE_HEADER_BYTES || dataOffset > DATA_OFFSET_MAX) {
    throw malformed(
      `Cannot read FLV file: DataOffset ${dataOffset}, 9 to ${DATA_OFFSET_MAX} fit`,
      offset + 5,
    );
  }
  const flags = view.getUint8(4);
  return { audio: (flags & FLAG_AUDIO) !== 0, video: (flags & FLAG_VIDEO) !== 0, dataOffset };
}

/** The header and PreviousTagSize0, in an array of its own: what opens every FLV response. */
export function fileOpening(header: Pick<FileHeader, "audio" | "video">): Uint8Array {
  const flags = (header.audio ? FLAG_AUDIO : 0) | (header.video ? FLAG_VIDEO : 0);
  return Uint8Array.of(...SIGNATURE, 1, flags, 0, 0, 0, FILE_HEADER_BYTES, 0, 0, 0, 0);
}

/** Writes the size of the tag before, header included (E.3); returns the offset behind it. */
export function writePreviousTagSize(
  tagBytes: number,
  target: Uint8Array,
  offset: number,
): number {
  target[offset] = tagBytes >>> 24;
  target[offset + 1] = tagBytes >>> 16;
  target[offset + 2] = tagBytes >>> 8;
  target[offset + 3] = tagBytes;
  return offset + PREVIOUS_TAG_SIZE_BYTES;
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "FLV", section: "E.2", offset });
}
