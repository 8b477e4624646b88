/**
 * HLS: `/APP/NAME.m3u8` and what it leads to, `/APP/NAME.hls/…`.
 *
 * A stream of which this node has a log is answered from it. Of others single files are fetched
 * from their owner while few ask; low-latency players, and many requests, bring the stream here.
 *
 * @module
 */
import { credentialsFromQuery, writeCredentials } from "../../protocols/media/credentials.ts";
import { preflight, refusal } from "../../protocols/http/answer.ts";
import type { RequestHead } from "../../protocols/http/request_head.ts";
import type { FoundFile } from "../stream/fetch.ts";
import type { HlsFetches } from "../stream/hls_fetches.ts";
import type { StreamName } from "../stream/stream_key.ts";
import { needsCredentials } from "./authorizer.ts";
import type { Edge } from "./edge.ts";
import { mediaAnswer, playlistAnswer } from "./hls_answer.ts";
import {
  findHls,
  type HlsAsked,
  type HlsFile,
  type HlsFound,
  type HlsResource,
  refused,
} from "./hls_resource.ts";
import { parseHlsTarget } from "./hls_target.ts";
import { refuseAccess } from "./http_access.ts";
import type { HttpAnswer, HttpRequest } from "./http_connection.ts";

/** One request of a client. */
interface Asked extends HlsAsked {
  readonly edge: Edge;
  readonly head: RequestHead;
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
  const { file, stream, query, directives, last: label } = target;
  if (file === undefined) return refusal(404, `Cannot find ${label}: no such file`, { headOnly });
  const denied = refuseAccess(edge, { request, stream, query, protocol: "hls", headOnly });
  const carried = carriedOf(edge, stream, query);
  const asked = { edge, head, stream, file, label, carried, directives };
  if (denied instanceof Promise) return denied.then((denied) => denied ?? findAndAnswer(asked));
  return denied ?? findAndAnswer(asked);
}

/** A player asks for what a playlist lists with nothing but the URIs in it. */
function carriedOf(edge: Edge, { app }: StreamName, query: URLSearchParams): string {
  if (query.size === 0) return "";
  const { users } = edge.applications.of(app);
  return needsCredentials(users, "play") ? writeCredentials(credentialsFromQuery(query)) : "";
}

/** One that is here costs no wait. */
function findAndAnswer(asked: Asked): Answer {
  const { edge: { hls, fetches }, stream } = asked;
  if (hls.has(stream)) return answerFromLog(asked);
  if (!isFetchable(asked) || hls.knows(stream) || !fetches.takes(stream)) return bringHere(asked);
  const fetched = fetchFile(fetches, asked);
  return fetched.then((found) => found === undefined ? bringHere(asked) : answer(asked, found));
}

/** Brings the stream here when another node owns it. */
function bringHere(asked: Asked): Answer {
  const finding = asked.edge.finder.find(asked.stream);
  return finding === undefined ? answerFromLog(asked) : finding.then(() => answerFromLog(asked));
}

function answerFromLog(asked: Asked): Answer {
  const found = findHls(asked.edge, asked);
  if (found instanceof Promise) return found.then((found) => answer(asked, found));
  return answer(asked, found);
}

function answer({ edge, head }: Asked, { resource, feed }: HlsFound): HttpAnswer {
  switch (resource.kind) {
    case "media":
      return mediaAnswer(head, resource, feed);
    case "playlist":
      return playlistAnswer(head, resource, feed);
    case "refused": {
      const { status, text, retryAfterSeconds, notPublished } = resource;
      if (notPublished) edge.admission.refuse("not-found");
      const again = { "Retry-After": String(retryAfterSeconds) };
      const fields = retryAfterSeconds > 0 ? again : undefined;
      return refusal(status, text, { headOnly: head.method === "HEAD", fields });
    }
  }
}

/** Parts, and playlists with what is not there yet, are asked for several times a second. */
function isFetchable({ file, directives }: HlsAsked): boolean {
  if (file.kind === "playlist") return directives.ok && directives.directives.segment === undefined;
  return file.kind !== "part";
}

/** Fetches it from the stream's owner; `undefined` when it cannot be had so. */
async function fetchFile(fetches: HlsFetches, asked: HlsAsked): Promise<HlsFound | undefined> {
  const { file, label, stream: name, carried } = asked;
  if (file.kind === "init" || file.kind === "segment") {
    const found = await fetches.get({ name, file: label, query: "", carry: "" }, true);
    return found && { resource: resourceOf(found, asked) };
  }
  const plain = file.kind === "multivariant" ? "" : label;
  const request = { name, file: plain, query: queryOf(asked), carry: carried };
  const found = await fetches.get(request, false);
  return found && { resource: resourceOf(found, asked) };
}

/** The part of a query that changes what a playlist says. */
function queryOf({ file, directives }: HlsAsked): string {
  if (file.kind === "multivariant") return file.container === "ts" ? "container=ts" : "";
  return directives.ok && directives.directives.skip ? "_HLS_skip=YES" : "";
}

/** What the owner answered, as if it had been found here. */
function resourceOf(found: FoundFile, { file, label }: HlsAsked): HlsResource {
  const { status, type: contentType, bytes, maxAgeSeconds, retryAfterSeconds } = found;
  if (status !== 200) {
    return refused(status, new TextDecoder().decode(bytes), retryAfterSeconds);
  }
  if (isPlaylist(file)) {
    const make = () => new TextDecoder().decode(bytes);
    return { kind: "playlist", key: label, make, maxAgeSeconds };
  }
  return { kind: "media", name: label, contentType, bytes };
}

function isPlaylist({ kind }: HlsFile): boolean {
  return kind === "multivariant" || kind === "playlist";
}
