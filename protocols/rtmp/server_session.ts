/**
 * RTMP server session: one client's connection, bytes in, events and bytes out.
 *
 * Source: Adobe RTMP 1.0, sections 5.2 and 7.2; Enhanced RTMP v2 at connect. Sans-IO: the owner
 * feeds what the socket brought, sends what {@link ServerSession.takeOutput} gives, and may send
 * pages of media between any two outputs, for all messages start with a type-0 header.
 * `server_streams.ts` obeys the commands behind connect, `exchange.ts` knows the messages.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { Command } from "./command.ts";
import { connectReply } from "./connect_reply.ts";
import { parseConnectRequest } from "./connect_request.ts";
import { Exchange, OUR_WINDOW_BYTES } from "./exchange.ts";
import { ServerHandshake } from "./handshake.ts";
import { MESSAGE_TYPE, writeSetPeerBandwidth } from "./message.ts";
import { sendError, sendReconnectRequest, sendResult } from "./reply.ts";
import type { ConnectRequest, ServerSessionEvents } from "./server_events.ts";
import { ServerStreams } from "./server_streams.ts";
import { SessionOutput } from "./session_output.ts";

export type {
  ConnectRequest,
  MediaTypeId,
  PlayRequest,
  PublishRequest,
  ServerSessionEvents,
} from "./server_events.ts";

/**
 * Most output that may wait, in bytes: a thousand answers. A client that makes us answer and does
 * not read is cut off there.
 */
export const SERVER_OUTPUT_BYTES_MAX = 256 * 1024;

const NO_BYTES = new Uint8Array(0);

/** Where a connection is; nothing leads back. */
export type ServerSessionState =
  | "handshake" // Nothing but handshake bytes so far.
  | "open" // Waits for connect.
  | "connecting" // Connect waits for its decision.
  | "connected"
  | "refused" // Input is ignored; send the output, then close.
  | "failed"; // Threw; the same.

type State =
  | { readonly kind: "handshake" | "open" | "refused" | "failed" }
  | {
    readonly kind: "connecting";
    readonly transactionId: number;
    readonly request: ConnectRequest;
  }
  | {
    readonly kind: "connected";
    readonly request: ConnectRequest;
    readonly streams: ServerStreams;
  };

/** Options of a session. */
export interface ServerSessionOptions {
  /** 1536 bytes of chance for the handshake. */
  readonly random: Uint8Array;
}

/**
 * The server's end. Decisions (`accept…`, `refuse…`) and `end…` return false and do nothing when
 * what they are about is over, which happens when the client changes its mind meanwhile. All of
 * them, and `ping`, throw {@link ProtocolError} when the client has let
 * {@link SERVER_OUTPUT_BYTES_MAX} pile up.
 */
export class ServerSession {
  readonly #events: ServerSessionEvents;
  readonly #exchange: Exchange;
  #state: State = { kind: "handshake" };
  #ignoredMessages = 0;

