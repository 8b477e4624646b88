/**
 * What there is of a stream's HLS on this node: playlists and media, or why they are not there.
 *
 * It is a function of the stream's log alone (see `protocols/hls`). What is there is found at once;
 * what is due is waited for. Who asked, a client or another node, makes no difference here.
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
import type { HlsFeed } from "../stream/hls_feed.ts";
import type { StreamName } from "../stream/stream_key.ts";
import type { Edge } from "./edge.ts";

/** A request is held at most this many target durations (draft, section 6.2.5.2). */
const HOLD_TARGETS = 3;

/** A file of a stream; the multivariant playlist stands beside the folder of the others. */
export type HlsFile = { readonly kind: "multivariant"; readonly container: HlsContainer } | HlsName;

/** One request, taken apart. */
export interface HlsAsked {
  readonly stream: StreamName;
  readonly file: HlsFile;
  /** The file's name, for those who read it. */
  readonly label: string;
  /** Credentials that the URIs of playlists carry on; "" when there are none or none are needed. */
  readonly carried: string;
  readonly directives: DirectivesResult;
}

/** Bytes that never change under their name. */
export interface MediaResource {
  readonly kind: "media";
  /** Its name, which is also its tag. */
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

export interface PlaylistResource {
  readonly kind: "playlist";
  /** Tells playlists of one state of the stream apart. */
  readonly key: string;
  readonly make: () => string;
  readonly maxAgeSeconds: number;
}

export interface HlsRefusal {
  readonly kind: "refused";
  /** HTTP status. */
  readonly status: number;
  readonly text: string;
  /** When to ask again, in seconds; 0 when nothing is said of it. */
  readonly retryAfterSeconds: number;
  /** It is the stream that is not there. */
  readonly notPublished?: boolean;
}

export type HlsResource = MediaResource | PlaylistResource | HlsRefusal;

/** What there is, and the stream's HLS that has it. */
export interface HlsFound {
  readonly resource: HlsResource;
  readonly feed?: HlsFeed;
}

type Finding = HlsFound | Promise<HlsFound>;

/** The parts of a node that know its streams. */
export type HlsHouse = Pick<Edge, "hls" | "applications" | "admission" | "ports">;

/** A refusal; a client is told the text. */
export function refused(status: number, text: string, retryAfterSeconds = 0): HlsRefusal {
  return { kind: "refused", status, text, retryAfterSeconds };
}

/** Finds what is asked for in the log of this node. */
export function findHls(house: HlsHouse, asked: HlsAsked): Finding {
  const { file, stream } = asked;
  if (asked.carried.length > URI_QUERY_LENGTH_MAX) {
    return { resource: refused(400, "Cannot carry the credentials on: they are too long") };
  }
  if (file.kind === "multivariant") return findMultivariant(house, asked, file.container);
  const feed = house.hls.use(stream, false);
  if (feed === undefined) return { resource: missing(asked) };
  const wanted = { house, asked, feed };
  return file.kind === "playlist" ? findPlaylist(wanted, file.container) : findMedia(wanted, file);
}

/** What is wanted of a stream that is here. */
interface Wanted {
  readonly house: HlsHouse;
  readonly asked: HlsAsked;
  readonly feed: HlsFeed;
}

/** Waits for the stream's first segment: a player asks before, and comes again after. */
function findMultivariant(house: HlsHouse, asked: HlsAsked, container: HlsContainer): Finding {
  const { stream, carried } = asked;
  const { playWaitMs } = house.applications.of(stream.app);
  const wait = playWaitMs > 0 && !house.admission.draining;
  const feed = house.hls.use(stream, wait);
  if (feed === undefined) return { resource: missing(asked) };
  const options = { name: stream.name, container, query: carried };
  const make = () => multivariantPlaylist(feed.segmenter, options);
  return whenever({ house, asked, feed }, {
    fits: () => feed.segmenter.ended || (hasSegment(feed) && make() !== undefined),
    // A publisher that is there needs a segment's time, whatever a viewer's patience is.
    timeoutMs: Math.max(playWaitMs, feed.core.live ? holdMs(feed) : 0),
    found() {
      const unsupported = unsupportedReason(feed, container);
      if (unsupported !== undefined) return refused(406, unsupported);
      if (make() === undefined) return missing(asked);
      const key = `multivariant/${container}/${carried}`;
      return { kind: "playlist", key, make: () => make()!, maxAgeSeconds: 1 };
    },
  });
}

function findPlaylist(wanted: Wanted, container: HlsContainer): Finding {
  const { asked, feed } = wanted;
  const { segmenter } = feed;
  const { carried } = asked;
  const unsupported = unsupportedReason(feed, container);
  if (unsupported !== undefined) return { resource: refused(406, unsupported) };
  if (!asked.directives.ok) return { resource: refused(400, asked.directives.reason) };
  const { directives } = asked.directives;
  const { skip } = directives;
  const blocking = directives.segment !== undefined;
  if (blocking) {
    const decision = decidePlaylist(segmenter, directives);
    // A node that lost its feed may be asked for what others have listed long ago.
    if (decision.kind === "refuse" && feed.core.current) {
      return { resource: refused(400, decision.reason) };
    }
  }
  return whenever(wanted, {
    fits: () =>
      blocking
        ? decidePlaylist(segmenter, directives).kind === "ready"
        : segmenter.ended || hasSegment(feed),
    found(came) {
      // Which tracks there are may have become known only now.
      const reason = unsupportedReason(feed, container);
      if (reason !== undefined) return refused(406, reason);
      // While a lost publisher is waited for (or a silent one) nothing new comes for long. The draft
      // would have 503 here, on which players give up; the same playlist again keeps them asking.
      if (!came && !(blocking && hasSegment(feed))) {
        return refused(503, "Cannot answer: what was asked for did not come");
      }
      if (segmenter.open === undefined && !segmenter.hasSegment) return missing(asked);
      const target = segmenter.anchor === undefined ? 1 : targetSeconds(segmenter.anchor.hls);
      return {
        kind: "playlist",
        key: `media/${container}/${skip}/${carried}`,
        make: () => mediaPlaylist(segmenter, { container, skip, query: carried }) ?? "",
        // What was waited for stays right for long; the newest state only for a moment.
        maxAgeSeconds: blocking && came ? 6 * target : Math.max(1, target >> 1),
      };
    },
  });
}

function findMedia(wanted: Wanted, file: MediaName): Finding {
  const { asked: { label }, feed } = wanted;
  return whenever(wanted, {
    fits: () => decideMedia(feed, file) !== "wait",
    found(came) {
      if (!came) return refused(503, `Cannot answer: ${label} did not come yet`, 1);
      const bytes = mediaBytes(feed, file);
      if (bytes === undefined) {
        return refused(404, `Cannot find ${label}: it is not there any more, or not yet`);
      }
      const contentType = contentTypeOf(file);
      return { kind: "media", name: label, contentType, bytes };
    },
  });
}

/** Files whose content never changes. */
export type MediaName = Exclude<HlsName, { kind: "playlist" }>;

export function contentTypeOf(file: MediaName): string {
  return file.kind === "segment" && file.container === "ts" ? "video/mp2t" : "video/mp4";
}

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
  readonly found: (came: boolean) => HlsResource;
}

/** Finds at once when that is possible, else holds the request. */
function whenever({ house, feed }: Wanted, { fits, timeoutMs, found }: Wait): Finding {
  if (fits()) return { resource: found(true), feed };
  const { timers } = house.ports;
  const waited = feed.until(fits, (wake) => timers.after(timeoutMs ?? holdMs(feed), wake));
  return waited.then((came) => ({ resource: came === undefined ? TOO_MANY : found(came), feed }));
}

const TOO_MANY = refused(503, "Cannot hold the request: as many are held as may be", 1);

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

function missing({ stream: { app, name } }: HlsAsked): HlsRefusal {
  const text = `Cannot play ${app}/${name}: nobody publishes it`;
  return { ...refused(404, text), notPublished: true };
}
