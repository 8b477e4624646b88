/**
 * PES packet header: what stands in front of each access unit, with its times.
 *
 * Source: ISO/IEC 13818-1, sections 2.4.3.6 and 2.4.3.7. Scrambling, ESCR, trick modes and
 * extensions are passed over.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { wrapTicks } from "./clock.ts";

/** Bytes of start code, stream_id and PES_packet_length. */
export const PES_START_BYTES = 6;

/** Bytes up to and with PES_header_data_length, where a header of the usual kind has it. */
export const PES_FIXED_BYTES = 9;

/** Bytes of one timestamp. */
const TIMESTAMP_BYTES = 5;

/** Most that PES_packet_length can say; what is longer says 0, which only video may. */
export const PES_PACKET_LENGTH_MAX = 0xffff;

/** Most stuffing bytes in a header (2.4.3.7). */
export const PES_STUFFING_BYTES_MAX = 32;

/** stream_id values (table 2-22); audio and video take numbers from these upwards. */
export const STREAM_ID = { privateStream1: 0xbd, audio: 0xc0, video: 0xe0 } as const;

/** stream_id values whose packets are payload behind the length (2.4.3.7). */
const WITHOUT_HEADER: ReadonlySet<number> = new Set([
  0xbc, // program_stream_map
  0xbe, // padding_stream
  0xbf, // private_stream_2
  0xf0, // ECM
  0xf1, // EMM
  0xf2, // DSMCC
  0xf8, // H.222.1 type E
  0xff, // program_stream_directory
]);

/** Decoded fields of one header. */
export interface PesHeader {
  readonly streamId: number;
  readonly packetBytes: number; // from the start code to the packet's end; 0 = until the next one
  readonly headerBytes: number; // from the start code to the payload
  readonly ptsTicks?: number; // 33 bits of 90 kHz
  readonly dtsTicks?: number; // only where it differs from the PTS
}

/**
 * Reads the header at `offset`.
 *
 * @returns The header, or `undefined` when it does not end within `bytes`.
 * @throws {ProtocolError} There is no start code, the fixed bits are wrong, only a DTS is
 * announced, or a length does not hold what is announced.
 */
export function parsePesHeader(bytes: Uint8Array, offset = 0): PesHeader | undefined {
  if (bytes.length - offset < PES_START_BYTES) return undefined;
  if (bytes[offset] !== 0 || bytes[offset + 1] !== 0 || bytes[offset + 2] !== 1) {
    throw malformed("no packet_start_code_prefix", offset);
  }
  const streamId = bytes[offset + 3];
  const length = bytes[offset + 4] << 8 | bytes[offset + 5]; // PES_packet_length
  const packetBytes = length === 0 ? 0 : PES_START_BYTES + length;
  if (WITHOUT_HEADER.has(streamId)) return { streamId, packetBytes, headerBytes: PES_START_BYTES };
  if (bytes.length - offset < PES_FIXED_BYTES) return undefined;
  if (bytes[offset + 6] >>> 6 !== 2) throw malformed("fixed bits are not 10", offset + 6);

  const flags = bytes[offset + 7] >>> 6; // PTS_DTS_flags
  const headerBytes = PES_FIXED_BYTES + bytes[offset + 8];
  if (flags === 1) throw malformed("a DTS without PTS", offset + 7);
  const timestamps = flags === 3 ? 2 : flags >>> 1;
  if (headerBytes < PES_FIXED_BYTES + timestamps * TIMESTAMP_BYTES) {
    throw malformed(`PES_header_data_length ${bytes[offset + 8]}`, offset + 8);
  }
  if (packetBytes !== 0 && packetBytes < headerBytes) {
    throw malformed(`PES_packet_length ${length} ends within the header`, offset + 4);
  }
  if (bytes.length - offset < headerBytes) return undefined;
  const header = { streamId, packetBytes, headerBytes };
  if (timestamps === 0) return header;
  const ptsTicks = readTimestamp(bytes, offset + PES_FIXED_BYTES);
  if (timestamps === 1) return { ...header, ptsTicks };
  const dtsTicks = readTimestamp(bytes, offset + PES_FIXED_BYTES + TIMESTAMP_BYTES);
  return { ...header, ptsTicks, dtsTicks };
}

