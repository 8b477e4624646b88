/**
 * Enhanced audio and video tag headers: FourCC, modifiers (ModEx) and many tracks in one body.
 *
 * Source: Enhanced RTMP v2, sections Enhanced Audio and Enhanced Video, whose headers are built
 * alike but number two packet types differently. What packet types and FourCCs mean is the matter
 * of `audio_tag.ts` and `video_tag.ts`.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Most ModEx packets in front of one body; one is defined, the rest is room for what may come. */
export const MODEX_PACKETS_MAX = 8;

/** AvMultitrackType values. */
export const MULTITRACK_TYPE = { oneTrack: 0, manyTracks: 1, manyTracksManyCodecs: 2 } as const;

/** PacketModExType value: nanoseconds to add to the message's timestamp. */
const MODEX_TIMESTAMP_OFFSET_NANO = 0;

/** Largest nanosecond offset: it refines a timestamp that counts milliseconds. */
const NANO_OFFSET_MAX = 999_999;

const FOURCC_BYTES = 4;

/** How the two kinds number what their headers have in common. */
export interface EnhancedKind {
  readonly section: string; // of Enhanced RTMP v2
  readonly multitrack: number; // packet type
  readonly modEx: number; // packet type
}

/** Audio: the packet type is the low half of the first byte, behind SoundFormat 9. */
export const ENHANCED_AUDIO: EnhancedKind = {
  section: "Enhanced Audio",
  multitrack: 5,
  modEx: 7,
};

/** Video: the packet type is the low half of the first byte, behind isExVideoHeader and type. */
export const ENHANCED_VIDEO: EnhancedKind = {
  section: "Enhanced Video",
  multitrack: 6,
  modEx: 7,
};

/** What stands in front of an enhanced body's FourCC. */
export interface EnhancedHeader {
  /** The packet type of every track in the body; never multitrack or modEx. */
  readonly packetType: number;
  /** AvMultitrackType; `undefined` when the body is of one track without a number. */
  readonly multitrack: number | undefined;
  /** Nanoseconds to add to the message's timestamp, 0 to 999,999. */
  readonly nanoOffset: number;
  /** Where the FourCC, or the first track, starts. */
  readonly offset: number;
}

/** Receives one track's part of a body; `data` is a view that may be empty. */
export type EnhancedVisitor = (fourCc: number, trackIndex: number, data: Uint8Array) => void;

/** A FourCC as the big-endian number it is on the wire. */
export function fourCc(name: string): number {
  let value = 0;
  for (let index = 0; index < FOURCC_BYTES; index++) {
    value = value * 256 + name.charCodeAt(index);
  }
  return value;
}

/**
 * Reads the header of a whole enhanced `body`, up to its FourCC.
 *
 * @throws {ProtocolError} The header is cut short, a multitrack header is nested, its type is
 * unknown, or there are more than {@link MODEX_PACKETS_MAX} modifiers.
 */
export function parseEnhancedHeader(body: Uint8Array, kind: EnhancedKind): EnhancedHeader {
  let packetType = body[0] & 0x0f;
  let nanoOffset = 0;
  let offset = 1;
  for (let count = 0; packetType === kind.modEx; count++) {
    if (count === MODEX_PACKETS_MAX) {
      throw malformed(`Cannot read tag: over ${MODEX_PACKETS_MAX} ModEx packets`, kind, offset);
    }
    const modEx = parseModEx(body, offset, kind);
    if (modEx.nanoOffset !== undefined) nanoOffset = modEx.nanoOffset;
    packetType = modEx.packetType;
    offset = modEx.end;
  }
  if (packetType !== kind.multitrack) {
    return { packetType, multitrack: undefined, nanoOffset, offset };
  }
  need(body, offset, 1, kind);
  const multitrack = body[offset] >>> 4;
  packetType = body[offset] & 0x0f;
  if (packetType === kind.multitrack || packetType === kind.modEx) {
    throw malformed(`Cannot read tag: packet type ${packetType} inside multitrack`, kind, offset);
  }
  if (multitrack > MULTITRACK_TYPE.manyTracksManyCodecs) {
    throw malformed(`Cannot read tag: unknown AvMultitrackType ${multitrack}`, kind, offset);
  }
  return { packetType, multitrack, nanoOffset, offset: offset + 1 };
}

