/**
 * Any log record as a tag body, for the encoders of FLV, WebSocket and RTMP pages.
 *
 * One {@link RecordBody} is loaded with record after record, so that a frame costs no object.
 *
 * @module
 */
import type { PageEncoder } from "../media/page_encoder.ts";
import type { DataRecord, Frame, LogRecord, StreamHead } from "../media/record.ts";
import type { Track } from "../media/track.ts";
import { TAG_TYPE, type TagType } from "./tag_header.ts";
import {
  BODY_HEAD_BYTES_MAX,
  type BodyOptions,
  frameBodyHeadBytes,
  sequenceStartBody,
  timestampMsOf,
  VIDEO_METADATA_HEAD_BYTES,
  writeFrameBodyHead,
  writeVideoMetadataHead,
} from "./tag_body.ts";
import { VIDEO_FOURCC } from "./video_tag.ts";

const NOTHING = new Uint8Array(0);

/** The body of the record loaded last: the first `headBytes` of `head`, then `data`. */
export class RecordBody {
  type: TagType = TAG_TYPE.script;
  readonly head = new Uint8Array(BODY_HEAD_BYTES_MAX);
  headBytes = 0;
  /** Timestamp of the tag or message, in milliseconds modulo 2^32. */
  timestampMs = 0;
  /** A view of the record's own bytes. */
  data: Uint8Array = NOTHING;
  readonly #options: BodyOptions;
  /** FourCC of the first video track, which metadata must repeat but its record does not hold. */
  #videoFourCc: number | undefined;

  constructor(options: BodyOptions) {
    this.#options = options;
  }

  /** Bytes of the body. */
  get bytes(): number {
    return this.headBytes + this.data.length;
  }

  /**
   * Makes the body of `record`; records are loaded in log order.
   *
   * @returns Whether the format carries the record.
   */
  load(record: LogRecord): boolean {
    this.timestampMs = timestampMsOf(record.dtsUs);
    switch (record.kind) {
      case "frame":
        return this.#loadFrame(record);
      case "track":
        return this.#loadTrack(record.track);
      case "data":
        return record.carrier === "script" ? this.#loadScript(record) : this.#loadMetadata(record);
      default:
        return false;
    }
  }

  #loadFrame(frame: Frame): boolean {
    const headBytes = frameBodyHeadBytes(frame, this.#options);
    if (headBytes === 0) return false;
    this.#follow(frame.track);
    writeFrameBodyHead(frame, this.head, 0, this.#options);
    this.type = TAG_TYPE[frame.track.kind];
    this.headBytes = headBytes;
    this.data = frame.data;
    return true;
  }

  #loadTrack(track: Track): boolean {
    this.#follow(track);
    const body = sequenceStartBody(track, this.#options);
    if (body === undefined) return false;
    this.type = TAG_TYPE[track.kind];
    this.headBytes = 0;
    this.data = body;
    return true;
  }

  #loadScript(record: DataRecord): boolean {
    // onMetaData describes the whole stream (E.5). FFmpeg takes one that is not at zero for a
    // track of its own.
    if (record.name === "onMetaData") this.timestampMs = 0;
    this.type = TAG_TYPE.script;
    this.headBytes = 0;
    this.data = record.payload;
    return true;
  }

  #loadMetadata(record: DataRecord): boolean {
    if (this.#videoFourCc === undefined) return false;
    writeVideoMetadataHead(this.#videoFourCc, this.head, 0);
    this.type = TAG_TYPE.video;
    this.headBytes = VIDEO_METADATA_HEAD_BYTES;
    this.data = record.payload;
    return true;
  }

  #follow(track: Track): void {
    if (track.kind === "video" && track.index === 0) this.#videoFourCc = VIDEO_FOURCC[track.codec];
  }
}

/**
 * What a joiner must get first, as records stamped `dtsUs`: script data, then the tracks' sequence
 * headers, then metadata of the video, which applies to the frames behind it.
 */
export function prefaceRecords(head: StreamHead, dtsUs: number): LogRecord[] {
  const stamped = head.data.map((record) => ({ ...record, dtsUs }));
  const tracks = head.tracks.map((track) => ({ kind: "track", seq: 0, dtsUs, track }) as const);
  return [
    ...stamped.filter((record) => record.carrier === "script"),
    ...tracks,
    ...stamped.filter((record) => record.carrier === "video"),
  ];
}

/** Writes records one behind the other into an array of its own, with an encoder of its own. */
export function encodeRecords(encoder: PageEncoder, records: readonly LogRecord[]): Uint8Array {
  const sizes = records.map((record) => encoder.sizeOf(record));
  const target = new Uint8Array(sizes.reduce((sum, bytes) => sum + bytes, 0));
  let offset = 0;
  for (const [index, record] of records.entries()) {
    if (sizes[index] > 0) encoder.write(record, target, offset);
    offset += sizes[index];
  }
  return target;
}
