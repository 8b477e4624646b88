// Goal: hls.js in Chromium plays HLS of every kind, smoothly, and as close to live as it should.
// Method: headless Chromium on a page of another origin, while ffmpeg publishes in real time. How
// far a picture is behind live is the clock on the wall less its EXT-X-PROGRAM-DATE-TIME, which
// the node set from its own clock (here the same) when the frame arrived: from the node's socket to
// the screen, for hls.js interpolates the date over the segment by the video's current time.
//
// Plain HLS can be three segments behind live only for a player that is set to: by RFC 8216,
// section 6.3.3, a player stays three target durations behind the playlist's end, which itself is up
// to a segment old. So hls.js as it comes is given four, and with two durations to stay behind three.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { type HlsPlay, playHlsInBrowser } from "../support/hls_browser.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import type { Child } from "../support/processes.ts";
import { delay } from "../support/processes.ts";

/** How long each way is played, and what of it is settling down, in seconds. */
const PLAY_SECONDS = 9;
const SETTLE_SECONDS = 5;

/** Seconds of media that must have been presented. */
const MEDIA_SECONDS_MIN = 6;

const SEGMENT_SECONDS = 2;
const PART_SECONDS = 0.2;

/** Longest that the source is published, in milliseconds. */
const PUBLISH_MS_MAX = 90_000;

interface Way {
  readonly name: string;
  readonly query: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Furthest behind live, in seconds: the median of the glimpses after settling down. */
  readonly behindMax: number;
}

const PLAIN = { lowLatencyMode: false };
const NEAR = { ...PLAIN, liveSyncDurationCount: 2 };
const TS = "?container=ts";

const WAYS: readonly Way[] = [
  { name: "LL-HLS", query: "", config: {}, behindMax: 3 * PART_SECONDS + 1 },
  { name: "HLS-fMP4", query: "", config: PLAIN, behindMax: 4 * SEGMENT_SECONDS },
  { name: "HLS-TS near live", query: TS, config: NEAR, behindMax: 3 * SEGMENT_SECONDS },
  { name: "HLS-fMP4 near live", query: "", config: NEAR, behindMax: 3 * SEGMENT_SECONDS },
];

let node: TestNode;
let publisher: Child;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await publisher?.end();
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

for (const { name, query, config, behindMax } of WAYS) {
  Deno.test(endToEnd(`hls.js plays ${name}`, { needs: ["ffmpeg", "chromium"] }, async () => {
    if (publisher === undefined) {
      const url = node.rtmpUrl("live/browser");
      publisher = publish(url, await mediaFile("minute"), 1, PUBLISH_MS_MAX);
      // A playlist as long as a plain player starts from.
      await delay(4 * SEGMENT_SECONDS * 1_000);
    }
    const url = node.httpUrl(`live/browser.m3u8${query}`);
    const play = await playHlsInBrowser(url, PLAY_SECONDS, config);
    const { glimpses: _glimpses, ...said } = play;
    const text = JSON.stringify(said);
    assertEquals(play.errors, [], text);
    assertEquals(play.sizes, ["320x180"], text);
    assert(play.mediaSeconds >= MEDIA_SECONDS_MIN, text);
    assert(play.presented >= play.mediaSeconds * 16, text);
    assert(play.changes >= play.presented * 0.9, text);
    assertEquals(play.partsLoaded > 20, config !== PLAIN && config !== NEAR, text);
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
