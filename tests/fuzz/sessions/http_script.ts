/**
 * Hostile HTTP clients: requests of every route in one pipeline, most of them changed.
 *
 * Each answer confirms one request. What ends a pipeline (a malformed head, a live body, a body
 * whose length is a lie) comes last.
 *
 * @module
 */
import type { Random } from "../../../actors/runtime/ports.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { TEST_TOKEN } from "../../support/node_process.ts";
import { mutate } from "../mutator.ts";
import { cutUp, pick, type Progress, type Script } from "./script.ts";

const REQUESTS_MIN = 16;
const REQUESTS_MAX = 96;

/** Targets of every route; `steady` is being published, `fuzz0` and its kin may be. */
const TARGETS: readonly string[] = [
  ...["/nothing", "/healthz", "/readyz", "/api/v1/nodes", "/api/v1/streams", "/api/v1/sessions"],
  ...["/api/v1/streams/live/steady", "/api/v1/streams/live/fuzz0", "/api/v1/sessions/test~1"],
  ...["/api/v1/links", "/api/v1/streams/live/fuzz1/move", "/api/v1/nodes/test/drain"],
  ...["/api/v1/config/reload", "/assets/x/page.js"],
  ...["/live/steady.m3u8", "/live/steady.m3u8?container=ts", "/live/steady.html", "/*"],
  ...["/live/steady.hls/index.m3u8", "/live/steady.hls/ts.m3u8?_HLS_skip=YES", "/live/none.m3u8"],
  ...["/live/steady.hls/index.m3u8?_HLS_msn=1&_HLS_part=0", "/live/steady.jpg", "/live/none.flv"],
  ...["/assets/hls.js", "/live/none.ts?user=a&pass=b", "/live/none.mp4?token=x", "/vod/x"],
];

/** Those that cost a node much more than the others. */
const DEAR_TARGETS = ["/", "/metrics", "/api/v1/openapi.json"];

const METHODS = ["GET", "GET", "GET", "GET", "HEAD", "OPTIONS", "DELETE", "PUT", "POST", "BREW"];

const FIELDS: readonly string[] = [
  ...["Host: x", "Accept: */*", "Range: bytes=0-10", "Range: bytes=-5", "If-None-Match: *"],
  ...["Accept-Encoding: gzip", "Authorization: Basic YTpi", "Authorization: Bearer x"],
  ...["Origin: http://evil", "X-Forwarded-For: 1.2.3.4", "Cookie: a=b", "Connection: keep-alive"],
  ...["Upgrade: websocket", "Sec-WebSocket-Version: 13", "Content-Type: application/json"],
  ...["Access-Control-Request-Method: GET", "If-Modified-Since: now", "Expect: 100-continue"],
];

const LAST: readonly string[] = [
  "GET /live/steady.flv HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /live/steady.ts HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /live/steady.mp4 HTTP/1.0\r\n\r\n",
  "POST /api/v1/streams HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}",
  "GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n",
  "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
  "GET /live/steady.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
];

const text = new TextEncoder();
const latin1 = new TextDecoder("latin1");

/** The script of one connection, the same for the same seed. */
export function httpScript(seed: number): Script {
  const random = seededRandom(seed);
  const count = REQUESTS_MIN + randomInteger(random, REQUESTS_MAX - REQUESTS_MIN);
  const requests = Array.from({ length: count }, () => changed(random));
  const parts: Uint8Array[] = requests.map((request) =>
    Uint8Array.from(request, (char) => char.charCodeAt(0))
  );
  let inputs = count;
  if (random.next() < 0.6) {
    parts.push(mutate(LAST.map((last) => text.encode(last)), random));
    inputs++;
  }
  const progress = new AnswerReader(count);
  return { kind: "http", listener: "http", pieces: cutUp(parts, random), inputs, progress };
}

/** What only the token's owner may do, to streams of the campaign; a drain would end the node. */
function authorized(random: Random): string {
  const name = mutate([text.encode(`fuzz${randomInteger(random, 16)}`)], random).subarray(0, 64);
  const target = `/api/v1/streams/live/${[...name].map(percent).join("")}`;
  const method = random.next() < 0.7 ? "DELETE" : "GET";
  return `${method} ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TEST_TOKEN}\r\n\r\n`;
}

/** A changed request that is still one request to whoever reads it. */
function changed(random: Random): string {
  if (random.next() < 0.02) return authorized(random);
  const method = pick(METHODS, random);
  const dear = random.next() < 0.004;
  const target = dear ? pick(DEAR_TARGETS, random) : changedTarget(pick(TARGETS, random), random);
  const fields = Array.from({ length: randomInteger(random, 4) }, () => pick(FIELDS, random));
  // Fields that may come once only, or take the connection over, are kept apart.
  const lines = [...new Set(fields.map((field) => changedField(field, random)))]
    .filter((line, at, all) => all.findIndex((other) => nameOf(other) === nameOf(line)) === at)
    .filter((line) => !/^(connection|transfer-encoding|content-length)$/.test(nameOf(line)));
  return `${method} ${target} HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
}

function changedTarget(target: string, random: Random): string {
  if (random.next() < 0.05) return target;
  const bytes = mutate([text.encode(target)], random).subarray(0, 2_048);
  const made = latin1.decode(bytes).replaceAll(/[^\x21-\x7e]/g, (char) => escape(char));
  // A live body would be the last answer of its connection.
  const safe = made.replaceAll(/steady\.(flv|ts|mp4)/g, "steady.$1x");
  return safe.startsWith("/") ? safe : `/${safe}`;
}

function escape(char: string): string {
  return percent(char.charCodeAt(0));
}

function percent(byte: number): string {
  return `%${byte.toString(16).padStart(2, "0")}`;
}

function changedField(field: string, random: Random): string {
  if (random.next() < 0.4) return field;
  const colon = field.indexOf(":");
  const value = latin1.decode(mutate([text.encode(field.slice(colon + 2))], random).slice(0, 400));
  return `${field.slice(0, colon)}: ${value.replaceAll(/[^\x20-\x7e\x80-\xff]/g, "")}`;
}

function nameOf(line: string): string {
  return line.slice(0, line.indexOf(":")).toLowerCase();
}

const STATUS_LINE = "HTTP/1.1 ";

/** Counts status lines; a body that holds one would be counted too, and there is none. */
class AnswerReader implements Progress {
  inputs = 0;
  readonly #wanted: number;
  #rest = "";

  constructor(wanted: number) {
    this.#wanted = wanted;
  }

  get complete(): boolean {
    return this.inputs >= this.#wanted;
  }

  push(bytes: Uint8Array): void {
    const all = this.#rest + latin1.decode(bytes);
    for (let at = all.indexOf(STATUS_LINE); at >= 0; at = all.indexOf(STATUS_LINE, at + 1)) {
      if (!all.startsWith("100", at + STATUS_LINE.length)) this.inputs++;
    }
    this.#rest = all.slice(Math.max(0, all.length - STATUS_LINE.length + 1));
  }
}
