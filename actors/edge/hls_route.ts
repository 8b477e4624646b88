/**
 * HLS: `/APP/NAME.m3u8` and what it leads to, `/APP/NAME.hls/…`.
 *
 * Answers are a function of the stream's log alone (see `protocols/hls`). What is there is answered
 * at once; requests for what is due are held until it is there.
 *
 * @module
 */
import {
  decidePart,
  decidePlaylist,
  decideSegment,
  type DirectivesResult,
} from "../../protocols/hls/blocking.ts";
import { mediaPlaylist } from "../../protocols/hls/media_playlist.ts";
import { multivariantPlaylist } from "../../protocols/hls/multivariant_playlist.ts";
import { targetSeconds } from "../../protocols/hls/settings.ts";
import { type HlsContainer, type HlsName, URI_QUERY_LENGTH_MAX } from "../../protocols/hls/uri.ts";
import { credentialsFromQuery, writeCredentials } from "../../protocols/media/credentials.ts";
import { preflight, refusal } from "../../protocols/http/answer.ts";
import type { RequestHead } from "../../protocols/http/request_head.ts";
import type { HlsFeed } from "../stream/hls_feed.ts";
import type { StreamName } from "../stream/stream_key.ts";
import { needsCredentials } from "./authorizer.ts";
import type { Edge } from "./edge.ts";
import { mediaAnswer, playlistAnswer } from "./hls_answer.ts";
import { parseHlsTarget } from "./hls_target.ts";
import { refuseAccess } from "./http_access.ts";
import type { HttpAnswer, HttpRequest } from "./http_connection.ts";

/** A request is held at most this many target durations (draft, section 6.2.5.2). */
const HOLD_TARGETS = 3;

/** One request, taken apart. */
interface Asked {
  readonly edge: Edge;
  readonly head: RequestHead;
  readonly stream: StreamName;
  readonly query: URLSearchParams;
  /** Credentials that the URIs of playlists carry on; "" when there are none or none are needed. */
  readonly carried: string;
  readonly directives: DirectivesResult;
  readonly headOnly: boolean;
  /** The path's last element. */
  readonly last: string;
}

type Answer = HttpAnswer | Promise<HttpAnswer>;

/** Answers a request for HLS. */
export function answerHls(edge: Edge, request: HttpRequest): Answer {
  const { head } = request;
  const { method } = head;
  if (method === "OPTIONS") return preflight();
  const headOnly = method === "HEAD";
  if (method !== "GET" && !headOnly) {
    const text = `Cannot ${method} a playlist or segment: GET, HEAD and OPTIONS would fit`;
    return refusal(405, text, { fields: { Allow: "GET, HEAD, OPTIONS" } });
  }
  const target = parseHlsTarget(head.target);
  if (!target.ok) {
    edge.admission.refuse("bad-name");
    return refusal(400, target.reason, { headOnly });
  }
  const { file, stream, query, directives, last } = target;
  if (file === undefined) return refusal(404, `Cannot find ${last}: no such file`, { headOnly });
  const denied = refuseAccess(edge, { request, stream, query, protocol: "hls", headOnly });
  const carried = carriedOf(edge, stream, query);
  const asked = { edge, head, stream, query, carried, directives, headOnly, last };
  if (denied instanceof Promise) {
    return denied.then((denied) => denied ?? findAndServe(asked, file));
  }
  return denied ?? findAndServe(asked, file);
}

type HlsFile = { readonly kind: "multivariant" } | HlsName;

/** A player asks for what a playlist lists with nothing but the URIs in it. */
function carriedOf(edge: Edge, { app }: StreamName, query: URLSearchParams): string {
  if (query.size === 0) return "";
  const { users } = edge.applications.of(app);
  return needsCredentials(users, "play") ? writeCredentials(credentialsFromQuery(query)) : "";
}

/** Brings the stream here when another node owns it; one that is here costs no wait. */
function findAndServe(asked: Asked, file: HlsFile): Answer {
  const { edge, stream } = asked;
  if (edge.hls.has(stream)) return serve(asked, file);
  const finding = edge.finder.find(stream);
  return finding === undefined ? serve(asked, file) : finding.then(() => serve(asked, file));
}

function serve(asked: Asked, file: HlsFile): Answer {
  const { edge, stream, headOnly } = asked;
  if (asked.carried.length > URI_QUERY_LENGTH_MAX) {
    return refusal(400, "Cannot carry the credentials on: they are too long", { headOnly });
  }
  if (file.kind === "multivariant") return answerMultivariant(asked);
  const feed = edge.hls.use(stream, false);
  if (feed === undefined) return missing(asked);
  return file.kind === "playlist"
    ? answerPlaylist(asked, feed, file.container)
    : answerMedia(asked, feed, file);
}

/** Waits for the stream's first segment: a player asks before, and comes again after. */
function answerMultivariant(asked: Asked): Answer {
  const { edge, stream, query, headOnly, carried } = asked;
  const container: HlsContainer = query.get("container") === "ts" ? "ts" : "fmp4";
  const { playWaitMs } = edge.applications.of(stream.app);
  const wait = playWaitMs > 0 && !edge.admission.draining;
  const feed = edge.hls.use(stream, wait);
  if (feed === undefined) return missing(asked);
  const options = { name: stream.name, container, query: carried };
  const make = () => multivariantPlaylist(feed.segmenter, options);
  return whenever(asked, feed, {
    fits: () => feed.segmenter.ended || (hasSegment(feed) && make() !== undefined),
    // A publisher that is there needs a segment's time, whatever a viewer's patience is.
    timeoutMs: Math.max(playWaitMs, feed.core.live ? holdMs(feed) : 0),
    answer() {
      const unsupported = unsupportedReason(feed, container);
      if (unsupported !== undefined) return refusal(406, unsupported, { headOnly });
      if (make() === undefined) return missing(asked);
      const key = `multivariant/${container}/${carried}`;
      return playlistAnswer(asked.head, feed, { key, make: () => make()!, maxAgeSeconds: 1 });
    },
  });
}

