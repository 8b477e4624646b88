/**
 * AC-3 and E-AC-3 syncframe headers: what they say of rate and channels.
 *
 * Source: ATSC A/52:2018, sections 5.3 (AC-3), E.1.2 (E-AC-3) and 5.4.2.1 (bsid, which tells them
 * apart). The frames themselves are not looked into.
 *
 * @module
 */
import { readBits } from "../bytes/bit_reader.ts";
import { ProtocolError } from "../errors.ts";

/** Bytes of a syncframe that {@link parseAc3FrameHeader} may read. */
export const AC3_HEADER_BYTES = 8;

/** Decoded fields of one syncframe's header. */
export interface Ac3FrameHeader {
  readonly enhanced: boolean; // E-AC-3
  readonly sampleRate: number; // samples per second
  readonly channels: number; // 1 to 6, the low frequency one included
}

const SYNC_WORD = 0x0b77;
const BSID_OFFSET_BITS = 40; // The same in both, so that a decoder can tell.
const AC3_BSID_MAX = 10; // 9 and 10 are AC-3 at lower rates.
const ENHANCED_BSID_MAX = 16;

/** Samples per second by fscod; E-AC-3 has half of each by fscod2. */
const SAMPLE_RATES: readonly number[] = [48_000, 44_100, 32_000];

/** Full channels by acmod (5.4.2.3); 0 is two independent mono channels. */
const CHANNELS: readonly number[] = [2, 1, 2, 3, 3, 4, 4, 5];

const WHERE = { protocol: "AC-3", section: "A/52 5.3" };

/**
 * Reads the header of the syncframe at the start of `bytes`.
 *
 * @returns The header, or `undefined` when fewer than {@link AC3_HEADER_BYTES} bytes are there.
 * @throws {ProtocolError} There is no syncword, or bsid or fscod are reserved.
 */
export function parseAc3FrameHeader(bytes: Uint8Array): Ac3FrameHeader | undefined {
  if (bytes.length < AC3_HEADER_BYTES) return undefined;
  return readBits(bytes, WHERE, (reader) => {
    if (reader.bits(16) !== SYNC_WORD) throw malformed("no syncword", 0);
    const bsid = bytes[BSID_OFFSET_BITS / 8] >>> 3;
    if (bsid > ENHANCED_BSID_MAX) throw malformed(`bsid ${bsid}`, BSID_OFFSET_BITS / 8);
    const enhanced = bsid > AC3_BSID_MAX;

    reader.skip(16); // AC-3: crc1. E-AC-3: strmtyp, substreamid, frmsiz.
    const rateCode = reader.bits(2); // fscod
    if (enhanced) {
      const halfRateCode = reader.bits(2); // fscod2, or numblkscod
      const sampleRate = rateCode === 3 ? SAMPLE_RATES[halfRateCode] / 2 : SAMPLE_RATES[rateCode];
      return {
        enhanced,
        sampleRate: checked(sampleRate),
        channels: CHANNELS[reader.bits(3)] + reader.bits(1),
      };
    }
    reader.skip(14); // frmsizecod, bsid, bsmod
    const mode = reader.bits(3); // acmod
    if (mode === 2) reader.skip(2); // dsurmod
    if ((mode & 1) !== 0 && mode !== 1) reader.skip(2); // cmixlev
    if ((mode & 4) !== 0) reader.skip(2); // surmixlev
    const sampleRate = checked(SAMPLE_RATES[rateCode]) / 2 ** Math.max(0, bsid - 8);
    return { enhanced, sampleRate, channels: CHANNELS[mode] + reader.bits(1) };
  });
}

function checked(sampleRate: number): number {
  // A reserved code is outside of its table.
  if (!(sampleRate > 0)) throw malformed("reserved fscod", 4);
  return sampleRate;
}

function malformed(found: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot read AC-3 header: ${found}`, { ...WHERE, offset });
}
