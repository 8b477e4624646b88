/**
 * H.265 around its pictures: NAL unit types, key frames, and HEVCDecoderConfigurationRecord (the
 * payload of MP4's "hvcC", and of enhanced RTMP's sequence start).
 *
 * Sources: ITU-T H.265, section 7.4.2.2; ISO/IEC 14496-15, section 8.3.3.1. What an SPS says is in
 * `h265_sps.ts`. Slices are not read.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { forEachNalUnit, NAL_LENGTH_BYTES } from "../media/nal.ts";
import { type HevcProfileTierLevel, parseHevcSps } from "./h265_sps.ts";

export { type HevcProfileTierLevel, type HevcSpsInfo, parseHevcSps } from "./h265_sps.ts";

/** nal_unit_type values (H.265, table 7-1) that somebody looks at. */
export const H265_NAL_TYPE = {
  blaWithLeadingPictures: 16, // first IRAP type
  idrWithLeadingPictures: 19,
  idr: 20,
  cleanRandomAccess: 21,
  reservedIrapLast: 23, // last IRAP type
  vps: 32,
  sps: 33,
  pps: 34,
  accessUnitDelimiter: 35,
  endOfSequence: 36,
  endOfBitstream: 37,
  filler: 38,
  prefixSei: 39,
  suffixSei: 40,
} as const;

/** Most NAL units in a configuration: 16 VPS, 16 SPS and 64 PPS are the most ids, SEI beside. */
export const HEVC_CONFIG_UNITS_MAX = 128;

/** Size of the record before its arrays of parameter sets, in bytes. */
const FIXED_BYTES = 23;

/** The NAL units of one type in a configuration. */
export interface HevcUnitArray {
  readonly type: number; // NAL_unit_type
  readonly complete: boolean; // array_completeness: none of this type comes in the stream
  readonly units: readonly Uint8Array[]; // without prefix
}

/** A decoded HEVCDecoderConfigurationRecord. */
export interface HevcConfig extends HevcProfileTierLevel {
  readonly minSpatialSegmentation: number; // min_spatial_segmentation_idc, 12 bits
  readonly parallelism: number; // parallelismType, 0 = unknown
  readonly chromaFormat: number; // 0 monochrome, 1 4:2:0, 2 4:2:2, 3 4:4:4
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  readonly averageFrameRate: number; // frames per 256 seconds, 0 = not told
  readonly constantFrameRate: number; // 0 to 2, 0 = not told
  readonly temporalLayers: number; // numTemporalLayers, 0 = not told
  readonly temporalIdNested: boolean;
  readonly lengthBytes: number; // lengthSizeMinusOne + 1: 1, 2 or 4
  readonly arrays: readonly HevcUnitArray[];
}

/** The type of a NAL unit without prefix; -1 for one that is shorter than its header. */
export function h265NalType(nal: Uint8Array): number {
  return nal.length < 2 ? -1 : (nal[0] >>> 1) & 0x3f;
}

/** Whether the unit is a slice of an IRAP picture (BLA, IDR or CRA), where decoding can start. */
export function isH265Irap(nal: Uint8Array): boolean {
  const type = h265NalType(nal);
  return type >= H265_NAL_TYPE.blaWithLeadingPictures && type <= H265_NAL_TYPE.reservedIrapLast;
}

/**
 * Whether an access unit in the form of our frames (4-byte lengths) is an IRAP picture.
 *
 * @throws {ProtocolError} A NAL unit reaches beyond the end.
 */
export function isH265Keyframe(accessUnit: Uint8Array): boolean {
  let found = false;
  forEachNalUnit(accessUnit, NAL_LENGTH_BYTES, (nal) => found ||= isH265Irap(nal));
  return found;
}

/** The configuration's units of one NAL unit type, in order. */
export function hevcUnits(config: Pick<HevcConfig, "arrays">, type: number): Uint8Array[] {
  return config.arrays.filter((array) => array.type === type).flatMap((array) => array.units);
}

