/**
 * VP8's and VP9's VPCodecConfigurationRecord, the payload of MP4's "vpcC" and of enhanced RTMP's
 * sequence start. It tells no picture size; only key frames do.
 *
 * Source: VP Codec ISO Media File Format Binding 1.0, section "VP Codec Configuration Box".
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** A decoded VPCodecConfigurationRecord; colour values are those of ISO/IEC 23001-8. */
export interface VpConfig {
  readonly profile: number; // 0 to 3
  readonly level: number; // ten times the level, 0 = not told
  readonly bitDepth: number; // 8, 10 or 12
  readonly chromaSubsampling: number; // 0 and 1 4:2:0, 2 4:2:2, 3 4:4:4
  readonly fullRange: boolean;
  readonly colourPrimaries: number;
  readonly transferCharacteristics: number;
  readonly matrixCoefficients: number;
}

/** Size of the record without initialisation data, which VP8 and VP9 never have. */
const RECORD_BYTES = 8;

/** Size of version and flags, which some carriers leave in front of the record. */
const FULL_BOX_BYTES = 4;

/**
 * Reads a whole record, with or without the box's version and flags in front.
 *
 * @throws {ProtocolError} It ends too early, or its profile or bit depth does not exist.
 */
export function parseVpCodecConfigurationRecord(bytes: Uint8Array): VpConfig {
  const start = startsWithVersion(bytes) ? FULL_BOX_BYTES : 0;
  if (bytes.length - start < RECORD_BYTES) {
    throw malformed(`${bytes.length - start} bytes, at least ${RECORD_BYTES} are needed`, 0);
  }
  const profile = bytes[start];
  const bitDepth = bytes[start + 2] >>> 4;
  if (profile > 3) throw malformed(`profile is ${profile}, at most 3 is valid`, start);
  if (bitDepth !== 8 && bitDepth !== 10 && bitDepth !== 12) {
    throw malformed(`bit depth is ${bitDepth}; 8, 10 and 12 are valid`, start + 2);
  }
  return {
    profile,
    level: bytes[start + 1],
    bitDepth,
    chromaSubsampling: (bytes[start + 2] >>> 1) & 7,
    fullRange: (bytes[start + 2] & 1) === 1,
    colourPrimaries: bytes[start + 3],
    transferCharacteristics: bytes[start + 4],
    matrixCoefficients: bytes[start + 5],
  };
}

/** Writes the record, without version and flags. */
export function writeVpCodecConfigurationRecord(config: VpConfig): Uint8Array {
  const output = new Uint8Array(RECORD_BYTES); // The last two: no initialisation data.
  output[0] = config.profile;
  output[1] = config.level;
  output[2] = config.bitDepth << 4 | config.chromaSubsampling << 1 | (config.fullRange ? 1 : 0);
  output[3] = config.colourPrimaries;
  output[4] = config.transferCharacteristics;
  output[5] = config.matrixCoefficients;
  return output;
}

/** Whether version 1 and no flags come first; as a record these would mean a bit depth of 0. */
function startsWithVersion(bytes: Uint8Array): boolean {
  return bytes.length >= FULL_BOX_BYTES && bytes[0] === 1 && bytes[1] === 0 && bytes[2] === 0 &&
    bytes[3] === 0;
}

function malformed(found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read vpcC: ${found}`, {
    protocol: "vpcC",
    section: "VP Codec Configuration Box",
    offset,
  });
}
