/**
 * The transport packet: 188 bytes with a header, perhaps an adaptation field, perhaps payload.
 *
 * Source: ISO/IEC 13818-1, sections 2.4.3.2 to 2.4.3.5. Of the adaptation field the two indicators
 * and the PCR are known; splice points, private data and extensions are passed over.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { TICKS_WRAP } from "./clock.ts";

/** Size of a packet, in bytes. */
export const PACKET_BYTES = 188;

/** Size of a packet's header before the adaptation field, in bytes. */
export const PACKET_HEADER_BYTES = 4;

/** Room for adaptation field and payload, in bytes. */
export const PACKET_BODY_BYTES = PACKET_BYTES - PACKET_HEADER_BYTES;

/** The first byte of every packet. */
export const SYNC_BYTE = 0x47;

/** PIDs with a meaning of their own (table 2-3). */
export const PID = { programAssociation: 0, firstFree: 0x10, none: 0x1fff } as const;

/** Bits of the adaptation field's flags (2.4.3.4) that are written or read here. */
export const ADAPTATION_FLAG = { discontinuity: 0x80, randomAccess: 0x40, pcr: 0x10 } as const;

/** Bytes of an adaptation field with flags only, and with a PCR; its length byte included. */
export const ADAPTATION_FLAGS_BYTES = 2;
export const ADAPTATION_PCR_BYTES = 8;

/** Ticks of the 27 MHz clock in one of the 90 kHz clock. */
const PCR_EXTENSION_TICKS = 300;

/** Decoded fields of one packet. */
export interface PacketHeader {
  readonly pid: number; // 0 to 0x1fff
  readonly payloadStart: boolean; // payload_unit_start_indicator
  readonly transportError: boolean; // somebody before us knows that bits are wrong
  readonly scrambled: boolean;
  readonly counter: number; // continuity_counter, 0 to 15
  readonly payloadOffset: number; // from the packet's start; PACKET_BYTES = it has none
  readonly discontinuity: boolean; // a break of the counter is meant
  readonly randomAccess: boolean; // decoding can start with the payload
  readonly pcr?: number; // programme clock in ticks of 27 MHz
}

/**
 * Reads the header of the packet at `offset`.
 *
 * @returns The header, or `undefined` when fewer than {@link PACKET_BYTES} bytes remain.
 * @throws {ProtocolError} There is no sync byte, adaptation_field_control is reserved, or the
 * adaptation field does not fit.
 */
export function parsePacketHeader(bytes: Uint8Array, offset = 0): PacketHeader | undefined {
  if (bytes.length - offset < PACKET_BYTES) return undefined;
  if (bytes[offset] !== SYNC_BYTE) throw malformed("no sync byte", "2.4.3.3", offset);
  const second = bytes[offset + 1];
  const fourth = bytes[offset + 3];
  const control = (fourth >>> 4) & 3; // adaptation_field_control
  if (control === 0) throw malformed("adaptation_field_control is 0", "2.4.3.3", offset + 3);
  const adaptationBytes = control === 1 ? 0 : 1 + bytes[offset + PACKET_HEADER_BYTES];
  const payloadOffset = PACKET_HEADER_BYTES + adaptationBytes;
  // A field that fills the packet leaves no payload, whatever the control bits say.
  if (payloadOffset > PACKET_BYTES) {
    throw malformed(`adaptation field of ${adaptationBytes} bytes`, "2.4.3.4", offset + 4);
  }
  const flags = adaptationBytes > 1 ? bytes[offset + 5] : 0;
  const header = {
    pid: (second & 0x1f) << 8 | bytes[offset + 2],
    payloadStart: (second & 0x40) !== 0,
    transportError: (second & 0x80) !== 0,
    scrambled: (fourth & 0xc0) !== 0,
    counter: fourth & 0xf,
    payloadOffset: control === 2 ? PACKET_BYTES : payloadOffset,
    discontinuity: (flags & ADAPTATION_FLAG.discontinuity) !== 0,
    randomAccess: (flags & ADAPTATION_FLAG.randomAccess) !== 0,
  };
  const hasPcr = (flags & ADAPTATION_FLAG.pcr) !== 0 && adaptationBytes >= ADAPTATION_PCR_BYTES;
  return hasPcr ? { ...header, pcr: readPcr(bytes, offset + 6) } : header;
}

/**
 * Writes the 4 bytes of a header: no error, no priority, not scrambled.
 *
 * @param control adaptation_field_control: 1 payload, 2 adaptation field, 3 both.
 */
export function writePacketHeader(
  header: { pid: number; payloadStart: boolean; control: 1 | 2 | 3; counter: number },
  target: Uint8Array,
  offset: number,
): void {
  target[offset] = SYNC_BYTE;
  target[offset + 1] = (header.payloadStart ? 0x40 : 0) | header.pid >>> 8;
  target[offset + 2] = header.pid & 0xff;
  target[offset + 3] = header.control << 4 | header.counter;
}

/**
 * Writes an adaptation field of `bytes`, its length byte included, padded with stuffing bytes.
 *
 * @param bytes 1 to 184; 1 has no flags, the least with flags is {@link ADAPTATION_FLAGS_BYTES},
 * with a PCR {@link ADAPTATION_PCR_BYTES}.
 * @param pcrTicks Written when `flags` has {@link ADAPTATION_FLAG}.pcr: 33 bits of 90 kHz; the
 * 27 MHz part is zero.
 */
export function writeAdaptationField(
  field: { bytes: number; flags: number; pcrTicks: number },
  target: Uint8Array,
  offset: number,
): void {
  const { bytes, flags, pcrTicks } = field;
  target[offset] = bytes - 1;
  if (bytes === 1) return;
  target[offset + 1] = flags;
  let used = ADAPTATION_FLAGS_BYTES;
  if ((flags & ADAPTATION_FLAG.pcr) !== 0) {
    writePcr(pcrTicks, target, offset + used);
    used = ADAPTATION_PCR_BYTES;
  }
  target.fill(0xff, offset + used, offset + bytes);
}

/** Reads program_clock_reference: 33 bits of 90 kHz, 6 reserved, 9 of the 300 between them. */
function readPcr(bytes: Uint8Array, offset: number): number {
  const high = bytes[offset] * 2 ** 24 + (bytes[offset + 1] << 16 | bytes[offset + 2] << 8) +
    bytes[offset + 3];
  const base = high * 2 + (bytes[offset + 4] >>> 7);
  return base * PCR_EXTENSION_TICKS + ((bytes[offset + 4] & 1) << 8 | bytes[offset + 5]);
}

function writePcr(ticks: number, target: Uint8Array, offset: number): void {
  if (!(ticks >= 0 && ticks < TICKS_WRAP)) {
    throw new RangeError(`Cannot write PCR: ${ticks} does not fit 33 bits`);
  }
  const high = Math.floor(ticks / 2);
  target[offset] = high >>> 24;
  target[offset + 1] = high >>> 16 & 0xff;
  target[offset + 2] = high >>> 8 & 0xff;
  target[offset + 3] = high & 0xff;
  target[offset + 4] = (ticks % 2) << 7 | 0x7e; // the last bit, then 6 reserved, all one
  target[offset + 5] = 0; // the 27 MHz part
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read transport packet: ${found}`, {
    protocol: "MPEG-TS",
    section,
    offset,
  });
}
