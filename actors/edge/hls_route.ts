/**
 * HLS: `/APP/NAME.m3u8` and what it leads to, `/APP/NAME.hls/…`.
 *
 * Answers are a function of the stream's log alone (see `protocols/hls`), made once for all who
 * ask the same, and written from shared bytes. Requests for what is due are held until it is there.
 *
 * @module
 */
import { gzipSync } from "node:zlib";
import { concatBytes } from "../../protocols/bytes/concat.ts";
import {
  decidePart,
  decidePlaylist,
  decideSegment,
  parseDeliveryDirectives,
} from "../../protocols/hls/blocking.ts";
import { hlsSupports } from "../../protocols/hls/containers.ts";
import { mediaPlaylist } from "../../protocols/hls/media_playlist.ts";
import { multivariantPlaylist } from "../../protocols/hls/multivariant_playlist.ts";
import { targetSeconds } from "../../protocols/hls/settings.ts";
import { type HlsContainer, type HlsName, parseHlsName } from "../../protocols/hls/uri.ts";
import { answerHead, CORS, preflight, refusal } from "../../protocols/http/answer.ts";
import { matchesTag, parseRange } from "../../protocols/http/conditional.ts";
import { streamNameFromPath } from "../../protocols/media/stream_name.ts";
import type { HlsFeed } from "../stream/hls_feed.ts";
import type { StreamName } from "../stream/stream_key.ts";
import { HLS_CONTAINERS } from "../../protocols/hls/container_writers.ts";
import type { Edge } from "./edge.ts";
import type { HttpAnswer, HttpRequest } from "./http_connection.ts";

const MULTIVARIANT = ".m3u8";
const FOLDER = ".hls/";

/** A request is held at most this many target durations (draft, section 6.2.5.2). */
const HOLD_TARGETS = 3;

/** Playlists below this many bytes gain nothing from compression. */
const GZIP_BYTES_MIN = 400;

/** Accept-Encoding that takes gzip: named, and not with a weight of zero (RFC 9110, 12.4.2). */
const GZIP = /(?:^|,)\s*gzip\s*(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:[;,]|$)/i;

/** A year: content under a segment's name never changes. */
const IMMUTABLE = "public, max-age=31536000, immutable";

const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

/** Whether a request target belongs to HLS. */
export function isHlsTarget(target: string): boolean {
  const path = pathOf(target);
  return path.endsWith(MULTIVARIANT) || path.includes(FOLDER);
}

/** One request, taken apart. */
interface Asked {
  readonly edge: Edge;
  readonly request: HttpRequest;
  readonly stream: StreamName;
  readonly query: URLSearchParams;
  readonly headOnly: boolean;
}

/** Answers a request for HLS. */
export async function answerHls(edge: Edge, request: HttpRequest): Promise<HttpAnswer> {
  const { method, target } = request.head;
  if (method === "OPTIONS") return preflight();
  const headOnly = method === "HEAD";
  if (method !== "GET" && !headOnly) {
    const text = `Cannot ${method} a playlist or segment: GET, HEAD and OPTIONS would fit`;
    return refusal(405, text, { fields: { Allow: "GET, HEAD, OPTIONS" } });
  }
  const path = pathOf(target);
  const folder = path.lastIndexOf(FOLDER);
  const file = folder < 0 ? undefined : parseHlsName(path.slice(folder + FOLDER.length));
  const ownPath = folder < 0 ? path.slice(0, -MULTIVARIANT.length) : path.slice(0, folder);
  const named = streamNameFromPath(ownPath + target.slice(path.length));
  if (!named.ok) {
    edge.admission.refuse("bad-name");
    return refusal(400, named.reason, { headOnly });
  }
  const stream = { app: named.app, name: named.name };
  const asked = { edge, request, stream, query: named.query, headOnly };
  if (folder < 0) return await answerMultivariant(asked);
  if (file === undefined) return refusal(404, `Cannot find ${path}`, { headOnly });
  const feed = edge.hls.use(stream, false);
  if (feed === undefined) return missing(asked);
  return file.kind === "playlist"
    ? await answerPlaylist(asked, feed, file.container)
    : await answerMedia(asked, feed, file);
}

