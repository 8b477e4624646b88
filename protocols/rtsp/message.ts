/**
 * RTSP messages: what a request and a response hold, and how one is read and written.
 *
 * Source: RFC 2326, sections 4 to 7 and 12; RFC 7826, section 5, where it clarifies. Tolerant where
 * cameras are sloppy (bare LF, folded lines), strict where two readers might disagree (two lengths,
 * two sessions). Pure; `message_reader.ts` owns buffering and the interleaved frames in between.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Longest head of a message, in bytes: a long URL, a token of 8 KB and the usual fields. */
export const RTSP_HEAD_BYTES_MAX = 16 * 1024;

/** Most fields of a message: three times what the chattiest clients send. */
export const RTSP_FIELDS_MAX = 64;

/** Largest body, in bytes: a session description of eight cameras with their parameter sets. */
export const RTSP_BODY_BYTES_MAX = 64 * 1024;

/** Section of the rule that a head is too long; it has a status of its own. */
export const RTSP_HEAD_TOO_LONG = "RFC 7826, 17.4.23";

/** Section of the rule that a body is too large; it has a status of its own. */
export const RTSP_BODY_TOO_LARGE = "RFC 2326, 11.3.4";

interface Message {
  /** Fields by lower-case name; several of one name in their order. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
  /** A view into the input; empty when there is none. */
  readonly body: Uint8Array;
}

/** A request, from either side. */
export interface RtspRequest extends Message {
  readonly kind: "request";
  /** As sent; known ones are upper-case. */
  readonly method: string;
  /** As sent: an absolute URL nearly always, or "*". Visible ASCII alone. */
  readonly uri: string;
  /** "1.0" unless the client speaks something else. */
  readonly version: string;
}

/** A response, to either side. */
export interface RtspResponse extends Message {
  readonly kind: "response";
  /** 100 to 599. */
  readonly status: number;
  /** As sent, may be empty. */
  readonly reason: string;
}

export type RtspMessage = RtspRequest | RtspResponse;

/** A head that was read, and the body it announces. */
export interface RtspHead {
  readonly message: RtspMessage;
  readonly bodyBytes: number;
}

const REQUEST_LINE =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) +([\x21-\x7e]+) +RTSP\/(\d{1,3}\.\d{1,3})$/;
const STATUS_LINE = /^RTSP\/1\.\d +([1-5]\d\d)(?: +(\P{Cc}*))?$/u;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

/** Fields that mean something else when they come twice. */
const SINGULAR = new Set(["cseq", "content-length", "session", "transport", "authorization"]);

const NO_BYTES = new Uint8Array(0);

/**
 * Reads a head.
 *
 * @param bytes From the first byte of the start line up to its empty line, which may be left out.
 * @throws {ProtocolError} It is malformed or announces a body that is too large.
 */
export function parseRtspHead(bytes: Uint8Array): RtspHead {
  const lines = unfold(latin1(bytes).split("\n").map((line) => line.replace(/\r$/, "")));
  if (lines.length - 1 > RTSP_FIELDS_MAX) {
    throw malformed(`Cannot read message: over ${RTSP_FIELDS_MAX} fields`, RTSP_HEAD_TOO_LONG);
  }
  const start = lines[0].trimEnd();
  const fields = parseFields(lines);
  const bodyBytes = bodyBytesOf(fields);
  const request = REQUEST_LINE.exec(start);
  if (request !== null) {
    const [, method, uri, version] = request;
    return {
      message: { kind: "request", method, uri, version, fields, body: NO_BYTES },
      bodyBytes,
    };
  }
  const response = STATUS_LINE.exec(start);
  if (response === null) {
    throw malformed("Cannot read message: its first line is malformed", "RFC 2326, 6.1");
  }
  const [, status, reason = ""] = response;
  return {
    message: { kind: "response", status: Number(status), reason, fields, body: NO_BYTES },
    bodyBytes,
  };
}

/** The first value of a field; `undefined` when it is not there. */
export function fieldOf(message: RtspMessage, name: string): string | undefined {
  return message.fields.get(name)?.[0];
}

/** Fields to write; a list is written as so many fields, `undefined` is left out. */
export type FieldsToWrite = Readonly<
  Record<string, string | number | readonly string[] | undefined>
>;

