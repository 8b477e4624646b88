/**
 * RTSP URLs: which path they mean, which medium of it, and how relative ones are resolved.
 *
 * Source: RFC 2326, sections 3.2, C.1.1 and C.3; RFC 3986, section 3. Tolerant: what clients make of
 * a base and a control attribute differs, above all when there is a query.
 *
 * @module
 */

/** What stands between a path and the number of a medium in descriptions of ours. */
const CONTROL = "/trackID=";

/** The control attribute of medium `index` in descriptions of ours. */
export function controlOf(index: number): string {
  return `${CONTROL.slice(1)}${index}`;
}

/** A URL taken apart. */
export interface RtspUri {
  /** RTSP over TLS. */
  readonly secure: boolean;
  /** Name or address, IPv6 in brackets. */
  readonly host: string;
  /** `undefined` = the scheme's usual port. */
  readonly port: number | undefined;
  /** Percent-encoded, as sent; never log it. */
  readonly userInfo: string | undefined;
  /** Path and query, as sent; "" when there is none. */
  readonly target: string;
}

const URI =
  /^(rtsps?|rtspu|rtsph|rtspt):\/\/(?:([^/?@]*)@)?(\[[0-9A-Fa-f:.%]+\]|[^/?:@]*)(?::(\d{0,5}))?([/?].*)?$/i;

/** Takes an absolute URL apart; `undefined` when it is none of RTSP. */
export function parseRtspUri(text: string): RtspUri | undefined {
  const match = URI.exec(text);
  if (match === null || match[3] === "" || !/^[\x21-\x7e]+$/.test(text)) return undefined;
  const port = match[4] === undefined || match[4] === "" ? undefined : Number(match[4]);
  if (port !== undefined && (port < 1 || port > 65535)) return undefined;
  return {
    secure: match[1].toLowerCase() === "rtsps",
    host: match[3],
    port,
    userInfo: match[2],
    target: match[5] ?? "",
  };
}

/** Path and query of a request's URI, also of a mere path; `undefined` for "*" and nonsense. */
export function targetOf(uri: string): string | undefined {
  if (uri.startsWith("/")) return uri;
  return parseRtspUri(uri)?.target;
}

/** A target without the control part that names one medium. */
export interface ControlledTarget {
  /** Path and query of the whole. */
  readonly target: string;
  /** Which medium; `undefined` = the whole. */
  readonly media: number | undefined;
}

/** Splits a target that was made with {@link controlOf}: behind the path, or behind the query. */
export function splitControl(target: string): ControlledTarget {
  const mark = target.lastIndexOf(CONTROL);
  const rest = /^(\d{1,3})\/?(\?.*)?$/.exec(mark < 0 ? "" : target.slice(mark + CONTROL.length));
  if (rest === null) return { target, media: undefined };
  return { target: target.slice(0, mark) + (rest[2] ?? ""), media: Number(rest[1]) };
}

/**
 * Resolves a control attribute as players do: appended to the base with a slash, unless it is
 * absolute or names the base itself.
 */
export function resolveControl(base: string, control: string | undefined): string {
  if (control === undefined || control === "" || control === "*") return base;
  if (/^rtsp[a-z]?:\/\//i.test(control)) return control;
  if (control.startsWith("/")) {
    const uri = parseRtspUri(base);
    return uri === undefined ? control : base.slice(0, base.length - uri.target.length) + control;
  }
  if (control.startsWith("?")) return withoutSlash(base.split("?", 1)[0]) + control;
  return `${withoutSlash(base)}/${control}`;
}

/**
 * Which medium of a description that a client sent its SETUP means.
 *
 * @param base URL of the description.
 * @param controls The media's control attributes.
 * @returns Its index; "aggregate" for the whole when there are several; `undefined` for none.
 */
export function mediaOfSetup(
  uri: string,
  base: string,
  controls: readonly (string | undefined)[],
): number | "aggregate" | undefined {
  const wanted = bare(uri);
  const exact = controls.findIndex((control) =>
    control !== undefined && bare(resolveControl(base, control)) === wanted
  );
  if (exact >= 0) return exact;
  // Some put the control behind the path although the base has a query, or behind the query.
  const ending = controls.findIndex((control) => {
    const last = control?.split(/[/?]/).at(-1);
    return last !== undefined && last !== "" && endsWithElement(wanted, last);
  });
  if (ending >= 0) return ending;
  if (wanted !== bare(base)) return undefined;
  return controls.length === 1 ? 0 : "aggregate";
}

function endsWithElement(target: string, last: string): boolean {
  const path = target.split("?")[0];
  return path.endsWith(`/${last}`) || target.endsWith(`/${last}`);
}

/** Path and query without a slash at the end: hosts are written in many ways. */
function bare(uri: string): string {
  return withoutSlash(targetOf(uri) ?? uri);
}

function withoutSlash(text: string): string {
  return text.endsWith("/") ? text.slice(0, -1) : text;
}

/** A URL without query and slash at its end. */
export function withoutQuery(uri: string): string {
  const path = uri.split("?", 1)[0];
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

/** A URL in RTP-Info, which separates with some of the characters that a URL may have. */
export function inList(uri: string): string {
  return uri.replaceAll(",", "%2C").replaceAll(";", "%3B");
}