/** Waits for the stream's first segment: a player asks before, and comes again after. */
async function answerMultivariant(asked: Asked): Promise<Uint8Array> {
  const { edge, stream, query, headOnly } = asked;
  const container: HlsContainer = query.get("container") === "ts" ? "ts" : "fmp4";
  const wait = edge.playWaitMs > 0 && !edge.admission.draining;
  const feed = edge.hls.use(stream, wait);
  if (feed === undefined) return missing(asked);
  const make = () => multivariantPlaylist(feed.segmenter, { name: stream.name, container });
  const begun = () => feed.segmenter.ended || (hasSegment(feed) && make() !== undefined);
  const there = await hold(asked, feed, begun, {
    // A publisher that is there needs a segment's time, whatever a viewer's patience is.
    timeoutMs: Math.max(edge.playWaitMs, feed.core.live ? holdMs(feed) : 0),
  });
  if (there === undefined) return full(headOnly);
  const unsupported = unsupportedReason(feed, container);
  if (unsupported !== undefined) return refusal(406, unsupported, { headOnly });
  if (make() === undefined) return missing(asked);
  return playlistAnswer(asked, feed, {
    key: `multivariant/${container}`,
    make: () => make()!,
    maxAgeSeconds: 1,
  });
}

async function answerPlaylist(
  asked: Asked,
  feed: HlsFeed,
  container: HlsContainer,
): Promise<Uint8Array> {
  const { query, headOnly } = asked;
  const unsupported = unsupportedReason(feed, container);
  if (unsupported !== undefined) return refusal(406, unsupported, { headOnly });
  const parsed = parseDeliveryDirectives(query);
  if (!parsed.ok) return refusal(400, parsed.reason, { headOnly });
  const { directives } = parsed;
  const { segmenter } = feed;
  const decision = decidePlaylist(segmenter, directives);
  if (decision.kind === "refuse") return refusal(400, decision.reason, { headOnly });
  const blocking = directives.segment !== undefined;
  const there = await hold(
    asked,
    feed,
    () =>
      (blocking || segmenter.ended || hasSegment(feed)) &&
      decidePlaylist(segmenter, directives).kind !== "wait",
  );
  if (there === undefined) return full(headOnly);
  if (!there) return refusal(503, "Cannot answer: what was asked for did not come", { headOnly });
  if (segmenter.open === undefined && segmenter.listed.length === 0) return missing(asked);
  const target = segmenter.anchor === undefined ? 1 : targetSeconds(segmenter.anchor.hls);
  return playlistAnswer(asked, feed, {
    key: `media/${container}/${directives.skip}`,
    make: () => mediaPlaylist(segmenter, { container, skip: directives.skip }) ?? "",
    // What was waited for stays right for long; the newest state only for a moment.
    maxAgeSeconds: directives.segment === undefined ? Math.max(1, target >> 1) : 6 * target,
  });
}

async function answerMedia(
  asked: Asked,
  feed: HlsFeed,
  file: Exclude<HlsName, { kind: "playlist" }>,
): Promise<HttpAnswer> {
  const { segmenter } = feed;
  const { headOnly } = asked;
  const decide = () => {
    if (file.kind === "init") return "ready";
    return file.kind === "part" ? decidePart(segmenter, file) : decideSegment(segmenter, file);
  };
  const there = await hold(asked, feed, () => decide() !== "wait");
  if (there === undefined) return full(headOnly);
  const bytes = mediaBytes(feed, file);
  if (bytes === undefined) {
    const text = `Cannot find ${pathOf(asked.request.head.target)}: it is not there any more`;
    return refusal(404, text, { headOnly });
  }
  const ts = file.kind === "segment" && file.container === "ts";
  return bytesAnswer(asked, bytes, {
    "Content-Type": ts ? "video/mp2t" : "video/mp4",
    "ETag": `"${pathOf(asked.request.head.target).split("/").at(-1)}"`,
  });
}

function mediaBytes(
  { segmenter }: HlsFeed,
  file: Exclude<HlsName, { kind: "playlist" }>,
): Uint8Array | undefined {
  switch (file.kind) {
    case "init":
      return segmenter.initBytes(file.hash);
    case "part":
      return segmenter.partBytes(file.generation, file.segment, file.part);
    case "segment":
      return segmenter.segmentBytes(file.generation, file.segment, file.container);
  }
}

