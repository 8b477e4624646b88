// Goal: what is published by RTSP or RTMP reaches RTSP, RTMP and HTTP clients byte for byte.
// Method: ffmpeg publishes a file in real time by each way in, clients of each way out join a second
// later; each client's frames must be one run of the file's, timestamps moved by one offset.
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, type Frames } from "../support/frames.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { type Child, delay } from "../support/processes.ts";
import { playRtsp, publishRtsp, readPlain } from "../support/rtsp_play.ts";

/** How far the publisher is when the clients start, in milliseconds. */
const HEAD_START_MS = 1_000;

/**
 * Tracks are brought together by what the publisher says of its clock, to a few milliseconds, and
 * RTMP rounds to whole ones.
 */
const TOLERANCE_US = 5_000;

/** What a client must have received at least: two seconds and a half of the longest. */
const FRAMES_MIN = 20;

/** A player over UDP may end at the goodbye before it has taken what came in front of it. */
const TAIL_MAX = 15;

const SOURCES: readonly MediaName[] = ["h264_aac", "h264_g711a"];

const INPUTS: Readonly<Record<string, (path: string, file: string) => Child>> = {
  "RTSP over TCP": (path, file) => publishRtsp(node.rtspUrl(path), file, "tcp"),
  "RTSP over UDP": (path, file) => publishRtsp(node.rtspUrl(path), file, "udp"),
  "RTMP": (path, file) => publish(node.rtmpUrl(path), file),
};

const OUTPUTS: Readonly<Record<string, (path: string) => Promise<Frames>>> = {
  "RTSP over TCP": (path) => playRtsp(node.rtspUrl(path), "tcp"),
  "RTSP over UDP": (path) => playRtsp(node.rtspUrl(path), "udp"),
  "RTMP": (path) => readPlain(node.rtmpUrl(path)),
  "HTTP-FLV": (path) => readPlain(node.httpUrl(`${path}.flv`)),
};

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop();
});

for (const source of SOURCES) {
  for (const [way, input] of Object.entries(INPUTS)) {
    Deno.test(endToEnd(
      `${source} by ${way} is the same over ${Object.keys(OUTPUTS).join(", ")}`,
      { needs: ["ffmpeg"] },
      async () => {
        const file = await mediaFile(source);
        const path = `live/${source}_${way.replaceAll(" ", "_")}`;
        await using publisher = input(path, file);
        await delay(HEAD_START_MS);
        const played = Object.entries(OUTPUTS).map(async ([name, play]) => {
          // What RTMP cannot take as it is comes as AAC; see transcode_test.ts.
          const made = source === "h264_g711a" && way !== "RTMP" && !name.startsWith("RTSP");
          return [name, await judge(file, await play(path), made)];
        });
        const outcome = Object.fromEntries(await Promise.all(played));
        assertEquals(
          outcome,
          Object.fromEntries(Object.keys(OUTPUTS).map((name) => [name, undefined])),
        );
        assertEquals((await publisher.ended).code, 0);
      },
    ));
  }
}

async function judge(file: string, got: Frames, soundMade: boolean): Promise<string | undefined> {
  const plain = (frames: Frames) => soundMade ? { ...frames, audio: [] } : frames;
  return compareFrames(plain(await readPlain(file)), plain(got), {
    toleranceUs: TOLERANCE_US,
    framesMin: FRAMES_MIN,
    tailMax: TAIL_MAX,
    untimedHead: 1, // ffmpeg knows no time for the first picture of a stream with B-frames.
  });
}
