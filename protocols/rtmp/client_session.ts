/**
 * RTMP client session: publishes one stream to a server or plays one from it.
 *
 * Source: Adobe RTMP 1.0, sections 5.2 and 7.2; Enhanced RTMP v2 at connect. Sans-IO like
 * `server_session.ts`. Does not reconnect: its owner makes a new session for each connection.
 *
 * @module
 */
import { FRAME_BYTES_MAX } from "../media/record.ts";
import { CAPS_EX_NONE, type CapsEx, parseCapsEx } from "./capabilities.ts";
import { COMMAND_BYTES_MAX } from "./chunk_reader.ts";
import type { AmfValue } from "./amf0.ts";
import { amfField, amfText, type Command, writeCommand } from "./command.ts";
import { connectArguments } from "./connect_arguments.ts";
import { dataToPublish, isPlaySignal } from "./data_message.ts";
import { Exchange } from "./exchange.ts";
import { ClientHandshake } from "./handshake.ts";
import { MESSAGE_TYPE } from "./message.ts";
import { COMMAND_CHUNK_STREAM_ID } from "./reply.ts";
import type { MediaTypeId } from "./server_events.ts";
import { SessionOutput } from "./session_output.ts";

/** Most output that may wait, in bytes: two messages of the largest size. */
export const CLIENT_OUTPUT_BYTES_MAX = 2 * (FRAME_BYTES_MAX + COMMAND_BYTES_MAX);

/** Play buffer that we announce, in milliseconds; live servers do not use it. */
const BUFFER_MS = 3000;

/** "start" of play: live, or recorded if there is none (7.2.2.1). */
const START_LIVE_OR_RECORDED = -2;

/** Chunk streams of what we publish. */
const MEDIA_CHUNK_STREAM_IDS = { 8: 4, 9: 6, 18: 5 } as const;

/** Transaction ids; each call is made once. */
const CALL = { connect: 1, releaseStream: 2, fcPublish: 3, createStream: 4, request: 5 } as const;

/** Status codes of level status behind which no media follows. */
const ENDING_CODES: ReadonlySet<string> = new Set([
  "NetStream.Play.UnpublishNotify",
  "NetStream.Play.Stop",
  "NetStream.Play.Complete",
  "NetStream.Unpublish.Success",
  "NetConnection.Connect.Closed",
]);

/** What to do and how to call oneself. */
export interface ClientSessionOptions {
  /** URL of server and application, without credentials that the server must not see. */
  readonly tcUrl: string;
  readonly app: string;
  /** May carry a query string. */
  readonly streamName: string;
  readonly role: "publish" | "play";
  /** 1536 bytes of chance for the handshake. */
  readonly random: Uint8Array;
  /** Enhanced RTMP capabilities to announce; none when absent. */
  readonly capabilities?: CapsEx;
}

/** Called from within `feed` only, in the order of the input. */
export interface ClientSessionEvents {
  /**
   * The server tells something.
   *
   * @param tcUrl Where to, in a NetConnection.Connect.ReconnectRequest that names a place.
   */
  status(code: string, level: string, description: string, tcUrl?: string): void;
  /** Publishing or playing has begun on message stream `streamId`. */
  ready(streamId: number): void;
  /**
   * Media to play; `body` is an FLV tag body and the receiver's to keep. Data by which servers
   * talk to their player (onStatus, |RtmpSampleAccess) is left out.
   *
   * @param timestampMs Absolute, 0 to 2^32 - 1, wrapping.
   */
  media(typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void;
  /** The server refused or ended it; nothing follows. Close the connection. */
  ended(code: string, description: string): void;
}

/** Where a client is; nothing leads back. */
export type ClientSessionState =
  | "handshake"
  | "connecting" // connect was sent.
  | "creating" // createStream was sent.
  | "requesting" // publish or play was sent.
  | "ready"
  | "ended" // By the server, or by breaking the rules.
  | "closed"; // By us.

type State =
  | { readonly kind: "handshake" | "connecting" | "creating" | "ended" | "closed" }
  | { readonly kind: "requesting" | "ready"; readonly streamId: number };

/** The client's end. */
export class ClientSession {
  readonly #events: ClientSessionEvents;
  readonly #options: ClientSessionOptions;
  readonly #exchange: Exchange;
  #state: State = { kind: "handshake" };
  #serverCapsEx = CAPS_EX_NONE;

