/**
 * Log records as RTMP messages: the shared bytes of every RTMP player of a stream.
 *
 * Sources: Adobe RTMP 1.0, sections 5.3.1 and 7.1; bodies as in `flv/`. Each message is a type-0
 * chunk with an absolute timestamp and type-3 chunks, so a viewer may start at any of them. What a
 * session says beside media (`onStatus`, control messages) goes between messages, not in here.
 *
 * @module
 */
import { encodeRecords, prefaceRecords, RecordBody } from "../flv/record_body.ts";
import { TAG_TYPE } from "../flv/tag_header.ts";
import type { PageEncoder } from "../media/page_encoder.ts";
import type { LogRecord, StreamHead } from "../media/record.ts";
import {
  chunkedMessageBytes,
  type MessageHead,
  OUTPUT_CHUNK_BYTES,
  writeChunkedMessage,
} from "./chunk_writer.ts";

/** Parameters that change the bytes: each set of them is an encoding class. */
export interface RtmpPageOptions {
  /** Message stream id that the player was given. */
  readonly streamId: number;
  /** The player receives audio; see receiveAudio (7.2.2.4). */
  readonly audio: boolean;
  /** The player receives video and its metadata; see receiveVideo (7.2.2.5). */
  readonly video: boolean;
  /** The player takes tracks beyond the first of their kind (capsEx). */
  readonly multitrack: boolean;
}

/** Chunk streams of media; those below 4 belong to control messages and commands. */
export const MEDIA_CHUNK_STREAM_ID = { audio: 4, script: 5, video: 6 } as const;

const NOTHING = new Uint8Array(0);
const TYPE_0_HEADER_BYTES = 12;
const EXTENDED_TIMESTAMP = 0xffffff;
const STREAM_ID_OFFSET = 8; // Within a type-0 header, little-endian (5.3.1.2.5).

export class RtmpPageEncoder implements PageEncoder {
  readonly #options: RtmpPageOptions;
  readonly #body: RecordBody;

  constructor(options: RtmpPageOptions) {
    this.#options = options;
    this.#body = new RecordBody(options);
  }

  /** Empty: the session's own messages open a playback. */
  opening(_head: StreamHead): Uint8Array {
    return NOTHING;
  }

  preface(head: StreamHead, dtsUs: number): Uint8Array {
    // An encoder of its own: ours stays where the log is.
    return encodeRecords(new RtmpPageEncoder(this.#options), prefaceRecords(head, dtsUs));
  }

  sizeOf(record: LogRecord): number {
    if (!this.#body.load(record) || !carries(this.#body.type, this.#options)) return 0;
    return chunkedMessageBytes(this.#head(), this.#body.bytes, OUTPUT_CHUNK_BYTES);
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    this.#body.load(record);
    const { head, headBytes, data } = this.#body;
    const message = this.#head();
    writeChunkedMessage(message, head, headBytes, data, OUTPUT_CHUNK_BYTES, target, offset);
  }

  /** Empty: the session says that the stream ended. */
  closing(): Uint8Array {
    return NOTHING;
  }

  #head(): MessageHead {
    const { type, timestampMs } = this.#body;
    return {
      chunkStreamId: chunkStreamIdOf(type),
      timestampMs,
      typeId: type, // Tags and messages share their numbers.
      streamId: this.#options.streamId,
    };
  }
}

/**
 * Copies whole messages, as an {@link RtmpPageEncoder} for all media wrote them, to another message
 * stream id, without the kinds that are not wanted. For viewers beyond the number of classes.
 *
 * @throws {RangeError} The bytes are not whole messages of such an encoder.
 */
export function reframeRtmpPage(
  bytes: Uint8Array,
  options: Pick<RtmpPageOptions, "streamId" | "audio" | "video">,
): Uint8Array {
  const target = new Uint8Array(bytes.length);
  let end = 0;
  for (let offset = 0; offset < bytes.length;) {
    const messageEnd = offset + wholeMessageBytes(bytes, offset);
    if (carries(bytes[offset + 7], options)) {
      target.set(bytes.subarray(offset, messageEnd), end);
      writeStreamId(options.streamId, target, end + STREAM_ID_OFFSET);
      end += messageEnd - offset;
    }
    offset = messageEnd;
  }
  return target.subarray(0, end);
}

function carries(typeId: number, options: Pick<RtmpPageOptions, "audio" | "video">): boolean {
  if (typeId === TAG_TYPE.audio) return options.audio;
  return typeId === TAG_TYPE.video ? options.video : true;
}

function chunkStreamIdOf(typeId: number): number {
  if (typeId === TAG_TYPE.audio) return MEDIA_CHUNK_STREAM_ID.audio;
  return typeId === TAG_TYPE.video ? MEDIA_CHUNK_STREAM_ID.video : MEDIA_CHUNK_STREAM_ID.script;
}

/** Bytes of the message whose type-0 header is at `offset`, all its chunks included. */
function wholeMessageBytes(bytes: Uint8Array, offset: number): number {
  const left = bytes.length - offset;
  const isType0 = left >= TYPE_0_HEADER_BYTES && bytes[offset] >= 2 && bytes[offset] < 64;
  if (isType0) {
    const extended = readUint24(bytes, offset + 1) === EXTENDED_TIMESTAMP;
    // Only whether it is extended matters for the size.
    const head = { chunkStreamId: 2, timestampMs: extended ? 0xffffff : 0, typeId: 0, streamId: 0 };
    const bodyBytes = readUint24(bytes, offset + 4);
    const size = chunkedMessageBytes(head, bodyBytes, OUTPUT_CHUNK_BYTES);
    if (size <= left) return size;
  }
  throw new RangeError(`Cannot re-frame page: no whole message at offset ${offset}`);
}

function readUint24(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 16) | (bytes[offset + 1] << 8) | bytes[offset + 2];
}

function writeStreamId(streamId: number, target: Uint8Array, offset: number): void {
  target[offset] = streamId;
  target[offset + 1] = streamId >>> 8;
  target[offset + 2] = streamId >>> 16;
  target[offset + 3] = streamId >>> 24;
}
