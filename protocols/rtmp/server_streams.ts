/**
 * The commands of a connected RTMP client about its message streams, and the owner's decisions.
 *
 * Source: Adobe RTMP 1.0, sections 7.2.1.3 and 7.2.2; FCPublish and its kin are customs of Flash
 * Media Server and its encoders. `server_session.ts` does handshake and connect before.
 *
 * @module
 */
import { FRAME_BYTES_MAX } from "../media/record.ts";
import { streamNameFromRtmp } from "../media/stream_name.ts";
import { COMMAND_BYTES_MAX } from "./chunk_reader.ts";
import { type Command } from "./command.ts";
import type { Exchange } from "./exchange.ts";
import { NET_STREAMS_MAX, type NetStream, NetStreamTable } from "./net_stream.ts";
import {
  failure,
  sendError,
  sendNotice,
  sendResult,
  sendStatus,
  type Status,
  success,
} from "./reply.ts";
import type { ConnectRequest, MediaTypeId, ServerSessionEvents } from "./server_events.ts";

/** Longest message once a publish was accepted, in bytes: the largest frame and its headers. */
export const MEDIA_MESSAGE_BYTES_MAX = FRAME_BYTES_MAX + COMMAND_BYTES_MAX;

/** Longest part of a peer's word that is repeated to it, in UTF-16 code units. */
const QUOTE_LENGTH_MAX = 64;

/** The message streams of one connection. */
export class ServerStreams {
  /** Media messages dropped because their stream does not publish. */
  droppedMessages = 0;

  readonly #exchange: Exchange;
  readonly #events: ServerSessionEvents;
  readonly #connection: ConnectRequest;
  readonly #table = new NetStreamTable();

  constructor(exchange: Exchange, events: ServerSessionEvents, connection: ConnectRequest) {
    this.#exchange = exchange;
    this.#events = events;
    this.#connection = connection;
  }

