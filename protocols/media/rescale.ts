/**
 * Times from one unit to another, exactly, however long a stream has run.
 *
 * @module
 */

/**
 * `value`, of which a second has `from`, in units of which a second has `to`: the nearest integer,
 * halves up. Exact for integers as long as `from * to` is below 2^52.
 */
export function rescale(value: number, from: number, to: number): number {
  // A product of the whole would pass 2^53 after a day; that of the part within a second cannot.
  const seconds = Math.floor(value / from);
  const rest = value - seconds * from;
  return seconds * to + Math.floor((2 * rest * to + from) / (2 * from));
}