  constructor(events: ClientSessionEvents, options: ClientSessionOptions) {
    this.#events = events;
    this.#options = options;
    const handler = {
      open: () => this.#connect(),
      command: (command: Command) => this.#command(command),
      media: (_streamId: number, typeId: MediaTypeId, timestampMs: number, body: Uint8Array) =>
        this.#media(typeId, timestampMs, body),
      ignored: () => {},
    };
    const output = new SessionOutput(CLIENT_OUTPUT_BYTES_MAX);
    this.#exchange = new Exchange(new ClientHandshake(options.random), handler, output);
  }

  get state(): ClientSessionState {
    return this.#state.kind;
  }

  /** Bytes received so far, handshake included. */
  get bytesReceived(): number {
    return this.#exchange.bytesReceived;
  }

  /** Bytes that wait for {@link takeOutput}. */
  get pendingBytes(): number {
    return this.#exchange.output.pendingBytes;
  }

  /** What the server said at connect; all false before. */
  get serverCapsEx(): CapsEx {
    return this.#serverCapsEx;
  }

  /**
   * Takes the next bytes of the connection; they are the caller's again when it returns.
   *
   * @throws {ProtocolError} The server broke the rules or a limit; close the connection.
   */
  feed(bytes: Uint8Array): void {
    if (this.#state.kind === "ended" || this.#state.kind === "closed") return;
    try {
      this.#exchange.feed(bytes);
    } catch (error) {
      this.#state = { kind: "ended" };
      throw error;
    }
  }

  /** Bytes to send, in an array of their own; `undefined` when there are none. */
  takeOutput(): Uint8Array | undefined {
    return this.#exchange.output.take();
  }

  /**
   * Publishes an FLV tag body; it is copied. onMetaData is marked to stand for later viewers.
   *
   * @returns False when it was not taken: not ready, or more than
   * {@link CLIENT_OUTPUT_BYTES_MAX} would wait.
   */
  sendMedia(typeId: MediaTypeId, timestampMs: number, body: Uint8Array): boolean {
    if (this.#state.kind !== "ready" || this.#options.role !== "publish") return false;
    const { streamId } = this.#state;
    const { output } = this.#exchange;
    const data = typeId === MESSAGE_TYPE.dataAmf0 ? dataToPublish(body) : body;
    const chunkStreamId = MEDIA_CHUNK_STREAM_IDS[typeId];
    const head = { chunkStreamId, timestampMs, typeId, streamId };
    if (!output.fits(head, data.length)) return false;
    output.send(head, data);
    return true;
  }

  /** Says goodbye; send the output, then close the connection. */
  close(): void {
    const state = this.#state;
    this.#state = { kind: "closed" };
    if (state.kind !== "requesting" && state.kind !== "ready") return;
    if (this.#options.role === "publish") this.#call("FCUnpublish", 0, this.#options.streamName);
    this.#call("deleteStream", 0, state.streamId);
  }

  #connect(): void {
    this.#state = { kind: "connecting" };
    this.#send(writeCommand("connect", CALL.connect, connectArguments(this.#options)), 0);
  }

  #command(command: Command): void {
    switch (command.name) {
      case "_result":
        return this.#result(command);
      case "_error":
        return this.#error(command);
      case "onStatus":
        return this.#status(command.args[0]);
      default: // onBWDone, onFCPublish, onFCSubscribe, ...: nothing depends on them.
        return;
    }
  }

  #result({ transactionId, object, args }: Command): void {
    if (transactionId === CALL.connect && this.#state.kind === "connecting") {
      const [info] = args;
      if (amfText(info, "level") === "error") return this.#status(info);
      this.#serverCapsEx = parseCapsEx(amfField(object, "capsEx") ?? amfField(info, "capsEx"));
      this.#createStream();
    } else if (transactionId === CALL.createStream && this.#state.kind === "creating") {
      const [streamId] = args;
      if (typeof streamId === "number") return this.#request(streamId >>> 0);
      this.#end("NetConnection.Call.Failed", "createStream gave no stream");
    }
  }