/** Whole, part of it, or nothing because the client has it. */
function bytesAnswer(asked: Asked, bytes: Uint8Array, fields: MediaFields): HttpAnswer {
  const { headers } = asked.request.head;
  const common = { ...fields, "Cache-Control": IMMUTABLE, "Accept-Ranges": "bytes", ...CORS };
  if (matchesTag(headers.get("if-none-match"), fields.ETag)) return answerHead(304, common);
  const range = parseRange(headers.get("range"), bytes.length);
  if (range === undefined) return asked.headOnly ? head(common, bytes) : whole(common, bytes);
  if (range === "unsatisfiable") {
    return refusal(416, `Cannot send that range: there are ${bytes.length} bytes`, {
      fields: { "Content-Range": `bytes */${bytes.length}` },
      headOnly: asked.headOnly,
    });
  }
  const part = bytes.subarray(range.start, range.end);
  const partHead = answerHead(206, {
    ...common,
    "Content-Length": String(part.length),
    "Content-Range": `bytes ${range.start}-${range.end - 1}/${bytes.length}`,
  });
  return asked.headOnly ? partHead : [partHead, part];
}

/** The fields that differ from one resource to the next. */
type MediaFields = Readonly<Record<"Content-Type" | "ETag", string>>;

/**
 * Whole answers of small resources by their bytes: a part goes to thousands of players at once,
 * each in one write. Large ones are written from the shared bytes behind a head of their own.
 */
const WHOLE = new WeakMap<Uint8Array, Uint8Array>();
const WHOLE_BYTES_MAX = 64 * 1024;

function whole(fields: Record<string, string>, bytes: Uint8Array): HttpAnswer {
  if (bytes.length > WHOLE_BYTES_MAX) return [head(fields, bytes), bytes];
  let answer = WHOLE.get(bytes);
  if (answer === undefined) WHOLE.set(bytes, answer = concatBytes(head(fields, bytes), bytes));
  return answer;
}

function head(fields: Record<string, string>, { length }: Uint8Array): Uint8Array {
  return answerHead(200, { ...fields, "Content-Length": String(length) });
}

interface PlaylistAnswer {
  readonly key: string;
  readonly make: () => string;
  readonly maxAgeSeconds: number;
}

/** A playlist of the present state, made once for all who ask the same. */
function playlistAnswer(asked: Asked, feed: HlsFeed, { key, make, maxAgeSeconds }: PlaylistAnswer) {
  const gzip = GZIP.test(asked.request.head.headers.get("accept-encoding") ?? "");
  const full = `${key}/${gzip}/${asked.headOnly}/${maxAgeSeconds}`;
  return feed.answer(full, () => {
    const plain = new TextEncoder().encode(make());
    const zipped = gzip && plain.length >= GZIP_BYTES_MIN;
    const body = zipped ? gzipSync(plain) : plain;
    const head = answerHead(200, {
      "Content-Type": PLAYLIST_TYPE,
      "Content-Length": String(body.length),
      "Cache-Control": `max-age=${maxAgeSeconds}`,
      "Vary": "Accept-Encoding",
      ...(zipped ? { "Content-Encoding": "gzip" } : {}),
      ...CORS,
    });
    return asked.headOnly ? head : concatBytes(head, body);
  });
}

/** FFmpeg 5.1 and GStreamer 1.22 give up on a playlist that lists parts alone. */
function hasSegment({ segmenter }: HlsFeed): boolean {
  return segmenter.listed.length > 0;
}

/** Holds a request until `fits`; see {@link HlsFeed.until}. */
function hold(
  { edge }: Asked,
  feed: HlsFeed,
  fits: () => boolean,
  options: { timeoutMs?: number } = {},
): Promise<boolean | undefined> {
  const timeoutMs = options.timeoutMs ?? holdMs(feed);
  return feed.until(fits, (wake) => edge.ports.timers.after(timeoutMs, wake));
}

function holdMs({ segmenter }: HlsFeed): number {
  const target = segmenter.anchor === undefined ? 2 : targetSeconds(segmenter.anchor.hls);
  return HOLD_TARGETS * target * 1000;
}

/** Why the stream cannot be had in that container; `undefined` when it can. */
function unsupportedReason({ core, segmenter }: HlsFeed, container: HlsContainer) {
  const tracks = core.ended ? segmenter.listed.at(-1)?.init.tracks ?? [] : core.log.head.tracks;
  const support = hlsSupports(HLS_CONTAINERS, container, tracks);
  return support.ok ? undefined : support.reason;
}

function missing({ edge, stream, headOnly }: Asked): Uint8Array {
  edge.admission.refuse("not-found");
  const text = `Cannot play ${stream.app}/${stream.name}: nobody publishes it`;
  return refusal(404, text, { headOnly });
}

function full(headOnly: boolean): Uint8Array {
  const text = "Cannot hold the request: as many are held as may be";
  return refusal(503, text, { headOnly, fields: { "Retry-After": "1" } });
}

function pathOf(target: string): string {
  const query = target.indexOf("?");
  return query < 0 ? target : target.slice(0, query);
}
