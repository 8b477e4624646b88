/**
 * Counts the bytes of the byte arrays that code asks for, to the byte and at once: what a garbage
 * collector reports comes too late, and memory that nobody touches shows up nowhere.
 *
 * @module
 */

const { Uint8Array: Bytes, ArrayBuffer: Buffer } = globalThis;

/** What was asked for, in bytes. */
export interface Allocations {
  readonly sum: number;
  /** The largest single array. */
  readonly largest: number;
}

let sum = 0;
let largest = 0;

/**
 * Replaces the global constructors, for this process and for good, by ones that count. Copies by
 * `slice()` and the like are not counted: they are no longer than what is copied.
 */
export function meterAllocations(): void {
  globalThis.Uint8Array = metered(Bytes);
  globalThis.ArrayBuffer = metered(Buffer);
}

/** What was asked for since the last call. */
export function takeAllocations(): Allocations {
  const taken = { sum, largest };
  sum = 0;
  largest = 0;
  return taken;
}

function metered<T extends typeof Bytes | typeof Buffer>(constructor: T): T {
  const proxy: T = new Proxy(constructor, {
    construct(target, args, newTarget) {
      const bytes = bytesOf(args[0]);
      sum += bytes;
      if (bytes > largest) largest = bytes;
      return Reflect.construct(target, args, newTarget === proxy ? target : newTarget);
    },
  });
  return proxy;
}

/** Lengths and lists are allocated for; buffers are only looked at. */
function bytesOf(first: unknown): number {
  if (typeof first === "number") return first;
  if (typeof first !== "object" || first === null || first instanceof Buffer) return 0;
  const length = (first as { length?: unknown }).length;
  return typeof length === "number" ? length : 0;
}
