/**
 * Video tag bodies to tracks and frames.
 *
 * Sources: Adobe FLV and F4V 10.1, annex E.4.3; Enhanced RTMP v2, section Enhanced Video; Carriage
 * of AV1 in MPEG-2 TS, section 2.1 (the descriptor of MPEG2TSSequenceStart).
 *
 * @module
 */
import { equalBytes } from "../bytes/equal.ts";
import { nalLengthBytes, videoTrack } from "../codecs/track_config.ts";
import { ProtocolError } from "../errors.ts";
import { toLengthPrefixed4 } from "../media/nal.ts";
import { DATA_BYTES_MAX, FRAME_BYTES_MAX } from "../media/record.ts";
import { TRACKS_PER_KIND_MAX, type VideoCodec, type VideoTrack } from "../media/track.ts";
import {
  ENHANCED_VIDEO,
  type EnhancedHeader,
  forEachEnhancedTrack,
  parseEnhancedHeader,
} from "./enhanced_tag.ts";
import { parseScriptTag } from "./script_tag.ts";
import { DROP_REASON, type TagSink } from "./tag_sink.ts";
import {
  AVC_HEADER_BYTES,
  AVC_PACKET_TYPE,
  EX_VIDEO_HEADER,
  isKeyFrameType,
  parseAvcHeader,
  readSi24,
  VIDEO_CODEC_ID,
  VIDEO_FRAME_TYPE,
  VIDEO_PACKET_TYPE,
  videoCodecOfFourCc,
} from "./video_tag.ts";

/** A track as its publisher configured it. */
interface Slot {
  readonly track: VideoTrack;
  /** The configuration as it was sent, to tell a repeated one from a new one. */
  readonly config: Uint8Array;
  /** Bytes of the length in front of each NAL unit of its frames. */
  readonly lengthBytes: number;
}

/** One track's part of a body, on its way to the sink. */
interface Part {
  readonly codec: VideoCodec;
  readonly index: number;
  readonly timestampMs: number;
  readonly nanoOffset: number;
  readonly keyframe: boolean;
  /** Where the part starts within its body. */
  readonly offset: number;
}

/** Codecs that are decoded without a configuration, and that some publishers send without one. */
const SELF_CONTAINED: ReadonlySet<VideoCodec> = new Set(["vp8", "vp9"]);

const NOTHING = new Uint8Array(0);
const COMPOSITION_BYTES = 3;
const AV1_DESCRIPTOR_BYTES = 6; // Tag, length, then four bytes that are almost an av1C.
const AV1_DESCRIPTOR_TAG = 0x80;

export class VideoDemuxer {
  readonly #sink: TagSink;
  readonly #slots: (Slot | undefined)[] = new Array(TRACKS_PER_KIND_MAX).fill(undefined);

  constructor(sink: TagSink) {
    this.#sink = sink;
  }

  /**
   * Takes one body. Empty bodies, seek commands and ends of sequence say nothing and are ignored.
   *
   * @throws {ProtocolError} A header is cut short, or a configuration cannot be read.
   */
  body(body: Uint8Array, timestampMs: number): void {
    if (body.length === 0) return;
    if ((body[0] & EX_VIDEO_HEADER) !== 0) return this.#enhanced(body, timestampMs);

    const frameType = body[0] >>> 4;
    if (frameType === VIDEO_FRAME_TYPE.command) return;
    const codec = legacyCodec(body[0] & 0x0f);
    if (codec === undefined) return this.#sink.dropped(DROP_REASON.videoCodec);
    if (body.length > 1 && body[1] === AVC_PACKET_TYPE.endOfSequence) return;

    const { packetType, compositionMs } = parseAvcHeader(body);
    const data = body.subarray(AVC_HEADER_BYTES);
    const keyframe = isKeyFrameType(frameType);
    const part = {
      codec,
      index: 0,
      timestampMs,
      nanoOffset: 0,
      keyframe,
      offset: AVC_HEADER_BYTES,
    };
    if (packetType === AVC_PACKET_TYPE.sequenceHeader) return this.#configure(part, data);
    if (packetType === AVC_PACKET_TYPE.nalUnits) return this.#frame(part, compositionMs, data);
    this.#sink.dropped(DROP_REASON.packetType);
  }

  #enhanced(body: Uint8Array, timestampMs: number): void {
    const header = parseEnhancedHeader(body, ENHANCED_VIDEO);
    const frameType = (body[0] >>> 4) & 7;
    const { packetType, nanoOffset } = header;
    // Metadata bodies have no frame type; ffmpeg writes that of a command there.
    if (frameType === VIDEO_FRAME_TYPE.command && packetType !== VIDEO_PACKET_TYPE.metadata) return;

