/**
 * Header of a video tag's body: the legacy form and where the enhanced form begins.
 *
 * Sources: Adobe FLV and F4V 10.1, annex E.4.3.1; Enhanced RTMP v2, section Enhanced Video. What
 * follows an enhanced header is read by `enhanced_tag.ts`. RTMP video messages have the same body.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { VideoCodec } from "../media/track.ts";
import { fourCc } from "./enhanced_tag.ts";

/** VideoFrameType values (E.4.3.1). */
export const VIDEO_FRAME_TYPE = {
  key: 1,
  inter: 2,
  disposableInter: 3,
  generatedKey: 4,
  command: 5, // A seek command of one byte, no picture.
} as const;

/** CodecID values of the legacy form (E.4.3.1); 12 is in use by encoders in China, unregistered. */
export const VIDEO_CODEC_ID = {
  sorensonH263: 2,
  screen: 3,
  vp6: 4,
  vp6Alpha: 5,
  screen2: 6,
  avc: 7,
  hevc: 12,
} as const;

/** AVCPacketType values (E.4.3.1). */
export const AVC_PACKET_TYPE = { sequenceHeader: 0, nalUnits: 1, endOfSequence: 2 } as const;

/** VideoPacketType values of the enhanced form. */
export const VIDEO_PACKET_TYPE = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  codedFramesX: 3, // As 1, with a composition time of zero that is not written.
  metadata: 4,
  mpeg2TsSequenceStart: 5,
  multitrack: 6,
  modEx: 7,
} as const;

/** Marks the enhanced form in the first byte (isExVideoHeader). */
export const EX_VIDEO_HEADER = 0x80;

/** Size of a legacy AVC or HEVC header: flags, packet type, composition time. */
export const AVC_HEADER_BYTES = 5;

/** FourCC of each video codec in the enhanced form. */
export const VIDEO_FOURCC: Readonly<Record<VideoCodec, number>> = {
  h264: fourCc("avc1"),
  h265: fourCc("hvc1"),
  av1: fourCc("av01"),
  vp8: fourCc("vp08"),
  vp9: fourCc("vp09"),
};

/** A legacy AVC or HEVC header. */
export interface AvcHeader {
  readonly packetType: number;
  /** Presentation minus decode time in milliseconds, -2^23 to 2^23 - 1. */
  readonly compositionMs: number;
}

/** The codec behind a FourCC; `undefined` when we do not know it. */
export function videoCodecOfFourCc(value: number): VideoCodec | undefined {
  for (const codec of VIDEO_CODECS) if (VIDEO_FOURCC[codec] === value) return codec;
  return undefined;
}

const VIDEO_CODECS = Object.keys(VIDEO_FOURCC) as VideoCodec[];

/** Whether a frame of this type is one where decoding can start. */
export function isKeyFrameType(frameType: number): boolean {
  return frameType === VIDEO_FRAME_TYPE.key || frameType === VIDEO_FRAME_TYPE.generatedKey;
}

/**
 * Reads the header that a whole legacy AVC or HEVC `body` starts with.
 *
 * @throws {ProtocolError} The body is shorter than {@link AVC_HEADER_BYTES}.
 */
export function parseAvcHeader(body: Uint8Array): AvcHeader {
  if (body.length < AVC_HEADER_BYTES) {
    throw new ProtocolError(
      `Cannot read video tag: ${body.length} bytes, a header has ${AVC_HEADER_BYTES}`,
      { protocol: "FLV", section: "E.4.3.1", offset: body.length },
    );
  }
  return { packetType: body[1], compositionMs: readSi24(body, 2) };
}

/** Reads a signed 24-bit integer. */
export function readSi24(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8)) >> 8;
}

/** Writes the low 24 bits of `value`; returns the offset behind them. */
export function writeSi24(value: number, target: Uint8Array, offset: number): number {
  target[offset] = value >>> 16;
  target[offset + 1] = value >>> 8;
  target[offset + 2] = value;
  return offset + 3;
}
