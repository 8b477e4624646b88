/**
 * RTMP message types, and the bodies of protocol control and user control messages.
 *
 * Source: Adobe RTMP 1.0, sections 5.4 (protocol control), 6.2 and 7.1.7 (user control) and 7.1.
 * Control messages travel on chunk stream 2, message stream 0. All integers are big-endian.
 * Commands and data are AMF (`amf0.ts`, `amf3.ts`); media bodies belong to `flv/`.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { CHUNK_BYTES_MAX } from "./chunk_writer.ts";

/** Message type ids. */
export const MESSAGE_TYPE = {
  setChunkSize: 1, // 5.4.1
  abort: 2, // 5.4.2
  acknowledgement: 3, // 5.4.3
  userControl: 4, // 6.2
  windowAcknowledgementSize: 5, // 5.4.4
  setPeerBandwidth: 6, // 5.4.5
  audio: 8, // 7.1.4
  video: 9, // 7.1.5
  dataAmf3: 15, // 7.1.2
  sharedObjectAmf3: 16, // 7.1.3
  commandAmf3: 17, // 7.1.1
  dataAmf0: 18, // 7.1.2
  sharedObjectAmf0: 19, // 7.1.3
  commandAmf0: 20, // 7.1.1
  aggregate: 22, // 7.1.6
} as const;
export type MessageType = typeof MESSAGE_TYPE[keyof typeof MESSAGE_TYPE];

/** Chunk stream of protocol control and user control messages (5.4). */
export const CONTROL_CHUNK_STREAM_ID = 2;

/** How a Set Peer Bandwidth limit is meant, by its byte on the wire (5.4.5). */
const BANDWIDTH_LIMITS = ["hard", "soft", "dynamic"] as const;

/** How a Set Peer Bandwidth limit is meant (5.4.5). */
export type BandwidthLimit = typeof BANDWIDTH_LIMITS[number];

/** Set Peer Bandwidth (5.4.5). */
export interface PeerBandwidth {
  /** Acknowledgement window asked for, in bytes. */
  readonly windowBytes: number;
  readonly limit: BandwidthLimit;
}

/** Event types of user control messages (7.1.7). */
const USER_CONTROL_EVENT = {
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  setBufferLength: 3,
  streamIsRecorded: 4,
  pingRequest: 6,
  pingResponse: 7,
} as const;

/** Body of a user control message. */
export type UserControl =
  | {
    readonly event: "streamBegin" | "streamEof" | "streamDry" | "streamIsRecorded";
    readonly streamId: number;
  }
  | { readonly event: "setBufferLength"; readonly streamId: number; readonly bufferMs: number }
  | { readonly event: "pingRequest" | "pingResponse"; readonly timestampMs: number }
  /** Other events are in use (SWF verification: 26, buffer reports: 31, 32); receivers skip them. */
  | { readonly event: "unknown"; readonly code: number };

/**
 * Reads the body of Set Chunk Size.
 *
 * @returns 1 to {@link CHUNK_BYTES_MAX}, in bytes.
 * @throws {ProtocolError} The body is short or the size out of range. Sizes above the longest
 * message are refused although 5.4.1 lets them mean the same: nobody needs them.
 */
export function parseSetChunkSize(body: Uint8Array): number {
  const chunkBytes = uint32(body, 0, "Set Chunk Size", "5.4.1");
  if (chunkBytes < 1 || chunkBytes > CHUNK_BYTES_MAX) {
    throw malformed(
      `Cannot set chunk size: ${chunkBytes} bytes asked for, 1 to ${CHUNK_BYTES_MAX} are allowed`,
      "5.4.1",
      0,
    );
  }
  return chunkBytes;
}

/**
 * Body of Set Chunk Size.
 *
 * @throws {RangeError} `chunkBytes` is not 1 to {@link CHUNK_BYTES_MAX}.
 */
export function writeSetChunkSize(chunkBytes: number): Uint8Array {
  if (!(chunkBytes >= 1 && chunkBytes <= CHUNK_BYTES_MAX)) {
    throw new RangeError(
      `Cannot write Set Chunk Size: ${chunkBytes} bytes is not 1 to ${CHUNK_BYTES_MAX}`,
    );
  }
  return uint32Body(chunkBytes);
}

/**
 * Reads the body of Abort Message.
 *
 * @returns The chunk stream whose unfinished message is to be dropped.
 * @throws {ProtocolError} The body is short.
 */
export function parseAbort(body: Uint8Array): number {
  return uint32(body, 0, "Abort Message", "5.4.2");
}

/** Body of Abort Message. */
export function writeAbort(chunkStreamId: number): Uint8Array {
  return uint32Body(chunkStreamId);
}

/**
 * Reads the body of Acknowledgement.
 *
 * @returns The sequence number: bytes that the peer received so far, modulo 2^32.
 * @throws {ProtocolError} The body is short.
 */
