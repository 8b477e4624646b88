/**
 * A client that takes all of an HLS stream as it appears, and holds its server to the rules that
 * span time: nothing that was listed changes, nothing goes back, nothing is gone too early.
 *
 * Sources: RFC 8216, section 6.2; draft-pantos-hls-rfc8216bis, section 6.2.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { assert, assertEquals } from "./assert.ts";
import { attributes, type ReadPlaylist, readPlaylist, type ReadSegment } from "./m3u8.ts";
import { delay } from "./processes.ts";
import { seededRandom } from "./random.ts";

/** How often a client without blocking asks, in milliseconds: half the least target duration. */
const RELOAD_MS = 500;

/** Longest any answer may take, in milliseconds: three target durations of 2 s and a little. */
const ANSWER_MS_MAX = 8_000;

export type HlsContainerName = "fmp4" | "ts";

/** Whoever answers requests: a node, or what stands in front of several. */
export interface HlsServer {
  httpUrl(path: string): string;
}

/** A stream as one client saw it. */
export interface WatchedStream {
  readonly multivariant: string;
  /** Every playlist, in order, each text once. */
  readonly playlists: readonly string[];
  /** Segments with all of their parts, in order; every one is complete. */
  readonly segments: readonly ReadSegment[];
  /** Bodies by URI. */
  readonly bodies: ReadonlyMap<string, Uint8Array>;
  /** Preload hints that were asked for, and those of them that became the next part. */
  readonly hints: { readonly asked: number; readonly kept: number };
}

/** URL of the one media playlist that a multivariant playlist leads to. */
export async function mediaPlaylistUrl(
  node: HlsServer,
  path: string,
  container: HlsContainerName,
): Promise<{ url: string; multivariant: string }> {
  const url = node.httpUrl(`${path}.m3u8${container === "ts" ? "?container=ts" : ""}`);
  const multivariant = await (await get(url)).text();
  const uris = multivariant.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  assertEquals(uris.length, 1, multivariant);
  return { url: new URL(uris[0], url).href, multivariant };
}

/** Follows a stream to its ENDLIST. @throws {Error} A rule was broken. */
export async function watchHls(
  node: HlsServer,
  path: string,
  container: HlsContainerName,
): Promise<WatchedStream> {
  const { url, multivariant } = await mediaPlaylistUrl(node, path, container);
  const watch = new Watch(url);
  let directives = "";
  while (true) {
    const text = await (await get(url + directives)).text();
    const playlist = readPlaylist(text);
    await watch.take(text, playlist);
    if (playlist.ended) return { multivariant, ...await watch.finish() };
    directives = nextDirectives(playlist);
    if (directives === "") await delay(RELOAD_MS);
  }
}

/** What to wait for after a playlist (draft, section 6.2.5.2); empty where it cannot be. */
function nextDirectives({ control, segments }: ReadPlaylist): string {
  if (control["CAN-BLOCK-RELOAD"] !== "YES") return "";
  const { number, uri, parts } = segments.at(-1)!;
  const [segment, part] = uri === undefined ? [number, parts.length] : [number + 1, 0];
  return `?_HLS_msn=${segment}&_HLS_part=${part}`;
}

