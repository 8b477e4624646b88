/**
 * The name of a stream: APP and NAME, alike on every protocol however a client splits its URL.
 *
 * The full path is the URL's path; over RTMP it is the path of `tcUrl`, a slash and the stream
 * name. Its first element is APP, the rest is NAME, which may contain slashes. A path of one
 * element has APP "-". Elements are percent-decoded once, so a name is plain text in which "/"
 * only ever separates elements, and "." and ".." never stand alone: safe to encode into a path.
 *
 * @module
 */

/** Longest APP/NAME, in bytes of UTF-8: room for any sensible path, twice over in an API path. */
export const STREAM_NAME_BYTES_MAX = 512;

/** Longest query string, in UTF-16 code units: a signed token of 4 KB and as much again. */
export const STREAM_QUERY_LENGTH_MAX = 8192;

/** Most parameters in a query string; merging compares each with each. */
export const STREAM_QUERY_PARAMETERS_MAX = 64;

/** APP of a path that has a single element. */
export const APP_NONE = "-";

/** First path elements that the HTTP server needs for itself. */
const RESERVED_APPS: ReadonlySet<string> = new Set([
  "api",
  "metrics",
  "healthz",
  "readyz",
  "vod",
  "assets",
]);

/** A name that may be used, or one sentence that says why it may not. */
export type StreamNameResult =
  | {
    readonly ok: true;
    /** First path element, decoded; {@link APP_NONE} when the path has one element. */
    readonly app: string;
    /** The other elements, decoded and joined by "/". */
    readonly name: string;
    /** Credentials and options; never part of the name. */
    readonly query: URLSearchParams;
  }
  | { readonly ok: false; readonly reason: string };

/**
 * Name of the stream that an RTMP client asks for.
 *
 * Query strings may stand in all three; they are merged, those of the stream name first, and a
 * pair that is there twice (clients repeat the app's in `tcUrl`) counts once.
 *
 * @param tcUrl `tcUrl` of connect; when it is missing or has no path, `app` gives the first part.
 * @param app `app` of connect.
 * @param streamName As publish, play or FCPublish carry it; may be empty when `tcUrl` has it all.
 */
export function streamNameFromRtmp(
  tcUrl: string | undefined,
  app: string | undefined,
  streamName: string,
): StreamNameResult {
  const fromUrl = splitQuery(pathOfUrl(tcUrl ?? ""));
  const fromApp = splitQuery(app ?? "");
  const fromName = splitQuery(withoutFilePrefix(streamName));
  const base = hasElements(fromUrl.path) ? fromUrl.path : fromApp.path;
  return resolve(`${base}/${fromName.path}`, [fromName.query, fromUrl.query, fromApp.query]);
}

/**
 * Name of the stream that a path means.
 *
 * @param path "/APP/NAME", percent-encoded, with an optional "?query".
 */
export function streamNameFromPath(path: string): StreamNameResult {
  const { path: elements, query } = splitQuery(path);
  return resolve(elements, [query]);
}

/** The path that means a stream; the inverse of {@link streamNameFromPath}, without a query. */
export function pathOfStream({ app, name }: { app: string; name: string }): string {
  return `/${[app, ...name.split("/")].map(encodeURIComponent).join("/")}`;
}

function resolve(path: string, queries: readonly string[]): StreamNameResult {
  // Escapes are three characters a byte, so a longer path cannot be short enough once decoded.
  if (path.length > 4 * STREAM_NAME_BYTES_MAX) return tooLong();
  const query = mergeQueries(queries);
  if (typeof query === "string") return refuse(query);

  const elements = path.split("/").filter((element) => element !== "").map(decodeElement);
  for (const element of elements) {
    const fault = faultOfElement(element);
    if (fault !== undefined) return refuse(fault);
  }
  if (elements.length === 0) return refuse("it is empty, expected APP/NAME");
  if (elements.length === 1) elements.unshift(APP_NONE);
  const [app, ...rest] = elements;
  const name = rest.join("/");
  if (RESERVED_APPS.has(app)) return refuse(`"${app}" is reserved as first path element`);
  if (utf8Bytes(`${app}/${name}`) > STREAM_NAME_BYTES_MAX) return tooLong();
  return { ok: true, app, name, query };
}

/** Why a decoded element may not be used, or `undefined`. Never repeats what it found there. */
function faultOfElement(element: string): string | undefined {
  if (element === "." || element === "..") return `a path element is "${element}"`;
  if (element.includes("/")) return "a path element has an encoded slash";
  if (/\p{Cc}/u.test(element)) return "it has a control character";
  if (!element.isWellFormed()) return "it is not well-formed Unicode";
  return undefined;
}

/** Decodes runs of escapes that are UTF-8; what is no valid escape is taken literally. */
function decodeElement(element: string): string {
  if (!element.includes("%")) return element;
  return element.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

/** The merged parameters, or why they cannot be taken. */
function mergeQueries(queries: readonly string[]): URLSearchParams | string {
  const merged = new URLSearchParams();
  let parameters = 0;
  for (const query of queries) {
    if (query.length > STREAM_QUERY_LENGTH_MAX) {
      return `its query is longer than ${STREAM_QUERY_LENGTH_MAX} characters`;
    }
    for (const [key, value] of new URLSearchParams(query)) {
      if (merged.has(key, value)) continue;
      if (++parameters > STREAM_QUERY_PARAMETERS_MAX) {
        return `its query has more than ${STREAM_QUERY_PARAMETERS_MAX} parameters`;
      }
      merged.append(key, value);
    }
  }
  return merged;
}

/** What stands behind the authority of a URL; a text without "://" is a path already. */
function pathOfUrl(url: string): string {
  const scheme = url.indexOf("://");
  if (scheme < 0) return url;
  const start = url.slice(scheme + 3).search(/[/?]/);
  return start < 0 ? "" : url.slice(scheme + 3 + start);
}

function splitQuery(text: string): { path: string; query: string } {
  const mark = text.indexOf("?");
  if (mark < 0) return { path: text, query: "" };
  return { path: text.slice(0, mark), query: text.slice(mark + 1) };
}

/** ffmpeg turns a name that ends in .mp4 or .f4v into the "mp4:NAME" that Flash servers expect. */
function withoutFilePrefix(streamName: string): string {
  return /^mp4:[^?]*\.(?:mp4|f4v)(?:\?|$)/.test(streamName) ? streamName.slice(4) : streamName;
}

function hasElements(path: string): boolean {
  return /[^/]/.test(path);
}

function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

function tooLong(): StreamNameResult {
  return refuse(`it is longer than ${STREAM_NAME_BYTES_MAX} bytes`);
}

function refuse(fault: string): StreamNameResult {
  return { ok: false, reason: `Cannot use stream name: ${fault}` };
}
