// Goal: whatever a publisher's encoder does wrong, Chromium plays through it by FLV and HLS.
// Method: the table of broken sources, published in real time, some side by side, to mpegts.js and
// hls.js, which must have no error to report.
import { assert, assertEquals } from "../support/assert.ts";
import { openFlvPage } from "../support/browser.ts";
import {
  BROKEN_SOURCES,
  brokenMessages,
  type BrokenSource,
  sendInTime,
} from "../support/broken_sources.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { openHlsPage } from "../support/hls_browser.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { Publisher } from "../support/wire/publisher.ts";

/** Sources at a time, each in two browsers. */
const SOURCES_AT_A_TIME = 2;

/** How long a browser plays, in seconds: the sources last six. */
const PLAY_SECONDS = 6;

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop();
});

for (let at = 0; at < BROKEN_SOURCES.length; at += SOURCES_AT_A_TIME) {
  const sources = BROKEN_SOURCES.slice(at, at + SOURCES_AT_A_TIME);
  const names = sources.map(({ name }) => name).join(", ");
  Deno.test(endToEnd(`Chromium plays ${names} by FLV and HLS`, {
    needs: ["ffmpeg", "chromium"],
    timeoutMs: 150_000,
  }, async () => {
    await Promise.all(sources.map(playInChromium));
  }));
}

async function playInChromium(source: BrokenSource): Promise<void> {
  const { name } = source;
  const path = `live/browser-${name}`;
  // Chromium takes its time to start: what it plays begins when it is there.
  await using flvPage = await openFlvPage();
  await using hlsPage = await openHlsPage();
  await using publisher = await Publisher.open(node.address("rtmp"), path);
  const sending = sendInTime(publisher, await brokenMessages(source));
  await delay(600);
  const [flv, hls] = await Promise.all([
    flvPage.play(node.httpUrl(`${path}.flv`), PLAY_SECONDS),
    hlsPage.play(node.httpUrl(`${path}.m3u8`), PLAY_SECONDS),
  ]);
  await sending;
  assertEquals([name, flv.errors, hls.errors], [name, [], []]);
  // At the live end mpegts.js 1.8.2 stops where the picture's size changes, without an error; the
  // very bytes it got, served as a file, it plays to the end.
  const flvSeconds = name === "resized" ? 0.5 : 1.5;
  assert(flv.clockSeconds >= flvSeconds, `${name}, FLV: ${flv.clockSeconds} s`);
  const hlsSeconds = hls.glimpses.at(-1)!.currentTime - hls.glimpses[0].currentTime;
  assert(hlsSeconds >= 1.5, `${name}, HLS: ${hlsSeconds} s`);
}
