/**
 * Values of the directory as JSON: maps, and "there is none" in a list, which JSON does not have.
 *
 * @module
 */

/** Stands for `undefined`. */
const NOTHING = { $: "nothing" };

/** Makes plain data of a value: JSON takes it as it is, and {@link decodeValue} gives it back. */
export function encodeValue(value: unknown): unknown {
  if (value === undefined) return NOTHING;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(encodeValue);
  if (value instanceof Map) {
    return { $: "map", entries: [...value].map(([key, item]) => [key, encodeValue(item)]) };
  }
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .map(([name, item]) => [name, encodeValue(item)]),
  );
}

/** The inverse of {@link encodeValue}; fields that were `undefined` are left out. */
export function decodeValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeValue);
  const { $: special, entries } = value as { $?: unknown; entries?: [string, unknown][] };
  if (special === "nothing") return undefined;
  if (special === "map") {
    return new Map(entries!.map(([key, item]) => [key, decodeValue(item)]));
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, decodeValue(item)]),
  );
}
