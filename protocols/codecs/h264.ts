/**
 * H.264 around its pictures: NAL unit types, key frames, and AVCDecoderConfigurationRecord (the
 * payload of MP4's "avcC", also what RTMP and FLV call the sequence header).
 *
 * Sources: ITU-T H.264, section 7.4.1; ISO/IEC 14496-15, section 5.3.3.1. What an SPS says is in
 * `h264_sps.ts`. Slices are not read.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { forEachNalUnit, NAL_LENGTH_BYTES } from "../media/nal.ts";
import { hasHighProfileFields, parseSps } from "./h264_sps.ts";

export { parseSps, type SpsInfo } from "./h264_sps.ts";

/** nal_unit_type values (H.264, table 7-1) that somebody looks at. */
export const H264_NAL_TYPE = {
  slice: 1,
  idr: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  accessUnitDelimiter: 9,
  endOfSequence: 10,
  endOfStream: 11,
  filler: 12,
  spsExtension: 13,
} as const;

/** Most SPS a configuration can hold: their count has 5 bits. */
export const AVC_SPS_MAX = 31;

/** Most PPS a configuration can hold: their count has 8 bits. */
export const AVC_PPS_MAX = 255;

/** Fields that follow the parameter sets for the high profiles. */
export interface AvcHighProfileFields {
  readonly chromaFormat: number; // 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4
  readonly bitDepthLuma: number; // 8 to 14
  readonly bitDepthChroma: number; // 8 to 14
  readonly spsExtensions: readonly Uint8Array[]; // NAL units of type 13
}

/** A decoded AVCDecoderConfigurationRecord; parameter sets are NAL units without prefix. */
export interface AvcConfig {
  readonly profile: number; // AVCProfileIndication
  readonly compatibility: number; // profile_compatibility: the constraint_set flags
  readonly level: number; // AVCLevelIndication, ten times the level
  readonly lengthBytes: number; // lengthSizeMinusOne + 1: 1, 2 or 4
  readonly sps: readonly Uint8Array[];
  readonly pps: readonly Uint8Array[];
  /** Absent below the high profiles, and where an encoder left the fields out. */
  readonly high?: AvcHighProfileFields;
}

/** The type of a NAL unit without prefix; 0 (unspecified) for an empty one. */
export function h264NalType(nal: Uint8Array): number {
  return nal.length === 0 ? 0 : nal[0] & 0x1f;
}

/** Whether the unit is a slice of an IDR picture, where decoding can start. */
export function isH264Idr(nal: Uint8Array): boolean {
  return h264NalType(nal) === H264_NAL_TYPE.idr;
}

/**
 * Whether an access unit in the form of our frames (4-byte lengths) is an IDR picture.
 *
 * @throws {ProtocolError} A NAL unit reaches beyond the end.
 */
export function isH264Keyframe(accessUnit: Uint8Array): boolean {
  let found = false;
  forEachNalUnit(accessUnit, NAL_LENGTH_BYTES, (nal) => found ||= isH264Idr(nal));
  return found;
}

/**
 * Reads a whole AVCDecoderConfigurationRecord. The parameter sets are views of `bytes`, which are
 * not looked into. High profile fields that are missing or cut short are taken as absent: many
 * encoders leave them out.
 *
 * @throws {ProtocolError} The version is not 1, a parameter set is cut short or empty, or there is
 * no SPS or no PPS.
 */
export function parseAvcDecoderConfigurationRecord(bytes: Uint8Array): AvcConfig {
  if (bytes.length < 7) {
    throw malformed(`Cannot read avcC: ${bytes.length} bytes, at least 7 are needed`, 0);
  }
  if (bytes[0] !== 1) {
    throw malformed(`Cannot read avcC: configurationVersion is ${bytes[0]}, not 1`, 0);
  }
  // Some encoders leave the reserved bits of bytes 4 and 5 zero, so nobody checks them.
  const sps = readUnits(bytes, 6, bytes[5] & 0x1f, "SPS");
  if (sps.units.length === 0) throw malformed("Cannot read avcC: it holds no SPS", 5);
  if (sps.end >= bytes.length) {
    throw malformed("Cannot read avcC: it ends before the number of PPS", sps.end);
  }
  const pps = readUnits(bytes, sps.end + 1, bytes[sps.end], "PPS");
  if (pps.units.length === 0) throw malformed("Cannot read avcC: it holds no PPS", sps.end);
  const config = {
    profile: bytes[1],
    compatibility: bytes[2],
    level: bytes[3],
    lengthBytes: (bytes[4] & 3) + 1,
    sps: sps.units,
    pps: pps.units,
  };
  const high = hasHighProfileFields(config.profile) ? readHighFields(bytes, pps.end) : undefined;
  return high === undefined ? config : { ...config, high };
}

