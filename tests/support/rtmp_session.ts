/**
 * An RTMP server session on the bench: a policy instead of an owner, readable events and replies.
 *
 * @module
 */
import { ChunkReader, type Message } from "../../protocols/rtmp/chunk_reader.ts";
import {
  CHUNK_BYTES_DEFAULT,
  chunkedMessage,
  OUTPUT_CHUNK_BYTES,
} from "../../protocols/rtmp/chunk_writer.ts";
import { type AmfValue, parseAmf0Values } from "../../protocols/rtmp/amf0.ts";
import { amfField, amfKeys, amfRecord, writeCommand } from "../../protocols/rtmp/command.ts";
import { MESSAGE_TYPE, parseUserControl } from "../../protocols/rtmp/message.ts";
import { ServerSession } from "../../protocols/rtmp/server_session.ts";

/** C0, C1 and C2 of a client that does the plain handshake and checks nothing. */
export const PLAIN_HANDSHAKE: Uint8Array = Uint8Array.of(3, ...new Uint8Array(2 * 1536));

/** S0, S1 and S2. */
const HANDSHAKE_BYTES = 1 + 2 * 1536;

/** What the bench does with a request. */
export interface BenchPolicy {
  readonly connect: "accept" | "refuse" | "later";
  readonly publish: "accept" | "refuse" | "later";
  readonly play: "accept" | "refuse" | "later";
}

const ACCEPT_ALL: BenchPolicy = { connect: "accept", publish: "accept", play: "accept" };

/** A session whose requests are decided by a policy. */
export class ServerBench {
  /** One line an event. */
  readonly events: string[] = [];
  /** Bodies of media events, by the place of their line in `events`. */
  readonly bodies = new Map<number, Uint8Array>();
  readonly session: ServerSession;
  #handshakeLeft = HANDSHAKE_BYTES;

  constructor(policy: Partial<BenchPolicy> = {}) {
    const { connect, publish, play } = { ...ACCEPT_ALL, ...policy };
    const say = (line: string) => void this.events.push(line);
    this.session = new ServerSession({
      connect: ({ app, tcUrl, flashVer }) => {
        say(`connect app=${app} tcUrl=${tcUrl} flashVer=${flashVer}`);
        if (connect === "accept") this.session.acceptConnect();
        if (connect === "refuse") {
          this.session.refuseConnect("NetConnection.Connect.Rejected", "no");
        }
      },
      publish: ({ streamId, app, name, query, type }) => {
        say(`publish ${streamId} ${app}|${name}|${query} ${type}`);
        if (publish === "accept") this.session.acceptPublish(streamId);
        if (publish === "refuse") {
          this.session.refusePublish(streamId, "NetStream.Publish.BadName", "no");
        }
      },
      play: ({ streamId, app, name, query, start, duration, reset, audio, video }) => {
        const kinds = `${audio ? "a" : "-"}${video ? "v" : "-"}`;
        say(`play ${streamId} ${app}|${name}|${query} ${start} ${duration} ${reset} ${kinds}`);
        if (play === "accept") this.session.acceptPlay(streamId);
        if (play === "refuse") {
          this.session.refusePlay(streamId, "NetStream.Play.StreamNotFound", "no");
        }
      },
      pause: (streamId, paused) => say(`pause ${streamId} ${paused}`),
      receive: (streamId, kind, enabled) => say(`receive ${streamId} ${kind} ${enabled}`),
      media: (streamId, typeId, timestampMs, body) => {
        this.bodies.set(this.events.length, body);
        say(`media ${streamId} ${typeId} ${timestampMs} ${body.length}`);
      },
      ended: (streamId, command) => say(`ended ${streamId} ${command}`),
    }, { random: new Uint8Array(1536) });
  }

