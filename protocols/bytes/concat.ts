/**
 * Joins byte arrays.
 *
 * @module
 */

/** Returns one new array that holds `parts` in order; no parts give an empty array. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  const joined = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
