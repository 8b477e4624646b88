/**
 * Credentials as clients carry them: in a URL's user info, in its query, in an Authorization field.
 *
 * Sources: RFC 3986, section 3.2.1; RFC 7617 (Basic); RFC 6750 (Bearer). Nothing here decides
 * anything, and nothing is ever repeated in a message.
 *
 * @module
 */

/** Who a client says it is. All of it is secret: never log it. */
export interface Credentials {
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** Longest user name, password and token that is looked at, in UTF-16 code units. */
export const CREDENTIAL_LENGTH_MAX = 4096;

/** The query parameters that are credentials. */
const PARAMETERS = ["user", "pass", "token"] as const;

/** `user`, `pass` and `token` of a query; of several of one name the first counts. */
export function credentialsFromQuery(query: URLSearchParams): Credentials {
  return credentialsOf(PARAMETERS.map((name) => query.get(name) ?? undefined));
}

/** User info of a URL, as an RTMP client may send in `tcUrl`; empty when there is none. */
export function credentialsFromUrl(url: string): Credentials {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1] ?? "";
  const end = authority.lastIndexOf("@");
  if (end < 0) return {};
  const [user, pass] = splitPair(authority.slice(0, end)).map(percentDecoded);
  return credentialsOf([user, pass]);
}

/** The value of an Authorization field; empty when it is neither Basic nor Bearer. */
export function credentialsFromAuthorization(value: string): Credentials {
  const match = /^(basic|bearer) +([\x21-\x7e]+) *$/i.exec(value);
  if (match === null) return {};
  if (match[1].toLowerCase() === "bearer") return credentialsOf([undefined, undefined, match[2]]);
  try {
    const pair = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromBase64(match[2]));
    return pair.includes(":") ? credentialsOf(splitPair(pair)) : {};
  } catch {
    return {}; // Neither Base64 nor UTF-8: nobody's password.
  }
}

/** What is missing in `first` comes from `second`; a user name and its password stay together. */
export function mergeCredentials(first: Credentials, second: Credentials): Credentials {
  const { user, pass } = first.user === undefined ? second : first;
  return credentialsOf([user, pass, first.token ?? second.token]);
}

/** Credentials as a query, percent-encoded, without "?"; "" when there are none. */
export function writeCredentials(credentials: Credentials): string {
  return PARAMETERS.flatMap((name) => {
    const value = credentials[name];
    return value === undefined ? [] : [`${name}=${encodeURIComponent(value.toWellFormed())}`];
  }).join("&");
}

function credentialsOf(values: readonly (string | undefined)[]): Credentials {
  const credentials: Record<string, string> = {};
  PARAMETERS.forEach((name, index) => {
    const value = values[index];
    if (value !== undefined && value.length <= CREDENTIAL_LENGTH_MAX) credentials[name] = value;
  });
  return credentials;
}

/** A user name holds no colon, a password may. */
function splitPair(text: string): [string, string] {
  const colon = text.indexOf(":");
  return colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