  /** Feeds `bytes`, cut after each of `cuts`; the array it hands over is overwritten at once. */
  feed(bytes: Uint8Array, cuts: readonly number[] = []): void {
    let from = 0;
    for (const to of [...cuts, bytes.length]) {
      const piece = bytes.slice(from, to);
      this.session.feed(piece);
      piece.fill(0xee); // The session must not lean on what is the caller's again.
      from = to;
    }
  }

  /** A connection that stands, its output so far forgotten. */
  static connected(policy: Partial<BenchPolicy> = {}, fields: Record<string, AmfValue> = {}) {
    const bench = new ServerBench(policy);
    bench.feed(PLAIN_HANDSHAKE);
    bench.feed(connectCommand(fields));
    bench.replies();
    bench.events.length = 0;
    return bench;
  }

  /** The same with message stream 1 created. */
  static withStream(policy: Partial<BenchPolicy> = {}) {
    const bench = ServerBench.connected(policy);
    bench.feed(clientCommand(0, "createStream", 2, null));
    bench.replies();
    return bench;
  }

  /** What was sent since the last call, one line a message; the handshake is left out. */
  replies(): string[] {
    const bytes = this.session.takeOutput() ?? new Uint8Array(0);
    const skipped = Math.min(this.#handshakeLeft, bytes.length);
    this.#handshakeLeft -= skipped;
    // What goes before the chunk size is announced is too short to be cut.
    return describeMessages(bytes.subarray(skipped), OUTPUT_CHUNK_BYTES);
  }
}

/** A message as a client sends it, in chunks of the default size. */
export function clientMessage(
  typeId: number,
  streamId: number,
  body: Uint8Array,
  timestampMs = 0,
): Uint8Array {
  return chunkedMessage(
    { chunkStreamId: 3, timestampMs, typeId, streamId },
    body,
    CHUNK_BYTES_DEFAULT,
  );
}

/** A command as a client sends it. */
export function clientCommand(
  streamId: number,
  name: string,
  transactionId: number,
  ...values: AmfValue[]
): Uint8Array {
  const body = writeCommand(name, transactionId, ...values);
  return clientMessage(MESSAGE_TYPE.commandAmf0, streamId, body);
}

/** connect to rtmp://host/live, `fields` beside or instead of the usual ones. */
export function connectCommand(fields: Record<string, AmfValue> = {}): Uint8Array {
  const object = amfRecord(
    Object.entries({ app: "live", tcUrl: "rtmp://host/live", flashVer: "test", ...fields }),
  );
  return clientCommand(0, "connect", 1, object);
}

/** One line a message: chunk stream, message stream, what it says. */
export function describeMessages(bytes: Uint8Array, chunkBytes = CHUNK_BYTES_DEFAULT): string[] {
  const lines: string[] = [];
  const reader = new ChunkReader((message) => {
    lines.push(`${message.chunkStreamId}/${message.streamId} ${describeMessage(message)}`);
    return true;
  });
  reader.messageBytesMax = 16_777_215;
  const sizeBytes = [
    chunkBytes >>> 24,
    chunkBytes >>> 16 & 255,
    chunkBytes >>> 8 & 255,
    chunkBytes & 255,
  ];
  reader.feed(clientMessage(MESSAGE_TYPE.setChunkSize, 0, Uint8Array.from(sizeBytes)));
  reader.feed(bytes);
  return lines;
}

function describeMessage({ typeId, body }: Message): string {
  if (typeId === MESSAGE_TYPE.commandAmf0 || typeId === MESSAGE_TYPE.dataAmf0) {
    return parseAmf0Values(body).map(describeValue).join(" ");
  }
  if (typeId === MESSAGE_TYPE.userControl) return JSON.stringify(parseUserControl(body));
  return `type${typeId} ${body.toHex()}`;
}

/** AMF as short text: objects as {key:value}. */
export function describeValue(value: AmfValue): string {
  if (value === null || value === undefined || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map(describeValue).join(",")}]`;
  const fields = amfKeys(value, 1000).map((key) => `${key}:${describeValue(amfField(value, key))}`);
  return `{${fields.join(",")}}`;
}