/**
 * Reads a whole HEVCDecoderConfigurationRecord. The NAL units are views of `bytes`, which are not
 * looked into.
 *
 * @throws {ProtocolError} The version is not 1, a NAL unit is cut short or empty, there are more
 * than {@link HEVC_CONFIG_UNITS_MAX}, or there is no VPS, no SPS or no PPS.
 */
export function parseHevcDecoderConfigurationRecord(bytes: Uint8Array): HevcConfig {
  if (bytes.length < FIXED_BYTES) {
    throw malformed(`Cannot read hvcC: ${bytes.length} bytes, at least ${FIXED_BYTES} needed`, 0);
  }
  // Version 0 was written by encoders of the draft; the layout is the same.
  if (bytes[0] > 1) {
    throw malformed(`Cannot read hvcC: configurationVersion is ${bytes[0]}, not 1`, 0);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const config: HevcConfig = {
    profileSpace: bytes[1] >>> 6,
    tier: (bytes[1] >>> 5) & 1,
    profile: bytes[1] & 0x1f,
    compatibility: view.getUint32(2),
    constraints: bytes.subarray(6, 12),
    level: bytes[12],
    minSpatialSegmentation: view.getUint16(13) & 0xfff,
    parallelism: bytes[15] & 3,
    chromaFormat: bytes[16] & 3,
    bitDepthLuma: 8 + (bytes[17] & 7),
    bitDepthChroma: 8 + (bytes[18] & 7),
    averageFrameRate: view.getUint16(19),
    constantFrameRate: bytes[21] >>> 6,
    temporalLayers: (bytes[21] >>> 3) & 7,
    temporalIdNested: (bytes[21] & 4) !== 0,
    lengthBytes: (bytes[21] & 3) + 1,
    arrays: readArrays(view, bytes),
  };
  for (const name of ["vps", "sps", "pps"] as const) {
    if (hevcUnits(config, H265_NAL_TYPE[name]).length > 0) continue;
    throw malformed(`Cannot read hvcC: it holds no ${name.toUpperCase()}`, FIXED_BYTES - 1);
  }
  return config;
}

/**
 * Writes the record; the inverse of {@link parseHevcDecoderConfigurationRecord}.
 *
 * @throws {RangeError} There are more or larger NAL units than the record has room for.
 */
export function writeHevcDecoderConfigurationRecord(config: HevcConfig): Uint8Array {
  const output = new Uint8Array(FIXED_BYTES + arraysBytes(config.arrays));
  const view = new DataView(output.buffer);
  output[0] = 1;
  output[1] = config.profileSpace << 6 | config.tier << 5 | config.profile;
  view.setUint32(2, config.compatibility);
  output.set(config.constraints, 6);
  output[12] = config.level;
  // Reserved bits are all one: 4 here, then 6, 6, 5 and 5.
  view.setUint16(13, 0xf000 | config.minSpatialSegmentation);
  output[15] = 0xfc | config.parallelism;
  output[16] = 0xfc | config.chromaFormat;
  output[17] = 0xf8 | (config.bitDepthLuma - 8);
  output[18] = 0xf8 | (config.bitDepthChroma - 8);
  view.setUint16(19, config.averageFrameRate);
  output[21] = config.constantFrameRate << 6 | config.temporalLayers << 3 |
    (config.temporalIdNested ? 4 : 0) | (config.lengthBytes - 1);
  output[22] = config.arrays.length;
  let offset = FIXED_BYTES;
  for (const { type, complete, units } of config.arrays) {
    output[offset] = (complete ? 0x80 : 0) | type;
    view.setUint16(offset + 1, units.length);
    offset += 3;
    for (const unit of units) {
      view.setUint16(offset, unit.length);
      output.set(unit, offset + 2);
      offset += 2 + unit.length;
    }
  }
  return output;
}

/**
 * Makes the record for parameter sets that came in the stream, as MPEG-TS and RTSP bring them.
 *
 * @throws {ProtocolError} The first SPS cannot be read.
 * @throws {RangeError} One of the lists is empty.
 */
export function hevcConfigOf(
  sets: {
    readonly vps: readonly Uint8Array[];
    readonly sps: readonly Uint8Array[];
    readonly pps: readonly Uint8Array[];
  },
): HevcConfig {
  const { vps, sps, pps } = sets;
  if (vps.length === 0 || sps.length === 0 || pps.length === 0) {
    throw new RangeError("Cannot make hvcC: at least one VPS, one SPS and one PPS are needed");
  }
  const info = parseHevcSps(sps[0]);
  return {
    profileSpace: info.profileSpace,
    tier: info.tier,
    profile: info.profile,
    compatibility: info.compatibility,
    constraints: info.constraints,
    level: info.level,
    minSpatialSegmentation: 0,
    parallelism: 0,
    chromaFormat: info.chromaFormat,
    bitDepthLuma: info.bitDepthLuma,
    bitDepthChroma: info.bitDepthChroma,
    averageFrameRate: 0,
    constantFrameRate: 0,
    temporalLayers: info.temporalLayers,
    temporalIdNested: info.temporalIdNested,
    lengthBytes: NAL_LENGTH_BYTES,
    arrays: [
      { type: H265_NAL_TYPE.vps, complete: true, units: vps },
      { type: H265_NAL_TYPE.sps, complete: true, units: sps },
      { type: H265_NAL_TYPE.pps, complete: true, units: pps },
    ],
  };
}

function readArrays(view: DataView, bytes: Uint8Array): HevcUnitArray[] {
  const arrays: HevcUnitArray[] = [];
  let offset = FIXED_BYTES;
  let left = HEVC_CONFIG_UNITS_MAX;
  for (let count = bytes[FIXED_BYTES - 1]; count > 0; count--) {
    if (bytes.length - offset < 3) throw malformed("Cannot read hvcC: array cut short", offset);
    const unitCount = view.getUint16(offset + 1);
    left -= unitCount;
    if (left < 0) {
      throw malformed(`Cannot read hvcC: over ${HEVC_CONFIG_UNITS_MAX} NAL units`, offset);
    }
    const head = bytes[offset];
    const { units, end } = readUnits(view, bytes, offset + 3, unitCount);
    arrays.push({ type: head & 0x3f, complete: (head & 0x80) !== 0, units });
    offset = end;
  }
  return arrays;
}

function readUnits(view: DataView, bytes: Uint8Array, start: number, count: number) {
  const units: Uint8Array[] = [];
  let offset = start;
  for (let index = 0; index < count; index++) {
    if (bytes.length - offset < 2) throw malformed("Cannot read hvcC: NAL unit cut short", offset);
    const end = offset + 2 + view.getUint16(offset);
    if (end > bytes.length) throw malformed("Cannot read hvcC: NAL unit cut short", offset);
    if (end === offset + 2) throw malformed("Cannot read hvcC: NAL unit of no bytes", offset);
    units.push(bytes.subarray(offset + 2, end));
    offset = end;
  }
  return { units, end: offset };
}

function arraysBytes(arrays: readonly HevcUnitArray[]): number {
  let bytes = 0;
  let count = 0;
  for (const { units } of arrays) {
    bytes += 3;
    count += units.length;
    for (const unit of units) {
      if (unit.length > 0xffff) {
        throw new RangeError(`Cannot write hvcC: a NAL unit of ${unit.length} bytes, over 65535`);
      }
      bytes += 2 + unit.length;
    }
  }
  if (count > HEVC_CONFIG_UNITS_MAX || arrays.length > 0xff) {
    throw new RangeError(
      `Cannot write hvcC: ${count} NAL units, at most ${HEVC_CONFIG_UNITS_MAX} fit`,
    );
  }
  return bytes;
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "hvcC", section: "14496-15 8.3.3.1", offset });
}