    const keyframe = isKeyFrameType(frameType);
    forEachEnhancedTrack(body, header, ENHANCED_VIDEO, (fourCc, index, data) => {
      const codec = videoCodecOfFourCc(fourCc);
      if (codec === undefined) return this.#sink.dropped(DROP_REASON.videoCodec);
      if (index >= TRACKS_PER_KIND_MAX) return this.#sink.dropped(DROP_REASON.trackNumber);
      const offset = data.byteOffset - body.byteOffset;
      this.#part(header, { codec, index, timestampMs, nanoOffset, keyframe, offset }, data);
    });
  }

  #part(header: EnhancedHeader, part: Part, data: Uint8Array): void {
    switch (header.packetType) {
      case VIDEO_PACKET_TYPE.sequenceStart:
        return this.#configure(part, data);
      case VIDEO_PACKET_TYPE.mpeg2TsSequenceStart:
        if (part.codec !== "av1") return this.#sink.dropped(DROP_REASON.packetType);
        return this.#configure(part, av1ConfigOfDescriptor(data, part.offset));
      case VIDEO_PACKET_TYPE.codedFramesX:
        return this.#frame(part, 0, data);
      case VIDEO_PACKET_TYPE.codedFrames: {
        if (part.codec !== "h264" && part.codec !== "h265") return this.#frame(part, 0, data);
        if (data.length === 0) return;
        if (data.length < COMPOSITION_BYTES) {
          throw malformed(
            `Cannot read composition time: ${data.length} bytes left, not 3`,
            part.offset,
          );
        }
        return this.#frame(part, readSi24(data, 0), data.subarray(COMPOSITION_BYTES));
      }
      case VIDEO_PACKET_TYPE.sequenceEnd:
        return;
      case VIDEO_PACKET_TYPE.metadata:
        return this.#metadata(part, data);
      default:
        this.#sink.dropped(DROP_REASON.packetType);
    }
  }

  #configure(part: Part, config: Uint8Array): void {
    const { codec, index, timestampMs } = part;
    if (config.length === 0 && !SELF_CONTAINED.has(codec)) return;
    const slot = this.#slots[index];
    if (slot !== undefined && slot.track.codec === codec && equalBytes(slot.config, config)) return;

    const own = config.slice(); // The track lives on; the body it came in need not.
    const track = videoTrack(codec, index, own);
    this.#slots[index] = { track, config: own, lengthBytes: nalLengthBytes(codec, own) };
    this.#sink.track(track, timestampMs);
  }

  #frame(part: Part, compositionMs: number, received: Uint8Array): void {
    const { codec, index, timestampMs, nanoOffset, keyframe } = part;
    if (received.length === 0) return;
    if (this.#slots[index]?.track.codec !== codec && SELF_CONTAINED.has(codec)) {
      this.#configure(part, NOTHING);
    }
    const slot = this.#slots[index];
    if (slot === undefined || slot.track.codec !== codec) {
      return this.#sink.dropped(DROP_REASON.unconfigured);
    }
    if (received.length > FRAME_BYTES_MAX) return this.#sink.dropped(DROP_REASON.frameBytes);
    const hasNalUnits = codec === "h264" || codec === "h265";
    const data = hasNalUnits ? lengthPrefixed4(received, slot.lengthBytes) : received;
    if (data === undefined) return this.#sink.dropped(DROP_REASON.nalUnits);
    // Short lengths become longer ones, so the frame may have grown.
    if (data.length > FRAME_BYTES_MAX) return this.#sink.dropped(DROP_REASON.frameBytes);
    this.#sink.frame(slot.track, timestampMs, nanoOffset, compositionMs * 1000, keyframe, data);
  }

  #metadata(part: Part, payload: Uint8Array): void {
    // ffmpeg sends what belongs to its second track as if there were one, under its FourCC.
    const first = this.#slots[0];
    if (part.index !== 0 || (first !== undefined && first.track.codec !== part.codec)) {
      return this.#sink.dropped(DROP_REASON.extraMetadata);
    }
    if (payload.length === 0) return;
    if (payload.length > DATA_BYTES_MAX) return this.#sink.dropped(DROP_REASON.dataBytes);
    const tag = parseScriptTag(payload);
    if (tag === undefined) return this.#sink.dropped(DROP_REASON.unnamed);
    this.#sink.data("video", tag.name, tag.payload, part.timestampMs);
  }
}

function legacyCodec(codecId: number): VideoCodec | undefined {
  if (codecId === VIDEO_CODEC_ID.avc) return "h264";
  return codecId === VIDEO_CODEC_ID.hevc ? "h265" : undefined;
}

/** The frame in our form, `undefined` when its lengths do not add up. */
function lengthPrefixed4(data: Uint8Array, lengthBytes: number): Uint8Array | undefined {
  try {
    return toLengthPrefixed4(data, lengthBytes);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** AV1 video descriptor to av1C: the same fields, but hdr_wcg_idc where av1C has reserved bits. */
function av1ConfigOfDescriptor(descriptor: Uint8Array, offset: number): Uint8Array {
  if (descriptor.length < AV1_DESCRIPTOR_BYTES || descriptor[0] !== AV1_DESCRIPTOR_TAG) {
    throw malformed("Cannot read AV1 video descriptor: not tag 0x80 and 4 bytes", offset);
  }
  const config = descriptor.slice(2, AV1_DESCRIPTOR_BYTES);
  config[3] &= 0x1f;
  return config;
}

function malformed(message: string, offset: number): ProtocolError {
  return new ProtocolError(message, {
    protocol: "Enhanced RTMP",
    section: ENHANCED_VIDEO.section,
    offset,
  });
}
