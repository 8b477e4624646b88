// Goal: a publisher that loses its socket and comes back is one stream: numbers and times go on, a
// discontinuity stands where it was gone, and hls.js goes on by itself.
// Method: a publisher of the tests' own drops its connection and another publishes the same name
// 2 s and 25 s later; clients of the tests and Chromium follow the one playlist all the time.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { openHlsPage } from "../support/hls_browser.ts";
import { parserComplaints } from "../support/hls_parsers.ts";
import { sendFiles } from "../support/hls_publish.ts";
import { checkParts, watchHls } from "../support/hls_watch.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode } from "../support/node_process.ts";
import { delay } from "../support/processes.ts";
import { missingTool } from "../support/tools.ts";

/**
 * How long nobody publishes, in milliseconds: players that reload blockingly wait, and are answered
 * with the same playlist after some seconds.
 */
const GAPS_MS = [2_000, 25_000];

/** What hls.js needs besides the gap, in seconds: ten of media, and its start. */
const PLAY_SECONDS = 15;

for (const gapMs of GAPS_MS) {
  Deno.test(endToEnd(`a publisher is lost and comes back after ${gapMs} ms`, {
    needs: ["ffmpeg"],
    timeoutMs: 120_000 + gapMs,
  }, () => lostAndBack(gapMs)));
}

async function lostAndBack(gapMs: number): Promise<void> {
  await using node = await startTestNode({ args: ["--hold", "30s", "--hls-segment", "1s"] });
  const path = "live/hold";
  const file = await mediaFile("h264_aac");
  const publish = async () => {
    await sendFiles(node.address("rtmp"), path, [file], { drop: true });
    await delay(gapMs);
    await sendFiles(node.address("rtmp"), path, [file]);
  };
  const plays = missingTool("chromium") === undefined;
  await using page = plays ? await openHlsPage() : undefined; // Chromium takes its time to start.
  const url = node.httpUrl(`${path}.m3u8`);
  const [fmp4, ts, play] = await Promise.all([
    watchHls(node, path, "fmp4"),
    watchHls(node, path, "ts"),
    page?.play(url, PLAY_SECONDS + gapMs / 1_000),
    publish(),
  ]);
  for (const { segments, playlists } of [fmp4, ts]) {
    assertEquals(segments.length, segments.at(-1)!.number - segments[0].number + 1);
    assertEquals(segments.at(-1)!.discontinuities - segments[0].discontinuities, 1);
    for (const text of playlists) assertEquals(parserComplaints(text), [], text);
    // The wall clock goes on behind the gap.
    const dates = segments.map(({ dateTime }) => Date.parse(dateTime));
    dates.forEach((date, index) => assert(index === 0 || date > dates[index - 1], `${dates}`));
    const seconds = segments.reduce((sum, segment) => sum + segment.seconds!, 0);
    assert(Math.abs(seconds - 12) < 0.5, `${seconds} s`);
  }
  checkParts(fmp4);
  if (play === undefined) return;
  const { glimpses: _glimpses, ...said } = play;
  assertEquals(said.errors, [], JSON.stringify(said));
  // Of 300; it jumps over the gap. What it shows behind it comes from the second publisher.
  assert(said.presented >= 200 && said.mediaSeconds > 9, JSON.stringify(said));
}
