/**
 * Writes bit fields as text, for vectors made by hand from a specification.
 *
 * @module
 */

/** An unsigned integer of `width` bits. */
export function u(value: number, width: number): string {
  return value.toString(2).padStart(width, "0");
}

/** An unsigned Exp-Golomb code (H.264, 9.1). */
export function ue(value: number): string {
  const code = (value + 1).toString(2);
  return "0".repeat(code.length - 1) + code;
}

/** A signed Exp-Golomb code (H.264, 9.1.1). */
export function se(value: number): string {
  return ue(value > 0 ? 2 * value - 1 : -2 * value);
}

/** Packs texts of bits, spaces ignored, padded with zeros to a byte. */
export function packBits(...texts: string[]): Uint8Array {
  const bits = texts.join("").replaceAll(" ", "");
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
  return Uint8Array.from({ length: padded.length / 8 }, (_, index) => {
    return parseInt(padded.slice(index * 8, index * 8 + 8), 2);
  });
}
