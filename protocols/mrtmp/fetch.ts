/**
 * One file of a stream's HLS, asked for by itself: FETCH and FOUND. What FOUND announces follows as
 * PIECEs, whose bodies are bytes of it.
 *
 * Source: README.md beside this file, sections 4.4 and 7. What a file is called and what may be
 * asked of it is known in `protocols/hls`.
 *
 * @module
 */
import { STREAM_NAME_BYTES_MAX } from "../media/stream_name.ts";
import { Fields } from "./fields.ts";
import { malformed, type ReceivedFrame } from "./frame.ts";
import { pack, unpack } from "./packed.ts";

/** What a node says at the handshake that answers FETCH; nobody else is sent one. */
export const FETCH_CAPABILITY = "fetch";

/** Longest name of a file, in characters: two numbers of 16 digits, another one and dots. */
const FILE_CHARACTERS_MAX = 64;

/** Longest query of a file, in characters: `container=ts` and `_HLS_skip=YES`. */
const QUERY_CHARACTERS_MAX = 64;

/** Longest text that the URIs of a playlist carry on, in characters: a signed token. */
const CARRY_CHARACTERS_MAX = 8_192;

/** Longest content type, in characters. */
const TYPE_CHARACTERS_MAX = 128;

/** Largest file that is sent, in bytes: two seconds at 128 Mbit/s, or a minute at 4 Mbit/s. */
export const FETCHED_BYTES_MAX = 32 * 1024 * 1024;

/** Longest PIECE, in bytes: what others on the link wait for, at most. */
export const PIECE_BYTES_MAX = 64 * 1024;

/** What a fetch may be sent before its first CREDIT, in bytes. */
export const FETCH_CREDIT_BYTES = 1024 * 1024;

/** Asks for a file. */
export interface FetchMessage {
  readonly app: string;
  readonly name: string;
  /** Highest epoch known; an owner of a lower one must refuse. */
  readonly epoch: number;
  /** Its name beside the media playlist; empty for the multivariant playlist. */
  readonly file: string;
  /** Query of the request, as far as it changes what is in a playlist; empty for none. */
  readonly query: string;
  /** What the URIs in a playlist carry on; empty for nothing. */
  readonly carry: string;
}

/** The answer's head. */
export interface FoundMessage {
  /** HTTP status; what follows is the file with 200, else the reason as a text. */
  readonly status: number;
  readonly type: string;
  /** Bytes that follow. */
  readonly bytes: number;
  /** How long it stays right, in seconds. */
  readonly maxAge: number;
  /** When to ask again, in seconds; 0 when nothing is said of it. */
  readonly retryAfter: number;
  /** The stream is over: somebody may have begun it anew elsewhere. */
  readonly ended: boolean;
}

/** The body of a FETCH; holds until the next call of `pack`. */
export function writeFetch(message: FetchMessage): Uint8Array {
  const { app, name, epoch, file, query, carry } = message;
  return pack({ app, name, epoch, file, query, carry });
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readFetch(frame: ReceivedFrame): FetchMessage {
  const fields = new Fields(unpack(frame, "4.4"), "4.4");
  const message = {
    app: fields.text("app", STREAM_NAME_BYTES_MAX),
    name: fields.text("name", STREAM_NAME_BYTES_MAX),
    epoch: fields.integer("epoch"),
    file: fields.text("file", FILE_CHARACTERS_MAX),
    query: fields.text("query", QUERY_CHARACTERS_MAX),
    carry: fields.text("carry", CARRY_CHARACTERS_MAX),
  };
  if (message.app === "" || message.app.includes("/")) {
    throw malformed("Cannot read FETCH: app is no path element", "4.4");
  }
  return message;
}

/** The body of a FOUND; holds until the next call of `pack`. */
export function writeFound(message: FoundMessage): Uint8Array {
  const { status, type, bytes, maxAge, retryAfter, ended } = message;
  return pack({ status, type, bytes, maxAge, retryAfter, ended });
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readFound(frame: ReceivedFrame): FoundMessage {
  const fields = new Fields(unpack(frame, "7.1"), "7.1");
  const message = {
    status: fields.integer("status"),
    type: fields.text("type", TYPE_CHARACTERS_MAX),
    bytes: fields.integer("bytes"),
    maxAge: fields.integer("maxAge"),
    retryAfter: fields.integer("retryAfter"),
    ended: fields.boolean("ended"),
  };
  if (message.status < 200 || message.status > 599) {
    throw malformed(`Cannot read FOUND: ${message.status} is no status of an answer`, "7.1");
  }
  if (message.bytes > FETCHED_BYTES_MAX) {
    const text = `Cannot take file: ${message.bytes} bytes, at most ${FETCHED_BYTES_MAX} fit`;
    throw malformed(text, "7.1");
  }
  return message;
}
