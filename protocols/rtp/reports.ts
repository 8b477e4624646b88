/**
 * RTCP: sender and receiver reports, source descriptions and goodbyes, in compound packets.
 *
 * Source: RFC 3550, sections 6.1 and 6.4 to 6.6. Of source descriptions only CNAME is read and
 * written. Compound packets need not open with a report: cameras send reduced ones (RFC 5506).
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** PT values (section 12.1). */
export const RTCP_TYPE = {
  senderReport: 200,
  receiverReport: 201,
  sourceDescription: 202,
  goodbye: 203,
} as const;

/** Most packets in a compound that are read: reports, description and goodbye of a few sources. */
export const RTCP_PACKETS_MAX = 32;

/** Most bytes of a CNAME (section 6.5). */
export const CNAME_BYTES_MAX = 255;

/** Size of one reception report block (section 6.4.1), in bytes. */
export const REPORT_BLOCK_BYTES = 24;

const HEADER_BYTES = 4;
const SENDER_INFO_BYTES = 20;
const ITEM_CNAME = 1;

/** Seconds from 1900, where NTP counts from, to 1970. */
const NTP_EPOCH_SECONDS = 2_208_988_800;

/** What a receiver says of one source. */
export interface ReportBlock {
  readonly ssrc: number;
  readonly fractionLost: number; // of 256, since the last report
  readonly lost: number; // in all; -2^23 to 2^23 - 1
  readonly highestSequence: number; // 32 bits, with cycles
  readonly jitter: number; // in ticks
  readonly lastReport: number; // middle 32 bits of the last sender report's NTP time, 0 = none
  readonly lastReportDelay: number; // since then, in 1/65536 seconds
}

/** What a sender says of itself. */
export interface SenderReport {
  readonly kind: "sender-report";
  readonly ssrc: number;
  /** Its clock in microseconds since 1970; `undefined` where it has none and says zero. */
  readonly ntpUs: number | undefined;
  /** The middle 32 bits of that, as a receiver repeats them. */
  readonly ntpMiddle: number;
  readonly timestamp: number; // the same instant as an RTP timestamp
  readonly packets: number; // sent so far, 32 bits
  readonly octets: number; // of payload, 32 bits
  readonly blocks: readonly ReportBlock[];
}

export type RtcpPacket =
  | SenderReport
  | {
    readonly kind: "receiver-report";
    readonly ssrc: number;
    readonly blocks: readonly ReportBlock[];
  }
  | { readonly kind: "description"; readonly ssrc: number; readonly cname: string }
  | { readonly kind: "goodbye"; readonly ssrcs: readonly number[] };

/**
 * Reads a whole compound packet. Packets of other types are passed over, and what is beyond
 * {@link RTCP_PACKETS_MAX} is not looked at.
 *
 * @throws {ProtocolError} A packet is cut short or of another version.
 */
export function parseRtcp(bytes: Uint8Array): RtcpPacket[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const packets: RtcpPacket[] = [];
  let offset = 0;
  for (let count = 0; count < RTCP_PACKETS_MAX && offset < bytes.length; count++) {
    if (bytes.length - offset < HEADER_BYTES) throw malformed("header cut short", "6.4.1", offset);
    if (bytes[offset] >>> 6 !== 2) throw malformed("version is not 2", "6.4.1", offset);
    const end = offset + HEADER_BYTES + 4 * view.getUint16(offset + 2);
    if (end > bytes.length) throw malformed("packet cut short", "6.4.1", offset);
    parsePacket(view, offset, end, packets);
    offset = end;
  }
  return packets;
}

function parsePacket(view: DataView, offset: number, end: number, packets: RtcpPacket[]): void {
  const count = view.getUint8(offset) & 0x1f;
  const body = offset + HEADER_BYTES;
  switch (view.getUint8(offset + 1)) {
    case RTCP_TYPE.senderReport:
      packets.push(parseSenderReport(view, body, end, count));
      return;
    case RTCP_TYPE.receiverReport: {
      if (end - body < 4) throw malformed("receiver report cut short", "6.4.2", offset);
      const blocks = parseBlocks(view, body + 4, end, count);
      packets.push({ kind: "receiver-report", ssrc: view.getUint32(body), blocks });
      return;
    }
    case RTCP_TYPE.sourceDescription:
      return parseDescription(view, body, end, count, packets);
    case RTCP_TYPE.goodbye: {
      if (end - body < 4 * count) throw malformed("goodbye cut short", "6.6", offset);
      const ssrcs = Array.from({ length: count }, (_, at) => view.getUint32(body + 4 * at));
      packets.push({ kind: "goodbye", ssrcs });
    }
  }
}

