/**
 * HLS resources as HTTP answers: whole, a range, or nothing because the client has it.
 *
 * @module
 */
import { gzipSync } from "node:zlib";
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { answerHead, CORS, refusal } from "../../protocols/http/answer.ts";
import { matchesTag, parseRange } from "../../protocols/http/conditional.ts";
import type { RequestHead } from "../../protocols/http/request_head.ts";
import type { HlsFeed } from "../stream/hls_feed.ts";
import type { MediaResource, PlaylistResource } from "./hls_resource.ts";
import type { HttpAnswer } from "./http_connection.ts";

/** A short answer of two pieces would wait in TCP for the first to be acknowledged. */
const ONE_PIECE_BYTES_MAX = 64 * 1024;

/** Playlists below this many bytes gain nothing from compression. */
const GZIP_BYTES_MIN = 400;

/**
 * A year: content under a segment's name never changes. Not "public": a shared cache would then
 * hand what somebody got for an Authorization field to everybody (RFC 9111, section 3.5).
 */
const IMMUTABLE = "max-age=31536000, immutable";

/** Accept-Encoding that takes gzip: named, and not with a weight of zero (RFC 9110, 12.4.2). */
const GZIP = /(?:^|,)\s*gzip\s*(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:[;,]|$)/i;

/** Content type of playlists. */
export const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

/**
 * Answers with a segment, a part or an initialization segment.
 *
 * @param feed Keeps whole answers; without it they are made each time, of two pieces.
 */
export function mediaAnswer(
  head: RequestHead,
  resource: MediaResource,
  feed?: HlsFeed,
): HttpAnswer {
  const { headers } = head;
  const plain = head.method === "GET" && !headers.has("range") && !headers.has("if-none-match");
  // The usual request, of which there may be thousands at once, costs one look-up and one write.
  if (plain && feed !== undefined) return feed.whole(resource.name, () => whole(resource));
  if (plain && resource.bytes.length <= ONE_PIECE_BYTES_MAX) return whole(resource);
  const { name, bytes } = resource;
  const headOnly = head.method === "HEAD";
  if (matchesTag(headers.get("if-none-match"), `"${name}"`)) {
    return answerHead(304, fieldsOf(resource));
  }
  const range = parseRange(headers.get("range"), bytes.length);
  if (range === undefined) return headOnly ? wholeHead(resource) : [wholeHead(resource), bytes];
  if (range === "unsatisfiable") {
    return refusal(416, `Cannot send that range: there are ${bytes.length} bytes`, {
      fields: { "Content-Range": `bytes */${bytes.length}` },
      headOnly,
    });
  }
  const part = bytes.subarray(range.start, range.end);
  const partHead = answerHead(206, {
    ...fieldsOf(resource),
    "Content-Length": String(part.length),
    "Content-Range": `bytes ${range.start}-${range.end - 1}/${bytes.length}`,
  });
  return headOnly ? partHead : [partHead, part];
}

/**
 * Answers with a playlist of the present state.
 *
 * @param feed Makes it once for all who ask the same; without it it is made each time.
 */
export function playlistAnswer(
  head: RequestHead,
  { key, make, maxAgeSeconds }: PlaylistResource,
  feed?: HlsFeed,
): Uint8Array {
  const accepted = head.headers.get("accept-encoding");
  const gzip = accepted !== undefined && GZIP.test(accepted);
  const answer = () => {
    const plain = new TextEncoder().encode(make());
    const zipped = gzip && plain.length >= GZIP_BYTES_MIN;
    const body = zipped ? gzipSync(plain) : plain;
    const answer = answerHead(200, {
      "Content-Type": PLAYLIST_TYPE,
      "Content-Length": String(body.length),
      "Cache-Control": `max-age=${maxAgeSeconds}`,
      "Vary": "Accept-Encoding",
      ...(zipped ? { "Content-Encoding": "gzip" } : {}),
      ...CORS,
    });
    return head.method === "HEAD" ? answer : concatBytes(answer, body);
  };
  if (feed === undefined) return answer();
  return feed.answer(`${key}/${gzip}/${head.method}/${maxAgeSeconds}`, answer);
}

function whole(resource: MediaResource): Uint8Array {
  return concatBytes(wholeHead(resource), resource.bytes);
}

function wholeHead(resource: MediaResource): Uint8Array {
  return answerHead(200, {
    ...fieldsOf(resource),
    "Content-Length": String(resource.bytes.length),
  });
}

function fieldsOf({ name, contentType }: MediaResource): Record<string, string> {
  return {
    "Content-Type": contentType,
    "ETag": `"${name}"`,
    "Cache-Control": IMMUTABLE,
    "Accept-Ranges": "bytes",
    ...CORS,
  };
}