export function parseAcknowledgement(body: Uint8Array): number {
  return uint32(body, 0, "Acknowledgement", "5.4.3");
}

/** Body of Acknowledgement; the low 32 bits of `receivedBytes` are written. */
export function writeAcknowledgement(receivedBytes: number): Uint8Array {
  return uint32Body(receivedBytes);
}

/**
 * Reads the body of Window Acknowledgement Size.
 *
 * @returns The window in bytes, 0 to 2^32 - 1.
 * @throws {ProtocolError} The body is short.
 */
export function parseWindowAcknowledgementSize(body: Uint8Array): number {
  return uint32(body, 0, "Window Acknowledgement Size", "5.4.4");
}

/** Body of Window Acknowledgement Size. */
export function writeWindowAcknowledgementSize(windowBytes: number): Uint8Array {
  return uint32Body(windowBytes);
}

/**
 * Reads the body of Set Peer Bandwidth.
 *
 * @throws {ProtocolError} The body is short or the limit type is none of 0, 1, 2.
 */
export function parseSetPeerBandwidth(body: Uint8Array): PeerBandwidth {
  const windowBytes = uint32(body, 0, "Set Peer Bandwidth", "5.4.5");
  if (body.length < 5) throw short("Set Peer Bandwidth", body.length, 5, "5.4.5");
  const limit = BANDWIDTH_LIMITS[body[4]];
  if (limit === undefined) {
    throw malformed(`Cannot read Set Peer Bandwidth: unknown limit type ${body[4]}`, "5.4.5", 4);
  }
  return { windowBytes, limit };
}

/** Body of Set Peer Bandwidth. */
export function writeSetPeerBandwidth({ windowBytes, limit }: PeerBandwidth): Uint8Array {
  const body = new Uint8Array(5);
  new DataView(body.buffer).setUint32(0, windowBytes);
  body[4] = BANDWIDTH_LIMITS.indexOf(limit);
  return body;
}

/**
 * Reads the body of a user control message. Bytes behind the event's own are ignored.
 *
 * @throws {ProtocolError} The body is short.
 */
export function parseUserControl(body: Uint8Array): UserControl {
  if (body.length < 2) throw short("User Control", body.length, 2, "6.2");
  const code = body[0] << 8 | body[1];
  switch (code) {
    case USER_CONTROL_EVENT.streamBegin:
      return { event: "streamBegin", streamId: eventUint32(body, 2) };
    case USER_CONTROL_EVENT.streamEof:
      return { event: "streamEof", streamId: eventUint32(body, 2) };
    case USER_CONTROL_EVENT.streamDry:
      return { event: "streamDry", streamId: eventUint32(body, 2) };
    case USER_CONTROL_EVENT.streamIsRecorded:
      return { event: "streamIsRecorded", streamId: eventUint32(body, 2) };
    case USER_CONTROL_EVENT.setBufferLength:
      return {
        event: "setBufferLength",
        streamId: eventUint32(body, 2),
        bufferMs: eventUint32(body, 6),
      };
    case USER_CONTROL_EVENT.pingRequest:
      return { event: "pingRequest", timestampMs: eventUint32(body, 2) };
    case USER_CONTROL_EVENT.pingResponse:
      return { event: "pingResponse", timestampMs: eventUint32(body, 2) };
    default:
      return { event: "unknown", code };
  }
}

/** Body of a user control message. An unknown event is its code alone. */
export function writeUserControl(control: UserControl): Uint8Array {
  if (control.event === "unknown") return Uint8Array.of(control.code >>> 8, control.code);
  const body = new Uint8Array(control.event === "setBufferLength" ? 10 : 6);
  const view = new DataView(body.buffer);
  view.setUint16(0, USER_CONTROL_EVENT[control.event]);
  view.setUint32(2, "streamId" in control ? control.streamId : control.timestampMs);
  if (control.event === "setBufferLength") view.setUint32(6, control.bufferMs);
  return body;
}

function eventUint32(body: Uint8Array, offset: number): number {
  return uint32(body, offset, "User Control", "7.1.7");
}

/** A message is whole when it gets here, so a short one is the peer's fault. */
function uint32(body: Uint8Array, offset: number, what: string, section: string): number {
  if (body.length < offset + 4) throw short(what, body.length, offset + 4, section);
  return (body[offset] << 24 | body[offset + 1] << 16 | body[offset + 2] << 8 |
    body[offset + 3]) >>> 0;
}

function uint32Body(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

function short(what: string, bytes: number, wanted: number, section: string): ProtocolError {
  return malformed(
    `Cannot read ${what}: body has ${bytes} bytes, ${wanted} needed`,
    section,
    bytes,
  );
}

function malformed(message: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "RTMP", section, offset });
}
