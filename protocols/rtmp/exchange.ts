/**
 * What both ends of an RTMP connection do alike: handshake, messages in and out, acknowledgements,
 * pings, and the forms in which media may arrive (aggregates, AMF3 data).
 *
 * Source: Adobe RTMP 1.0, sections 5.2, 5.4, 6.2 and 7.1. What commands mean belongs to
 * `server_session.ts` and `client_session.ts`.
 *
 * @module
 */
import { concatBytes } from "../bytes/concat.ts";
import { AcknowledgementWindow } from "./acknowledgement.ts";
import { forEachAggregated } from "./aggregate.ts";
import { ChunkReader, type Message } from "./chunk_reader.ts";
import { OUTPUT_CHUNK_BYTES } from "./chunk_writer.ts";
import { type Command, parseCommand } from "./command.ts";
import { dataFromAmf3 } from "./data_message.ts";
import {
  CONTROL_CHUNK_STREAM_ID,
  MESSAGE_TYPE,
  type MessageType,
  parseSetPeerBandwidth,
  parseUserControl,
  parseWindowAcknowledgementSize,
  type UserControl,
  writeAcknowledgement,
  writeSetChunkSize,
  writeUserControl,
  writeWindowAcknowledgementSize,
} from "./message.ts";
import type { MediaTypeId } from "./server_events.ts";
import { SessionOutput } from "./session_output.ts";

/** Window that we announce: the peer acknowledges that often, in bytes. */
export const OUR_WINDOW_BYTES = 2_500_000;

/**
 * Most input kept while a decision is awaited, in bytes. The owner stops reading meanwhile, so it
 * is what one or two socket reads hold.
 */
export const KEPT_INPUT_BYTES_MAX = 1024 * 1024;

const NO_BYTES = new Uint8Array(0);

/** In place of a handshake that is over: its packets would stay with every connection, 4.6 KB. */
const HANDSHAKE_OVER: Handshake = { done: true, feed: () => 0, takeOutput: () => undefined };

/** Either side's handshake. */
interface Handshake {
  readonly done: boolean;
  feed(bytes: Uint8Array): number;
  takeOutput(): Uint8Array | undefined;
}

/** What the session behind the exchange is told. */
export interface ExchangeHandler {
  /** The handshake is over. */
  open(): void;
  command(command: Command, streamId: number): void;
  media(streamId: number, typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void;
  /** A message of a kind that nobody here understands. */
  ignored(): void;
}

/** Bytes to messages and back. */
export class Exchange {
  /** While true no input is parsed; what was not parsed is kept. */
  held = false;
  readonly output: SessionOutput;

  #handshake: Handshake;
  readonly #handler: ExchangeHandler;
  readonly #reader: ChunkReader;
  readonly #window = new AcknowledgementWindow();
  #handshakeBytes = 0;
  #announcedWindowBytes = 0;
  #kept: Uint8Array = NO_BYTES;

  constructor(handshake: Handshake, handler: ExchangeHandler, output: SessionOutput) {
    this.#handshake = handshake;
    this.#handler = handler;
    this.output = output;
    this.#reader = new ChunkReader((message) => this.#onMessage(message));
    this.#moveHandshake();
  }

  /** All bytes received and parsed, handshake included. */
  get bytesReceived(): number {
    return this.#handshakeBytes + this.#reader.bytesReceived;
  }

  /** Longest message accepted from here on, in bytes. */
  set messageBytesMax(bytes: number) {
    this.#reader.messageBytesMax = bytes;
  }

  /**
   * Parses what was kept, then `bytes`, which are the caller's again when it returns.
   *
   * @throws {ProtocolError} The peer broke a rule; the exchange is over.
   * @throws {RangeError} More than {@link KEPT_INPUT_BYTES_MAX} would have to be kept.
   */
  feed(bytes: Uint8Array): void {
    if (this.#kept.length === 0 && !this.held) {
      const consumed = this.#parse(bytes);
      if (consumed < bytes.length) this.#kept = bytes.slice(consumed);
    } else {
      this.#keep(bytes);
      if (!this.held) this.#kept = this.#kept.subarray(this.#parse(this.#kept));
    }
    if (this.#kept.length === 0) this.#kept = NO_BYTES; // Frees the array behind an empty view.
    if (this.#window.due(this.bytesReceived)) {
      this.sendControl(MESSAGE_TYPE.acknowledgement, writeAcknowledgement(this.bytesReceived));
    }
  }

  /** Sends a protocol control message. */
  sendControl(typeId: MessageType, body: Uint8Array): void {
    const head = { chunkStreamId: CONTROL_CHUNK_STREAM_ID, timestampMs: 0, typeId, streamId: 0 };
    this.output.send(head, body);
  }

  sendUserControl(control: UserControl): void {
    this.sendControl(MESSAGE_TYPE.userControl, writeUserControl(control));
  }

  /** Announces our acknowledgement window (5.4.4). */
  announceWindow(): void {
    this.#announcedWindowBytes = OUR_WINDOW_BYTES;
    this.sendControl(
      MESSAGE_TYPE.windowAcknowledgementSize,
      writeWindowAcknowledgementSize(OUR_WINDOW_BYTES),
    );
  }

  /** Announces the chunk size of everything that follows (5.4.1). */
  announceChunkSize(): void {
    this.sendControl(MESSAGE_TYPE.setChunkSize, writeSetChunkSize(OUTPUT_CHUNK_BYTES));
    this.output.chunkBytes = OUTPUT_CHUNK_BYTES;
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#kept.length + bytes.length > KEPT_INPUT_BYTES_MAX) {
      throw new RangeError(
        `Cannot keep input: ${this.#kept.length} bytes await a decision, ` +
          `${bytes.length} more pass ${KEPT_INPUT_BYTES_MAX}; do not feed while waiting`,
      );
    }
    this.#kept = concatBytes(this.#kept, bytes);
  }

