/**
 * Names of what an HLS stream is made of, relative to its media playlist.
 *
 * Every name carries what its content depends on, so content under a name never changes: segments
 * and parts the generation (publish session) and their number, initialization its own digest.
 * Numbers are written in one way only: a resource has one name in every cache.
 *
 * @module
 */

/** Containers of segments: fragmented MP4 (with parts) and MPEG transport stream (without). */
export type HlsContainer = "fmp4" | "ts";

/** What a name stands for. */
export type HlsName =
  | { readonly kind: "playlist"; readonly container: HlsContainer }
  /** Initialization segment; `hash` is 16 hexadecimal digits. */
  | { readonly kind: "init"; readonly hash: string }
  | {
    readonly kind: "segment";
    readonly generation: number;
    readonly segment: number;
    readonly container: HlsContainer;
  }
  | {
    readonly kind: "part";
    readonly generation: number;
    readonly segment: number;
    /** From 0. */
    readonly part: number;
  };

/** Longest query suffix, in characters: that of a signed token. */
export const URI_QUERY_LENGTH_MAX = 8192;

const PLAYLISTS: Readonly<Record<HlsContainer, string>> = {
  fmp4: "index.m3u8",
  ts: "ts.m3u8",
};

const NUMBER = "(0|[1-9][0-9]{0,15})";
const INIT = /^init-([0-9a-f]{16})\.mp4$/;
const SEGMENT = new RegExp(`^${NUMBER}-${NUMBER}\\.(m4s|ts)$`);
const PART = new RegExp(`^${NUMBER}-${NUMBER}\\.${NUMBER}\\.m4s$`);

/** Characters of a query (RFC 3986, section 3.4); a quote would end the playlist's string. */
const QUERY = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/?%]*$/;

/**
 * Reads a name as {@link writeHlsName} writes it, without query.
 *
 * @returns `undefined` when there is no such name.
 */
export function parseHlsName(text: string): HlsName | undefined {
  if (text === PLAYLISTS.fmp4) return { kind: "playlist", container: "fmp4" };
  if (text === PLAYLISTS.ts) return { kind: "playlist", container: "ts" };
  const init = INIT.exec(text);
  if (init !== null) return { kind: "init", hash: init[1] };
  const part = PART.exec(text);
  const match = part ?? SEGMENT.exec(text);
  if (match === null) return undefined;
  const [generation, segment] = [Number(match[1]), Number(match[2])];
  if (!Number.isSafeInteger(generation) || !Number.isSafeInteger(segment)) return undefined;
  if (part === null) {
    const container = match[3] === "ts" ? "ts" : "fmp4";
    return { kind: "segment", generation, segment, container };
  }
  const index = Number(match[3]);
  return Number.isSafeInteger(index)
    ? { kind: "part", generation, segment, part: index }
    : undefined;
}

/**
 * Writes a name, with `query` (percent-encoded, without "?") behind it unless empty.
 *
 * @throws {RangeError} A number is no safe integer from 0, the digest has another form, or `query`
 * holds characters that no query may have or more than {@link URI_QUERY_LENGTH_MAX}.
 */
export function writeHlsName(name: HlsName, query = ""): string {
  return plainName(name) + querySuffix(query);
}

/**
 * URI of a media playlist, relative to the multivariant playlist of the stream called `name`.
 *
 * @throws {RangeError} `query` is none (see {@link writeHlsName}).
 */
export function mediaPlaylistUri(name: string, container: HlsContainer, query = ""): string {
  const last = encodeURIComponent(name.slice(name.lastIndexOf("/") + 1));
  return `${last}.hls/${PLAYLISTS[container]}${querySuffix(query)}`;
}

function plainName(name: HlsName): string {
  switch (name.kind) {
    case "playlist":
      return PLAYLISTS[name.container];
    case "init": {
      const text = `init-${name.hash}.mp4`;
      if (!INIT.test(text)) throw new RangeError("Cannot write URI: digest is not 16 hex digits");
      return text;
    }
    case "segment": {
      const suffix = name.container === "ts" ? "ts" : "m4s";
      return `${decimal(name.generation)}-${decimal(name.segment)}.${suffix}`;
    }
    case "part":
      return `${decimal(name.generation)}-${decimal(name.segment)}.${decimal(name.part)}.m4s`;
  }
}

function querySuffix(query: string): string {
  if (query === "") return "";
  if (query.length > URI_QUERY_LENGTH_MAX || !QUERY.test(query)) {
    throw new RangeError(
      `Cannot write URI: query of ${query.length} characters, at most ${URI_QUERY_LENGTH_MAX} of RFC 3986 fit`,
    );
  }
  return `?${query}`;
}

function decimal(value: number): string {
  if (Number.isSafeInteger(value) && value >= 0) return String(value);
  throw new RangeError(`Cannot write URI: ${value} is no number of a segment or part`);
}