function parseSenderReport(
  view: DataView,
  body: number,
  end: number,
  count: number,
): SenderReport {
  if (end - body < 4 + SENDER_INFO_BYTES) throw malformed("sender report cut short", "6.4.1", body);
  const seconds = view.getUint32(body + 4);
  const fraction = view.getUint32(body + 8);
  return {
    kind: "sender-report",
    ssrc: view.getUint32(body),
    ntpUs: seconds === 0 ? undefined : usOfNtp(seconds, fraction),
    ntpMiddle: (seconds << 16 | fraction >>> 16) >>> 0,
    timestamp: view.getUint32(body + 12),
    packets: view.getUint32(body + 16),
    octets: view.getUint32(body + 20),
    blocks: parseBlocks(view, body + 4 + SENDER_INFO_BYTES, end, count),
  };
}

function parseBlocks(view: DataView, start: number, end: number, count: number): ReportBlock[] {
  if (end - start < count * REPORT_BLOCK_BYTES) {
    throw malformed(`${count} report blocks in ${end - start} bytes`, "6.4.1", start);
  }
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * REPORT_BLOCK_BYTES;
    return {
      ssrc: view.getUint32(at),
      fractionLost: view.getUint8(at + 4),
      lost: view.getInt32(at + 4) << 8 >> 8, // 24 bits, signed
      highestSequence: view.getUint32(at + 8),
      jitter: view.getUint32(at + 12),
      lastReport: view.getUint32(at + 16),
      lastReportDelay: view.getUint32(at + 20),
    };
  });
}

/** Reads the chunks of a source description; those without CNAME say nothing here. */
function parseDescription(
  view: DataView,
  body: number,
  end: number,
  count: number,
  packets: RtcpPacket[],
): void {
  let at = body;
  for (let chunk = 0; chunk < count; chunk++) {
    if (end - at < 4) throw malformed("chunk cut short", "6.5", at);
    const ssrc = view.getUint32(at);
    at += 4;
    while (at < end && view.getUint8(at) !== 0) {
      if (end - at < 2) throw malformed("item cut short", "6.5", at);
      const next = at + 2 + view.getUint8(at + 1);
      if (next > end) throw malformed("item cut short", "6.5", at);
      if (view.getUint8(at) === ITEM_CNAME) {
        const text = new Uint8Array(view.buffer, view.byteOffset + at + 2, next - at - 2);
        packets.push({ kind: "description", ssrc, cname: new TextDecoder().decode(text) });
      }
      at = next;
    }
    at += 4 - (at - body) % 4; // A zero, then zeros up to a multiple of four.
  }
}

/** Bytes of a sender report with so many blocks. */
export function senderReportBytes(blocks = 0): number {
  return HEADER_BYTES + 4 + SENDER_INFO_BYTES + blocks * REPORT_BLOCK_BYTES;
}

/** Bytes of a receiver report with so many blocks. */
export function receiverReportBytes(blocks: number): number {
  return HEADER_BYTES + 4 + blocks * REPORT_BLOCK_BYTES;
}

/** Bytes of a source description with this CNAME, in ASCII. */
export function descriptionBytes(cname: string): number {
  // Item header, text, at least one zero, up to a multiple of four.
  return HEADER_BYTES + 4 + 4 * Math.ceil((2 + cname.length + 1) / 4);
}

/** Bytes of a goodbye of one source. */
export const GOODBYE_BYTES = 8;

/** What {@link writeSenderReport} writes. */
export interface SenderReportFields {
  readonly ssrc: number;
  readonly ntpUs: number; // microseconds since 1970
  readonly timestamp: number;
  readonly packets: number;
  readonly octets: number;
}

