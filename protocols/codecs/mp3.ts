/**
 * MPEG audio frame header: four bytes in front of each frame of layer I, II or III (MP3).
 *
 * Sources: ISO/IEC 11172-3, section 2.4.1.3 and 2.4.2.3; ISO/IEC 13818-3, section 2.4.2.3 (lower
 * rates); MPEG-2.5 is the extension of it that encoders agree on.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Size of a frame header, in bytes. */
export const MP3_HEADER_BYTES = 4;

/** Decoded fields of one header. */
export interface Mp3FrameHeader {
  readonly version: 1 | 2 | 2.5; // of MPEG
  readonly layer: 1 | 2 | 3;
  readonly bitrateKbps: number; // 0 = free format
  readonly sampleRate: number; // samples per second
  readonly channels: 1 | 2;
  readonly frameBytes: number; // header included; 0 for free format, which does not tell
  readonly frameSamples: number; // of each channel
}

/** Samples per second of MPEG-1 by sampling_frequency; half in MPEG-2, a quarter in MPEG-2.5. */
const SAMPLE_RATES: readonly number[] = [44_100, 48_000, 32_000];

/** Kilobits per second by bitrate_index of layers I, II and III in MPEG-1. */
const BITRATES_1: readonly (readonly number[])[] = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
];

/** The same in MPEG-2 and 2.5, where layers II and III share theirs. */
const BITRATES_2: readonly (readonly number[])[] = [
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/**
 * Reads the header at `offset`.
 *
 * @returns The header, or `undefined` when fewer than {@link MP3_HEADER_BYTES} bytes remain.
 * @throws {ProtocolError} There is no syncword, or version, layer, bitrate or rate are reserved.
 */
export function parseMp3FrameHeader(bytes: Uint8Array, offset = 0): Mp3FrameHeader | undefined {
  if (bytes.length - offset < MP3_HEADER_BYTES) return undefined;
  const [sync, second, third, fourth] = bytes.subarray(offset, offset + MP3_HEADER_BYTES);
  if (sync !== 0xff || (second & 0xe0) !== 0xe0) throw malformed("no syncword", offset);
  const version = ([2.5, undefined, 2, 1] as const)[(second >>> 3) & 3];
  const layer = ([undefined, 3, 2, 1] as const)[(second >>> 1) & 3];
  if (version === undefined) throw malformed("reserved MPEG version", offset + 1);
  if (layer === undefined) throw malformed("reserved layer", offset + 1);

  const bitrateKbps = (version === 1 ? BITRATES_1 : BITRATES_2)[layer - 1][third >>> 4];
  const fullRate = SAMPLE_RATES[(third >>> 2) & 3];
  if (bitrateKbps === undefined) throw malformed("bitrate_index 15", offset + 2);
  if (fullRate === undefined) throw malformed("reserved sampling_frequency", offset + 2);
  const sampleRate = fullRate / (version === 1 ? 1 : version === 2 ? 2 : 4);

  const frameSamples = layer === 1 ? 384 : layer === 3 && version !== 1 ? 576 : 1152;
  const slotBytes = layer === 1 ? 4 : 1;
  const slots = Math.floor(frameSamples * bitrateKbps * 1000 / 8 / slotBytes / sampleRate);
  const padding = (third >>> 1) & 1;
  return {
    version,
    layer,
    bitrateKbps,
    sampleRate,
    channels: fourth >>> 6 === 3 ? 1 : 2, // mode 3 is single_channel
    frameBytes: bitrateKbps === 0 ? 0 : (slots + padding) * slotBytes,
    frameSamples,
  };
}

function malformed(found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read MPEG audio header: ${found}`, {
    protocol: "MPEG audio",
    section: "11172-3 2.4.2.3",
    offset,
  });
}
