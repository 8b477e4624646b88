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
import type { HttpAnswer } from "./http_connection.ts";

/** Playlists below this many bytes gain nothing from compression. */
const GZIP_BYTES_MIN = 400;

/**
 * A year: content under a segment's name never changes. Not "public": a shared cache would then
 * hand what somebody got for an Authorization field to everybody (RFC 9111, section 3.5).
 */
const IMMUTABLE = "max-age=31536000, immutable";

/** Accept-Encoding that takes gzip: named, and not with a weight of zero (RFC 9110, 12.4.2). */
const GZIP = /(?:^|,)\s*gzip\s*(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))(?:[;,]|$)/i;

const PLAYLIST_TYPE = "application/vnd.apple.mpegurl";

/** Bytes that never change under their name. */
export interface MediaResource {
  /** Its name, which is also its tag. */
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** Answers with a segment, a part or an initialization segment. */
export function mediaAnswer(head: RequestHead, feed: HlsFeed, resource: MediaResource): HttpAnswer {
  const { headers } = head;
  const plain = head.method === "GET" && !headers.has("range") && !headers.has("if-none-match");
  // The usual request, of which there may be thousands at once, costs one look-up and one write.
  if (plain) return feed.whole(resource.name, () => whole(resource));
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

export interface PlaylistResource {
  /** Tells playlists of one state of the stream apart. */
  readonly key: string;
  readonly make: () => string;
  readonly maxAgeSeconds: number;
}

/** Answers with a playlist of the present state, made once for all who ask the same. */
export function playlistAnswer(
  head: RequestHead,
  feed: HlsFeed,
  { key, make, maxAgeSeconds }: PlaylistResource,
): Uint8Array {
  const accepted = head.headers.get("accept-encoding");
  const gzip = accepted !== undefined && GZIP.test(accepted);
  return feed.answer(`${key}/${gzip}/${head.method}/${maxAgeSeconds}`, () => {
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
  });
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
