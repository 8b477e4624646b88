/**
 * Digest and Basic authentication: challenges, proofs, and what a proof must say to be one.
 *
 * Source: RFC 7616 (Digest with MD5 and SHA-256), RFC 2617 (Digest without qop, which players still
 * send), RFC 7617 (Basic). `nonce_mint.ts` makes the server's nonces. Nothing here is ever repeated
 * in a message.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";

/** Longest field that is looked at, in UTF-16 code units. */
export const AUTHORIZATION_LENGTH_MAX = 4096;

export type DigestAlgorithm = "MD5" | "SHA-256";

/** Names that node:crypto has for them. */
const HASHES: Readonly<Record<DigestAlgorithm, string>> = { MD5: "md5", "SHA-256": "sha256" };

/** What a server asks for. */
export interface AuthChallenge {
  readonly scheme: "Digest" | "Basic";
  readonly realm: string;
  /** Of Digest alone. */
  readonly nonce: string;
  readonly algorithm: DigestAlgorithm;
  readonly opaque: string | undefined;
  /** The server takes quality of protection "auth"; without it the old form is wanted. */
  readonly qopAuth: boolean;
  /** The nonce was too old, the password may be right. */
  readonly stale: boolean;
}

/** What a client says to prove that it knows a password (RFC 7616, section 3.4). */
export interface DigestProof {
  readonly user: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly algorithm: DigestAlgorithm;
  /** Lower-case hexadecimal digits. */
  readonly response: string;
  /** Of the form with quality of protection alone. */
  readonly auth: { readonly cnonce: string; readonly nc: string } | undefined;
}

/** Reads the value of a WWW-Authenticate field; `undefined` when we cannot answer it. */
export function parseChallenge(field: string): AuthChallenge | undefined {
  const [scheme, parameters] = parseAuthField(field);
  const realm = parameters.get("realm") ?? "";
  const plain = { realm, nonce: "", opaque: undefined, qopAuth: false, stale: false } as const;
  if (scheme === "basic") return { ...plain, scheme: "Basic", algorithm: "MD5" };
  const algorithm = algorithmOf(parameters.get("algorithm"));
  const nonce = parameters.get("nonce");
  if (scheme !== "digest" || algorithm === undefined || nonce === undefined) return undefined;
  const qops = parameters.get("qop")?.split(",").map((qop) => qop.trim().toLowerCase());
  if (qops !== undefined && !qops.includes("auth")) return undefined;
  return {
    ...{ scheme: "Digest", realm, nonce, algorithm, qopAuth: qops !== undefined },
    opaque: parameters.get("opaque"),
    stale: parameters.get("stale")?.toLowerCase() === "true",
  };
}

