/**
 * Takes credentials out of text before it is logged: user info of URLs, values of credential
 * parameters, and authorization headers.
 *
 * Errs on the side of hiding: a parameter called "monkey" loses its value too.
 *
 * @module
 */

/** What stands where a credential was. */
export const MASK = "***";

/** Parameter names that end in one of these hold credentials: "pass", "stream_key", "user", ... */
const CREDENTIAL_NAME =
  /(pass|passwd|password|pwd|token|key|secret|user|username|auth|sig|signature)$/i;

/** `//user:pass@`, with or without a scheme; user info ends at the authority's last `@`. */
const USER_INFO = /\/\/[^/\\\s?#"'<>]*@/g;

/** `name=` at the start, or after what separates parameters in URLs and in prose. */
const PARAMETER_NAME = /(?:^|[?&;,#\s"'(<[])([^?&;,#=\s"'(<[]+)=/g;

/** What ends a parameter's value. A `?` does not: it may be part of a credential. */
const VALUE_END = /[&;#\s"'<>]|$/g;

/** An Authorization header's value, whatever it was quoted in. */
const AUTHORIZATION = /\b(Bearer|Basic|Digest)\s+[^\s"',]+/gi;

/** `text` without the credentials in it; the rest is unchanged. */
export function maskCredentials(text: string): string {
  if (!/[=@]|\b(?:bearer|basic|digest)\s/i.test(text)) return text; // Most texts.
  return maskParameters(text.replace(USER_INFO, `//${MASK}@`))
    .replace(AUTHORIZATION, `$1 ${MASK}`);
}

/**
 * Whether a log field of this name is a credential whatever its value. Narrower than the names of
 * parameters: the fields `key` and `user` are an actor's key and a user's name.
 */
export function isCredentialField(name: string): boolean {
  return /(pass|password|token|secret|authorization)$/i.test(name);
}

/** Masks value by value: the value of a harmless parameter may be a URL with a token in it. */
function maskParameters(text: string): string {
  let masked = "";
  let copied = 0;
  // The search starts at 0: the one before ran until it found nothing, which resets it.
  for (let match; (match = PARAMETER_NAME.exec(text)) !== null;) {
    if (!isCredentialName(match[1])) continue;
    const start = PARAMETER_NAME.lastIndex;
    VALUE_END.lastIndex = start;
    const end = VALUE_END.exec(text)?.index ?? text.length;
    if (end === start) continue;
    masked += text.slice(copied, start) + MASK;
    copied = end;
    PARAMETER_NAME.lastIndex = end;
  }
  return masked + text.slice(copied);
}

function isCredentialName(name: string): boolean {
  return CREDENTIAL_NAME.test(percentDecoded(name));
}

/** The text with its %XX undone; the text itself when they are malformed. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
