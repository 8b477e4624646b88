/**
 * RTMP chunk stream, input: chunks of any type, size and interleaving become whole messages.
 *
 * Source: Adobe RTMP 1.0, section 5.3.1; `chunk_writer.ts` is the other direction. Set Chunk Size
 * (5.4.1) and Abort (5.4.2) are obeyed here and not reported. What a message means is not known
 * here. Body bytes are copied once, from the caller's input into the message's own array.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import {
  ChunkStream,
  INCOMPLETE,
  NO_BODY,
  repeatedTimestampBytes,
  uint32,
} from "./chunk_stream.ts";
import { CHUNK_BYTES_DEFAULT } from "./chunk_writer.ts";
import { MESSAGE_TYPE, parseAbort, parseSetChunkSize } from "./message.ts";

/** Longest message until `messageBytesMax` is raised, in bytes: commands are far shorter. */
export const COMMAND_BYTES_MAX = 64 * 1024;

/**
 * Most chunk streams a peer may open. Encoders use four to eight, a player of several streams four
 * more for each; all 65,598 would cost megabytes a connection.
 */
export const CHUNK_STREAMS_MAX = 128;

/**
 * Bytes announced by half-sent messages, in messages of the largest size: one being sent, and all
 * others that interleave with it. Without it each chunk stream could pin the largest message.
 */
export const PARTIAL_MESSAGES_MAX = 2;

/** Chunk stream ids below this fit one byte of basic header and are looked up in an array. */
const SMALL_ID_END = 64;

/** 3 bytes of basic header, 11 of message header, 4 of extended timestamp. */
const HEADER_BYTES_MAX = 18;

/** Message header sizes by chunk type, in bytes (5.3.1.2). */
const MESSAGE_HEADER_BYTES = [11, 7, 3, 0] as const;

/** A timestamp field of this value says that 32 bits follow the header (5.3.1.3). */
const EXTENDED_MARK = 0xffffff;

/** Bytes up to this many are copied by a loop: below, making a view costs more than it saves. */
const LOOP_COPY_BYTES_MAX = 128;

/** One whole message. */
export interface Message {
  /** 2 to 65,599. */
  chunkStreamId: number;
  /** 0 to 255; `MESSAGE_TYPE` names them. */
  typeId: number;
  /** Unsigned 32 bits. */
  streamId: number;
  /** Absolute time in milliseconds, unsigned 32 bits, wrapping. */
  timestampMs: number;
  /** Owned by the receiver; the reader never touches it again. */
  body: Uint8Array;
}

/**
 * Reassembles messages from input in pieces of any size. After it threw, the connection is over
 * and the reader must not be fed again.
 */
export class ChunkReader {
  /** Longest message accepted, in bytes; may be changed between messages. */
  messageBytesMax = COMMAND_BYTES_MAX;

  readonly #onMessage: (message: Message) => boolean;
  #chunkBytes = CHUNK_BYTES_DEFAULT;
  #bytesReceived = 0;
  /** Announced bytes of all messages that are not whole yet. */
  #partialBytes = 0;

  readonly #smallStreams: (ChunkStream | undefined)[] = new Array(SMALL_ID_END).fill(undefined);
  readonly #largeStreams = new Map<number, ChunkStream>();
  #streamCount = 0;

  /** A chunk header that was cut by the end of input. */
  readonly #held = new Uint8Array(HEADER_BYTES_MAX);
  #heldBytes = 0;
  /** At most 3 bytes, see {@link repeatedTimestampBytes}: held for a header, found to be payload. */
  #replay: Uint8Array = NO_BODY;
  /** `onMessage` said stop. */
  #stopped = false;
  /** Where the chunk at hand began, in bytes since the first; for errors. */
  #chunkOffset = 0;
  /** The chunk whose payload is being read; undefined between chunks. */
  #current: ChunkStream | undefined;
  #payloadLeft = 0;

  /**
   * @param onMessage Called with each whole message, inside {@link feed}; `false` stops parsing
   * right behind this message. What it throws, `feed` throws.
   */
  constructor(onMessage: (message: Message) => boolean) {
    this.#onMessage = onMessage;
  }

  /** Bytes consumed so far, exact inside `onMessage` too: what an Acknowledgement tells. */
  get bytesReceived(): number {
    return this.#bytesReceived;
  }

  /**
   * Takes the next bytes of the connection; they are the caller's again when it returns.
   *
   * @returns Bytes consumed. Fewer than given only when `onMessage` said stop; feed the rest later.
   * @throws {ProtocolError} The peer broke a rule or a limit; `offset` counts from the first byte
   * ever fed.
   */
  feed(bytes: Uint8Array): number {
    this.#stopped = false;
    this.#parseReplay(this.#bytesReceived);
    return this.#stopped ? 0 : this.#parse(bytes, this.#bytesReceived);
  }

