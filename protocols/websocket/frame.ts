/**
 * WebSocket frames: written by the server, unmasked; read from the client, masked.
 *
 * Source: RFC 6455, sections 5.2 to 5.5 and 7.4. No extension is negotiated, so the reserved bits
 * are zero. Messages are not put together: whoever reads them gets their fragments.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Opcode values (5.2). */
export const OPCODE = {
  continuation: 0x0,
  text: 0x1,
  binary: 0x2,
  close: 0x8,
  ping: 0x9,
  pong: 0xa,
} as const;
export type Opcode = typeof OPCODE[keyof typeof OPCODE];

/** Status codes of a Close frame (7.4.1) that we send. */
export const CLOSE_STATUS = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  tooBig: 1009,
} as const;

/** Largest payload of a control frame, in bytes (5.5). */
export const CONTROL_PAYLOAD_BYTES_MAX = 125;

/**
 * Largest payload of a client's frame, in bytes, unless told otherwise. Players send nothing but
 * pings and pongs; some a few words of JSON.
 */
export const CLIENT_PAYLOAD_BYTES_MAX = 4096;

/** Most bytes in front of a client's payload: 2, an 8-byte length and the masking key. */
export const CLIENT_HEADER_BYTES_MAX = 14;

const FIN = 0x80;
const RESERVED_BITS = 0x70;
const OPCODE_BITS = 0x0f;
const MASK = 0x80;
const CONTROL_BIT = 0x08;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const MASKING_KEY_BYTES = 4;

/** One frame of a client. */
export interface ClientFrame {
  readonly opcode: Opcode;
  /** Last, or only, frame of its message. */
  readonly fin: boolean;
  /** Unmasked, in an array of its own. */
  readonly payload: Uint8Array;
  /** Bytes that the frame took. */
  readonly frameBytes: number;
}

/** Bytes of the header that {@link writeServerFrameHeader} writes for such a payload. */
export function serverFrameHeaderBytes(payloadBytes: number): number {
  if (payloadBytes < LENGTH_16) return 2;
  return payloadBytes <= 0xffff ? 4 : 10;
}

/**
 * Writes the header of a whole, unmasked message in one frame (5.2).
 *
 * @returns The offset of the payload, which the caller puts there.
 */
export function writeServerFrameHeader(
  opcode: Opcode,
  payloadBytes: number,
  target: Uint8Array,
  offset: number,
): number {
  target[offset] = FIN | opcode;
  if (payloadBytes < LENGTH_16) {
    target[offset + 1] = payloadBytes;
    return offset + 2;
  }
  const lengthBytes = payloadBytes <= 0xffff ? 2 : 8;
  target[offset + 1] = lengthBytes === 2 ? LENGTH_16 : LENGTH_64;
  const end = offset + 2 + lengthBytes;
  let rest = payloadBytes;
  for (let at = end - 1; at > offset + 1; at--) {
    target[at] = rest; // The low 8 bits.
    rest = Math.floor(rest / 256); // Not >>: a length has up to 53 bits.
  }
  return end;
}

/** A whole, unmasked message in one frame, in an array of its own. */
export function serverFrame(opcode: Opcode, payload: Uint8Array): Uint8Array {
  if ((opcode & CONTROL_BIT) !== 0 && payload.length > CONTROL_PAYLOAD_BYTES_MAX) {
    throw new RangeError(
      `Cannot write control frame: ${payload.length} bytes, at most ${CONTROL_PAYLOAD_BYTES_MAX}`,
    );
  }
  const frame = new Uint8Array(serverFrameHeaderBytes(payload.length) + payload.length);
  frame.set(payload, writeServerFrameHeader(opcode, payload.length, frame, 0));
  return frame;
}

/** A Close frame with a status code and no reason (5.5.1). */
export function closeFrame(status: number): Uint8Array {
  return serverFrame(OPCODE.close, Uint8Array.of(status >>> 8, status));
}

