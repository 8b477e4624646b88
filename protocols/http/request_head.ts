/**
 * The head of an HTTP/1.x request: request line and fields, up to the empty line.
 *
 * Source: RFC 9112, sections 2 to 6; RFC 9110, section 5. Strict on purpose: whatever two readers
 * might understand differently (bare LF, folded lines, two lengths, spaces before a colon) is
 * refused. Bodies are told by Content-Length alone.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";

/** Section of the rule that a head is too long, which has a status of its own: 431. */
export const HEAD_TOO_LONG = "RFC 6585, 5";

/** Longest head unless the caller says, in bytes: an 8 KB token, cookies and the usual fields. */
export const HEAD_BYTES_MAX = 16 * 1024;

/** Most fields: twice what browsers send behind two proxies. */
export const FIELDS_MAX = 64;

/** A request without its body. */
export interface RequestHead {
  /** As sent, upper-case by custom: "GET". */
  readonly method: string;
  /** Path and query, as sent; always starts with "/", or is "*". */
  readonly target: string;
  /** Fields by lower-case name; several of one name are joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
  /** Bytes of body that follow. */
  readonly bodyBytes: number;
  /** The client takes another answer on this connection. */
  readonly keepAlive: boolean;
  /** Bytes of the head, its empty line included. */
  readonly headBytes: number;
}

const REQUEST_LINE =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ((?:\/|http:\/\/)[\x21-\x7e\x80-\xff]*|\*) HTTP\/1\.([01])$/;
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

/** Fields that mean something else when they come twice. */
const SINGULAR = new Set(["host", "content-length", "transfer-encoding", "authorization"]);

/**
 * Heads read lately. Thousands of players of one kind ask for the same playlist with the same
 * fields at the same moment; one megabyte at most remembers what they said.
 */
const KNOWN_MAX = 1_024;
const KNOWN_BYTES_MAX = 1_024;
const known = new Map<string, RequestHead>();

const latin1 = new TextDecoder("latin1");

/**
 * Reads the head at the start of `bytes`.
 *
 * @returns The head, or `undefined` when its empty line has not come yet.
 * @throws {ProtocolError} It is malformed, too long, or announces a body we cannot delimit.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  headBytesMax = HEAD_BYTES_MAX,
): RequestHead | undefined {
  const end = endOfHead(bytes, headBytesMax);
  if (end < 0) {
    if (bytes.length < headBytesMax) return undefined;
    const text = `Cannot read request: its head is longer than ${headBytesMax} bytes`;
    throw new ProtocolError(text, { protocol: "HTTP", section: HEAD_TOO_LONG, offset: 0 });
  }
  const text = latin1.decode(bytes.subarray(0, end));
  let head = known.get(text);
  if (head === undefined) {
    head = parseText(text);
    if (known.size >= KNOWN_MAX) known.clear();
    // Credentials are not kept longer than their request.
    if (end <= KNOWN_BYTES_MAX && !head.headers.has("authorization")) known.set(text, head);
  }
  return head;
}

function parseText(text: string): RequestHead {
  const lines = text.split("\r\n");
  const line = REQUEST_LINE.exec(lines[0]);
  if (line === null) throw malformed("Cannot read request: its first line is malformed", "3", 0);
  const headers = parseFields(lines);
  return {
    method: line[1],
    target: originForm(line[2]),
    headers,
    bodyBytes: bodyBytesOf(headers),
    keepAlive: keepsAlive(headers, line[3] === "1"),
    headBytes: text.length + 4,
  };
}

/** Offset of the empty line; -1 when it is not there. A bare LF within is found by the caller. */
function endOfHead(bytes: Uint8Array, headBytesMax: number): number {
  const limit = Math.min(bytes.length, headBytesMax);
  for (let at = bytes.indexOf(13); at >= 0 && at + 3 < limit; at = bytes.indexOf(13, at + 1)) {
    if (bytes[at + 1] === 10 && bytes[at + 2] === 13 && bytes[at + 3] === 10) return at;
  }
  return -1;
}

function parseFields(lines: readonly string[]): Map<string, string> {
  if (lines.length - 1 > FIELDS_MAX) {
    throw malformed(`Cannot read request: over ${FIELDS_MAX} fields`, "5", 0);
  }
  const headers = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const field = FIELD_LINE.exec(lines[i]);
    if (field === null) throw malformed(`Cannot read request: field ${i} is malformed`, "5", 0);
    const name = field[1].toLowerCase();
    const value = field[2].trimEnd();
    const former = headers.get(name);
    if (former !== undefined && SINGULAR.has(name)) {
      throw malformed(`Cannot read request: ${name} comes twice`, "5.2", 0);
    }
    headers.set(name, former === undefined ? value : `${former}, ${value}`);
  }
  return headers;
}

/** Proxies may send the absolute form (3.2.2); the authority is of no use to us. */
function originForm(target: string): string {
  if (!target.startsWith("http://")) return target;
  const path = target.indexOf("/", "http://".length);
  return path < 0 ? "/" : target.slice(path);
}

function bodyBytesOf(headers: ReadonlyMap<string, string>): number {
  if (headers.has("transfer-encoding")) {
    const text = "Cannot read request: its body is chunked, one with Content-Length would fit";
    throw malformed(text, "6.1", 0);
  }
  const length = headers.get("content-length");
  if (length === undefined) return 0;
  if (/^\d{1,15}$/.test(length)) return Number(length);
  throw malformed("Cannot read request: Content-Length is not a number", "6.2", 0);
}

function keepsAlive(headers: ReadonlyMap<string, string>, http11: boolean): boolean {
  const options = headers.get("connection")?.toLowerCase();
  if (options === undefined) return http11;
  const tokens = options.split(",").map((token) => token.trim());
  return http11 ? !tokens.includes("close") : tokens.includes("keep-alive");
}

function malformed(message: string, section: string, offset: number): ProtocolError {
  return new ProtocolError(message, { protocol: "HTTP", section: `RFC 9112, ${section}`, offset });
}