function answerPlaylist(asked: Asked, feed: HlsFeed, container: HlsContainer): Answer {
  const { headOnly, carried } = asked;
  const { segmenter } = feed;
  const unsupported = unsupportedReason(feed, container);
  if (unsupported !== undefined) return refusal(406, unsupported, { headOnly });
  if (!asked.directives.ok) return refusal(400, asked.directives.reason, { headOnly });
  const { directives } = asked.directives;
  const { skip } = directives;
  const blocking = directives.segment !== undefined;
  if (blocking) {
    const decision = decidePlaylist(segmenter, directives);
    // A node that lost its feed may be asked for what others have listed long ago.
    if (decision.kind === "refuse" && feed.core.current) {
      return refusal(400, decision.reason, { headOnly });
    }
  }
  return whenever(asked, feed, {
    fits: () =>
      blocking
        ? decidePlaylist(segmenter, directives).kind === "ready"
        : segmenter.ended || hasSegment(feed),
    answer(came) {
      // Which tracks there are may have become known only now.
      const reason = unsupportedReason(feed, container);
      if (reason !== undefined) return refusal(406, reason, { headOnly });
      // While a lost publisher is waited for (or a silent one) nothing new comes for long. The draft
      // would have 503 here, on which players give up; the same playlist again keeps them asking.
      if (!came && !(blocking && hasSegment(feed))) {
        return refusal(503, "Cannot answer: what was asked for did not come", { headOnly });
      }
      if (segmenter.open === undefined && !segmenter.hasSegment) return missing(asked);
      const target = segmenter.anchor === undefined ? 1 : targetSeconds(segmenter.anchor.hls);
      return playlistAnswer(asked.head, feed, {
        key: `media/${container}/${skip}/${carried}`,
        make: () => mediaPlaylist(segmenter, { container, skip, query: carried }) ?? "",
        // What was waited for stays right for long; the newest state only for a moment.
        maxAgeSeconds: blocking && came ? 6 * target : Math.max(1, target >> 1),
      });
    },
  });
}

function answerMedia(asked: Asked, feed: HlsFeed, file: MediaName): Answer {
  return whenever(asked, feed, {
    fits: () => decideMedia(feed, file) !== "wait",
    answer(came) {
      const { headOnly } = asked;
      if (!came) {
        const text = `Cannot answer: ${asked.last} did not come yet`;
        return refusal(503, text, { headOnly, fields: { "Retry-After": "1" } });
      }
      const bytes = mediaBytes(feed, file);
      if (bytes === undefined) {
        const text = `Cannot find ${asked.last}: it is not there any more, or not yet`;
        return refusal(404, text, { headOnly });
      }
      const ts = file.kind === "segment" && file.container === "ts";
      const contentType = ts ? "video/mp2t" : "video/mp4";
      return mediaAnswer(asked.head, feed, { name: asked.last, contentType, bytes });
    },
  });
}

type MediaName = Exclude<HlsName, { kind: "playlist" }>;

function decideMedia({ segmenter }: HlsFeed, file: MediaName) {
  if (file.kind === "init") return "ready";
  return file.kind === "part" ? decidePart(segmenter, file) : decideSegment(segmenter, file);
}

function mediaBytes({ segmenter }: HlsFeed, file: MediaName): Uint8Array | undefined {
  switch (file.kind) {
    case "init":
      return segmenter.initBytes(file.hash);
    case "part":
      return segmenter.partBytes(file.generation, file.segment, file.part);
    case "segment":
      return segmenter.segmentBytes(file.generation, file.segment, file.container);
  }
}

interface Wait {
  /** What is asked for is there, or will never be. */
  readonly fits: () => boolean;
  /** Some target durations when left out. */
  readonly timeoutMs?: number;
  /** @param came Whether it fits; false when the time is over. */
  readonly answer: (came: boolean) => HttpAnswer;
}

/** Answers at once when that is possible, else holds the request. */
function whenever(asked: Asked, feed: HlsFeed, { fits, timeoutMs, answer }: Wait): Answer {
  if (fits()) return answer(true);
  const { timers } = asked.edge.ports;
  const waited = feed.until(fits, (wake) => timers.after(timeoutMs ?? holdMs(feed), wake));
  return waited.then((came) => came === undefined ? tooMany(asked.headOnly) : answer(came));
}

function holdMs({ segmenter }: HlsFeed): number {
  const target = segmenter.anchor === undefined ? 2 : targetSeconds(segmenter.anchor.hls);
  return HOLD_TARGETS * target * 1000;
}

/** Players give up on a playlist without a whole segment. */
function hasSegment({ segmenter }: HlsFeed): boolean {
  return segmenter.hasSegment;
}

/** Why the stream cannot be had in that container; `undefined` when it can. */
function unsupportedReason(feed: HlsFeed, container: HlsContainer): string | undefined {
  const support = feed.supports(container);
  return support.ok ? undefined : support.reason;
}

function missing({ edge, stream, headOnly }: Asked): Uint8Array {
  edge.admission.refuse("not-found");
  const text = `Cannot play ${stream.app}/${stream.name}: nobody publishes it`;
  return refusal(404, text, { headOnly });
}

function tooMany(headOnly: boolean): Uint8Array {
  const text = "Cannot hold the request: as many are held as may be";
  return refusal(503, text, { headOnly, fields: { "Retry-After": "1" } });
}