  /** Bytes consumed of `bytes`; fewer than given when a message made us hold. */
  #parse(bytes: Uint8Array): number {
    if (this.#handshake.done) return this.#reader.feed(bytes);
    const consumed = this.#handshake.feed(bytes);
    this.#handshakeBytes += consumed;
    this.#moveHandshake();
    if (!this.#handshake.done) return consumed;
    this.#handshake = HANDSHAKE_OVER;
    this.#handler.open();
    return consumed + this.#reader.feed(bytes.subarray(consumed));
  }

  #moveHandshake(): void {
    const bytes = this.#handshake.takeOutput();
    if (bytes !== undefined) this.output.push(bytes);
  }

  #onMessage(message: Message): boolean {
    const { typeId } = message;
    if (typeId === MESSAGE_TYPE.video || typeId === MESSAGE_TYPE.audio) {
      this.#handler.media(message.streamId, typeId, message.timestampMs, message.body);
    } else {
      this.#onOther(message);
    }
    return !this.held;
  }

  #onOther({ typeId, streamId, timestampMs, body }: Message): void {
    switch (typeId) {
      case MESSAGE_TYPE.dataAmf0:
      case MESSAGE_TYPE.dataAmf3:
        return this.#onData(streamId, typeId, timestampMs, body);
      case MESSAGE_TYPE.commandAmf0:
      case MESSAGE_TYPE.commandAmf3:
        return this.#handler.command(parseCommand(typeId, body), streamId);
      case MESSAGE_TYPE.aggregate:
        return this.#onAggregate(streamId, timestampMs, body);
      case MESSAGE_TYPE.windowAcknowledgementSize:
        return this.#window.resize(parseWindowAcknowledgementSize(body));
      case MESSAGE_TYPE.setPeerBandwidth:
        return this.#onPeerBandwidth(body);
      case MESSAGE_TYPE.userControl:
        return this.#onUserControl(parseUserControl(body));
      case MESSAGE_TYPE.acknowledgement:
        return; // The socket's own flow control tells us all we need.
      default:
        this.#handler.ignored(); // Shared objects, and numbers nobody gave a meaning.
    }
  }

  #onData(streamId: number, typeId: number, timestampMs: number, body: Uint8Array): void {
    const data = typeId === MESSAGE_TYPE.dataAmf3 ? dataFromAmf3(body) : body;
    this.#handler.media(streamId, MESSAGE_TYPE.dataAmf0, timestampMs, data);
  }

  #onAggregate(streamId: number, timestampMs: number, body: Uint8Array): void {
    forEachAggregated(body, timestampMs, (typeId, partTimestampMs, view) => {
      // Copied, or whoever keeps one small frame would keep all 8 MiB around it.
      const part = view.slice();
      if (typeId === MESSAGE_TYPE.video || typeId === MESSAGE_TYPE.audio) {
        this.#handler.media(streamId, typeId, partTimestampMs, part);
      } else if (typeId === MESSAGE_TYPE.dataAmf0 || typeId === MESSAGE_TYPE.dataAmf3) {
        this.#onData(streamId, typeId, partTimestampMs, part);
      } else {
        this.#handler.ignored();
      }
    });
  }

  /** 5.4.5: answer with our window unless that is the one announced last. */
  #onPeerBandwidth(body: Uint8Array): void {
    parseSetPeerBandwidth(body);
    if (this.#announcedWindowBytes !== OUR_WINDOW_BYTES) this.announceWindow();
  }

  #onUserControl(control: UserControl): void {
    if (control.event === "pingRequest") {
      this.sendUserControl({ event: "pingResponse", timestampMs: control.timestampMs });
    }
  }
}
