// Goal: what the network loses costs the pictures that it was part of, and nobody sees a torn one.
// Method: ffmpeg's packets of a file go to a node over UDP, with packets lost and swapped by a seed;
// what an RTMP player gets must be pictures of the file, in order, each of them one that its decoder
// can take: behind a hole it is a key frame.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { frameMd5, probeFrames } from "../support/frames.ts";
import { type LossyCounts, publishLossy } from "../support/lossy_rtp.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";

/** Longest that ffmpeg may play, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** Pictures without parameter sets, delimiters and messages, which carriers keep or not. */
const PLAIN = ["-bsf:v", "h264_mp4toannexb,filter_units=remove_types=6-9|12"];

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop();
});

async function digests(input: string): Promise<string[]> {
  const { video } = await frameMd5(input, { outputArgs: PLAIN, timeoutMs: TIMEOUT_MS });
  return video.map(({ digest }) => digest);
}

/** Publishes a file; what was sent, and which of its pictures came, by number. */
async function play(
  path: string,
  file: string,
  shares: { lossShare: number; swapShare: number },
): Promise<{ counts: LossyCounts; came: number[]; total: number }> {
  const [counts, got] = await Promise.all([
    publishLossy({
      ...{ address: node.address("rtsp"), url: node.rtspUrl(path), file },
      ...{ ...shares, seed: 9 },
    }),
    digests(node.rtmpUrl(path)),
  ]);
  const source = await digests(file);
  return { counts, came: got.map((digest) => source.indexOf(digest)), total: source.length };
}

Deno.test(endToEnd("swapped packets cost nothing", { needs: ["ffmpeg"] }, async () => {
  const file = await mediaFile("large");
  const { counts, came, total } = await play("live/swapped", file, {
    lossShare: 0,
    swapShare: 0.1,
  });
  assert(counts.swapped > 20, `${counts.swapped} of ${counts.sent} swapped`);
  // It begins at a key frame of the first seconds, and misses nothing from there.
  assert(came[0] <= 50, `begins at picture ${came[0]}`);
  assertEquals(came, Array.from({ length: total - came[0] }, (_, at) => came[0] + at));
}));

Deno.test(endToEnd("lost packets cost their pictures up to the next key frame", {
  needs: ["ffmpeg"],
}, async () => {
  const file = await mediaFile("large");
  const { counts, came, total } = await play("live/lossy", file, {
    ...{ lossShare: 0.02, swapShare: 0.05 },
  });
  assert(counts.lost > 3, `${counts.lost} of ${counts.sent} lost`);
  assert(came.length < total && came.length > 10, `${came.length} of ${total} pictures came`);
  assert(!came.includes(-1), "a picture came that was not sent");
  const keyframes = (await probeFrames(file)).video.map(({ keyframe }) => keyframe);
  came.forEach((at, count) => {
    const before = count === 0 ? -1 : came[count - 1];
    assert(at > before, `picture ${at} came behind ${before}`);
    if (at !== before + 1) assert(keyframes[at] === true, `picture ${at} follows ${before}`);
  });
}));