  /** Parses until the input ends or `onMessage` says stop; `base` is the offset of `bytes[0]`. */
  #parse(bytes: Uint8Array, base: number): number {
    let at = 0;
    while (at < bytes.length) {
      if (this.#current === undefined) {
        at = this.#feedHeader(bytes, at, base);
        if (this.#replay.length > 0) {
          this.#parseReplay(base + at);
          if (this.#stopped) break;
          continue;
        }
        if (this.#current === undefined) break; // The header is cut; what there is, is held.
      }
      const stream: ChunkStream = this.#current;
      at = this.#feedPayload(stream, bytes, at);
      if (this.#payloadLeft > 0) break;
      this.#current = undefined;
      if (stream.filledBytes < stream.bodyBytes) continue;
      this.#bytesReceived = base + at;
      if (!this.#finishMessage(stream)) {
        this.#stopped = true;
        break;
      }
    }
    this.#bytesReceived = base + at;
    return at;
  }

  /** Parses bytes that were held for a header and proved to be none of it; `end` is their offset. */
  #parseReplay(end: number): void {
    const replay = this.#replay;
    if (replay.length === 0) return;
    this.#replay = NO_BODY;
    const used = this.#parse(replay, end - replay.length);
    this.#replay = replay.subarray(used);
    this.#bytesReceived = end;
  }

  /** Reads a chunk header, straight from the input or, when that was cut, through `#held`. */
  #feedHeader(bytes: Uint8Array, at: number, base: number): number {
    if (this.#heldBytes === 0) {
      this.#chunkOffset = base + at;
      const end = this.#readHeader(bytes, at, bytes.length);
      if (end !== INCOMPLETE) return end;
    }
    const before = this.#heldBytes;
    const limit = Math.min(HEADER_BYTES_MAX - before, bytes.length - at);
    for (let i = 0; i < limit; i++) this.#held[before + i] = bytes[at + i];
    const end = this.#readHeader(this.#held, 0, before + limit);
    if (end === INCOMPLETE) {
      this.#heldBytes = before + limit;
      return at + limit;
    }
    this.#heldBytes = 0;
    if (end >= before) return at + end - before;
    // An extended timestamp that began right but was not there: its bytes are payload.
    this.#replay = this.#held.slice(end, before);
    return at;
  }