class Watch {
  readonly #url: string;
  readonly #random = seededRandom(3);
  readonly #playlists: string[] = [];
  readonly #segments = new Map<number, ReadSegment>();
  readonly #bodies = new Map<string, Uint8Array>();
  readonly #hinted = new Map<string, Promise<Uint8Array | undefined>>();
  #keptHints = 0;
  #before: ReadPlaylist | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async take(text: string, playlist: ReadPlaylist): Promise<void> {
    if (this.#playlists.at(-1) === text) return;
    this.#playlists.push(text);
    const before = this.#before;
    if (before !== undefined) checkSuccession(before, playlist);
    this.#before = playlist;
    const { hint } = playlist;
    if (hint !== undefined && !this.#hinted.has(hint)) this.#hinted.set(hint, this.#hint(hint));
    for (const segment of playlist.segments) this.#note(segment);
    await Promise.all(urisOf(playlist).map((uri) => this.#fetchNew(uri)));
    await this.#fetchAgain(playlist, before);
  }

  async finish() {
    const segments = [...this.#segments.values()];
    assert(segments.every(({ uri }) => uri !== undefined), "the last segment stayed open");
    await Promise.all(this.#hinted.values());
    return {
      playlists: this.#playlists,
      segments,
      bodies: this.#bodies,
      hints: { asked: this.#hinted.size, kept: this.#keptHints },
    };
  }

  /** Older segments lose their parts in the playlist; we keep them. */
  #note(segment: ReadSegment): void {
    const known = this.#segments.get(segment.number);
    const parts = segment.parts.length > 0 ? segment.parts : known?.parts ?? [];
    this.#segments.set(segment.number, { ...segment, parts });
  }

  async #fetchNew(uri: string): Promise<void> {
    if (this.#bodies.has(uri)) return;
    const body = await this.#fetch(uri);
    this.#bodies.set(uri, body);
    const hinted = this.#hinted.get(uri);
    if (hinted === undefined) return;
    const early = await hinted;
    assert(early !== undefined, `${uri} was hinted and listed, but not there`);
    assertSame(uri, body, early);
    this.#keptHints++;
  }

  /** One at random, and what has left the playlist: that must be there for a while (6.2.2). */
  async #fetchAgain(playlist: ReadPlaylist, before: ReadPlaylist | undefined): Promise<void> {
    const uris = urisOf(playlist);
    const again = [uris[Math.floor(this.#random.next() * uris.length)]];
    const gone = before?.segments.filter(({ number }) => number < playlist.sequence) ?? [];
    again.push(...gone.flatMap(({ uri, map }) => [uri, map]).filter((uri) => uri !== undefined));
    for (const uri of again) assertSame(uri, await this.#fetch(uri), this.#bodies.get(uri)!);
  }

  async #fetch(uri: string): Promise<Uint8Array> {
    return await (await get(new URL(uri, this.#url).href)).bytes();
  }

  async #hint(uri: string): Promise<Uint8Array | undefined> {
    const response = await fetch(new URL(uri, this.#url), {
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    if (response.ok) return await response.bytes();
    await response.body?.cancel();
    // It did not come while the request could be held; who wants it asks again.
    if (response.status === 503) this.#hinted.delete(uri);
    // The segment ended in front of the part: the draft allows that of a hint.
    else assertEquals(response.status, 404, uri);
    return undefined;
  }
}

/** Everything to be loaded that a playlist lists, but for what it only hints at. */
function urisOf({ segments }: ReadPlaylist): string[] {
  const uris = segments.flatMap(({ map, uri, parts }) => [
    ...(map === undefined ? [] : [map]),
    ...parts.map((part) => part.uri),
    ...(uri === undefined ? [] : [uri]),
  ]);
  return [...new Set(uris)];
}

/** What may change from one playlist to the next: segments leave in front, media comes behind. */
function checkSuccession(before: ReadPlaylist, after: ReadPlaylist): void {
  assert(!before.ended, "a playlist changed after its end");
  assertEquals([after.target, after.partTarget], [before.target, before.partTarget]);
  assert(after.sequence >= before.sequence, "EXT-X-MEDIA-SEQUENCE went back");
  const last = before.segments.at(-1)!;
  assert(after.segments.at(-1)!.number >= last.number, "the live end went back");
  for (const old of before.segments) {
    const now = after.segments.find(({ number }) => number === old.number);
    if (now === undefined) continue;
    const { uri, seconds, parts } = old;
    const told = ({ discontinuities, map, dateTime }: ReadSegment) => ({
      ...{ discontinuities, map, dateTime },
    });
    assertEquals(told(now), told(old));
    if (uri !== undefined) assertEquals([now.uri, now.seconds], [uri, seconds]);
    if (now.parts.length > 0) assertEquals(now.parts.slice(0, parts.length), parts);
  }
}

/** All segments as one file, each initialization in front of the first segment that needs it. */
export function wholeFile({ segments, bodies }: WatchedStream): Uint8Array<ArrayBuffer> {
  let map: string | undefined;
  const pieces: Uint8Array[] = [];
  for (const segment of segments) {
    if (segment.map !== undefined && segment.map !== map) pieces.push(bodies.get(segment.map)!);
    map = segment.map;
    pieces.push(bodies.get(segment.uri!)!);
  }
  return concatBytes(...pieces);
}

/** Fails unless each segment is its parts one behind the other. */
export function checkParts({ segments, bodies }: WatchedStream): void {
  for (const { uri, parts } of segments) {
    if (parts.length === 0) continue;
    const joined = concatBytes(...parts.map((part) => bodies.get(part.uri)!));
    assertSame(uri!, bodies.get(uri!)!, joined);
  }
}

/** The codecs and other attributes of the one rendition. */
export function renditionOf(multivariant: string): Record<string, string> {
  const line = multivariant.split("\n").find((text) => text.startsWith("#EXT-X-STREAM-INF:"));
  assert(line !== undefined, multivariant);
  return attributes(line.slice("#EXT-X-STREAM-INF:".length));
}

/** Gets what must be there. */
export async function get(url: string): Promise<Response> {
  const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  if (response.status === 200) return response;
  throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
}

function assertSame(uri: string, a: Uint8Array, b: Uint8Array): void {
  const same = a.length === b.length && a.every((byte, index) => byte === b[index]);
  assert(same, `${uri} has other bytes than before: ${a.length} and ${b.length}`);
}