/**
 * Writes a request.
 *
 * @param fields In this order, Content-Length is added.
 * @throws {RangeError} A value has a control character.
 */
export function writeRtspRequest(
  method: string,
  uri: string,
  fields: FieldsToWrite,
  body = "",
): Uint8Array<ArrayBuffer> {
  return writeMessage(`${method} ${uri} RTSP/1.0`, fields, body);
}

/**
 * Writes a response.
 *
 * @throws {RangeError} A value has a control character.
 */
export function writeRtspResponse(
  status: number,
  fields: FieldsToWrite,
  body = "",
): Uint8Array<ArrayBuffer> {
  return writeMessage(`RTSP/1.0 ${status} ${reasonOf(status)}`, fields, body);
}

function writeMessage(start: string, fields: FieldsToWrite, body: string): Uint8Array<ArrayBuffer> {
  const content = new TextEncoder().encode(body);
  const lines = [start];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    for (const each of typeof value === "object" ? value : [value]) lines.push(`${name}: ${each}`);
  }
  if (content.length > 0) lines.push(`Content-Length: ${content.length}`);
  // What a peer sent must never be able to end one of our lines.
  const fault = lines.find((line) => /\p{Cc}/u.test(line));
  if (fault !== undefined) {
    throw new RangeError("Cannot write message: a control character is in it");
  }
  const head = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return bytes;
}

/** A character a byte; the runtime's decoder of that name means windows-1252. */
function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, RTSP_HEAD_BYTES_MAX));
}

/** Folded lines belong to the one before (RFC 2326, section 4.2 by way of RFC 2068). */
function unfold(lines: readonly string[]): string[] {
  const unfolded: string[] = [];
  for (const line of lines) {
    if (line === "") continue;
    if (/^[ \t]/.test(line) && unfolded.length > 1) {
      unfolded[unfolded.length - 1] += ` ${line.trim()}`;
    } else unfolded.push(line);
  }
  if (unfolded.length === 0) throw malformed("Cannot read message: it is empty", "RFC 2326, 4");
  return unfolded;
}

function parseFields(lines: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (let i = 1; i < lines.length; i++) {
    const field = FIELD_LINE.exec(lines[i]);
    if (field === null) {
      throw malformed(`Cannot read message: field ${i} is malformed`, "RFC 2326, 12");
    }
    const name = field[1].toLowerCase();
    const value = field[2].trimEnd();
    const former = fields.get(name);
    if (former === undefined) fields.set(name, [value]);
    else if (SINGULAR.has(name)) {
      throw malformed(`Cannot read message: ${name} comes twice`, "RFC 7826, 5.2");
    } else former.push(value);
  }
  return fields;
}

function bodyBytesOf(fields: ReadonlyMap<string, readonly string[]>): number {
  const length = fields.get("content-length")?.[0];
  if (length === undefined) return 0;
  if (!/^\d{1,15}$/.test(length)) {
    throw malformed("Cannot read message: Content-Length is not a number", "RFC 2326, 12.14");
  }
  if (Number(length) > RTSP_BODY_BYTES_MAX) {
    const text = `a body of ${length} bytes, at most ${RTSP_BODY_BYTES_MAX} fit`;
    throw malformed(`Cannot read message: ${text}`, RTSP_BODY_TOO_LARGE);
  }
  return Number(length);
}

function malformed(message: string, section: string): ProtocolError {
  return new ProtocolError(message, { protocol: "RTSP", section, offset: 0 });
}

/** What we answer with, and a few more that servers send us. */
const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  301: "Moved Permanently",
  302: "Found",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  413: "Request Entity Too Large",
  415: "Unsupported Media Type",
  431: "Request Header Fields Too Large",
  451: "Parameter Not Understood",
  453: "Not Enough Bandwidth",
  454: "Session Not Found",
  455: "Method Not Valid In This State",
  457: "Invalid Range",
  459: "Aggregate Operation Not Allowed",
  461: "Unsupported Transport",
  500: "Internal Server Error",
  501: "Not Implemented",
  503: "Service Unavailable",
  505: "RTSP Version Not Supported",
  551: "Option Not Supported",
};

/** The usual reason phrase of a status (RFC 2326, section 7.1.1). */
export function reasonOf(status: number): string {
  return REASONS[status] ?? "Status";
}
