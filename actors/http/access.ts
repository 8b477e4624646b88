/**
 * Who may use the HTTP API: writes need the bearer token (RFC 6750); reads need it too, unless they
 * come from this machine or reads are open to all.
 *
 * A browser is on this machine as well, and it runs other people's pages. So "from this machine"
 * does not count for a request that a foreign page made (Origin), that came by a name somebody
 * may have pointed at us (Host; DNS rebinding), or that a proxy passed on.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { problem } from "./problem.ts";

/** What decides about access. */
export interface AccessOptions {
  /** The bearer token: visible ASCII, as a header can carry nothing else reliably. */
  readonly token: string;
  /** Reads need no token from anywhere. */
  readonly openReads: boolean;
  /** The peer's IP address as the socket tells it; "" when unknown. */
  readonly remoteAddress: (context: Context) => string;
}

/** Middleware that lets a request pass or answers 401. */
export interface Access {
  readonly read: MiddlewareHandler;
  readonly write: MiddlewareHandler;
}

/** How OpenAPI says it: a token, or nothing where reads are open. */
export const READ_SECURITY: Record<string, string[]>[] = [{}, { bearer: [] }];

/** How OpenAPI says it: always a token. */
export const WRITE_SECURITY: Record<string, string[]>[] = [{ bearer: [] }];

/** Any of these says that the peer only speaks for somebody else. */
const PROXY_HEADERS = [
  "Forwarded",
  "Via",
  "X-Forwarded-For",
  "X-Forwarded-Host",
  "X-Forwarded-Proto",
  "X-Real-IP",
];

/**
 * Makes the two guards.
 *
 * @throws {TypeError} The token is empty or not visible ASCII.
 */
export function createAccess(options: AccessOptions): Access {
  if (!/^[\x21-\x7e]+$/.test(options.token)) {
    throw new TypeError("Cannot guard the API: the token must be visible ASCII without spaces");
  }
  const expected = digest(options.token);
  const judge = (context: Context): "granted" | "wrong" | "none" => {
    const given = bearerToken(context);
    if (given === undefined) return "none";
    return timingSafeEqual(digest(given), expected) ? "granted" : "wrong";
  };

  const read: MiddlewareHandler = async (context, next) => {
    const verdict = judge(context);
    // A wrong token is refused even where none is needed: its sender should learn of it.
    if (verdict === "wrong") return refuse(context, verdict);
    const open = verdict === "granted" || options.openReads || isOwnMachine(context, options);
    if (!open) return refuse(context, verdict);
    return await next();
  };
  const write: MiddlewareHandler = async (context, next) => {
    const verdict = judge(context);
    return verdict === "granted" ? await next() : refuse(context, verdict);
  };
  return { read, write };
}

/** Whether a peer's address is this machine: 127.0.0.0/8 or ::1, also as IPv4-mapped IPv6. */
export function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/i, "");
  return plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}

function isOwnMachine(context: Context, options: AccessOptions): boolean {
  if (!isLoopback(options.remoteAddress(context))) return false;
  if (PROXY_HEADERS.some((name) => context.req.header(name) !== undefined)) return false;
  const url = new URL(context.req.url);
  if (!isLiteralHost(url.hostname)) return false;
  const origin = context.req.header("Origin");
  return origin === undefined || origin === url.origin;
}

/** A host that no name server can point elsewhere: an address, or localhost (RFC 6761, 6.3). */
function isLiteralHost(hostname: string): boolean {
  return hostname === "localhost" || hostname.startsWith("[") ||
    /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname);
}

/** Another scheme counts as no token: a proxy's Basic credentials are not meant for us. */
function bearerToken(context: Context): string | undefined {
  return /^Bearer +(\S+)\s*$/i.exec(context.req.header("Authorization") ?? "")?.[1];
}

/** Digests have one length, so comparing them tells nothing about the token's. */
function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

function refuse(context: Context, verdict: "wrong" | "none"): Response {
  const error = verdict === "wrong" ? `, error="invalid_token"` : "";
  context.header("WWW-Authenticate", `Bearer realm="headwater"${error}`);
  const found = verdict === "wrong" ? "its bearer token is wrong" : "it carries no bearer token";
  return problem(context, 401, `Cannot allow this request: ${found}`);
}
