/**
 * NAL units of H.264 and H.265 in their two packings: length-prefixed, the form of our frames, and
 * the byte stream with start codes that MPEG-TS, program streams and some encoders use.
 *
 * Sources: ISO/IEC 14496-15, section 5.3.3.1 (length prefix); ITU-T H.264, annex B (start codes)
 * and section 7.4.1 (emulation prevention); H.265 has the same rules. Knows no NAL unit type.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Bytes of the length in front of each NAL unit of a frame. */
export const NAL_LENGTH_BYTES = 4;

/**
 * Most bytes of a parameter set that are read, escaped. avcC and hvcC count them in 16 bits; what
 * we look at ends within some hundred.
 */
export const PARAMETER_SET_BYTES_MAX = 65_535;

/** Receives one NAL unit: a view without its prefix, and where that view starts in the input. */
export type NalVisitor = (nal: Uint8Array, offset: number) => void;

/**
 * Calls `visit` for each NAL unit behind a length of `lengthBytes`, 1 to 4. Units of no bytes,
 * which some encoders emit as padding, are passed over.
 *
 * @throws {ProtocolError} A length reaches beyond the end; `visit` has then seen the units before.
 * @throws {RangeError} `lengthBytes` is not 1 to 4.
 */
export function forEachNalUnit(data: Uint8Array, lengthBytes: number, visit: NalVisitor): void {
  for (let offset = 0; offset < data.length;) {
    const start = offset + lengthBytes;
    const end = start + nalUnitBytes(data, offset, lengthBytes);
    if (end > start) visit(data.subarray(start, end), start);
    offset = end;
  }
}

/**
 * Checks that `data` is made of whole length-prefixed NAL units, without touching their content.
 *
 * @throws {ProtocolError} A length reaches beyond the end.
 * @throws {RangeError} `lengthBytes` is not 1 to 4.
 */
export function validateNalUnits(data: Uint8Array, lengthBytes = NAL_LENGTH_BYTES): void {
  for (let offset = 0; offset < data.length;) {
    offset += lengthBytes + nalUnitBytes(data, offset, lengthBytes);
  }
}

/**
 * Brings length-prefixed NAL units to the 4-byte lengths of our frames. With `fromLengthBytes` 4
 * the very `data` is returned, checked; else a copy, at most 2.5 times as large.
 *
 * @throws {ProtocolError} A length reaches beyond the end.
 * @throws {RangeError} `fromLengthBytes` is not 1 to 4.
 */
export function toLengthPrefixed4(data: Uint8Array, fromLengthBytes: number): Uint8Array {
  if (fromLengthBytes === NAL_LENGTH_BYTES) {
    validateNalUnits(data);
    return data;
  }
  return prefixed4((visit) => forEachNalUnit(data, fromLengthBytes, visit));
}

/**
 * Calls `visit` for each NAL unit of a byte stream (H.264, annex B), start codes of three or four
 * bytes and trailing zeros removed. Bytes before the first start code belong to no unit and are
 * passed over.
 */
export function forEachAnnexBNalUnit(data: Uint8Array, visit: NalVisitor): void {
  let start = startCodeEnd(data, 0);
  while (start !== -1) {
    const next = startCodeEnd(data, start);
    let end = next === -1 ? data.length : next - 3;
    // A NAL unit never ends in zero: these are trailing_zero_8bits or the next zero_byte (B.1.1).
    while (end > start && data[end - 1] === 0) end--;
    if (end > start) visit(data.subarray(start, end), start);
    start = next;
  }
}

/** Copies a byte stream (H.264, annex B) into 4-byte length-prefixed form; empty without units. */
export function annexBToLengthPrefixed4(data: Uint8Array): Uint8Array {
  return prefixed4((visit) => forEachAnnexBNalUnit(data, visit));
}

/** Whether `data` opens with a start code, as a byte stream does and no sane length would. */
export function startsWithStartCode(data: Uint8Array): boolean {
  if (data.length < 4 || data[0] !== 0 || data[1] !== 0) return false;
  return data[2] === 1 || (data[2] === 0 && data[3] === 1);
}

/**
 * Removes emulation_prevention_three_byte (H.264, 7.4.1) from a NAL unit. Returns a view of the
 * input when there is none. Reads at most {@link PARAMETER_SET_BYTES_MAX} bytes: meant for
 * parameter sets, not for slices.
 */
export function unescapeNalUnit(nal: Uint8Array): Uint8Array {
  const escaped = nal.subarray(0, PARAMETER_SET_BYTES_MAX);
  let zeros = 0;
  let length = 0;
  let output: Uint8Array | undefined;
  for (let offset = 0; offset < escaped.length; offset++) {
    const byte = escaped[offset];
    if (zeros >= 2 && byte === 3) {
      output ??= escaped.slice(); // Its first `length` bytes are already right.
      zeros = 0;
      continue;
    }
    if (output !== undefined) output[length] = byte;
    length++;
    zeros = byte === 0 ? zeros + 1 : 0;
  }
  return output === undefined ? escaped : output.subarray(0, length);
}

/** The payload size of the unit at `offset`, checked against what is there. */
function nalUnitBytes(data: Uint8Array, offset: number, lengthBytes: number): number {
  if (!Number.isInteger(lengthBytes) || lengthBytes < 1 || lengthBytes > 4) {
    throw new RangeError(`Cannot read NAL units: length of ${lengthBytes} bytes, 1 to 4 are valid`);
  }
  const left = data.length - offset - lengthBytes;
  if (left < 0) throw malformed("Cannot read NAL unit: its length is cut short", offset);
  let bytes = 0;
  for (let index = 0; index < lengthBytes; index++) bytes = bytes * 256 + data[offset + index];
  if (bytes > left) {
    throw malformed(`Cannot read NAL unit: ${bytes} bytes announced, ${left} left`, offset);
  }
  return bytes;
}

/** Offset just behind the next 00 00 01 at or after `from`, or -1. */
function startCodeEnd(data: Uint8Array, from: number): number {
  for (let last = from + 2; last < data.length;) {
    const byte = data[last];
    // A byte over 1 cannot be part of a start code, so neither can the next two be its end.
    if (byte > 1) last += 3;
    else if (byte === 1 && data[last - 1] === 0 && data[last - 2] === 0) return last + 1;
    else last++;
  }
  return -1;
}

/** Measures the units that `each` visits, then writes them into one array of the right size. */
function prefixed4(each: (visit: NalVisitor) => void): Uint8Array {
  let bytes = 0;
  each((nal) => bytes += NAL_LENGTH_BYTES + nal.length);
  const output = new Uint8Array(bytes);
  const view = new DataView(output.buffer);
  let offset = 0;
  each((nal) => {
    view.setUint32(offset, nal.length);
    output.set(nal, offset + NAL_LENGTH_BYTES);
    offset += NAL_LENGTH_BYTES + nal.length;
  });
  return output;
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "ISO/IEC 14496-15", section: "5.3.3.1", offset });
}
