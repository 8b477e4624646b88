// Goal: HLS over HTTP as caches and players expect it: held requests, hints, delta updates,
// conditional and partial requests, compression, and an answer to everything that is wrong.
// Method: requests of the tests' own to a stream that ffmpeg publishes; bodies are compared.
import { gunzipSync } from "node:zlib";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { assertWithin } from "../support/contention.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { parserComplaints } from "../support/hls_parsers.ts";
import { get, mediaPlaylistUrl } from "../support/hls_watch.ts";
import { readPlaylist } from "../support/m3u8.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { type Child, eventually } from "../support/processes.ts";
import { rawGet } from "../support/raw_http.ts";

/** Longest that the source is published, in milliseconds. */
const PUBLISH_MS_MAX = 90_000;

/** Segments listed before the tests begin: a delta update leaves some out. */
const SEGMENTS_MIN = 9;

const PATH = "live/http";
const NEEDS = { needs: ["ffmpeg"] } as const;

let node: TestNode;
let publisher: Child | undefined;
let playlistUrl: string;
let tsUrl: string;

Deno.test.beforeAll(async () => {
  const args = ["--hls-segment", "1s", "--hls-part", "200ms", "--hls-window", "12"];
  node = await startTestNode({ args });
});

Deno.test.afterAll(async () => {
  await publisher?.end();
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

/** Starts the stream with the first test that needs it. */
async function begun(): Promise<void> {
  if (publisher !== undefined) return;
  publisher = publish(node.rtmpUrl(PATH), await mediaFile("minute"), 1, PUBLISH_MS_MAX);
  playlistUrl = (await mediaPlaylistUrl(node, PATH, "fmp4")).url;
  tsUrl = (await mediaPlaylistUrl(node, PATH, "ts")).url;
  const listed = async () => (await playlist()).segments.length >= SEGMENTS_MIN;
  await eventually("segments are listed", listed, 20_000);
}

async function playlist(query = "", url = playlistUrl) {
  return readPlaylist(await (await get(url + query)).text());
}

/** Where the next part will be. */
async function nextPart(): Promise<{ segment: number; part: number }> {
  const { number, uri, parts } = (await playlist()).segments.at(-1)!;
  return uri === undefined
    ? { segment: number, part: parts.length }
    : { segment: number + 1, part: 0 };
}

/** URL of a segment, part or initialization that is there. */
async function mediaUrl(kind: "segment" | "part" | "init" | "ts"): Promise<string> {
  const url = kind === "ts" ? tsUrl : playlistUrl;
  const segment = (await playlist("", url)).segments.findLast(({ uri }) => uri !== undefined)!;
  const uri = kind === "part"
    ? segment.parts[0].uri
    : kind === "init"
    ? segment.map!
    : segment.uri!;
  return new URL(uri, url).href;
}

Deno.test(endToEnd("a blocking reload is answered when its part is there", NEEDS, async () => {
  await begun();
  for (let round = 0; round < 8; round++) {
    const { segment, part } = await nextPart();
    const startMs = performance.now();
    const query = `?_HLS_msn=${segment}&_HLS_part=${part}`;
    const { segments } = await playlist(query);
    const tookMs = performance.now() - startMs;
    const found = segments.find(({ number }) => number === segment);
    assert(found !== undefined && found.parts.length > part, `no part ${part} of ${segment}`);
    // It came when it was made, not when the time was over.
    assertWithin(1_000, tookMs, "the part");
  }
}));

Deno.test(endToEnd("a blocking reload for a segment waits until it is whole", NEEDS, async () => {
  await begun();
  const { segment } = await nextPart();
  const { segments } = await playlist(`?_HLS_msn=${segment}`);
  const found = segments.find(({ number }) => number === segment);
  assert(found?.uri !== undefined, "the segment is not complete");
  const older = await playlist(`?_HLS_msn=${segment - 3}&_HLS_part=2`);
  assert(older.segments.at(-1)!.number >= segment, "an older one is answered with the newest");
}));

Deno.test(endToEnd("a preload hint is held, and becomes the part it promised", NEEDS, async () => {
  await begun();
  let held = 0;
  for (let round = 0; round < 6; round++) {
    const { hint, segments } = await playlist();
    assert(hint !== undefined, "no EXT-X-PRELOAD-HINT");
    const known = segments.flatMap(({ parts }) => parts.map(({ uri }) => uri));
    assert(!known.includes(hint), `${hint} is there already`);
    const startMs = performance.now();
    const response = await fetch(new URL(hint, playlistUrl));
    // At a segment's end the part may never come.
    assert(response.status === 200 || response.status === 404, `${response.status}`);
    const early = await response.bytes();
    if (performance.now() - startMs > 20) held++;
    if (response.status === 404) continue;
    assertEquals(await (await get(new URL(hint, playlistUrl).href)).bytes(), early);
  }
  assert(held >= 3, `${held} of 6 were held`);
}));

Deno.test(endToEnd("a delta update leaves out what the client knows", NEEDS, async () => {
  await begun();
  const { segment, part } = await nextPart();
  const query = `?_HLS_msn=${segment}&_HLS_part=${part}`;
  const [whole, delta] = await Promise.all([
    playlist(query),
    get(`${playlistUrl}${query}&_HLS_skip=YES`).then((response) => response.text()),
  ]);
  const { sequence, skipped, segments } = readPlaylist(delta);
  assert(skipped > 0, delta);
  assertEquals(sequence, whole.sequence);
  assertEquals(parserComplaints(delta), [], delta);
  // EXT-X-MAP stands where the client last saw it, or again; everything else must be the same.
  const plain = (list: typeof segments) => list.map(({ map: _map, ...rest }) => rest);
  assertEquals(plain(segments), plain(whole.segments.slice(skipped)));
  assert(whole.segments.slice(0, skipped).every(({ parts }) => parts.length === 0));
}));

Deno.test(endToEnd("what cannot be waited for is refused", NEEDS, async () => {
  await begun();
  const { segment } = await nextPart();
  const queries = [
    ...["_HLS_part=1", "_HLS_msn=x", "_HLS_msn=-1", `_HLS_msn=${segment}&_HLS_part=-1`],
    ...[`_HLS_msn=${segment + 5}`, `_HLS_msn=${segment}&_HLS_part=900`, "_HLS_msn="],
  ];
  for (const query of queries) {
    const startMs = performance.now();
    const response = await fetch(`${playlistUrl}?${query}`);
    await response.body?.cancel();
    assertEquals(response.status, 400, query);
    assertWithin(1_000, performance.now() - startMs, `the refusal of ${query}`);
  }
}));

Deno.test(endToEnd("what is not there is a 404 with a problem that says so", NEEDS, async () => {
  await begun();
  const folder = node.httpUrl(`${PATH}.hls/`);
  const urls = [
    ...["1-1.m4s", "1-1.0.m4s", "1-1.ts", "init-0123456789abcdef.mp4", "other.m3u8", "x"],
    ...["01-1.m4s", "1-1.m4s.m4s"],
  ].map((name) => folder + name);
  // What a stream has that is idle or unknown: nothing, and nobody waits for it.
  urls.push(node.httpUrl("live/none.hls/index.m3u8"), node.httpUrl("live/none.hls/1-1.ts"));
  for (const url of urls) {
    const response = await fetch(url);
    assertEquals(response.status, 404, url);
    assertEquals(response.headers.get("access-control-allow-origin"), "*", url);
    assertEquals(response.headers.get("content-type"), "application/problem+json", url);
    const problem = await response.json() as Record<string, unknown>;
    assertEquals(problem.status, 404);
  }
}));

for (const kind of ["segment", "part", "init", "ts"] as const) {
  Deno.test(endToEnd(`HEAD, Range and If-None-Match of a ${kind}`, NEEDS, async () => {
    await begun();
    const url = await mediaUrl(kind);
    const whole = await get(url);
    const bytes = await whole.bytes();
    const { headers } = whole;
    assertEquals(headers.get("content-type"), kind === "ts" ? "video/mp2t" : "video/mp4");
    assertEquals(headers.get("content-length"), String(bytes.length));
    assertEquals(headers.get("accept-ranges"), "bytes");
    assertMatch(headers.get("cache-control") ?? "", /max-age=31536000.*immutable/);
    assertEquals(headers.get("access-control-allow-origin"), "*");
    const tag = headers.get("etag") ?? "";
    assertMatch(tag, /^"[^"]+"$/);

    const head = await fetch(url, { method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-length")], [200, String(bytes.length)]);
    assertEquals((await head.bytes()).length, 0);

    for (const [range, start, end] of rangesOf(bytes.length)) {
      const part = await fetch(url, { headers: { range } });
      assertEquals(part.status, 206, range);
      const told = `bytes ${start}-${end - 1}/${bytes.length}`;
      assertEquals(part.headers.get("content-range"), told);
      assertEquals(await part.bytes(), bytes.subarray(start, end));
    }
    const beyond = await fetch(url, { headers: { range: `bytes=${bytes.length}-` } });
    await beyond.body?.cancel();
    assertEquals([beyond.status, beyond.headers.get("content-range")], [
      416,
      `bytes */${bytes.length}`,
    ]);

    for (const known of [tag, `"other", ${tag}`, `W/${tag}`, "*"]) {
      const same = await fetch(url, { headers: { "if-none-match": known } });
      assertEquals([same.status, (await same.bytes()).length], [304, 0], known);
      assertEquals(same.headers.get("etag"), tag);
    }
    const other = await fetch(url, { headers: { "if-none-match": '"other"' } });
    assertEquals([other.status, await other.bytes()], [200, bytes]);
  }));
}

function rangesOf(length: number): [string, number, number][] {
  return [
    ["bytes=0-99", 0, 100],
    ["bytes=100-", 100, length],
    ["bytes=-50", length - 50, length],
    [`bytes=10-${length + 1_000}`, 10, length],
  ];
}

Deno.test(
  endToEnd("playlists are compressed for those who ask, and kept briefly", NEEDS, async () => {
    await begun();
    const { hostname, port } = new URL(playlistUrl);
    for (const url of [playlistUrl, tsUrl]) {
      const { pathname } = new URL(url);
      const target = { hostname, port: Number(port), path: pathname };
      const zipped = await rawGet({ ...target, headers: { "Accept-Encoding": "gzip, br" } });
      assertEquals(zipped.headers.get("content-encoding"), "gzip");
      assertEquals(zipped.headers.get("vary")?.toLowerCase(), "accept-encoding");
      readPlaylist(new TextDecoder().decode(gunzipSync(zipped.body)));
      const plain = await rawGet({ ...target, headers: {} });
      assertEquals(plain.headers.get("content-encoding"), undefined);
      const { target: seconds } = readPlaylist(new TextDecoder().decode(plain.body));
      const age = /^max-age=(\d+)$/.exec(plain.headers.get("cache-control") ?? "");
      assert(age !== null && Number(age[1]) <= seconds, plain.headers.get("cache-control"));
      assertEquals(plain.headers.get("content-type"), "application/vnd.apple.mpegurl");
      assertEquals(plain.headers.get("access-control-allow-origin"), "*");
      const refused = await rawGet({ ...target, headers: { "Accept-Encoding": "gzip;q=0" } });
      assertEquals(refused.headers.get("content-encoding"), undefined, "gzip;q=0 means none");
    }
  }),
);

Deno.test(endToEnd("HEAD of playlists, preflight, and other methods", NEEDS, async () => {
  await begun();
  for (const url of [node.httpUrl(`${PATH}.m3u8`), playlistUrl]) {
    const head = await fetch(url, { method: "HEAD" });
    assertEquals([head.status, (await head.bytes()).length], [200, 0]);
    assertEquals(head.headers.get("content-type"), "application/vnd.apple.mpegurl");
    const preflight = await fetch(url, {
      method: "OPTIONS",
      headers: { "origin": "http://x", "access-control-request-method": "GET" },
    });
    await preflight.body?.cancel();
    assert(preflight.ok);
    assertEquals(preflight.headers.get("access-control-allow-origin"), "*");
    const post = await fetch(url, { method: "POST", body: "x" });
    await post.body?.cancel();
    assertEquals(post.status, 405);
    assertMatch(post.headers.get("allow") ?? "", /GET/);
  }
}));

Deno.test(
  endToEnd("a stream that ends ends its playlists, and whoever waits is told", NEEDS, async () => {
    await begun();
    const { segment } = await nextPart();
    const far = get(`${playlistUrl}?_HLS_msn=${segment + 1}`);
    // ffmpeg says goodbye when it is asked to end.
    await publisher!.end("SIGTERM");
    const waited = readPlaylist(await (await far).text());
    const last = await eventually("ENDLIST", async () => {
      const now = await playlist();
      return now.ended && now;
    });
    assert(waited.ended || waited.segments.at(-1)!.number > segment, "the wait was answered early");
    assertEquals(last.hint, undefined);
    assertEquals((await playlist("", tsUrl)).ended, true);
    // Those who are slow still get everything that is listed, and more playlists.
    for (const { uri, map } of last.segments) {
      for (const name of [uri!, map!]) await (await get(new URL(name, playlistUrl).href)).bytes();
    }
    assertEquals((await playlist(`?_HLS_msn=${segment + 1}`)).ended, true);
  }),
);
