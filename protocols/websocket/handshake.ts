/**
 * The server's side of the WebSocket opening handshake.
 *
 * Source: RFC 6455, section 4.2. Reads headers that an HTTP library has parsed; offers no extension
 * and no subprotocol.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** What the server appends to the client's key (1.3). */
const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A key is 16 bytes in base64 (4.1). */
const KEY_PATTERN = /^[+/0-9A-Za-z]{22}==$/;

/** The version that RFC 6455 defines. */
const VERSION = "13";

/** What of a request tells an upgrade: header names in lower case. */
export interface UpgradeRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export type UpgradeResult =
  | { readonly ok: true; readonly accept: string }
  | { readonly ok: false; readonly status: 400 | 426; readonly reason: string };

/** Whether a request asks for a WebSocket at all, rightly or not. */
export function asksForWebSocket(request: UpgradeRequest): boolean {
  return hasToken(request, "upgrade", "websocket");
}

/**
 * Checks an upgrade request (4.2.1).
 *
 * @returns The value for Sec-WebSocket-Accept, or how to refuse; a 426 must name the version in
 * Sec-WebSocket-Version (4.4).
 */
export function acceptUpgrade(request: UpgradeRequest): UpgradeResult {
  if (request.method !== "GET") return refuse(400, "WebSocket upgrade must be a GET request");
  if (!asksForWebSocket(request) || !hasToken(request, "connection", "upgrade")) {
    return refuse(400, "WebSocket upgrade needs Connection: Upgrade and Upgrade: websocket");
  }
  if (header(request, "sec-websocket-version") !== VERSION) {
    return refuse(426, `WebSocket version must be ${VERSION}`);
  }
  const key = header(request, "sec-websocket-key");
  if (!KEY_PATTERN.test(key)) {
    return refuse(400, "Sec-WebSocket-Key must be 16 bytes in base64");
  }
  return { ok: true, accept: acceptKey(key) };
}

/** The value of Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (4.2.2, item 5.4). */
export function acceptKey(key: string): string {
  return createHash("sha1").update(key + ACCEPT_GUID).digest("base64");
}

/** The whole head of the 101 response (4.2.2); `headers` are added as they are. */
export function upgradeResponseHead(
  accept: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${accept}\r\n${extra}\r\n`;
}

function header(request: UpgradeRequest, name: string): string {
  const value = request.headers[name];
  return typeof value === "string" ? value.trim() : (value ?? []).join(", ").trim();
}

/** Whether a comma-separated header holds a token, in any case (RFC 9110, 5.6.1). */
function hasToken(request: UpgradeRequest, name: string, token: string): boolean {
  return header(request, name).toLowerCase().split(",").some((part) => part.trim() === token);
}

function refuse(status: 400 | 426, reason: string): UpgradeResult {
  return { ok: false, status, reason };
}
