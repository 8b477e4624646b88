// Goal: a browser plays the streams, over HTTP and over WebSocket.
// Method: headless Chromium with mpegts.js on a page of another origin; frames must really be
// presented, change, and advance about as fast as the clock.
import { assert, assertEquals } from "../support/assert.ts";
import { playInBrowser } from "../support/browser.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { delay } from "../support/processes.ts";

/** How long the browser plays, in seconds; a start on a busy machine may take half of it. */
const PLAY_SECONDS = 6;

/** Seconds of media that must have been presented: frames advance, they do not just appear. */
const MEDIA_SECONDS_MIN = 3;

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

const URLS = {
  "HTTP-FLV": () => node.httpUrl("live/browser.flv"),
  "WebSocket-FLV": () => node.wsUrl("live/browser.flv"),
};

for (const [protocol, url] of Object.entries(URLS)) {
  Deno.test(endToEnd(`Chromium plays ${protocol}`, { needs: ["ffmpeg", "chromium"] }, async () => {
    await using _publisher = publish(node.rtmpUrl("live/browser"), await mediaFile("long_gop"));
    await delay(500);
    const play = await playInBrowser(url(), PLAY_SECONDS);
    assertEquals(play.errors, []);
    assertEquals([play.width, play.height], [320, 180]);
    assert(play.mediaSeconds >= MEDIA_SECONDS_MIN, JSON.stringify(play));
    // At 25 frames a second; one in three may be dropped by a machine without a graphics card.
    assert(play.presented >= play.mediaSeconds * 16, JSON.stringify(play));
    assert(play.changes >= play.presented * 0.9, JSON.stringify(play));
  }));
}