  /** Reads basic header (5.3.1.1) and what follows it; the end offset, or `INCOMPLETE`. */
  #readHeader(bytes: Uint8Array, start: number, end: number): number {
    const type = bytes[start] >> 6;
    let id = bytes[start] & 0x3f;
    let at = start + 1;
    if (id === 0) { // Two bytes.
      if (end - at < 1) return INCOMPLETE;
      id = bytes[at] + 64;
      at += 1;
    } else if (id === 1) { // Three bytes.
      if (end - at < 2) return INCOMPLETE;
      id = bytes[at] + bytes[at + 1] * 256 + 64;
      at += 2;
    }
    if (end - at < MESSAGE_HEADER_BYTES[type]) return INCOMPLETE;
    const known = id < SMALL_ID_END ? this.#smallStreams[id] : this.#largeStreams.get(id);
    const stream = known ?? this.#openStream(id, type);
    return type === 3
      ? this.#readType3(stream, bytes, at, end)
      : this.#readMessageHeader(stream, type, bytes, at, end);
  }

  /** Reads the message header of chunk types 0, 1 and 2 (5.3.1.2.1 to 5.3.1.2.3). */
  #readMessageHeader(
    stream: ChunkStream,
    type: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    let at = start + MESSAGE_HEADER_BYTES[type];
    let fieldMs = bytes[start] << 16 | bytes[start + 1] << 8 | bytes[start + 2];
    const extended = fieldMs === EXTENDED_MARK;
    if (extended) {
      if (end - at < 4) return INCOMPLETE;
      fieldMs = uint32(bytes, at);
      at += 4;
    }
    let { bodyBytes, typeId, streamId } = stream;
    if (type <= 1) {
      bodyBytes = bytes[start + 3] << 16 | bytes[start + 4] << 8 | bytes[start + 5];
      typeId = bytes[start + 6];
    }
    if (type === 0) {
      // Little-endian, as the only field of the protocol.
      streamId = (bytes[start + 7] | bytes[start + 8] << 8 | bytes[start + 9] << 16 |
        bytes[start + 10] << 24) >>> 0;
    }
    if (stream.partial) {
      // Chunks behind the first SHOULD be of type 3, so others may repeat the header (5.3.1.2.4).
      const same = bodyBytes === stream.bodyBytes && typeId === stream.typeId &&
        streamId === stream.streamId;
      if (!same) throw this.#unfinished(stream);
    } else {
      stream.typeId = typeId;
      stream.streamId = streamId;
      stream.fieldMs = fieldMs;
      stream.extended = extended;
      stream.timestampMs = type === 0 ? fieldMs : (stream.timestampMs + fieldMs) >>> 0;
      this.#startMessage(stream, bodyBytes);
    }
    this.#startPayload(stream);
    return at;
  }

  /** A chunk of type 3: more of a message, or a new one like the last (5.3.1.2.4). */
  #readType3(stream: ChunkStream, bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (stream.extended) {
      const extendedBytes = repeatedTimestampBytes(stream, bytes, start, end);
      if (extendedBytes === INCOMPLETE) return INCOMPLETE;
      at += extendedBytes;
    }
    if (!stream.partial) {
      // Behind type 0 its timestamp serves as the delta: odd, but the specification says it.
      stream.timestampMs = (stream.timestampMs + stream.fieldMs) >>> 0;
      this.#startMessage(stream, stream.bodyBytes);
    }
    this.#startPayload(stream);
    return at;
  }

  #startMessage(stream: ChunkStream, bodyBytes: number): void {
    if (bodyBytes > this.messageBytesMax) {
      throw this.#malformed(
        `Cannot receive message: ${bodyBytes} bytes announced, ` +
          `at most ${this.messageBytesMax} are allowed here`,
        "6.1.1",
      );
    }
    if (this.#partialBytes + bodyBytes > this.messageBytesMax * PARTIAL_MESSAGES_MAX) {
      throw this.#malformed(
        `Cannot receive message: ${this.#partialBytes} bytes of unfinished messages wait already, ` +
          `with its ${bodyBytes} more than ${this.messageBytesMax * PARTIAL_MESSAGES_MAX}`,
        "6.1.1",
      );
    }
    this.#partialBytes += bodyBytes;
    stream.bodyBytes = bodyBytes;
    stream.body = bodyBytes === 0 ? NO_BODY : new Uint8Array(bodyBytes);
    stream.filledBytes = 0;
    stream.partial = true;
  }

  #startPayload(stream: ChunkStream): void {
    this.#current = stream;
    this.#payloadLeft = Math.min(this.#chunkBytes, stream.bodyBytes - stream.filledBytes);
  }

  #feedPayload(stream: ChunkStream, bytes: Uint8Array, at: number): number {
    const size = Math.min(this.#payloadLeft, bytes.length - at);
    const { body, filledBytes } = stream;
    if (size <= LOOP_COPY_BYTES_MAX) {
      for (let i = 0; i < size; i++) body[filledBytes + i] = bytes[at + i];
    } else {
      body.set(bytes.subarray(at, at + size), filledBytes);
    }
    stream.filledBytes = filledBytes + size;
    this.#payloadLeft -= size;
    return at + size;
  }

  /** Hands a whole message out, or obeys it; tells whether to go on. */
  #finishMessage(stream: ChunkStream): boolean {
    const body = stream.body;
    this.#dropPartial(stream);
    if (stream.typeId === MESSAGE_TYPE.setChunkSize) {
      this.#chunkBytes = parseSetChunkSize(body);
      return true;
    }
    if (stream.typeId === MESSAGE_TYPE.abort) {
      this.#abort(parseAbort(body));
      return true;
    }
    return this.#onMessage({
      chunkStreamId: stream.id,
      typeId: stream.typeId,
      streamId: stream.streamId,
      timestampMs: stream.timestampMs,
      body,
    });
  }

  /** Aborting what is whole or was never begun is allowed and does nothing. */
  #abort(chunkStreamId: number): void {
    const stream = chunkStreamId < SMALL_ID_END
      ? this.#smallStreams[chunkStreamId]
      : this.#largeStreams.get(chunkStreamId);
    if (stream?.partial) this.#dropPartial(stream);
  }

  #dropPartial(stream: ChunkStream): void {
    this.#partialBytes -= stream.bodyBytes;
    stream.body = NO_BODY;
    stream.filledBytes = 0;
    stream.partial = false;
  }

  /**
   * A chunk stream's first chunk. Type 1 is taken as from message stream 0 at time 0: librtmp
   * opens its control chunk stream so.
   */
  #openStream(id: number, type: number): ChunkStream {
    if (type >= 2) {
      throw this.#malformed(
        `Cannot read chunk: type ${type} on chunk stream ${id}, where none came before it`,
        type === 2 ? "5.3.1.2.3" : "5.3.1.2.4",
      );
    }
    if (this.#streamCount === CHUNK_STREAMS_MAX) {
      throw this.#malformed(
        `Cannot open chunk stream ${id}: ${CHUNK_STREAMS_MAX} are in use, more are not allowed`,
        "5.3.1.1",
      );
    }
    this.#streamCount += 1;
    const stream = new ChunkStream(id);
    if (id < SMALL_ID_END) this.#smallStreams[id] = stream;
    else this.#largeStreams.set(id, stream);
    return stream;
  }

  #unfinished(stream: ChunkStream): ProtocolError {
    return this.#malformed(
      `Cannot start message on chunk stream ${stream.id}: ` +
        `the one before has ${stream.filledBytes} of its ${stream.bodyBytes} bytes`,
      "5.3.1.2.4",
    );
  }

  #malformed(message: string, section: string): ProtocolError {
    return new ProtocolError(message, { protocol: "RTMP", section, offset: this.#chunkOffset });
  }
}
