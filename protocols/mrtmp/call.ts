/**
 * Actor messages between nodes: CALL, REPLY and TELL.
 *
 * Source: README.md beside this file, section 4.2. What a request means is not known here.
 *
 * @module
 */
import { Fields } from "./fields.ts";
import type { ReceivedFrame } from "./frame.ts";
import { pack, unpack } from "./packed.ts";
import { NODE_NAME_CHARACTERS_MAX } from "./subscription.ts";

/** Longest kind and message name, in characters. */
const NAME_CHARACTERS_MAX = 64;

/** Longest key of an actor, in characters. */
const KEY_CHARACTERS_MAX = 2_048;

/** Longest idempotency token, in characters. */
const TOKEN_CHARACTERS_MAX = 64;

/** A message to an actor. */
export interface TellMessage {
  readonly kind: string;
  readonly key: string;
  /** Name of the message within the kind's protocol. */
  readonly name: string;
  /** Plain data, or `undefined`. */
  readonly req: unknown;
  /** The same for every try of one command, so that it takes effect once. */
  readonly token?: string;
}

/** A message to an actor that is answered. */
export interface CallMessage extends TellMessage {
  /** How long the asker waits, in milliseconds. */
  readonly timeoutMs: number;
}

const FAILURES = ["busy", "deadline", "stopped", "failed", "unreachable", "not-owner"] as const;

/** Why a call got no answer. */
export type CallFailure = typeof FAILURES[number];

/** The answer to a call. */
export type CallReply =
  | { readonly ok: true; readonly value: unknown }
  | {
    readonly ok: false;
    readonly error: CallFailure;
    /** With "not-owner": the node that might be it. */
    readonly owner?: string;
  };

/**
 * The body of a TELL; holds until the next call of `pack`.
 *
 * @throws {TypeError} The request is not plain data.
 * @throws {RangeError} It is too large.
 */
export function writeTell({ kind, key, name, req, token }: TellMessage): Uint8Array {
  return pack({ kind, key, name, req, token });
}

/** The body of a CALL; as {@link writeTell}. */
export function writeCall({ kind, key, name, req, token, timeoutMs }: CallMessage): Uint8Array {
  return pack({ kind, key, name, req, token, timeoutMs });
}

/** @throws {ProtocolError} A field is missing, of another type or too long. */
export function readTell(frame: ReceivedFrame): TellMessage {
  return tellOf(new Fields(unpack(frame, "4.2"), "4.2"));
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readCall(frame: ReceivedFrame): CallMessage {
  const fields = new Fields(unpack(frame, "4.2"), "4.2");
  return { ...tellOf(fields), timeoutMs: fields.number("timeoutMs") };
}

/** The body of a REPLY; as {@link writeTell}. */
export function writeReply(reply: CallReply): Uint8Array {
  return pack(reply);
}

/** @throws {ProtocolError} A field is missing, of another type or out of range. */
export function readReply(frame: ReceivedFrame): CallReply {
  const fields = new Fields(unpack(frame, "4.2"), "4.2");
  if (fields.boolean("ok")) return { ok: true, value: fields.raw("value") };
  const error = fields.word("error", FAILURES);
  const owner = fields.optional("owner", (name) => fields.text(name, NODE_NAME_CHARACTERS_MAX));
  return owner === undefined ? { ok: false, error } : { ok: false, error, owner };
}

function tellOf(fields: Fields): TellMessage {
  const token = fields.optional("token", (name) => fields.text(name, TOKEN_CHARACTERS_MAX));
  const tell = {
    kind: fields.text("kind", NAME_CHARACTERS_MAX),
    key: fields.text("key", KEY_CHARACTERS_MAX),
    name: fields.text("name", NAME_CHARACTERS_MAX),
    req: fields.raw("req"),
  };
  return token === undefined ? tell : { ...tell, token };
}