/** Writes a sender report without blocks at `offset`; returns the offset behind it. */
export function writeSenderReport(
  report: SenderReportFields,
  target: Uint8Array,
  offset: number,
): number {
  const bytes = senderReportBytes();
  const view = writeHeader(RTCP_TYPE.senderReport, 0, bytes, target, offset);
  const seconds = Math.floor(report.ntpUs / 1_000_000);
  const fractionUs = report.ntpUs - seconds * 1_000_000;
  view.setUint32(4, report.ssrc);
  view.setUint32(8, seconds + NTP_EPOCH_SECONDS);
  view.setUint32(12, Math.round(fractionUs * 2 ** 32 / 1_000_000)); // At most 2^32 - 4295.
  view.setUint32(16, report.timestamp);
  view.setUint32(20, report.packets);
  view.setUint32(24, report.octets);
  return offset + bytes;
}

/**
 * Writes a receiver report at `offset`; returns the offset behind it.
 *
 * @throws {RangeError} There are over 31 blocks, which is all that their count can say.
 */
export function writeReceiverReport(
  ssrc: number,
  blocks: readonly ReportBlock[],
  target: Uint8Array,
  offset: number,
): number {
  if (blocks.length > 31) {
    throw new RangeError(`Cannot write receiver report: ${blocks.length} blocks, at most 31 fit`);
  }
  const bytes = receiverReportBytes(blocks.length);
  const view = writeHeader(RTCP_TYPE.receiverReport, blocks.length, bytes, target, offset);
  view.setUint32(4, ssrc);
  blocks.forEach((block, index) => {
    const at = 8 + index * REPORT_BLOCK_BYTES;
    view.setUint32(at, block.ssrc);
    view.setInt32(at + 4, Math.max(-0x800000, Math.min(0x7fffff, block.lost)));
    view.setUint8(at + 4, block.fractionLost);
    view.setUint32(at + 8, block.highestSequence);
    view.setUint32(at + 12, block.jitter);
    view.setUint32(at + 16, block.lastReport);
    view.setUint32(at + 20, block.lastReportDelay);
  });
  return offset + bytes;
}

/**
 * Writes a source description at `offset`; returns the offset behind it.
 *
 * @param cname 1 to {@link CNAME_BYTES_MAX} characters of ASCII.
 * @throws {RangeError} It is not.
 */
export function writeDescription(
  ssrc: number,
  cname: string,
  target: Uint8Array,
  offset: number,
): number {
  if (!/^[\x20-\x7e]{1,255}$/.test(cname)) {
    throw new RangeError("Cannot write CNAME: 1 to 255 printable ASCII characters would fit");
  }
  const bytes = descriptionBytes(cname);
  target.fill(0, offset, offset + bytes);
  const view = writeHeader(RTCP_TYPE.sourceDescription, 1, bytes, target, offset);
  view.setUint32(4, ssrc);
  view.setUint8(8, ITEM_CNAME);
  view.setUint8(9, cname.length);
  for (let at = 0; at < cname.length; at++) view.setUint8(10 + at, cname.charCodeAt(at));
  return offset + bytes;
}

/** Writes a goodbye of one source at `offset`; returns the offset behind it. */
export function writeGoodbye(ssrc: number, target: Uint8Array, offset: number): number {
  const view = writeHeader(RTCP_TYPE.goodbye, 1, GOODBYE_BYTES, target, offset);
  view.setUint32(4, ssrc);
  return offset + GOODBYE_BYTES;
}

function writeHeader(
  type: number,
  count: number,
  bytes: number,
  target: Uint8Array,
  offset: number,
): DataView {
  const view = new DataView(target.buffer, target.byteOffset + offset, bytes);
  view.setUint8(0, 2 << 6 | count);
  view.setUint8(1, type);
  view.setUint16(2, bytes / 4 - 1);
  return view;
}

/** Microseconds since 1970; negative for clocks that count from some day of their own. */
function usOfNtp(seconds: number, fraction: number): number {
  const sinceUs = Math.round(fraction * 1_000_000 / 2 ** 32);
  return (seconds - NTP_EPOCH_SECONDS) * 1_000_000 + sinceUs;
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read RTCP: ${found}`, {
    protocol: "RTCP",
    section: `RFC 3550 ${section}`,
    offset,
  });
}
