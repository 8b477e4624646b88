/**
 * FLV over WebSocket: each tag is one binary message, the file header one of its own.
 *
 * Frames to the client are unmasked (RFC 6455, 5.1), so the framed bytes are the same for every
 * viewer. The tags are those of `flv/page_encoder.ts`.
 *
 * @module
 */
import { FLV_BODY_OPTIONS, flvOpening, flvTagBytes, writeFlvTag } from "../flv/page_encoder.ts";
import { encodeRecords, prefaceRecords, RecordBody } from "../flv/record_body.ts";
import type { BodyOptions } from "../flv/tag_body.ts";
import type { PageEncoder } from "../media/page_encoder.ts";
import type { LogRecord, StreamHead } from "../media/record.ts";
import {
  CLOSE_STATUS,
  closeFrame,
  OPCODE,
  serverFrame,
  serverFrameHeaderBytes,
  writeServerFrameHeader,
} from "./frame.ts";

export class WebSocketFlvPageEncoder implements PageEncoder {
  readonly #options: BodyOptions;
  readonly #body: RecordBody;

  constructor(options: BodyOptions = FLV_BODY_OPTIONS) {
    this.#options = options;
    this.#body = new RecordBody(options);
  }

  opening(head: StreamHead): Uint8Array {
    return serverFrame(OPCODE.binary, flvOpening(head));
  }

  preface(head: StreamHead, dtsUs: number): Uint8Array {
    // An encoder of its own: ours stays where the log is.
    return encodeRecords(new WebSocketFlvPageEncoder(this.#options), prefaceRecords(head, dtsUs));
  }

  sizeOf(record: LogRecord): number {
    if (!this.#body.load(record)) return 0;
    const tagBytes = flvTagBytes(this.#body);
    return serverFrameHeaderBytes(tagBytes) + tagBytes;
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    this.#body.load(record);
    const tagBytes = flvTagBytes(this.#body);
    const start = writeServerFrameHeader(OPCODE.binary, tagBytes, target, offset);
    writeFlvTag(this.#body, target, start);
  }

  closing(): Uint8Array {
    return closeFrame(CLOSE_STATUS.normal);
  }
}