/**
 * Writes the record; the inverse of {@link parseAvcDecoderConfigurationRecord}.
 *
 * @throws {RangeError} There are more or larger parameter sets than the record has room for.
 */
export function writeAvcDecoderConfigurationRecord(config: AvcConfig): Uint8Array {
  const { sps, pps, high } = config;
  if (sps.length > AVC_SPS_MAX || pps.length > AVC_PPS_MAX) {
    throw new RangeError(
      `Cannot write avcC: ${sps.length} SPS and ${pps.length} PPS, ` +
        `at most ${AVC_SPS_MAX} and ${AVC_PPS_MAX} fit`,
    );
  }
  let bytes = 7 + unitsBytes(sps) + unitsBytes(pps);
  if (high !== undefined) bytes += 4 + unitsBytes(high.spsExtensions);

  const output = new Uint8Array(bytes);
  output.set([1, config.profile, config.compatibility, config.level]);
  output[4] = 0xfc | (config.lengthBytes - 1); // 6 reserved bits, all one
  output[5] = 0xe0 | sps.length; // 3 reserved bits, all one
  let offset = writeUnits(sps, output, 6);
  output[offset] = pps.length;
  offset = writeUnits(pps, output, offset + 1);
  if (high !== undefined) {
    output[offset] = 0xfc | high.chromaFormat;
    output[offset + 1] = 0xf8 | (high.bitDepthLuma - 8);
    output[offset + 2] = 0xf8 | (high.bitDepthChroma - 8);
    output[offset + 3] = high.spsExtensions.length;
    writeUnits(high.spsExtensions, output, offset + 4);
  }
  return output;
}

/**
 * Makes the record for parameter sets that came in the stream, as MPEG-TS and RTSP bring them.
 *
 * @throws {ProtocolError} The first SPS cannot be read.
 * @throws {RangeError} `sps` or `pps` is empty.
 */
export function avcConfigOf(sps: readonly Uint8Array[], pps: readonly Uint8Array[]): AvcConfig {
  if (sps.length === 0 || pps.length === 0) {
    throw new RangeError("Cannot make avcC: at least one SPS and one PPS are needed");
  }
  const info = parseSps(sps[0]);
  const config = {
    profile: info.profile,
    compatibility: info.compatibility,
    level: info.level,
    lengthBytes: NAL_LENGTH_BYTES,
    sps,
    pps,
  };
  if (!hasHighProfileFields(info.profile)) return config;
  const { chromaFormat, bitDepthLuma, bitDepthChroma } = info;
  return { ...config, high: { chromaFormat, bitDepthLuma, bitDepthChroma, spsExtensions: [] } };
}

function readHighFields(bytes: Uint8Array, offset: number): AvcHighProfileFields | undefined {
  if (bytes.length - offset < 4) return undefined;
  try {
    return {
      chromaFormat: bytes[offset] & 3,
      bitDepthLuma: 8 + (bytes[offset + 1] & 7),
      bitDepthChroma: 8 + (bytes[offset + 2] & 7),
      spsExtensions: readUnits(bytes, offset + 4, bytes[offset + 3], "SPS extension").units,
    };
  } catch (error) {
    if (error instanceof ProtocolError) return undefined; // Padding, not these fields.
    throw error;
  }
}

/** Reads `count` NAL units (at most 255) behind 16-bit lengths. */
function readUnits(bytes: Uint8Array, start: number, count: number, what: string) {
  const units: Uint8Array[] = [];
  let offset = start;
  for (let index = 0; index < count; index++) {
    if (bytes.length - offset < 2) throw malformed(`Cannot read avcC: ${what} cut short`, offset);
    const end = offset + 2 + (bytes[offset] << 8 | bytes[offset + 1]);
    if (end > bytes.length) throw malformed(`Cannot read avcC: ${what} cut short`, offset);
    if (end === offset + 2) throw malformed(`Cannot read avcC: ${what} of no bytes`, offset);
    units.push(bytes.subarray(offset + 2, end));
    offset = end;
  }
  return { units, end: offset };
}

function unitsBytes(units: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const unit of units) {
    if (unit.length > 0xffff) {
      throw new RangeError(
        `Cannot write avcC: a parameter set of ${unit.length} bytes, over 65535`,
      );
    }
    bytes += 2 + unit.length;
  }
  return bytes;
}

function writeUnits(units: readonly Uint8Array[], target: Uint8Array, start: number): number {
  let offset = start;
  for (const unit of units) {
    target[offset] = unit.length >>> 8;
    target[offset + 1] = unit.length & 0xff;
    target.set(unit, offset + 2);
    offset += 2 + unit.length;
  }
  return offset;
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "avcC", section: "14496-15 5.3.3.1", offset });
}
