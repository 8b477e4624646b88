/**
 * CRC-32/MPEG-2, the checksum behind each section.
 *
 * Source: ISO/IEC 13818-1, annex A: polynomial 0x04C11DB7, not reflected, all ones at the start,
 * nothing inverted at the end, so that a section with its own checksum gives 0.
 *
 * @module
 */

const POLYNOMIAL = 0x04c11db7;

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder << 1) ^ (remainder < 0 ? POLYNOMIAL : 0);
  }
  return remainder;
});

/** The checksum of the bytes from `start` to `end`, an unsigned integer of 32 bits. */
export function crc32Mpeg2(bytes: Uint8Array, start = 0, end = bytes.length): number {
  let crc = 0xffffffff;
  for (let offset = start; offset < end; offset++) {
    crc = (crc << 8) ^ TABLE[(crc >>> 24) ^ bytes[offset]];
  }
  return crc >>> 0;
}
