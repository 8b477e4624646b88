/**
 * FLAC's STREAMINFO, the decoder configuration of FLAC.
 *
 * Source: RFC 9639, section 8.2.
 *
 * @module
 */
import { readBits } from "../bytes/bit_reader.ts";
import { ProtocolError } from "../errors.ts";

/** Size of STREAMINFO, in bytes. */
export const STREAMINFO_BYTES = 34;

/** The fields of STREAMINFO that matter outside a decoder. */
export interface FlacStreamInfo {
  readonly blockSamplesMax: number; // largest frame, in samples of each channel
  readonly sampleRate: number; // samples per second, at least 1
  readonly channels: number; // 1 to 8
  readonly bitsPerSample: number; // 4 to 32
}

/**
 * Reads STREAMINFO: bare, behind its metadata block header, or behind the "fLaC" marker and that
 * header, for carriers differ.
 *
 * @throws {ProtocolError} It ends too early or its sample rate is 0.
 */
export function parseFlacStreamInfo(bytes: Uint8Array): FlacStreamInfo {
  const info = bytes.subarray(prefixBytes(bytes));
  if (info.length < STREAMINFO_BYTES) {
    throw malformed(`${info.length} bytes, ${STREAMINFO_BYTES} are needed`, 0);
  }
  return readBits(info, { protocol: "FLAC", section: "RFC 9639 8.2" }, (reader) => {
    reader.skip(16); // minimum block size
    const blockSamplesMax = reader.bits(16);
    reader.skip(48); // minimum and maximum frame size
    const sampleRate = reader.bits(20);
    if (sampleRate === 0) throw malformed("sample rate is 0", 10);
    const channels = reader.bits(3) + 1;
    return { blockSamplesMax, sampleRate, channels, bitsPerSample: reader.bits(5) + 1 };
  });
}

/** Bytes in front of STREAMINFO itself. */
function prefixBytes(bytes: Uint8Array): number {
  const marker = bytes[0] === 0x66 && bytes[1] === 0x4c && bytes[2] === 0x61 && bytes[3] === 0x43;
  if (marker) return 8;
  return bytes.length === STREAMINFO_BYTES + 4 ? 4 : 0;
}

function malformed(found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read STREAMINFO: ${found}`, {
    protocol: "FLAC",
    section: "RFC 9639 8.2",
    offset,
  });
}
