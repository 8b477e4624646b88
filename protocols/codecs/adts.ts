/**
 * ADTS: the header in front of each AAC access unit in MPEG-TS and in .aac files.
 *
 * Source: ISO/IEC 14496-3, sections 1.A.2.2.1 and 1.A.2.2.2 (adts_fixed_header and
 * adts_variable_header). The CRC is passed over, not checked.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import {
  AAC_SAMPLE_RATES,
  aacChannels,
  type AudioSpecificConfig,
  writeAudioSpecificConfig,
} from "./aac.ts";

/** Size of a header without CRC, in bytes; the only kind written here. */
export const ADTS_HEADER_BYTES = 7;

/** Largest frame, header included: its length has 13 bits. */
export const ADTS_FRAME_BYTES_MAX = 0x1fff;

const WHERE = { protocol: "ADTS", section: "14496-3 1.A.2.2" };

/** Decoded fields of one header. */
export interface AdtsHeader {
  readonly objectType: number; // audioObjectType 1 to 4
  readonly sampleRate: number; // of the core coder
  readonly channelConfiguration: number; // 0 = listed inside the first access unit
  readonly headerBytes: number; // 7, or 9 with CRC
  readonly frameBytes: number; // header included
  readonly rawDataBlocks: number; // access units in the frame, 1 to 4; 1 in practice
}

/**
 * Reads the header at `offset`.
 *
 * @returns The header, or `undefined` when fewer than {@link ADTS_HEADER_BYTES} bytes remain.
 * @throws {ProtocolError} There is no syncword, the layer is not 0, the sampling frequency is
 * reserved, or the frame is shorter than its header.
 */
export function parseAdtsHeader(bytes: Uint8Array, offset = 0): AdtsHeader | undefined {
  if (bytes.length - offset < ADTS_HEADER_BYTES) return undefined;
  // 12 bits of syncword and 2 of layer must be what they are; ID tells MPEG-2 from MPEG-4 only.
  if (bytes[offset] !== 0xff || (bytes[offset + 1] & 0xf6) !== 0xf0) {
    throw malformed("Cannot read ADTS header: no syncword", offset);
  }
  const rateIndex = (bytes[offset + 2] >>> 2) & 0xf;
  const sampleRate = AAC_SAMPLE_RATES[rateIndex];
  if (sampleRate === undefined) {
    throw malformed(`Cannot read ADTS header: sampling frequency index ${rateIndex}`, offset + 2);
  }
  const headerBytes = (bytes[offset + 1] & 1) === 1 ? 7 : 9; // protection_absent
  const frameBytes = (bytes[offset + 3] & 3) << 11 | bytes[offset + 4] << 3 |
    bytes[offset + 5] >>> 5;
  if (frameBytes < headerBytes) {
    throw malformed(`Cannot read ADTS header: frame of ${frameBytes} bytes`, offset + 3);
  }
  return {
    objectType: (bytes[offset + 2] >>> 6) + 1,
    sampleRate,
    channelConfiguration: (bytes[offset + 2] & 1) << 2 | bytes[offset + 3] >>> 6,
    headerBytes,
    frameBytes,
    rawDataBlocks: (bytes[offset + 6] & 3) + 1,
  };
}

/**
 * Writes the header of one access unit of `accessUnitBytes`, {@link ADTS_HEADER_BYTES} bytes at
 * `offset`: MPEG-4, no CRC, buffer fullness "variable rate". SBR and PS are not told; decoders
 * find them in the access unit.
 *
 * @throws {RangeError} The frame is too large, or ADTS cannot say what `config` says.
 */
export function writeAdtsHeader(
  config: Pick<AudioSpecificConfig, "objectType" | "coreSampleRate" | "channelConfiguration">,
  accessUnitBytes: number,
  target: Uint8Array,
  offset = 0,
): void {
  const { objectType, channelConfiguration } = config;
  const rateIndex = AAC_SAMPLE_RATES.indexOf(config.coreSampleRate);
  const valid = objectType >= 1 && objectType <= 4 && rateIndex !== -1 && channelConfiguration <= 7;
  if (!valid) {
    throw new RangeError(
      `Cannot write ADTS header: object type ${objectType}, ${config.coreSampleRate} Hz, channel ` +
        `configuration ${channelConfiguration}; 1 to 4, a standard rate and up to 7 fit`,
    );
  }
  const frameBytes = ADTS_HEADER_BYTES + accessUnitBytes;
  if (frameBytes > ADTS_FRAME_BYTES_MAX) {
    throw new RangeError(
      `Cannot write ADTS header: frame is ${frameBytes} bytes, at most ${ADTS_FRAME_BYTES_MAX} fit`,
    );
  }
  target[offset] = 0xff;
  target[offset + 1] = 0xf1; // end of syncword, MPEG-4, layer 0, protection_absent
  target[offset + 2] = (objectType - 1) << 6 | rateIndex << 2 | channelConfiguration >>> 2;
  target[offset + 3] = (channelConfiguration & 3) << 6 | frameBytes >>> 11;
  target[offset + 4] = frameBytes >>> 3 & 0xff;
  target[offset + 5] = (frameBytes & 7) << 5 | 0x1f; // adts_buffer_fullness 0x7ff, high bits
  target[offset + 6] = 0xfc; // its low bits; one raw data block
}

/**
 * The AudioSpecificConfig for the access units behind `header`.
 *
 * @throws {ProtocolError} The channels are listed inside the access unit, which is not read.
 */
export function adtsAudioSpecificConfig(header: AdtsHeader): Uint8Array {
  const { objectType, sampleRate, channelConfiguration } = header;
  if (aacChannels(channelConfiguration) === 0) {
    throw malformed("Cannot use ADTS stream: its channel configuration is 0", 0);
  }
  return writeAudioSpecificConfig({ objectType, coreSampleRate: sampleRate, channelConfiguration });
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, { ...WHERE, offset });
}
