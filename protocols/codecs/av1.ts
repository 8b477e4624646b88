/**
 * AV1 around its frames: OBUs, the sequence header, and AV1CodecConfigurationRecord (the payload
 * of MP4's "av1C", and of enhanced RTMP's sequence start).
 *
 * Sources: AV1 Bitstream & Decoding Process, sections 4.10.5 (leb128), 5.3 (OBU) and 5.9.2 (frame
 * header); AV1 Codec ISO Media File Format Binding, section 2.3. The sequence header's fields are
 * in `av1_sequence.ts`.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { type Av1SequenceHeader, parseAv1SequenceHeader } from "./av1_sequence.ts";

export { type Av1SequenceHeader, parseAv1SequenceHeader } from "./av1_sequence.ts";

/** obu_type values (6.2.2) that somebody looks at. */
export const AV1_OBU_TYPE = {
  sequenceHeader: 1,
  temporalDelimiter: 2,
  frameHeader: 3,
  tileGroup: 4,
  metadata: 5,
  frame: 6,
  redundantFrameHeader: 7,
  tileList: 8,
  padding: 15,
} as const;

/** Most OBUs looked at in a configuration or temporal unit; tiles and layers stay far below. */
export const AV1_OBUS_MAX = 4_096;

/** Receives one OBU: its type, its payload and the whole of it with header, as views. */
export type ObuVisitor = (type: number, payload: Uint8Array, obu: Uint8Array) => void;

/** A decoded AV1CodecConfigurationRecord. */
export interface Av1Config {
  readonly profile: number; // seq_profile, 0 to 2
  readonly level: number; // seq_level_idx_0, 0 to 31
  readonly tier: number; // seq_tier_0
  readonly bitDepth: number; // 8, 10 or 12
  readonly monochrome: boolean;
  readonly subsamplingX: boolean;
  readonly subsamplingY: boolean;
  readonly chromaSamplePosition: number; // 0 to 3
  /** initial_presentation_delay_minus_one, or `undefined` when it is not told. */
  readonly initialPresentationDelay: number | undefined;
  /** OBUs to precede the first frame, the sequence header above all; may be empty. */
  readonly obus: Uint8Array;
}

/**
 * Calls `visit` for each OBU of the low-overhead format (5.2). The last one may lack its size.
 *
 * @throws {ProtocolError} An OBU is cut short or its header is invalid, or there are more than
 * {@link AV1_OBUS_MAX}.
 */
export function forEachObu(data: Uint8Array, visit: ObuVisitor): void {
  let count = 0;
  for (let offset = 0; offset < data.length; count++) {
    if (count === AV1_OBUS_MAX) throw malformed(`there are over ${AV1_OBUS_MAX}`, "5.2", offset);
    const head = data[offset];
    if ((head & 0x80) !== 0) throw malformed("obu_forbidden_bit is set", "5.3.2", offset);
    let start = offset + 1 + ((head & 4) >>> 2); // obu_extension_flag: one byte more
    if (start > data.length) throw malformed("it is cut short", "5.3.1", offset);
    let end = data.length;
    if ((head & 2) !== 0) { // obu_has_size_field
      const size = parseLeb128(data, start);
      start = size.end;
      end = start + size.value;
    }
    if (start > data.length || end > data.length) {
      throw malformed("it is cut short", "5.3.1", offset);
    }
    visit((head >>> 3) & 0xf, data.subarray(start, end), data.subarray(offset, end));
    offset = end;
  }
}

/**
 * Whether a temporal unit opens with a key frame that is shown, where decoding can start.
 * Sequence headers beside it are not needed when the configuration has one.
 *
 * @throws {ProtocolError} As {@link forEachObu}.
 */
export function isAv1Keyframe(temporalUnit: Uint8Array): boolean {
  let keyframe: boolean | undefined;
  forEachObu(temporalUnit, (type, payload) => {
    if (keyframe !== undefined || payload.length === 0) return;
    if (type !== AV1_OBU_TYPE.frame && type !== AV1_OBU_TYPE.frameHeader) return;
    // show_existing_frame 0, frame_type KEY_FRAME 0, show_frame 1 (5.9.2). A stream of still
    // pictures with reduced headers has no such bits, and is none that anybody sends live.
    keyframe = (payload[0] & 0xf0) === 0x10;
  });
  return keyframe ?? false;
}

