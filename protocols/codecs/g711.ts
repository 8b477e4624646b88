/**
 * G.711: what the bytes of A-law and mu-law mean as linear samples.
 *
 * Source: ITU-T G.711, tables 1a to 2b, scaled to 16 bits as ITU-T G.191 does. Encoding is not
 * done here.
 *
 * @module
 */

/** Linear 16-bit sample of each A-law byte. */
export const ALAW_TO_LINEAR: Int16Array = Int16Array.from({ length: 256 }, (_, code) => {
  const inverted = code ^ 0x55; // Even bits travel inverted.
  const segment = (inverted >>> 4) & 7;
  // Middle of the interval; segment 0 has the width of segment 1 and starts at zero.
  const middle = ((inverted & 0xf) << 4) + (segment === 0 ? 8 : 0x108);
  const magnitude = middle << Math.max(segment - 1, 0);
  return (inverted & 0x80) === 0 ? -magnitude : magnitude;
});

/** Linear 16-bit sample of each mu-law byte. */
export const ULAW_TO_LINEAR: Int16Array = Int16Array.from({ length: 256 }, (_, code) => {
  const inverted = ~code & 0xff; // All bits travel inverted.
  const bias = 0x84;
  const magnitude = ((((inverted & 0xf) << 3) + bias) << ((inverted >>> 4) & 7)) - bias;
  return (inverted & 0x80) === 0 ? magnitude : -magnitude;
});

/**
 * Decodes `bytes`, one sample each, into `target` from `offset`.
 *
 * @throws {RangeError} `target` is too small.
 */
export function decodeG711(
  codec: "g711a" | "g711u",
  bytes: Uint8Array,
  target: Int16Array,
  offset = 0,
): void {
  if (target.length - offset < bytes.length) {
    throw new RangeError(
      `Cannot decode G.711: ${bytes.length} samples, room for ${target.length - offset}`,
    );
  }
  const table = codec === "g711a" ? ALAW_TO_LINEAR : ULAW_TO_LINEAR;
  for (let index = 0; index < bytes.length; index++) target[offset + index] = table[bytes[index]];
}