  constructor(events: ServerSessionEvents, options: ServerSessionOptions) {
    this.#events = events;
    const handler = {
      open: () => this.#setState({ kind: "open" }),
      command: (command: Command, streamId: number) => this.#command(command, streamId),
      media: (streamId: number, typeId: 8 | 9 | 18, timestampMs: number, body: Uint8Array) => {
        if (this.#state.kind === "connected") {
          this.#state.streams.media(streamId, typeId, timestampMs, body);
        } else this.#ignoredMessages += 1;
      },
      ignored: () => void (this.#ignoredMessages += 1),
    };
    const output = new SessionOutput(SERVER_OUTPUT_BYTES_MAX);
    this.#exchange = new Exchange(new ServerHandshake(options.random), handler, output);
  }

  get state(): ServerSessionState {
    return this.#state.kind;
  }

  /** A connect or publish awaits its decision: do not read the socket, call `resume` after it. */
  get waiting(): boolean {
    return this.#exchange.held;
  }

  /** Bytes received and parsed so far, handshake included. */
  get bytesReceived(): number {
    return this.#exchange.bytesReceived;
  }

  /** Messages dropped so far: media of streams that do not publish, and unknown types. */
  get droppedMessages(): number {
    const { streams } = this.#state.kind === "connected" ? this.#state : { streams: undefined };
    return this.#ignoredMessages + (streams?.droppedMessages ?? 0);
  }

  /** What connect said; `undefined` until it was accepted. */
  get connection(): ConnectRequest | undefined {
    return this.#state.kind === "connected" ? this.#state.request : undefined;
  }

  /**
   * Takes the next bytes of the connection; they are the caller's again when it returns.
   *
   * @throws {ProtocolError} The client broke the rules or a limit; close the connection.
   * @throws {RangeError} It was fed without end while {@link waiting}.
   */
  feed(bytes: Uint8Array): void {
    if (this.#state.kind === "refused" || this.#state.kind === "failed") return;
    try {
      this.#exchange.feed(bytes);
    } catch (error) {
      this.#state = { kind: "failed" };
      this.#exchange.held = false;
      throw error;
    }
  }

  /**
   * Goes on with input that was kept while {@link waiting}. Call it after each decision that was
   * not made within the event itself, once the owner is ready for the events that follow.
   *
   * @throws {ProtocolError} As {@link feed}.
   */
  resume(): void {
    this.feed(NO_BYTES);
  }

  /** Bytes to send, in an array of their own; `undefined` when there are none. */
  takeOutput(): Uint8Array | undefined {
    return this.#exchange.output.take();
  }

  /** Lets the client in. */
  acceptConnect(): boolean {
    if (this.#state.kind !== "connecting") return false;
    const { transactionId, request } = this.#state;
    const streams = new ServerStreams(this.#exchange, this.#events, request);
    this.#state = { kind: "connected", request, streams };
    this.#exchange.held = false;
    this.#announce();
    const [properties, info] = connectReply(request);
    sendResult(this.#exchange.output, transactionId, properties, info);
    return true;
  }

  /** Turns the client away; close the connection once the output was sent. */
  refuseConnect(code: string, description: string): boolean {
    if (this.#state.kind !== "connecting") return false;
    const { transactionId } = this.#state;
    this.#state = { kind: "refused" };
    this.#exchange.held = false;
    // Nothing that it would have to answer: FFmpeg fails when the socket is closed meanwhile.
    sendError(this.#exchange.output, transactionId, code, description);
    return true;
  }

  /** Lets a stream publish; media events may follow, also for media that came already. */
  acceptPublish(streamId: number): boolean {
    return this.#streams?.acceptPublish(streamId) ?? false;
  }

  /** Refuses with an onStatus of level error, for example code "NetStream.Publish.BadName". */
  refusePublish(streamId: number, code: string, description: string): boolean {
    return this.#streams?.refusePublish(streamId, code, description) ?? false;
  }

  /** Tells the viewer that media follows; the owner sends it behind this output. */
  acceptPlay(streamId: number): boolean {
    return this.#streams?.acceptPlay(streamId) ?? false;
  }

  /** Refuses with an onStatus of level error, for example "NetStream.Play.StreamNotFound". */
  refusePlay(streamId: number, code: string, description: string): boolean {
    return this.#streams?.refusePlay(streamId, code, description) ?? false;
  }

  /** Tells a viewer that its stream is over. The connection may stay. */
  endPlay(streamId: number, reason: "unpublished" | "stopped", description: string): boolean {
    return this.#streams?.endPlay(streamId, reason, description) ?? false;
  }

  /** Tells a publisher, with level error, that its media is no longer taken. */
  endPublish(streamId: number, code: string, description: string): boolean {
    return this.#streams?.endPublish(streamId, code, description) ?? false;
  }

  /**
   * Asks the client to connect elsewhere or again at its next media boundary.
   *
   * @param tcUrl Absolute, or relative to the one in use; `undefined` keeps that.
   * @returns False when the client did not announce that it can.
   */
  requestReconnect(tcUrl: string | undefined, description: string): boolean {
    if (this.connection?.capsEx.reconnect !== true) return false;
    sendReconnectRequest(this.#exchange.output, tcUrl, description);
    return true;
  }

  /** Asks for a sign of life; `timestampMs` (unsigned 32 bits) comes back with it. */
  ping(timestampMs: number): void {
    this.#exchange.sendUserControl({ event: "pingRequest", timestampMs });
  }

  get #streams(): ServerStreams | undefined {
    return this.#state.kind === "connected" ? this.#state.streams : undefined;
  }

  #setState(state: State): void {
    this.#state = state;
  }

  #command(command: Command, streamId: number): void {
    switch (this.#state.kind) {
      case "connected":
        if (command.name === "connect") throw outOfOrder("Cannot connect: it was done already");
        return this.#state.streams.command(command, streamId);
      case "open":
        if (command.name !== "connect") {
          throw outOfOrder("Cannot obey command: connect has to come first");
        }
        return this.#connect(command);
      default: // "connecting" holds the input, in the others nothing is parsed.
        return;
    }
  }

  #connect(command: Command): void {
    const request = parseConnectRequest(command);
    // The first call's id is 1; a client that sends 0 wants to know all the same.
    const transactionId = command.transactionId || 1;
    this.#state = { kind: "connecting", transactionId, request };
    this.#exchange.held = true;
    this.#events.connect(request);
  }

  /** What goes before the answer to connect; the chunk size holds for shared pages too. */
  #announce(): void {
    const peerBandwidth = { windowBytes: OUR_WINDOW_BYTES, limit: "dynamic" } as const;
    this.#exchange.announceWindow();
    this.#exchange.sendControl(
      MESSAGE_TYPE.setPeerBandwidth,
      writeSetPeerBandwidth(peerBandwidth),
    );
    this.#exchange.announceChunkSize();
    this.#exchange.sendUserControl({ event: "streamBegin", streamId: 0 });
  }
}

function outOfOrder(message: string): ProtocolError {
  return new ProtocolError(message, { protocol: "RTMP", section: "7.2.1.1", offset: 0 });
}