/**
 * Calls `visit` for each track of a whole enhanced `body` whose header was read before.
 *
 * @throws {ProtocolError} A track's head or data reaches beyond the end; `visit` has then seen the
 * tracks before.
 */
export function forEachEnhancedTrack(
  body: Uint8Array,
  header: EnhancedHeader,
  kind: EnhancedKind,
  visit: EnhancedVisitor,
): void {
  const { multitrack } = header;
  let { offset } = header;
  let code = 0;
  if (multitrack !== MULTITRACK_TYPE.manyTracksManyCodecs) {
    code = readFourCc(body, offset, kind);
    offset += FOURCC_BYTES;
  }
  if (multitrack === undefined) return visit(code, 0, body.subarray(offset));
  if (multitrack === MULTITRACK_TYPE.oneTrack) {
    need(body, offset, 1, kind);
    return visit(code, body[offset], body.subarray(offset + 1));
  }
  while (offset < body.length) {
    if (multitrack === MULTITRACK_TYPE.manyTracksManyCodecs) {
      code = readFourCc(body, offset, kind);
      offset += FOURCC_BYTES;
    }
    need(body, offset, 4, kind);
    const start = offset + 4; // Track number of one byte, size of three.
    const bytes = (body[offset + 1] << 16) | (body[offset + 2] << 8) | body[offset + 3];
    need(body, start, bytes, kind);
    visit(code, body[offset], body.subarray(start, start + bytes));
    offset = start + bytes;
  }
}

interface ModEx {
  readonly nanoOffset: number | undefined;
  readonly packetType: number; // of what follows
  readonly end: number;
}

/** Size minus one in 8 bits, or 255 and then 16 bits; data; type and next packet type. */
function parseModEx(body: Uint8Array, offset: number, kind: EnhancedKind): ModEx {
  need(body, offset, 1, kind);
  let start = offset + 1;
  let bytes = body[offset] + 1;
  if (bytes === 256) {
    need(body, start, 2, kind);
    bytes = ((body[start] << 8) | body[start + 1]) + 1;
    start += 2;
  }
  const end = start + bytes;
  need(body, start, bytes + 1, kind);
  const packetType = body[end] & 0x0f;
  // Types that are not defined yet change nothing that we know of.
  if (body[end] >>> 4 !== MODEX_TIMESTAMP_OFFSET_NANO) {
    return { nanoOffset: undefined, packetType, end: end + 1 };
  }
  const nanoOffset = (body[start] << 16) | (body[start + 1] << 8) | body[start + 2];
  if (bytes < 3 || nanoOffset > NANO_OFFSET_MAX) {
    throw malformed(
      `Cannot read TimestampOffsetNano: ${bytes} bytes that say ${nanoOffset}, 0 to 999999 fit`,
      kind,
      start,
    );
  }
  return { nanoOffset, packetType, end: end + 1 };
}

function readFourCc(body: Uint8Array, offset: number, kind: EnhancedKind): number {
  need(body, offset, FOURCC_BYTES, kind);
  return ((body[offset] << 24) | (body[offset + 1] << 16) | (body[offset + 2] << 8) |
    body[offset + 3]) >>> 0;
}

function need(body: Uint8Array, offset: number, bytes: number, kind: EnhancedKind): void {
  if (body.length - offset >= bytes) return;
  const left = Math.max(0, body.length - offset);
  throw malformed(`Cannot read tag: ${bytes} bytes needed, ${left} left`, kind, offset);
}

function malformed(message: string, kind: EnhancedKind, offset: number): ProtocolError {
  return new ProtocolError(message, {
    protocol: "Enhanced RTMP",
    section: kind.section,
    offset,
  });
}