/** Writes the value of a WWW-Authenticate field. */
export function writeChallenge(challenge: AuthChallenge): string {
  const { scheme, realm, nonce, algorithm, opaque, qopAuth, stale } = challenge;
  if (scheme === "Basic") return `Basic realm=${quoted(realm)}`;
  return [
    `Digest realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `algorithm=${algorithm}`,
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
    ...(qopAuth ? ['qop="auth"'] : []),
    ...(stale ? ["stale=true"] : []),
  ].join(", ");
}

/** Reads the value of an Authorization field; `undefined` when it is no Digest we understand. */
export function parseDigestProof(field: string): DigestProof | undefined {
  const [scheme, parameters] = parseAuthField(field);
  const algorithm = algorithmOf(parameters.get("algorithm"));
  if (scheme !== "digest" || algorithm === undefined) return undefined;
  const [user, realm, nonce, uri, response] = ["username", "realm", "nonce", "uri", "response"]
    .map((name) => parameters.get(name));
  if (user === undefined || realm === undefined || nonce === undefined) return undefined;
  if (uri === undefined || response === undefined) return undefined;
  const [qop, cnonce, nc] = ["qop", "cnonce", "nc"].map((name) => parameters.get(name));
  const proof = {
    ...{ user: utf8Of(user), realm, nonce, uri, algorithm },
    response: response.toLowerCase(),
  };
  if (qop === undefined) return { ...proof, auth: undefined };
  if (qop.toLowerCase() !== "auth" || cnonce === undefined || nc === undefined) return undefined;
  return { ...proof, auth: { cnonce, nc } };
}

/** Whether whoever made `proof` knows `password`; takes a time that tells nothing about it. */
export function provesPassword(proof: DigestProof, method: string, password: string): boolean {
  const expected = new TextEncoder().encode(digestResponse(proof, method, password));
  const given = new TextEncoder().encode(proof.response);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** How a client answers a challenge. */
export interface AuthAnswer {
  readonly user: string;
  readonly pass: string;
  readonly method: string;
  readonly uri: string;
  /** Chance for the form with quality of protection: visible ASCII without quotes. */
  readonly cnonce: string;
  /** How often this nonce has been answered, from 1. */
  readonly count: number;
}

/** The best of several challenges: Digest before Basic, SHA-256 before MD5. */
export function strongestChallenge(fields: readonly string[]): AuthChallenge | undefined {
  const rank = ({ scheme, algorithm }: AuthChallenge) =>
    scheme === "Basic" ? 0 : algorithm === "MD5" ? 1 : 2;
  return fields.map(parseChallenge).filter((challenge) => challenge !== undefined)
    .sort((a, b) => rank(b) - rank(a))[0];
}

/** Writes the value of an Authorization field that answers `challenge`. */
export function writeAuthorization(challenge: AuthChallenge, answer: AuthAnswer): string {
  const { user, pass, method, uri, cnonce, count } = answer;
  if (challenge.scheme === "Basic") {
    return `Basic ${new TextEncoder().encode(`${user}:${pass}`).toBase64()}`;
  }
  const { realm, nonce, algorithm, opaque, qopAuth } = challenge;
  const auth = qopAuth ? { cnonce, nc: count.toString(16).padStart(8, "0") } : undefined;
  const proof = { user, realm, nonce, uri, algorithm, auth };
  return [
    `Digest username=${quoted(user)}`,
    `realm=${quoted(realm)}`,
    `nonce=${quoted(nonce)}`,
    `uri=${quoted(uri)}`,
    `response="${digestResponse(proof, method, pass)}"`,
    // A server that knows MD5 alone may not know the parameter (RFC 2069 had none).
    ...(algorithm === "MD5" && !qopAuth ? [] : [`algorithm=${algorithm}`]),
    ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
    ...(auth === undefined ? [] : ["qop=auth", `nc=${auth.nc}`, `cnonce="${auth.cnonce}"`]),
  ].join(", ");
}

/** The response parameter (RFC 7616, section 3.4.1), without quotes. */
function digestResponse(
  { user, realm, nonce, uri, algorithm, auth }: Omit<DigestProof, "response">,
  method: string,
  password: string,
): string {
  const hash = (text: string) => createHash(HASHES[algorithm]).update(text).digest("hex");
  const secret = hash(`${user}:${realm}:${password}`);
  const request = hash(`${method}:${uri}`);
  if (auth === undefined) return hash(`${secret}:${nonce}:${request}`);
  return hash(`${secret}:${nonce}:${auth.nc}:${auth.cnonce}:auth:${request}`);
}

function algorithmOf(text: string | undefined): DigestAlgorithm | undefined {
  const name = text?.toUpperCase();
  if (name === undefined || name === "MD5") return "MD5";
  return name === "SHA-256" ? "SHA-256" : undefined;
}

const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/g;

/** Scheme in lower case and parameters by lower-case name; the first of one name counts. */
function parseAuthField(field: string): [scheme: string, parameters: Map<string, string>] {
  const parameters = new Map<string, string>();
  if (field.length > AUTHORIZATION_LENGTH_MAX) return ["", parameters];
  const scheme = /^\s*([A-Za-z]+)(?:\s|$)/.exec(field)?.[1] ?? "";
  for (const [, name, text, token] of field.matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    const value = text === undefined ? token : text.replace(/\\(.)/g, "$1");
    if (!parameters.has(key)) parameters.set(key, value);
  }
  return [scheme.toLowerCase(), parameters];
}

/** Fields are read as Latin-1; clients send names in UTF-8 (RFC 7616, section 4). */
function utf8Of(text: string): string {
  try {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}

function quoted(text: string): string {
  return `"${text.replace(/\p{Cc}/gu, "").replace(/["\\]/g, "\\$&")}"`;
}
