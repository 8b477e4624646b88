/**
 * The stamp by which latency is measured: the sender's wall clock in the last bytes of a coded
 * video frame, where no server looks. The pictures no longer decode cleanly, and nobody decodes.
 *
 * @module
 */

/** "LTNS", then nanoseconds since 1970 as an unsigned 64-bit little-endian integer. */
export const STAMP_BYTES = 12;

const MARK = 0x4c544e53;

/** Milliseconds since 1970 with a fraction; equal in all processes that started at one clock. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Writes `nowMs` into the last bytes of `frame`, which must have room for it. */
export function writeStamp(frame: Uint8Array, end: number, nowMs: number): void {
  const view = new DataView(frame.buffer, frame.byteOffset + end - STAMP_BYTES, STAMP_BYTES);
  view.setUint32(0, MARK);
  view.setBigUint64(4, BigInt(Math.round(nowMs * 1_000)) * 1_000n, true);
}

/** Milliseconds since 1970 in a frame's last bytes; `undefined` when they are no stamp. */
export function parseStamp(tail: Uint8Array): number | undefined {
  const view = new DataView(tail.buffer, tail.byteOffset, STAMP_BYTES);
  if (view.getUint32(0) !== MARK) return undefined;
  return (view.getUint32(8, true) * 2 ** 32 + view.getUint32(4, true)) / 1e6;
}
