/**
 * Reads the chunks an RTMP server sends after the handshake (RTMP 1.0, section 5.3).
 *
 * @module
 */
import { Input, WireError } from "./input.ts";

/** A whole message. */
export interface RtmpMessage {
  readonly typeId: number;
  readonly streamId: number;
  readonly timestampMs: number;
  /** Valid until the reader gets more bytes. */
  readonly body: Uint8Array;
}

const SET_CHUNK_SIZE = 1;
const EXTENDED = 0xffffff;
const HEADER_BYTES = [11, 7, 3, 0];

/** What a chunk stream remembers for its later headers. */
interface ChunkStream {
  timestampMs: number;
  deltaMs: number;
  bodyBytes: number;
  typeId: number;
  streamId: number;
  extended: boolean;
  /** Body so far; undefined between messages. */
  body: Uint8Array | undefined;
  bodyAt: number;
}

export class RtmpReader {
  readonly #input = new Input();
  readonly #streams = new Map<number, ChunkStream>();
  readonly #onMessage: (message: RtmpMessage) => void;
  #chunkBytes = 128;

  constructor(onMessage: (message: RtmpMessage) => void) {
    this.#onMessage = onMessage;
  }

  push(bytes: Uint8Array): void {
    this.#input.push(bytes);
    while (this.#chunk());
  }

  #chunk(): boolean {
    const input = this.#input;
    if (input.length < 1) return false;
    const format = input.peek(0) >> 6;
    const chunkStreamId = input.peek(0) & 63;
    if (chunkStreamId < 2) throw new WireError("A chunk stream id of 2 or 3 bytes");
    const stream = this.#stream(chunkStreamId, format);
    let head = 1 + HEADER_BYTES[format];
    if (input.length < head) return false;
    const field = format < 3 ? input.number(1, 3) : 0;
    const extended = format < 3 ? field === EXTENDED : stream.extended;
    if (extended) head += 4;
    if (input.length < head) return false;
    const bodyBytes = format < 2 ? input.number(4, 3) : stream.bodyBytes;
    const bodyAt = stream.body === undefined ? 0 : stream.bodyAt;
    const chunkBytes = Math.min(this.#chunkBytes, bodyBytes - bodyAt);
    if (input.length < head + chunkBytes) return false;

    if (stream.body === undefined) this.#header(stream, format, extended, field, head);
    else if (format !== 3) throw new WireError("A new header within a message");
    const chunk = input.take(head + chunkBytes).subarray(head);
    if (chunkBytes === stream.bodyBytes) this.#deliver(stream, chunk);
    else this.#collect(stream, chunk);
    return true;
  }

  #stream(chunkStreamId: number, format: number): ChunkStream {
    let stream = this.#streams.get(chunkStreamId);
    if (stream !== undefined) return stream;
    if (format !== 0) {
      throw new WireError(`Chunk stream ${chunkStreamId} starts with type ${format}`);
    }
    const zero = { timestampMs: 0, deltaMs: 0, bodyBytes: 0, typeId: 0, streamId: 0, bodyAt: 0 };
    stream = { ...zero, extended: false, body: undefined };
    this.#streams.set(chunkStreamId, stream);
    return stream;
  }

  #header(stream: ChunkStream, format: number, extended: boolean, field: number, head: number) {
    const input = this.#input;
    const timeMs = extended ? input.number(head - 4, 4) : field;
    if (format < 2) {
      stream.bodyBytes = input.number(4, 3);
      stream.typeId = input.peek(7);
    }
    if (format === 0) {
      stream.streamId = input.peek(8) + input.peek(9) * 256; // Little-endian.
      stream.timestampMs = timeMs;
      stream.deltaMs = timeMs;
    } else {
      if (format < 3) stream.deltaMs = timeMs;
      stream.timestampMs = (stream.timestampMs + stream.deltaMs) % 2 ** 32;
    }
    if (format < 3) stream.extended = extended;
  }

  #collect(stream: ChunkStream, chunk: Uint8Array): void {
    if (stream.body === undefined) {
      stream.body = new Uint8Array(stream.bodyBytes);
      stream.bodyAt = 0;
    }
    stream.body.set(chunk, stream.bodyAt);
    stream.bodyAt += chunk.length;
    if (stream.bodyAt < stream.bodyBytes) return;
    const body = stream.body;
    stream.body = undefined;
    this.#deliver(stream, body);
  }

  #deliver({ typeId, streamId, timestampMs }: ChunkStream, body: Uint8Array): void {
    if (typeId === SET_CHUNK_SIZE) {
      this.#chunkBytes = new DataView(body.buffer, body.byteOffset, 4).getUint32(0);
      return;
    }
    this.#onMessage({ typeId, streamId, timestampMs, body });
  }
}