/** Reads the sequence header among `obus`; `undefined` when there is none. */
export function findAv1SequenceHeader(obus: Uint8Array): Av1SequenceHeader | undefined {
  let header: Av1SequenceHeader | undefined;
  forEachObu(obus, (type, payload) => {
    if (type === AV1_OBU_TYPE.sequenceHeader) header ??= parseAv1SequenceHeader(payload);
  });
  return header;
}

/**
 * Reads a whole AV1CodecConfigurationRecord; its OBUs are a view of `bytes`, not looked into.
 *
 * @throws {ProtocolError} It is shorter than 4 bytes, or marker or version are not 1.
 */
export function parseAv1CodecConfigurationRecord(bytes: Uint8Array): Av1Config {
  if (bytes.length < 4) {
    throw record(`Cannot read av1C: ${bytes.length} bytes, at least 4 are needed`);
  }
  if (bytes[0] !== 0x81) {
    throw record(`Cannot read av1C: marker and version are ${bytes[0]}, not 129`);
  }
  const flags = bytes[2];
  return {
    profile: bytes[1] >>> 5,
    level: bytes[1] & 0x1f,
    tier: flags >>> 7,
    bitDepth: (flags & 0x40) === 0 ? 8 : (flags & 0x20) === 0 ? 10 : 12,
    monochrome: (flags & 0x10) !== 0,
    subsamplingX: (flags & 8) !== 0,
    subsamplingY: (flags & 4) !== 0,
    chromaSamplePosition: flags & 3,
    initialPresentationDelay: (bytes[3] & 0x10) === 0 ? undefined : bytes[3] & 0xf,
    obus: bytes.subarray(4),
  };
}

/** Writes the record; the inverse of {@link parseAv1CodecConfigurationRecord}. */
export function writeAv1CodecConfigurationRecord(config: Av1Config): Uint8Array {
  const delay = config.initialPresentationDelay;
  const output = new Uint8Array(4 + config.obus.length);
  output[0] = 0x81;
  output[1] = config.profile << 5 | config.level;
  output[2] = config.tier << 7 | (config.bitDepth > 8 ? 0x40 : 0) |
    (config.bitDepth === 12 ? 0x20 : 0) | (config.monochrome ? 0x10 : 0) |
    (config.subsamplingX ? 8 : 0) | (config.subsamplingY ? 4 : 0) | config.chromaSamplePosition;
  output[3] = delay === undefined ? 0 : 0x10 | delay;
  output.set(config.obus, 4);
  return output;
}

/**
 * Makes the record for a sequence header OBU, given whole and with its size field, that came in
 * the stream.
 *
 * @throws {ProtocolError} It cannot be read.
 */
export function av1ConfigOf(sequenceHeaderObu: Uint8Array): Av1Config {
  const header = findAv1SequenceHeader(sequenceHeaderObu);
  if (header === undefined) throw record("Cannot make av1C: no sequence header OBU");
  return {
    profile: header.profile,
    level: header.level,
    tier: header.tier,
    bitDepth: header.bitDepth,
    monochrome: header.monochrome,
    subsamplingX: header.subsamplingX,
    subsamplingY: header.subsamplingY,
    chromaSamplePosition: header.chromaSamplePosition,
    initialPresentationDelay: undefined,
    obus: sequenceHeaderObu,
  };
}

/**
 * Reads a leb128 number (4.10.5): at most 8 bytes, below 2^32.
 *
 * @throws {ProtocolError} It is cut short or larger.
 */
export function parseLeb128(data: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    if (start + index >= data.length) throw malformed("its size is cut short", "4.10.5", start);
    const byte = data[start + index];
    value += (byte & 0x7f) * 2 ** (7 * index);
    if ((byte & 0x80) !== 0) continue;
    if (value > 0xffffffff) break;
    return { value, end: start + index + 1 };
  }
  throw malformed("its size is over 2^32 - 1", "4.10.5", start);
}

function malformed(found: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read OBU: ${found}`, { protocol: "AV1", section, offset });
}

function record(message: string): ProtocolError {
  return new ProtocolError(message, { protocol: "av1C", section: "AV1-ISOBMFF 2.3.3", offset: 0 });
}
