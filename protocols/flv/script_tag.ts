/**
 * Body of a script tag, and of an RTMP data message: a name, then values, all AMF0.
 *
 * Sources: Adobe FLV and F4V 10.1, annex E.4.4; AMF0, sections 2.4 and 2.14. Looks at the name
 * only; the values are read by `rtmp/amf0.ts` where somebody wants them.
 *
 * @module
 */

/** Longest name, in bytes; the names in use are shorter than 20. */
export const SCRIPT_NAME_BYTES_MAX = 256;

/** What a publisher puts in front of data that is to stand for whoever joins later. */
const SET_DATA_FRAME = "@setDataFrame";

/** AMF0 markers. */
const MARKER_STRING = 0x02; // Length of two bytes.
const MARKER_LONG_STRING = 0x0c; // Length of four.

const UTF8 = new TextDecoder();

/** A script body without "@setDataFrame". */
export interface ScriptTag {
  readonly name: string;
  /** The values, name first; a view of the body. */
  readonly payload: Uint8Array;
}

/**
 * Splits a whole script body into name and payload, "@setDataFrame" stripped.
 *
 * @returns `undefined` when the body does not start with a name of sensible length: such data
 * means nothing to anybody and is no reason to end a connection.
 */
export function parseScriptTag(body: Uint8Array): ScriptTag | undefined {
  const first = readName(body, 0);
  if (first === undefined || first.name !== SET_DATA_FRAME) return named(first, body);
  const payload = body.subarray(first.end);
  return named(readName(payload, 0), payload);
}

function named(found: Name | undefined, payload: Uint8Array): ScriptTag | undefined {
  return found === undefined ? undefined : { name: found.name, payload };
}

interface Name {
  readonly name: string;
  readonly end: number;
}

function readName(bytes: Uint8Array, offset: number): Name | undefined {
  const lengthBytes = bytes[offset] === MARKER_STRING
    ? 2
    : bytes[offset] === MARKER_LONG_STRING
    ? 4
    : 0;
  const start = offset + 1 + lengthBytes;
  if (lengthBytes === 0 || start > bytes.length) return undefined;
  let length = 0;
  for (let index = offset + 1; index < start; index++) length = length * 256 + bytes[index];
  if (length > SCRIPT_NAME_BYTES_MAX || length > bytes.length - start) return undefined;
  const end = start + length;
  return { name: UTF8.decode(bytes.subarray(start, end)), end };
}
