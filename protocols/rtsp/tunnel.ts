/**
 * RTSP over HTTP: two requests, tied by a cookie, carry one RTSP connection through a proxy.
 *
 * Source: Apple, "Tunnelling RTSP and RTP over HTTP" (QuickTime Streaming, 1999). What the server
 * says goes out as the endless body of a GET, as it is; what the client says comes as the body of a
 * POST, in Base64, message by message, so that padding may stand in the middle. `request_head.ts` of
 * protocols/http reads the heads.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import type { RequestHead } from "../http/request_head.ts";

/** Content type of both bodies. */
export const TUNNEL_CONTENT_TYPE = "application/x-rtsp-tunnelled";

/** Longest cookie, in characters; clients send 16 to 32. */
export const TUNNEL_COOKIE_LENGTH_MAX = 128;

/** One half of a tunnel. */
export interface TunnelRequest {
  /** GET: the way to the client; POST: the way from it. */
  readonly half: "GET" | "POST";
  readonly cookie: string;
}

/** Whether bytes at the start of a connection are HTTP; `undefined` = not enough to tell. */
export function startsWithHttp(bytes: Uint8Array): boolean | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, 5));
  if (text.startsWith("GET ") || text.startsWith("POST ")) return true;
  return "GET ".startsWith(text) || "POST ".startsWith(text) ? undefined : false;
}

/** What a request has to do with a tunnel; `undefined` = nothing. */
export function parseTunnelRequest(
  { method, headers }: Pick<RequestHead, "method" | "headers">,
): TunnelRequest | undefined {
  const cookie = headers.get("x-sessioncookie");
  if (cookie === undefined || cookie === "" || cookie.length > TUNNEL_COOKIE_LENGTH_MAX) {
    return undefined;
  }
  return method === "GET" || method === "POST" ? { half: method, cookie } : undefined;
}

/** Head of the answer to the GET; RTSP follows. The POST is never answered. */
export function writeTunnelAnswer(): Uint8Array {
  return new TextEncoder().encode(
    "HTTP/1.0 200 OK\r\nConnection: close\r\nCache-Control: no-store\r\nPragma: no-cache\r\n" +
      `Content-Type: ${TUNNEL_CONTENT_TYPE}\r\n\r\n`,
  );
}

/** Answer to a half whose other half is not here, or whose cookie is in use. */
export function writeTunnelRefusal(): Uint8Array {
  return new TextEncoder().encode(
    "HTTP/1.0 454 Session Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
  );
}

const PADDING = 0x3d;

/** The 6 bits of each character; 64 = none. */
const VALUES = new Uint8Array(256).fill(64);
for (let i = 0; i < 64; i++) {
  VALUES["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".charCodeAt(i)] = i;
}

/** Makes RTSP of a POST's body, in whatever pieces it comes. */
export class TunnelDecoder {
  #bits = 0;
  #characters = 0;
  #padded = false;

  /**
   * Decodes the next bytes of the body; white space is left out.
   *
   * @returns What they hold, in an array of its own; may be empty.
   * @throws {ProtocolError} They are not Base64.
   */
  feed(bytes: Uint8Array): Uint8Array {
    const target = new Uint8Array(Math.ceil(bytes.length * 3 / 4) + 3);
    let filled = 0;
    for (let i = 0; i < bytes.length; i++) {
      const value = VALUES[bytes[i]];
      if (value === 64 && isSpace(bytes[i])) continue;
      if (value === 64 && bytes[i] !== PADDING) throw malformed("a character that is none", i);
      if (bytes[i] === PADDING ? this.#characters < 2 : this.#padded) {
        throw malformed("padding where none belongs", i);
      }
      this.#padded ||= bytes[i] === PADDING;
      this.#bits = this.#bits << 6 | (value & 63);
      if (!this.#padded && this.#characters > 0) {
        target[filled++] = this.#bits >> (6 - 2 * this.#characters) & 0xff;
      }
      this.#characters = (this.#characters + 1) & 3;
      if (this.#characters === 0) this.#padded = false;
    }
    return target.subarray(0, filled);
  }
}

/** Most halves that wait for their other half: each is an open connection. */
export const TUNNEL_HALVES_MAX = 1_024;

/** Brings the two halves of tunnels together. */
export class TunnelTable<Half> {
  readonly #waiting = new Map<string, Half>();

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Puts the GET of a tunnel there, to wait for its POST.
   *
   * @returns False when the cookie is in use, or there is no room.
   */
  offer(cookie: string, half: Half): boolean {
    if (this.#waiting.has(cookie) || this.#waiting.size >= TUNNEL_HALVES_MAX) return false;
    this.#waiting.set(cookie, half);
    return true;
  }

  /** Finds the GET that a POST belongs to; it stays: clients open a new POST for the same GET. */
  find(cookie: string): Half | undefined {
    return this.#waiting.get(cookie);
  }

  /** The GET is over. */
  delete(cookie: string): void {
    this.#waiting.delete(cookie);
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
}

function malformed(what: string, offset: number): ProtocolError {
  return new ProtocolError(`Cannot decode tunnel: ${what}`, {
    protocol: "RTSP",
    section: "RFC 4648, 4",
    offset,
  });
}
