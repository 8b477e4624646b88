/**
 * authmod=adobe: how encoders and players prove a password without sending it, when a server
 * refuses their connect and says so.
 *
 * Source: no specification; Flash Media Server's authentication plug-in as FFmpeg, GStreamer and
 * librtmp (OBS) speak it. The client connects three times: the first refusal says that credentials
 * are needed, the second, to one that gave its user, carries salt and challenge, the third connect
 * the response. All of it stands in the description of `_error` and behind `app`, unescaped.
 *
 * The server remembers nothing: a challenge carries its time and our seal. MD5 is the protocol's;
 * it keeps a password from plain sight and from replay, and is no match for TLS.
 *
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** How long a challenge may be answered, in milliseconds: clients connect again at once. */
export const ADOBE_CHALLENGE_MS = 30_000;

/** Bytes of chance in a challenge. */
export const ADOBE_NONCE_BYTES = 8;

/** Longest user, in UTF-16 code units: FFmpeg keeps 255 characters of a refusal. */
export const ADOBE_USER_LENGTH_MAX = 80;

/** Longest of the other parameters that is looked at; clients send 8 to 32 characters. */
const PARAMETER_LENGTH_MAX = 128;

const TIME_BYTES = 6;
const SEAL_BYTES = 12;
const OPAQUE_BYTES = TIME_BYTES + ADOBE_NONCE_BYTES + SEAL_BYTES;
const SALT_BYTES = 6;

/** The refusal of a connect without credentials. */
export const ADOBE_NEED_AUTH =
  "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";

/** What a client appends to `app`; all of it unchecked. */
export interface AdobeAuth {
  /** "" when it did not say. */
  readonly user: string;
  /** What the client chose at random, and its answer; both `undefined` until it was challenged. */
  readonly challenge: string | undefined;
  readonly response: string | undefined;
  readonly opaque: string | undefined;
}

/** What a client has to answer. */
export interface AdobeChallenge {
  readonly user: string;
  readonly salt: string;
  readonly opaque: string;
}

/** Seals challenges; `secret` is the server's own, of at least 16 bytes. */
export interface AdobeSeal {
  readonly secret: Uint8Array;
  /** Wall clock in milliseconds since 1970. */
  readonly nowMs: number;
}

/** Reads `app`; `undefined` when the client does not speak authmod=adobe. */
export function parseAdobeAuth(app: string | undefined): AdobeAuth | undefined {
  // Clients append "?authmod=…" also to an application that has a query of its own.
  const match = /.*[?&]authmod=adobe(?=&|$)(.*)$/s.exec(app ?? "");
  if (match === null) return undefined;
  const parameters = new Map<string, string>();
  for (const pair of match[1].split(/[&?]/)) {
    const equals = pair.indexOf("=");
    const value = pair.slice(equals + 1);
    // Base64 as it is: "+" is no space here.
    if (equals > 0 && value.length <= PARAMETER_LENGTH_MAX) {
      parameters.set(pair.slice(0, equals), value);
    }
  }
  const user = parameters.get("user") ?? "";
  return {
    user: user.length <= ADOBE_USER_LENGTH_MAX ? user : "",
    challenge: parameters.get("challenge"),
    response: parameters.get("response"),
    opaque: parameters.get("opaque"),
  };
}

/**
 * Makes a challenge for `user`, as it wrote itself.
 *
 * @param nonce {@link ADOBE_NONCE_BYTES} of chance.
 */
export function issueAdobeChallenge(
  user: string,
  nonce: Uint8Array,
  { secret, nowMs }: AdobeSeal,
): AdobeChallenge {
  const opaque = new Uint8Array(OPAQUE_BYTES);
  new DataView(opaque.buffer).setUint32(0, Math.floor(nowMs / 0x10000));
  new DataView(opaque.buffer).setUint16(4, nowMs % 0x10000);
  opaque.set(nonce.subarray(0, ADOBE_NONCE_BYTES), TIME_BYTES);
  opaque.set(sealOf(opaque, user, secret), OPAQUE_BYTES - SEAL_BYTES);
  return challengeOf(opaque, user, secret);
}

/** The challenge that an answer is for; `undefined` when it is not ours, or too old. */
export function findAdobeChallenge(
  { user, opaque }: AdobeAuth,
  { secret, nowMs }: AdobeSeal,
): AdobeChallenge | undefined {
  const bytes = fromBase64Url(opaque ?? "");
  if (bytes?.length !== OPAQUE_BYTES) return undefined;
  const seal = bytes.subarray(OPAQUE_BYTES - SEAL_BYTES);
  if (!timingSafeEqual(seal, sealOf(bytes, user, secret))) return undefined;
  const view = new DataView(bytes.buffer);
  const ageMs = nowMs - (view.getUint32(0) * 0x10000 + view.getUint16(4));
  return ageMs >= 0 && ageMs <= ADOBE_CHALLENGE_MS ? challengeOf(bytes, user, secret) : undefined;
}

/** The description of the refusal that carries a challenge. */
export function adobeChallengeText({ user, salt, opaque }: AdobeChallenge): string {
  // librtmp takes the challenge when there is no opaque; both are the same for us.
  return "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth" +
    `&user=${user}&salt=${salt}&challenge=${opaque}&opaque=${opaque}`;
}

/** The description of the refusal of a wrong answer; tells nothing about which part was wrong. */
export const ADOBE_AUTH_FAILED =
  "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed";

/** The response of a client with `pass` to a challenge, given what it chose itself. */
export function adobeResponse(
  { user, salt, opaque }: AdobeChallenge,
  pass: string,
  clientChallenge: string,
): string {
  return md5(md5(user + salt + pass) + opaque + clientChallenge);
}

/** Whether an answer proves `pass`, in a time that does not depend on either. */
export function provesPassword(challenge: AdobeChallenge, auth: AdobeAuth, pass: string): boolean {
  const wanted = createHash("sha256")
    .update(adobeResponse(challenge, pass, auth.challenge ?? "")).digest();
  const given = createHash("sha256").update(auth.response ?? "").digest();
  return timingSafeEqual(wanted, given);
}

function challengeOf(opaque: Uint8Array, user: string, secret: Uint8Array): AdobeChallenge {
  const salt = createHmac("sha256", secret).update("salt").update(opaque).digest();
  return { user, salt: base64Url(salt.subarray(0, SALT_BYTES)), opaque: base64Url(opaque) };
}

/** Over time, chance and user. */
function sealOf(opaque: Uint8Array, user: string, secret: Uint8Array): Uint8Array {
  const hmac = createHmac("sha256", secret).update(opaque.subarray(0, OPAQUE_BYTES - SEAL_BYTES));
  return hmac.update(user).digest().subarray(0, SEAL_BYTES);
}

function md5(text: string): string {
  return createHash("md5").update(text).digest("base64");
}

/** No character of it means anything in a query. */
function base64Url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    return undefined;
  }
}
