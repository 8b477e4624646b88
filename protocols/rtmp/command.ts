/**
 * Command messages: a name, a transaction id, a command object and arguments, all AMF.
 *
 * Source: Adobe RTMP 1.0, section 7.2. What commands mean belongs to the sessions; this file knows
 * their form, and how to look into AMF objects that a peer may have filled with anything.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import { type AmfValue, parseAmf0Values, writeAmf0Values } from "./amf0.ts";
import { MESSAGE_TYPE } from "./message.ts";

/** Longest command name, in UTF-16 code units; the names in use are shorter than 20. */
const COMMAND_NAME_LENGTH_MAX = 256;

/** One command message (7.2). */
export interface Command {
  readonly name: string;
  /** Names the call that an answer is for; 0 wants none. */
  readonly transactionId: number;
  /** Properties of connect and of its answer; null in most others. */
  readonly object: AmfValue;
  readonly args: readonly AmfValue[];
}

/**
 * Reads the body of a command message.
 *
 * @param typeId An AMF3 command (17) has a zero byte in front, then is read as AMF0, whose values
 * may switch to AMF3.
 * @throws {ProtocolError} The values cannot be read, or the first is no sensible name.
 */
export function parseCommand(typeId: number, body: Uint8Array): Command {
  const offset = typeId === MESSAGE_TYPE.commandAmf3 && body[0] === 0 ? 1 : 0;
  const [name, transactionId, object, ...args] = parseAmf0Values(body, offset);
  if (typeof name !== "string" || name.length > COMMAND_NAME_LENGTH_MAX) {
    throw new ProtocolError("Cannot read command: it does not start with a name", {
      protocol: "RTMP",
      section: "7.2",
      offset,
    });
  }
  return {
    name,
    transactionId: typeof transactionId === "number" ? transactionId : 0,
    object,
    args,
  };
}

/** Body of an AMF0 command message. */
export function writeCommand(
  name: string,
  transactionId: number,
  ...values: AmfValue[]
): Uint8Array {
  return writeAmf0Values([name, transactionId, ...values]);
}

/** An object with these properties, in this order. */
export function amfRecord(entries: readonly (readonly [key: string, value: AmfValue])[]): AmfValue {
  return new Map(entries);
}

/** A property of `value`; `undefined` when it has none of this name or is no object. */
export function amfField(value: AmfValue, key: string): AmfValue {
  return value instanceof Map ? value.get(key) : undefined;
}

/** A property that is text; `undefined` when it is anything else. */
export function amfText(value: AmfValue, key: string): string | undefined {
  const field = amfField(value, key);
  return typeof field === "string" ? field : undefined;
}

/** The first `countMax` property names of `value`; none when it is no object. */
export function amfKeys(value: AmfValue, countMax: number): string[] {
  return value instanceof Map ? [...value.keys().take(countMax)] : [];
}
