/**
 * RTP packet: fixed header, contributing sources, header extension, payload, padding.
 *
 * Source: RFC 3550, sections 5.1 and 5.3.1. A packet comes whole, in a datagram or an interleaved
 * frame, so bytes that are missing are an error here and never "not yet".
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Size of the header without contributing sources and extension, in bytes. */
export const RTP_HEADER_BYTES = 12;

const VERSION = 2;

/** What an extension holds; its meaning is the profile's. */
export interface RtpExtension {
  readonly profile: number; // 16 bits
  readonly data: Uint8Array; // a view, a multiple of 4 bytes
}

/** A decoded packet; all bytes are views of the input. */
export interface RtpPacket {
  readonly payloadType: number; // 0 to 127
  readonly marker: boolean;
  readonly sequence: number; // 16 bits, wrapping
  readonly timestamp: number; // 32 bits, wrapping, in units of the format's clock
  readonly ssrc: number; // 32 bits
  readonly payload: Uint8Array; // without padding; may be empty
  readonly extension: RtpExtension | undefined;
}

/** Fields of a header that is written; the inverse of {@link RtpPacket} without options. */
export interface RtpHeader {
  payloadType: number;
  marker: boolean;
  sequence: number;
  timestamp: number;
  ssrc: number;
}

/**
 * Whether bytes on a port or channel that RTP and RTCP share are RTCP (RFC 5761, section 4).
 * False for an empty array.
 */
export function isRtcp(bytes: Uint8Array): boolean {
  return bytes.length > 1 && bytes[1] >= 192 && bytes[1] <= 223;
}

/**
 * Reads a whole packet.
 *
 * @throws {ProtocolError} It is cut short, of another version, or its padding is longer than it.
 */
export function parseRtpPacket(bytes: Uint8Array): RtpPacket {
  if (bytes.length < RTP_HEADER_BYTES) {
    throw malformed(`${bytes.length} bytes, at least ${RTP_HEADER_BYTES} are needed`, "5.1", 0);
  }
  const first = bytes[0];
  if (first >>> 6 !== VERSION) throw malformed(`version ${first >>> 6}, not 2`, "5.1", 0);
  let start = RTP_HEADER_BYTES + 4 * (first & 0xf); // Contributing sources: mixers only.
  let extension: RtpExtension | undefined;
  if ((first & 0x10) !== 0) {
    if (bytes.length < start + 4) throw malformed("extension cut short", "5.3.1", start);
    const end = start + 4 + 4 * readUint16(bytes, start + 2);
    if (bytes.length < end) throw malformed("extension cut short", "5.3.1", start);
    extension = { profile: readUint16(bytes, start), data: bytes.subarray(start + 4, end) };
    start = end;
  }
  let end = bytes.length;
  if (start > end) throw malformed("contributing sources cut short", "5.1", RTP_HEADER_BYTES);
  if ((first & 0x20) !== 0) {
    const padding = bytes[end - 1]; // Counts itself.
    if (padding === 0 || padding > end - start) {
      throw malformed(`padding of ${padding} bytes in ${end - start}`, "5.1", end - 1);
    }
    end -= padding;
  }
  return {
    payloadType: bytes[1] & 0x7f,
    marker: bytes[1] >= 0x80,
    sequence: readUint16(bytes, 2),
    timestamp: readUint32(bytes, 4),
    ssrc: readUint32(bytes, 8),
    payload: bytes.subarray(start, end),
    extension,
  };
}

/** Writes a header of {@link RTP_HEADER_BYTES} at `offset`; numbers are taken modulo their width. */
export function writeRtpHeader(header: RtpHeader, target: Uint8Array, offset: number): void {
  const { sequence, timestamp, ssrc } = header;
  target[offset] = VERSION << 6;
  target[offset + 1] = (header.marker ? 0x80 : 0) | header.payloadType;
  target[offset + 2] = sequence >>> 8;
  target[offset + 3] = sequence;
  target[offset + 4] = timestamp >>> 24;
  target[offset + 5] = timestamp >>> 16;
  target[offset + 6] = timestamp >>> 8;
  target[offset + 7] = timestamp;
  target[offset + 8] = ssrc >>> 24;
  target[offset + 9] = ssrc >>> 16;
  target[offset + 10] = ssrc >>> 8;
  target[offset + 11] = ssrc;
}

function readUint16(bytes: Uint8Array, offset: number): number {
  return bytes[offset] << 8 | bytes[offset + 1];
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (readUint16(bytes, offset) << 16 | readUint16(bytes, offset + 2)) >>> 0;
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read RTP packet: ${found}`, {
    protocol: "RTP",
    section: `RFC 3550 ${section}`,
    offset,
  });
}