  /** Servers may not know releaseStream and FCPublish; the other calls are needed. */
  #error({ transactionId, args }: Command): void {
    if (transactionId === CALL.releaseStream || transactionId === CALL.fcPublish) return;
    const code = amfText(args[0], "code") ?? "NetConnection.Call.Failed";
    const description = amfText(args[0], "description") ?? "";
    this.#events.status(code, "error", description, undefined);
    this.#end(code, description);
  }

  #createStream(): void {
    this.#state = { kind: "creating" };
    this.#exchange.announceWindow();
    this.#exchange.announceChunkSize();
    if (this.#options.role === "publish") {
      this.#call("releaseStream", CALL.releaseStream, this.#options.streamName);
      this.#call("FCPublish", CALL.fcPublish, this.#options.streamName);
    }
    this.#call("createStream", CALL.createStream);
  }

  #request(streamId: number): void {
    const { role, streamName } = this.#options;
    this.#state = { kind: "requesting", streamId };
    const argument = role === "publish" ? "live" : START_LIVE_OR_RECORDED;
    this.#send(writeCommand(role, CALL.request, null, streamName, argument), streamId);
    if (role === "publish") return;
    this.#exchange.messageBytesMax = FRAME_BYTES_MAX + COMMAND_BYTES_MAX;
    this.#exchange.sendUserControl({ event: "setBufferLength", streamId, bufferMs: BUFFER_MS });
  }

  /** Servers answer on our stream or on stream 0; there is one thing only that they can mean. */
  #status(info: AmfValue): void {
    const code = amfText(info, "code") ?? "";
    const level = amfText(info, "level") ?? "status";
    const description = amfText(info, "description") ?? "";
    this.#events.status(code, level, description, amfText(info, "tcUrl"));
    if (level === "error" || ENDING_CODES.has(code)) return this.#end(code, description);
    const starting = this.#options.role === "publish"
      ? "NetStream.Publish.Start"
      : "NetStream.Play.Start";
    if (code === starting) this.#becomeReady();
  }

  #media(typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void {
    if (this.#options.role !== "play") return;
    if (typeId === MESSAGE_TYPE.dataAmf0 && isPlaySignal(body)) return;
    // Some servers let media alone tell that play has begun.
    if (this.#state.kind === "requesting") this.#becomeReady();
    if (this.#state.kind === "ready") this.#events.media(typeId, timestampMs, body);
  }

  #becomeReady(): void {
    if (this.#state.kind !== "requesting") return;
    const { streamId } = this.#state;
    this.#state = { kind: "ready", streamId };
    this.#events.ready(streamId);
  }

  #end(code: string, description: string): void {
    if (this.#state.kind === "ended" || this.#state.kind === "closed") return;
    this.#state = { kind: "ended" };
    this.#events.ended(code, description);
  }

  #call(name: string, transactionId: number, ...args: AmfValue[]): void {
    this.#send(writeCommand(name, transactionId, null, ...args), 0);
  }

  #send(body: Uint8Array, streamId: number): void {
    const typeId = MESSAGE_TYPE.commandAmf0;
    this.#exchange.output.send(
      { chunkStreamId: COMMAND_CHUNK_STREAM_ID, timestampMs: 0, typeId, streamId },
      body,
    );
  }
}
