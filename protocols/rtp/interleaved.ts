/**
 * Packets interleaved on an RTSP connection, as shared pages hold them: whole ones, in a row.
 *
 * Source: RFC 2326, section 10.12. Reading them off a socket, between requests and cut anywhere, is
 * the RTSP reader's work.
 *
 * @module
 */
import type { RtpHeader } from "./packet.ts";
import { parseRtpPacket } from "./packet.ts";

/** "$", channel, 16 bits of length. */
export const INTERLEAVED_HEADER_BYTES = 4;

/** First byte of an interleaved packet. */
export const INTERLEAVED_MAGIC = 0x24;

/** Writes what stands in front of a packet of `packetBytes`; returns the offset behind it. */
export function writeInterleavedHeader(
  channel: number,
  packetBytes: number,
  target: Uint8Array,
  offset: number,
): number {
  target[offset] = INTERLEAVED_MAGIC;
  target[offset + 1] = channel;
  target[offset + 2] = packetBytes >>> 8;
  target[offset + 3] = packetBytes;
  return offset + INTERLEAVED_HEADER_BYTES;
}

/** A packet with what stands in front of it, in an array of its own. */
export function interleavedPacket(channel: number, packet: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(INTERLEAVED_HEADER_BYTES + packet.length);
  bytes.set(packet, writeInterleavedHeader(channel, packet.length, bytes, 0));
  return bytes;
}

/**
 * Calls `visit` for each packet of a stretch of pages, as a view: what a viewer over UDP is sent.
 *
 * @throws {TypeError} The bytes are not whole packets of ours.
 */
export function forEachInterleaved(
  bytes: Uint8Array,
  visit: (channel: number, packet: Uint8Array) => void,
): void {
  for (let offset = 0; offset < bytes.length;) {
    const end = packetEnd(bytes, offset);
    visit(bytes[offset + 1], bytes.subarray(offset + INTERLEAVED_HEADER_BYTES, end));
    offset = end;
  }
}

/**
 * Copies a stretch of pages for a viewer that chose other channels, or not all of them.
 *
 * @param channels By channel of the stretch the viewer's; `undefined` = it does not want it.
 * @throws {TypeError} The bytes are not whole packets of ours.
 */
export function reframeInterleaved(
  bytes: Uint8Array,
  channels: readonly (number | undefined)[],
): Uint8Array {
  const copy = new Uint8Array(bytes.length);
  let written = 0;
  for (let offset = 0; offset < bytes.length;) {
    const end = packetEnd(bytes, offset);
    const channel = channels[bytes[offset + 1]];
    if (channel !== undefined) {
      copy.set(bytes.subarray(offset, end), written);
      copy[written + 1] = channel;
      written += end - offset;
    }
    offset = end;
  }
  return copy.subarray(0, written);
}

/**
 * Header of the first packet on `channel`, for RTP-Info (RFC 2326, 12.33); `undefined` when there
 * is none.
 *
 * @throws {TypeError} The bytes are not whole packets of ours.
 */
export function firstRtpHeader(bytes: Uint8Array, channel: number): RtpHeader | undefined {
  for (let offset = 0; offset < bytes.length;) {
    const end = packetEnd(bytes, offset);
    if (bytes[offset + 1] === channel) {
      return parseRtpPacket(bytes.subarray(offset + INTERLEAVED_HEADER_BYTES, end));
    }
    offset = end;
  }
  return undefined;
}

function packetEnd(bytes: Uint8Array, offset: number): number {
  const end = offset + INTERLEAVED_HEADER_BYTES + (bytes[offset + 2] << 8 | bytes[offset + 3]);
  // Also false where the header is cut short: then `end` is not a number.
  if (bytes[offset] === INTERLEAVED_MAGIC && end <= bytes.length) return end;
  throw new TypeError(`Cannot split pages: no whole packet at ${offset} of ${bytes.length} bytes`);
}