  /** Hands a media message on, or drops it. */
  media(streamId: number, typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void {
    // Some encoders send metadata on stream 0 and media on the stream they created.
    const stream = this.#table.get(streamId) ??
      (streamId === 0 ? this.#table.solePublisher() : undefined);
    if (stream === undefined || stream.state.kind !== "publishing") this.droppedMessages += 1;
    else this.#events.media(stream.id, typeId, timestampMs, body);
  }

  /** Obeys a command that came on message stream `streamId`. */
  command(command: Command, streamId: number): void {
    const { output } = this.#exchange;
    const { name, transactionId, args } = command;
    switch (name) {
      case "createStream":
        return this.#createStream(transactionId);
      case "publish":
        return this.#publish(args, streamId);
      case "play":
        return this.#play(args, streamId);
      case "play2":
        return this.#refuseCall(command, streamId, "NetStream.Play.Failed", "use play");
      case "seek":
        return this.#refuseCall(command, streamId, "NetStream.Seek.Failed", "the stream is live");
      case "pause":
      case "pauseRaw":
        return this.#pause(args[0], streamId);
      case "receiveAudio":
        return this.#receive(streamId, "audio", args[0] !== false);
      case "receiveVideo":
        return this.#receive(streamId, "video", args[0] !== false);
      case "closeStream":
        return this.#end(this.#table.get(streamId), name, true);
      case "deleteStream":
        return this.#deleteStream(args[0], streamId);
      case "FCPublish":
        sendResult(output, transactionId, null);
        return sendNotice(output, "onFCPublish", success("NetStream.Publish.Start", "Go ahead"));
      case "FCUnpublish":
        return this.#fcUnpublish(transactionId, args[0], streamId);
      case "FCSubscribe":
        sendResult(output, transactionId, null);
        return sendNotice(output, "onFCSubscribe", success("NetStream.Play.Start", "Go ahead"));
      case "getStreamLength":
        return sendResult(output, transactionId, null, 0); // Live: no length.
      case "releaseStream":
      case "FCUnsubscribe":
      case "_checkbw":
        return sendResult(output, transactionId, null);
      case "_result":
      case "_error":
      case "onStatus":
        return; // Answers are not calls: answering them could go on for ever.
      default:
        return this.#refuseUnknown(command);
    }
  }

  /** See `ServerSession`. */
  acceptPublish(streamId: number): boolean {
    const stream = this.#table.get(streamId);
    if (stream?.state.kind !== "publish-requested") return false;
    stream.state = { kind: "publishing", streamName: stream.state.streamName };
    this.#exchange.held = false;
    this.#exchange.messageBytesMax = MEDIA_MESSAGE_BYTES_MAX;
    this.#exchange.sendUserControl({ event: "streamBegin", streamId });
    this.#status(streamId, success("NetStream.Publish.Start", "Publishing."));
    return true;
  }

  refusePublish(streamId: number, code: string, description: string): boolean {
    const stream = this.#table.get(streamId);
    if (stream?.state.kind !== "publish-requested") return false;
    stream.settle();
    this.#exchange.held = false;
    this.#status(streamId, failure(code, description));
    return true;
  }

  acceptPlay(streamId: number): boolean {
    const stream = this.#table.get(streamId);
    if (stream?.state.kind !== "play-requested") return false;
    const { reset } = stream.state;
    stream.state = { kind: "playing" };
    this.#exchange.sendUserControl({ event: "streamBegin", streamId });
    if (reset) this.#status(streamId, success("NetStream.Play.Reset", "Playing and resetting."));
    this.#status(streamId, success("NetStream.Play.Start", "Started playing."));
    // |RtmpSampleAccess and NetStream.Data.Start, which Flash Player waited for, are left out: no
    // player of today does, and FFmpeg makes a data track of them.
    return true;
  }

  refusePlay(streamId: number, code: string, description: string): boolean {
    const stream = this.#table.get(streamId);
    if (stream?.state.kind !== "play-requested") return false;
    stream.settle();
    this.#status(streamId, failure(code, description));
    return true;
  }

  endPlay(streamId: number, reason: "unpublished" | "stopped", description: string): boolean {
    const stream = this.#table.get(streamId);
    if (stream?.state.kind !== "playing") return false;
    stream.settle();
    const code = reason === "unpublished"
      ? "NetStream.Play.UnpublishNotify"
      : "NetStream.Play.Stop";
    this.#status(streamId, success(code, description));
    this.#exchange.sendUserControl({ event: "streamEof", streamId });
    return true;
  }

  endPublish(streamId: number, code: string, description: string): boolean {
    const stream = this.#table.get(streamId);
    if (stream?.state.kind !== "publishing") return false;
    stream.settle();
    this.#status(streamId, failure(code, description));
    return true;
  }

  #createStream(transactionId: number): void {
    const { output } = this.#exchange;
    const stream = this.#table.create();
    if (stream !== undefined) return sendResult(output, transactionId, null, stream.id);
    const description = `At most ${NET_STREAMS_MAX} streams fit a connection.`;
    sendError(output, transactionId, "NetConnection.Call.Failed", description);
  }

  #publish(args: Command["args"], streamId: number): void {
    const [streamName, type] = args;
    // NetStream.publish(false) is how Flash stops publishing.
    if (streamName === false) return this.#end(this.#table.get(streamId), "publish", true);
    const stream = this.#table.obtain(streamId);
    const fault = this.#publishFault(stream);
    const resolved = this.#resolve(streamName);
    if (stream === undefined || fault !== undefined || !resolved.ok) {
      const description = fault ?? (resolved.ok ? "" : resolved.reason);
      return this.#status(streamId, failure("NetStream.Publish.BadName", description));
    }
    stream.state = { kind: "publish-requested", streamName: String(streamName) };
    // Media may follow at once; it must wait until somebody decided whether to take it.
    this.#exchange.held = true;
    this.#events.publish({
      streamId: stream.id,
      app: resolved.app,
      name: resolved.name,
      query: resolved.query,
      type: type === "record" || type === "append" ? type : "live",
    });
  }

  #publishFault(stream: NetStream | undefined): string | undefined {
    if (stream === undefined) return "Cannot publish: no such stream was created";
    if (stream.state.kind === "idle") return undefined;
    return `Cannot publish: stream ${stream.id} is in use`;
  }

  #play(args: Command["args"], streamId: number): void {
    const [streamName, start, duration, reset] = args;
    if (streamName === false) return this.#end(this.#table.get(streamId), "play", true);
    const stream = this.#table.obtain(streamId);
    const fault = this.#playFault(stream);
    const resolved = this.#resolve(streamName);
    if (stream === undefined || fault !== undefined || !resolved.ok) {
      const description = fault ?? (resolved.ok ? "" : resolved.reason);
      return this.#status(streamId, failure("NetStream.Play.Failed", description));
    }
    this.#end(stream, "play", false); // A second play on a stream replaces the first.
    const resets = reset === undefined || reset === null || reset === true || reset === 1 ||
      reset === 3; // Flash's flags: 1 flushes the playlist, 2 keeps the timeline.
    stream.state = { kind: "play-requested", reset: resets };
    this.#events.play({
      streamId: stream.id,
      app: resolved.app,
      name: resolved.name,
      query: resolved.query,
      start: typeof start === "number" ? start : -2,
      duration: typeof duration === "number" ? duration : -1,
      reset: resets,
      ...stream.receives,
    });
  }

  #playFault(stream: NetStream | undefined): string | undefined {
    if (stream === undefined) return "Cannot play: no such stream was created";
    return stream.publishes ? `Cannot play: stream ${stream.id} publishes` : undefined;
  }

  #resolve(streamName: unknown): ReturnType<typeof streamNameFromRtmp> {
    if (typeof streamName !== "string") {
      return { ok: false, reason: "Cannot use stream name: it is missing" };
    }
    return streamNameFromRtmp(this.#connection.tcUrl, this.#connection.app, streamName);
  }

  #pause(wanted: unknown, streamId: number): void {
    const stream = this.#table.get(streamId);
    if (stream === undefined || !stream.plays) return;
    const paused = typeof wanted === "boolean" ? wanted : !stream.paused;
    const changed = paused !== stream.paused;
    stream.paused = paused;
    const status = paused
      ? success("NetStream.Pause.Notify", "Paused.")
      : success("NetStream.Unpause.Notify", "Going on.");
    this.#status(stream.id, status);
    if (changed) this.#events.pause(stream.id, paused);
  }

  /** Without a stream yet it is remembered for the play to come. */
  #receive(streamId: number, kind: "audio" | "video", enabled: boolean): void {
    const stream = this.#table.get(streamId);
    if (stream === undefined || stream.receives[kind] === enabled) return;
    stream.receives[kind] = enabled;
    if (!stream.plays) return;
    if (enabled && stream.state.kind === "playing") { // 7.2.2.4 and 7.2.2.5
      this.#status(stream.id, success("NetStream.Seek.Notify", "Going on at the live end."));
      this.#status(stream.id, success("NetStream.Play.Start", "Started playing."));
    }
    this.#events.receive(stream.id, kind, enabled);
  }

  /** GStreamer's rtmp2sink sends the stream's name where 7.2.2.3 wants its id. */
  #deleteStream(wanted: unknown, streamId: number): void {
    const named = typeof wanted === "string" ? this.#table.publisherOf(wanted)?.id : undefined;
    const id = typeof wanted === "number" ? wanted : named ?? streamId;
    this.#end(this.#table.get(id), "deleteStream", false);
    this.#table.delete(id);
  }

  /** Encoders send it on stream 0 with the name of what they publish, or of nothing at all. */
  #fcUnpublish(transactionId: number, streamName: unknown, streamId: number): void {
    const { output } = this.#exchange;
    const named = typeof streamName === "string" ? this.#table.publisherOf(streamName) : undefined;
    const addressed = this.#table.get(streamId);
    const stream = named ?? (addressed?.publishes ? addressed : this.#table.solePublisher());
    sendResult(output, transactionId, null);
    const status = success("NetStream.Unpublish.Success", "Stopped publishing.");
    sendNotice(output, "onFCUnpublish", status);
    this.#end(stream, "FCUnpublish", true);
  }

  /** Back to idle; tells the owner when there was something to end, the client when `answer`. */
  #end(stream: NetStream | undefined, command: string, answer: boolean): void {
    if (stream === undefined || (!stream.publishes && !stream.plays)) return;
    const status = stream.publishes
      ? success("NetStream.Unpublish.Success", "Stopped publishing.")
      : success("NetStream.Play.Stop", "Stopped playing.");
    stream.settle();
    if (answer) this.#status(stream.id, status);
    this.#events.ended(stream.id, command);
  }

  #refuseCall(command: Command, streamId: number, code: string, why: string): void {
    const description = `Cannot ${command.name}: ${why}`;
    this.#status(streamId, failure(code, description));
    sendError(this.#exchange.output, command.transactionId, code, description);
  }

  #refuseUnknown({ name, transactionId }: Command): void {
    const description = `Cannot call ${quoted(name)}: no such method`;
    sendError(this.#exchange.output, transactionId, "NetConnection.Call.Failed", description);
  }

  #status(streamId: number, status: Status): void {
    sendStatus(this.#exchange.output, streamId, status);
  }
}

/** A peer's word, shortened and with its control characters visible. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, QUOTE_LENGTH_MAX));
}