/** What {@link writePesHeader} writes. */
export interface PesHeaderFields {
  readonly streamId: number;
  readonly payloadBytes: number;
  readonly ptsTicks: number; // not wrapped
  readonly dtsTicks: number; // not wrapped; left out where it equals the PTS
  readonly stuffingBytes: number; // 0 to PES_STUFFING_BYTES_MAX
}

/** Bytes of the header for these fields. */
export function pesHeaderBytes(fields: PesHeaderFields): number {
  const timestamps = fields.ptsTicks === fields.dtsTicks ? 1 : 2;
  return PES_FIXED_BYTES + timestamps * TIMESTAMP_BYTES + fields.stuffingBytes;
}

/** Whether a packet of `headerBytes` and `payloadBytes` may be sent under `streamId`. */
export function pesPacketFits(streamId: number, headerBytes: number, payloadBytes: number) {
  const video = streamId >= STREAM_ID.video && streamId < 0xf0;
  return video || headerBytes + payloadBytes - PES_START_BYTES <= PES_PACKET_LENGTH_MAX;
}

/**
 * Writes the header, {@link pesHeaderBytes} long, with data_alignment_indicator set: each packet
 * starts with an access unit. PES_packet_length is 0 where the true one does not fit.
 */
export function writePesHeader(fields: PesHeaderFields, target: Uint8Array, offset: number): void {
  const { streamId, payloadBytes, ptsTicks, dtsTicks, stuffingBytes } = fields;
  const both = ptsTicks !== dtsTicks;
  const headerBytes = pesHeaderBytes(fields);
  const length = headerBytes - PES_START_BYTES + payloadBytes;
  const told = length > PES_PACKET_LENGTH_MAX ? 0 : length;
  target[offset] = 0;
  target[offset + 1] = 0;
  target[offset + 2] = 1;
  target[offset + 3] = streamId;
  target[offset + 4] = told >>> 8;
  target[offset + 5] = told & 0xff;
  target[offset + 6] = 0x84; // fixed bits 10, data_alignment_indicator
  target[offset + 7] = both ? 0xc0 : 0x80; // PTS_DTS_flags
  target[offset + 8] = headerBytes - PES_FIXED_BYTES;
  writeTimestamp(both ? 3 : 2, ptsTicks, target, offset + PES_FIXED_BYTES);
  if (both) writeTimestamp(1, dtsTicks, target, offset + PES_FIXED_BYTES + TIMESTAMP_BYTES);
  const end = offset + headerBytes;
  target.fill(0xff, end - stuffingBytes, end);
}

/** Reads 33 bits out of 5 bytes: 3, 15 and 15 of them, a marker bit behind each part. */
function readTimestamp(bytes: Uint8Array, offset: number): number {
  // Marker bits are not checked: some encoders leave them zero.
  const high = (bytes[offset] >>> 1) & 7;
  const middle = bytes[offset + 1] << 7 | bytes[offset + 2] >>> 1;
  const low = bytes[offset + 3] << 7 | bytes[offset + 4] >>> 1;
  return high * 2 ** 30 + (middle << 15 | low);
}

function writeTimestamp(prefix: number, ticks: number, target: Uint8Array, offset: number): void {
  const wrapped = wrapTicks(ticks);
  const high = Math.floor(wrapped / 2 ** 30);
  const low = wrapped % 2 ** 30;
  target[offset] = prefix << 4 | high << 1 | 1;
  target[offset + 1] = low >>> 22;
  target[offset + 2] = low >>> 14 & 0xfe | 1;
  target[offset + 3] = low >>> 7 & 0xff;
  target[offset + 4] = low << 1 & 0xfe | 1;
}

function malformed(found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read PES header: ${found}`, {
    protocol: "MPEG-TS",
    section: "2.4.3.7",
    offset,
  });
}
