// Goal: hls.js in Chromium plays HLS of every kind, smoothly, and as close to live as it should.
// Method: headless Chromium on a page of another origin, while ffmpeg publishes in real time. How
// far a picture is behind live is the clock on the wall less its EXT-X-PROGRAM-DATE-TIME, which
// the node set from its own clock (here the same) when the frame arrived: from the node's socket to
// the screen, for hls.js interpolates the date over the segment by the video's current time.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { type HlsPlay, playHlsInBrowser } from "../support/hls_browser.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import type { Child } from "../support/processes.ts";
import { delay } from "../support/processes.ts";

/** How long each way is played, and what of it is settling down, in seconds. */
const PLAY_SECONDS = 12;
const SETTLE_SECONDS = 6;

/** Seconds of media that must have been presented. */
const MEDIA_SECONDS_MIN = 8;

const SEGMENT_SECONDS = 2;
const PART_SECONDS = 0.2;

/** Longest that the source is published, in milliseconds. */
const PUBLISH_MS_MAX = 90_000;

interface Way {
  readonly name: string;
  readonly query: string;
  readonly lowLatencyMode: boolean;
  /** Furthest behind live, in seconds: the median of the glimpses after settling down. */
  readonly behindMax: number;
}

const WAYS: readonly Way[] = [
  { name: "LL-HLS", query: "", lowLatencyMode: true, behindMax: 3 * PART_SECONDS + 1 },
  { name: "HLS-fMP4", query: "", lowLatencyMode: false, behindMax: 3 * SEGMENT_SECONDS },
  { name: "HLS-TS", query: "?container=ts", lowLatencyMode: false, behindMax: 3 * SEGMENT_SECONDS },
];

let node: TestNode;
let publisher: Child;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await publisher?.end();
  await node.stop();
});

for (const { name, query, lowLatencyMode, behindMax } of WAYS) {
  Deno.test(endToEnd(`hls.js plays ${name}`, { needs: ["ffmpeg", "chromium"] }, async () => {
    if (publisher === undefined) {
      const url = node.rtmpUrl("live/browser");
      publisher = publish(url, await mediaFile("minute"), 1, PUBLISH_MS_MAX);
      // A playlist as long as a plain player starts from.
      await delay(4 * SEGMENT_SECONDS * 1_000);
    }
    const url = node.httpUrl(`live/browser.m3u8${query}`);
    const play = await playHlsInBrowser(url, PLAY_SECONDS, { lowLatencyMode });
    const { glimpses: _glimpses, ...said } = play;
    const text = JSON.stringify(said);
    assertEquals(play.errors, [], text);
    assertEquals(play.sizes, ["320x180"], text);
    assert(play.mediaSeconds >= MEDIA_SECONDS_MIN, text);
    assert(play.presented >= play.mediaSeconds * 16, text);
    assert(play.changes >= play.presented * 0.9, text);
    assert(lowLatencyMode === (play.partsLoaded > 20), text);
    const behind = median(settled(play).map(({ behind }) => behind ?? Infinity));
    const latency = median(settled(play).map(({ latency }) => latency));
    const tell = `${name}: ${behind.toFixed(2)} s behind live (limit ${behindMax.toFixed(2)} s), ` +
      `${latency.toFixed(2)} s by hls.js's own count`;
    console.log(tell);
    assert(behind <= behindMax, tell);
  }));
}

function settled({ glimpses }: HlsPlay) {
  return glimpses.filter(({ atSeconds }) => atSeconds >= SETTLE_SECONDS);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