/**
 * Reads a client's frame at `offset`.
 *
 * @returns The frame, or `undefined` while it is not all there.
 * @throws {ProtocolError} Unmasked, reserved bits or opcode, a control frame that is fragmented or
 * too long, a length not in its shortest form, or a payload over `payloadBytesMax`: told before the
 * payload is awaited.
 */
export function parseClientFrame(
  bytes: Uint8Array,
  offset = 0,
  payloadBytesMax = CLIENT_PAYLOAD_BYTES_MAX,
): ClientFrame | undefined {
  if (bytes.length - offset < 2) return undefined;
  const fin = (bytes[offset] & FIN) !== 0;
  const opcode = bytes[offset] & OPCODE_BITS;
  if ((bytes[offset] & RESERVED_BITS) !== 0) {
    throw malformed("Cannot read frame: a reserved bit is set without an extension", "5.2", offset);
  }
  if (!isOpcode(opcode)) throw malformed(`Cannot read frame: opcode ${opcode}`, "5.2", offset);
  if ((bytes[offset + 1] & MASK) === 0) {
    throw malformed("Cannot read frame: a client must mask it", "5.1", offset + 1);
  }
  checkControl(opcode, fin, bytes[offset + 1] & ~MASK, offset);

  const length = parseLength(bytes, offset + 1);
  if (length === undefined) return undefined;
  if (length.payloadBytes > payloadBytesMax) {
    throw malformed(
      `Cannot read frame: ${length.payloadBytes} bytes, at most ${payloadBytesMax} are taken`,
      "10.4",
      offset + 1,
    );
  }
  const start = length.end + MASKING_KEY_BYTES;
  const end = start + length.payloadBytes;
  if (end > bytes.length) return undefined;
  const payload = unmask(bytes, length.end, end);
  return { opcode, fin, payload, frameBytes: end - offset };
}

function isOpcode(value: number): value is Opcode {
  return value <= OPCODE.binary || (value >= OPCODE.close && value <= OPCODE.pong);
}

/** 5.5: control frames are short and never fragmented. */
function checkControl(opcode: Opcode, fin: boolean, lengthField: number, offset: number): void {
  if ((opcode & CONTROL_BIT) === 0) return;
  if (!fin) throw malformed("Cannot read control frame: it is fragmented", "5.5", offset);
  if (lengthField > CONTROL_PAYLOAD_BYTES_MAX) {
    throw malformed(
      `Cannot read control frame: over ${CONTROL_PAYLOAD_BYTES_MAX} bytes`,
      "5.5",
      offset + 1,
    );
  }
}

/** The length at `offset`, in its 7, 16 or 64 bits; `end` is where the masking key starts. */
function parseLength(
  bytes: Uint8Array,
  offset: number,
): { payloadBytes: number; end: number } | undefined {
  const field = bytes[offset] & ~MASK;
  if (field < LENGTH_16) return { payloadBytes: field, end: offset + 1 };
  const lengthBytes = field === LENGTH_16 ? 2 : 8;
  const end = offset + 1 + lengthBytes;
  if (end > bytes.length) return undefined;
  let payloadBytes = 0;
  for (let at = offset + 1; at < end; at++) payloadBytes = payloadBytes * 256 + bytes[at];
  if (payloadBytes < LENGTH_16 || (lengthBytes === 8 && payloadBytes <= 0xffff)) {
    throw malformed(`Cannot read frame: ${payloadBytes} not in its shortest form`, "5.2", offset);
  }
  return { payloadBytes, end };
}

/** 5.3: each byte of the payload was combined with one of the key's four, in turn. */
function unmask(bytes: Uint8Array, keyOffset: number, end: number): Uint8Array {
  const start = keyOffset + MASKING_KEY_BYTES;
  const payload = bytes.slice(start, end);
  for (let index = 0; index < payload.length; index++) {
    payload[index] ^= bytes[keyOffset + (index & 3)];
  }
  return payload;
}

function malformed(message: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "WebSocket", section, offset });
}
