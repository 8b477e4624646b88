// Goal: what is published by RTSP or RTMP reaches RTSP, RTMP and HTTP clients byte for byte, sound
// and picture as far apart as they were, on the publisher's node and on another one.
// Method: ffmpeg publishes a file in real time by each way in, clients of each way out join a second
// later; each client's frames must be one run of the file's, timestamps moved by one offset.
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, type Frames } from "../support/frames.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { startMesh, type TestMesh } from "../support/mesh.ts";
import { untilLive } from "../support/mesh_api.ts";
import type { TestNode } from "../support/node_process.ts";
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

const INPUTS: Readonly<Record<string, (node: TestNode, path: string, file: string) => Child>> = {
  "RTSP over TCP": (node, path, file) => publishRtsp(node.rtspUrl(path), file, "tcp"),
  "RTSP over UDP": (node, path, file) => publishRtsp(node.rtspUrl(path), file, "udp"),
  "RTMP": (node, path, file) => publish(node.rtmpUrl(path), file),
};

type Outputs = Readonly<Record<string, (node: TestNode, path: string) => Promise<Frames>>>;

/** They carry G.711 as it is, or AAC that is made of it. */
const FLV_AND_RTSP: Outputs = {
  "RTSP over TCP": (node, path) => playRtsp(node.rtspUrl(path), "tcp"),
  "RTSP over UDP": (node, path) => playRtsp(node.rtspUrl(path), "udp"),
  "RTMP": (node, path) => readPlain(node.rtmpUrl(path)),
  "HTTP-FLV": (node, path) => readPlain(node.httpUrl(`${path}.flv`)),
};

const SOURCES: Readonly<Partial<Record<MediaName, Outputs>>> = {
  h264_aac: {
    ...FLV_AND_RTSP,
    "MPEG-TS": (node, path) => readPlain(node.httpUrl(`${path}.ts`)),
    "MP4": (node, path) => readPlain(node.httpUrl(`${path}.mp4`)),
    "HLS": (node, path) => readPlain(node.httpUrl(`${path}.m3u8`)),
  },
  h264_g711a: FLV_AND_RTSP,
};

let mesh: TestMesh;

Deno.test.beforeAll(async () => {
  mesh = await startMesh(["a", "b"]);
});

Deno.test.afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
});

for (const [source, outputs] of Object.entries(SOURCES)) {
  for (const [way, input] of Object.entries(INPUTS)) {
    Deno.test(endToEnd(
      `${source} by ${way} is the same over ${Object.keys(outputs).join(", ")}, on both nodes`,
      { needs: ["ffmpeg", "redis"] },
      async () => {
        const [a, b] = mesh.nodes;
        const file = await mediaFile(source as MediaName);
        const path = `live/${source}_${way.replaceAll(" ", "_")}`;
        await using publisher = input(a, path, file);
        await untilLive(b, path);
        await delay(HEAD_START_MS);
        const played = Object.entries(outputs).flatMap(([name, play]) => {
          // What RTMP cannot take as it is comes as AAC; see transcode_test.ts.
          const made = source === "h264_g711a" && way !== "RTMP" && !name.startsWith("RTSP");
          return [a, b].map(async (node) => {
            const fault = await judge(file, await play(node, path), made);
            return fault === undefined ? [] : [`${name} from ${node.ready.node}: ${fault}`];
          });
        });
        assertEquals((await Promise.all(played)).flat(), []);
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
