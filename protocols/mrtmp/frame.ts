/**
 * MRTMP frames: the 12 bytes in front of everything two nodes say to each other.
 *
 * Source: README.md beside this file, section 2. All integers are big-endian.
 * `frame_reader.ts` cuts frames out of a connection, `frame_writer.ts` gathers them for one.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { FRAME_BYTES_MAX } from "../media/record.ts";

/** Size of a frame's header, in bytes. */
export const HEADER_BYTES = 12;

/** Longest body of a connection that has not proved that it knows the secret, in bytes. */
export const HANDSHAKE_BODY_BYTES_MAX = 4 * 1024;

/** Longest body on a control connection, in bytes: an actor's request or answer. */
export const CONTROL_BODY_BYTES_MAX = 64 * 1024;

/** Longest body on a media connection, in bytes: the largest frame and what stands before it. */
export const MEDIA_BODY_BYTES_MAX = FRAME_BYTES_MAX + 64;

/** What a frame is (section 2.1). */
export const FRAME_TYPE = {
  hello: 0x01,
  welcome: 0x02,
  proof: 0x03,
  ready: 0x04,
  refuse: 0x05,
  bye: 0x06,
  beat: 0x08,
  ping: 0x09,
  pong: 0x0a,
  call: 0x10,
  reply: 0x11,
  tell: 0x12,
  open: 0x20,
  credit: 0x21,
  close: 0x22,
  fetch: 0x23,
  start: 0x30,
  state: 0x31,
  end: 0x32,
  found: 0x33,
  piece: 0x34,
  frame: 0x40,
  track: 0x41,
  mark: 0x42,
  anchor: 0x43,
  data: 0x44,
} as const;
export type FrameType = typeof FRAME_TYPE[keyof typeof FRAME_TYPE];

/** Flag of a FRAME: decoding can start here. */
export const FLAG_KEYFRAME = 0x01;

/** Flag of a TRACK: most players get the derived track in its place. */
export const FLAG_REPLACED = 0x01;

/** Flag of a MARK: its media does not continue the segment before. */
export const FLAG_DISCONTINUITY = 0x01;

/** Flag of a DATA: video metadata; script data when it is not set. */
export const FLAG_VIDEO_DATA = 0x01;

/** A whole frame; the body is `bytes[start]` to `bytes[end - 1]`. */
export interface ReceivedFrame {
  /** Not necessarily one that {@link FRAME_TYPE} names. */
  readonly type: number;
  readonly flags: number;
  /** Number of a subscription or call, unsigned 32 bits; 0 where neither is meant. */
  readonly handle: number;
  readonly bytes: Uint8Array;
  /** Of the whole of `bytes`. */
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** What stands in a header besides the length of the body. */
export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly handle: number;
}

/** Writes a header at `offset`; lane, which nobody reads yet, is zero. */
export function writeHeader(
  view: DataView,
  offset: number,
  { type, flags, handle }: FrameHeader,
  bodyBytes: number,
): void {
  view.setUint8(offset, type);
  view.setUint8(offset + 1, flags);
  view.setUint16(offset + 2, 0);
  view.setUint32(offset + 4, handle);
  view.setUint32(offset + 8, bodyBytes);
}

/** A frame of its own, for what is sent once. */
export function wholeFrame(type: FrameType, handle: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + body.length);
  writeHeader(new DataView(bytes.buffer), 0, { type, flags: 0, handle }, body.length);
  bytes.set(body, HEADER_BYTES);
  return bytes;
}

/** The frame's body, not copied. */
export function bodyOf({ bytes, start, end }: ReceivedFrame): Uint8Array {
  return bytes.subarray(start, end);
}

/** What a peer did wrong; `offset` counts from the start of the frame's body. */
export function malformed(message: string, section: string, offset = 0): ProtocolError {
  return new ProtocolError(message, { protocol: "MRTMP", section, offset });
}

/** @throws {ProtocolError} The body does not have exactly `bytes` bytes. */
export function requireBody(frame: ReceivedFrame, bytes: number, section: string): void {
  const found = frame.end - frame.start;
  if (found === bytes) return;
  throw malformed(`Cannot read body: ${found} bytes, expected ${bytes}`, section, found);
}
