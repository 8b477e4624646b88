/**
 * Conditional and partial requests on bytes that never change under their name.
 *
 * Source: RFC 9110, sections 13.1.2 (If-None-Match) and 14 (Range).
 *
 * @module
 */

/** Whether the client has these bytes already. */
export function matchesTag(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(",").some((one) => {
    const text = one.trim();
    return text === "*" || text === tag || text === `W/${tag}`;
  });
}

/** Part of a whole, from `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a Range field for a whole of `size` bytes.
 *
 * @returns `undefined` to send the whole (no range, several ranges, another unit, malformed);
 *   "unsatisfiable" for status 416.
 */
export function parseRange(
  range: string | undefined,
  size: number,
): ByteRange | "unsatisfiable" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range?.trim() ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? "unsatisfiable" : { start: size - length, end: size };
  }
  const start = Number(match[1]);
  if (start >= size) return "unsatisfiable";
  const end = match[2] === "" ? size : Math.min(Number(match[2]) + 1, size);
  return end <= start ? undefined : { start, end };
}
