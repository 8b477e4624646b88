/**
 * Log records as FLV tags: the shared bytes of every HTTP viewer of a stream.
 *
 * Source: Adobe FLV and F4V 10.1, annexes E.2 to E.4. Times are milliseconds, rounded down, modulo
 * 2^32, as RTMP counts them. `websocket/page_encoder.ts` puts each tag into a frame.
 *
 * @module
 */
import type { PageEncoder } from "../media/page_encoder.ts";
import type { LogRecord, StreamHead } from "../media/record.ts";
import { fileOpening, PREVIOUS_TAG_SIZE_BYTES, writePreviousTagSize } from "./file_header.ts";
import { encodeRecords, prefaceRecords, RecordBody } from "./record_body.ts";
import type { BodyOptions } from "./tag_body.ts";
import { TAG_HEADER_BYTES, writeTagHeader } from "./tag_header.ts";

const NOTHING = new Uint8Array(0);

/** Players cannot say what they take, so they get the first track of each kind. */
export const FLV_BODY_OPTIONS: BodyOptions = { multitrack: false };

export class FlvPageEncoder implements PageEncoder {
  readonly #options: BodyOptions;
  readonly #body: RecordBody;

  constructor(options: BodyOptions = FLV_BODY_OPTIONS) {
    this.#options = options;
    this.#body = new RecordBody(options);
  }

  opening(head: StreamHead): Uint8Array {
    return flvOpening(head);
  }

  preface(head: StreamHead, dtsUs: number): Uint8Array {
    // An encoder of its own: ours stays where the log is.
    return encodeRecords(new FlvPageEncoder(this.#options), prefaceRecords(head, dtsUs));
  }

  sizeOf(record: LogRecord): number {
    return this.#body.load(record) ? flvTagBytes(this.#body) : 0;
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    this.#body.load(record);
    writeFlvTag(this.#body, target, offset);
  }

  closing(): Uint8Array {
    return NOTHING;
  }
}

/** The file header for a stream; it announces both kinds while no track is known. */
export function flvOpening(head: StreamHead): Uint8Array {
  const unknown = head.tracks.length === 0;
  return fileOpening({
    audio: unknown || head.tracks.some((track) => track.kind === "audio"),
    video: unknown || head.tracks.some((track) => track.kind === "video"),
  });
}

/** Bytes of {@link writeFlvTag}: header, body and the size behind it. */
export function flvTagBytes(body: RecordBody): number {
  return TAG_HEADER_BYTES + body.bytes + PREVIOUS_TAG_SIZE_BYTES;
}

/** Writes the loaded body as a tag; returns the offset behind it. */
export function writeFlvTag(
  body: RecordBody,
  target: Uint8Array,
  offset: number,
): number {
  const { type, timestampMs, head, headBytes, data, bytes } = body;
  writeTagHeader({ type, bodyBytes: bytes, dtsMs: timestampMs }, target, offset);
  let at = offset + TAG_HEADER_BYTES;
  for (let index = 0; index < headBytes; index++) target[at++] = head[index];
  target.set(data, at);
  return writePreviousTagSize(TAG_HEADER_BYTES + bytes, target, at + data.length);
}
