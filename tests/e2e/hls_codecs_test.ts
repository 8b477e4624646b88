// Goal: H.265 and AV1 go to fragmented MP4, and MPEG-TS of HLS says why it has none.
// Method: a publisher of the tests' own sends by Enhanced RTMP what a newer ffmpeg wrote; the
// system's ffmpeg plays the HLS, whose frames must be those that were sent.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { collectFlv } from "../support/flv_frames.ts";
import { compareFrames, frameMd5 } from "../support/frames.ts";
import { parserComplaints } from "../support/hls_parsers.ts";
import { sendFiles } from "../support/hls_publish.ts";
import { renditionOf, watchHls, wholeFile } from "../support/hls_watch.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { eventually } from "../support/processes.ts";

const CODECS = { h265_aac: [/^hvc1\./, /h265/], av1_aac: [/^av01\./, /av1/] } as const;

/** A tick of 90 kHz or 44.1 kHz and the rounding to microseconds. */
const TICK_US = 1_050;

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode({ args: ["--hls-segment", "1s"] });
});

Deno.test.afterAll(async () => {
  await node.stop();
});

for (const [name, [codecs, reason]] of Object.entries(CODECS)) {
  Deno.test(endToEnd(`${name} plays as fragmented MP4 and is refused as MPEG-TS`, {
    needs: ["ffmpeg"],
  }, async () => {
    const file = await mediaFile(name as MediaName);
    const path = `live/${name}`;
    const publishing = sendFiles(node.address("rtmp"), path, [file]);
    const refusals = refused(path);
    const stream = await watchHls(node, path, "fmp4");
    await publishing;
    assertMatch(renditionOf(stream.multivariant).CODECS, codecs);
    for (const text of [stream.multivariant, ...stream.playlists]) {
      assertEquals(parserComplaints(text), [], text);
    }
    const whole = await Deno.makeTempFile({ suffix: ".mp4" });
    await Deno.writeFile(whole, wholeFile(stream));
    const got = await frameMd5(whole);
    await Deno.remove(whole);
    const { frames } = collectFlv(await Deno.readFile(file));
    assertEquals(compareFrames(frames, got, { toleranceUs: TICK_US }), undefined);
    assertEquals(got.video.length, frames.video.length);
    for (const { status, text } of await refusals) {
      assertEquals(status, 406, text);
      assertMatch(text, reason);
      assertMatch(text, /MPEG-TS|fMP4|MP4/);
    }
  }));
}

/** What the TS playlists answer while the stream is live. */
async function refused(path: string): Promise<{ status: number; text: string }[]> {
  await eventually("the stream is live", async () => {
    const response = await node.fetchApi(`streams/${path}`);
    await response.body?.cancel();
    return response.ok;
  });
  const urls = [`${path}.m3u8?container=ts`, `${path}.hls/ts.m3u8`];
  return await Promise.all(urls.map(async (url) => {
    const response = await fetch(node.httpUrl(url));
    const text = await response.text();
    assert(response.headers.get("content-type") === "application/problem+json", text);
    return { status: response.status, text };
  }));
}
