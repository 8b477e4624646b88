/**
 * MRTMP frames made by Python (tests/vectors/mrtmp/make_vectors.py), and frames built by hand.
 *
 * @module
 */
import { HEADER_BYTES, type ReceivedFrame } from "../../protocols/mrtmp/frame.ts";
import { FrameReader } from "../../protocols/mrtmp/frame_reader.ts";

const VECTORS: Readonly<Record<string, string>> = JSON.parse(
  Deno.readTextFileSync(new URL("../vectors/mrtmp/vectors.json", import.meta.url)),
);

/** The secret of the handshake's vectors. */
export const VECTOR_SECRET = new TextEncoder().encode("a secret of the mesh");

/** Names of all vectors. */
export const VECTOR_NAMES = Object.keys(VECTORS);

/** A whole frame, header first. */
export function mrtmpVector(name: string): Uint8Array {
  const hex = VECTORS[name];
  if (hex === undefined) throw new TypeError(`No vector is named ${name}`);
  return Uint8Array.fromHex(hex);
}

/** The frame of `bytes` as a reader would hand it out, at an offset that is not zero. */
export function receivedFrame(bytes: Uint8Array): ReceivedFrame {
  const shifted = new Uint8Array(bytes.length + 4).fill(0xee);
  shifted.set(bytes, 3);
  const view = new DataView(shifted.buffer);
  return {
    type: bytes[0],
    flags: bytes[1],
    handle: view.getUint32(3 + 4),
    bytes: shifted,
    view,
    start: 3 + HEADER_BYTES,
    end: 3 + bytes.length,
  };
}

/** The frame with its body cut or replaced; the header's length is not used by parsers. */
export function withBody(bytes: Uint8Array, body: Uint8Array): ReceivedFrame {
  const whole = new Uint8Array(HEADER_BYTES + body.length);
  whole.set(bytes.subarray(0, HEADER_BYTES));
  whole.set(body, HEADER_BYTES);
  return receivedFrame(whole);
}

/** A frame as plain values, its body copied. */
export interface PlainFrame {
  readonly type: number;
  readonly flags: number;
  readonly handle: number;
  readonly body: string;
}

/** What a reader makes of `bytes`, fed in pieces. */
export function readFrames(
  bytes: Uint8Array,
  options: { arenaBytes?: number; bodyBytesMax?: number; pieceBytes?: number } = {},
): PlainFrame[] {
  const frames: PlainFrame[] = [];
  const views: Uint8Array[] = [];
  const reader = new FrameReader((frame) => {
    const { type, flags, handle } = frame;
    frames.push({ type, flags, handle, body: "" });
    views.push(frame.bytes.subarray(frame.start, frame.end));
  }, { arenaBytes: options.arenaBytes ?? 256, bodyBytesMax: options.bodyBytesMax ?? 1 << 20 });
  const pieceBytes = options.pieceBytes ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    reader.feed(bytes.subarray(at, at + pieceBytes));
  }
  // Looked at in the end: nothing that was read later may have touched them.
  return frames.map((frame, index) => ({ ...frame, body: views[index].toHex() }));
}
