// Goal: what a publisher sends reaches every kind of client byte for byte.
// Method: ffmpeg publishes a file in real time, all clients join together a second later and play
// to the end; each client's frames must be one run of the file's, timestamps moved by one offset.
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { collectFlv } from "../support/flv_frames.ts";
import { compareFrames, type CompareOptions, type Frames, probeFrames } from "../support/frames.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import {
  normaliseForTs,
  playFfmpeg,
  playFfprobe,
  playGstreamer,
  playRtmpdump,
  playVlc,
  playWebSocket,
  publish,
} from "../support/players.ts";
import { delay } from "../support/processes.ts";
import { missingTool, type ToolName } from "../support/tools.ts";
import { collect } from "../support/wire/collect.ts";
import type { ViewerProtocol } from "../support/wire/viewer.ts";

/** How far the publisher is when the clients start, in milliseconds. */
const HEAD_START_MS = 1_000;

/** What a client must have received at least: a second, at 25 frames a second. */
const FRAMES_MIN = 25;

/** How far the timestamps of an MPEG-TS file may be off: VLC rounds them to its own clock. */
const TS_TOLERANCE_US = 2_000;

interface Client {
  readonly needs: ToolName;
  readonly play: (node: TestNode, source: MediaName, folder: string) => Promise<Frames>;
  /** How the source is read for the comparison; ffprobe's packets unless given. */
  readonly source?: (file: string) => Promise<Frames>;
  readonly compare?: CompareOptions;
  /** Sources it cannot play, whoever serves them. */
  readonly cannot?: readonly MediaName[];
}

const overVlc = {
  needs: "vlc",
  source: normaliseForTs,
  // Of a local file, too, VLC guesses the times of the first frames and leaves out the last.
  compare: { toleranceUs: TS_TOLERANCE_US, untimedHead: 5, tailMax: 15 },
  // Its MPEG-TS muxer has no G.711.
  cannot: ["h264_g711a", "g711u"],
} as const;

const own = (protocol: ViewerProtocol): Client => ({
  needs: "ffmpeg",
  source: async (file) => collectFlv(await Deno.readFile(file)).frames,
  play: async (node, source) => {
    const path = pathOf(source);
    const address = node.address(protocol === "rtmp" ? "rtmp" : "http");
    const { collector, ended } = await collect({ protocol, address, path });
    assertEquals(ended, "end of stream");
    return collector.frames;
  },
});

const CLIENTS: Readonly<Record<string, Client>> = {
  "ffmpeg over RTMP": {
    needs: "ffmpeg",
    play: (node, source) => playFfmpeg(node.rtmpUrl(pathOf(source))),
  },
  "ffmpeg over HTTP-FLV": {
    needs: "ffmpeg",
    play: (node, source) => playFfmpeg(node.httpUrl(`${pathOf(source)}.flv`)),
  },
  "ffprobe over RTMP": {
    needs: "ffmpeg",
    play: (node, source) => playFfprobe(node.rtmpUrl(pathOf(source))),
  },
  "rtmpdump": {
    needs: "rtmpdump",
    play: (node, source, folder) => playRtmpdump(node.rtmpUrl(pathOf(source)), folder),
  },
  "GStreamer over RTMP": {
    needs: "gstreamer",
    play: (node, source, folder) =>
      playGstreamer(node.rtmpUrl(pathOf(source)), folder, trackOf(source)),
    // rtmp2src forgets the message it holds when the stream ends.
    compare: { tailMax: 1 },
  },
  "GStreamer over HTTP-FLV": {
    needs: "gstreamer",
    play: (node, source, folder) =>
      playGstreamer(node.httpUrl(`${pathOf(source)}.flv`), folder, trackOf(source)),
  },
  "VLC over RTMP": {
    ...overVlc,
    play: (node, source, folder) => playVlc(node.rtmpUrl(pathOf(source)), folder),
  },
  "VLC over HTTP-FLV": {
    ...overVlc,
    play: (node, source, folder) => playVlc(node.httpUrl(`${pathOf(source)}.flv`), folder),
  },
  "Deno over WebSocket-FLV": {
    needs: "ffmpeg",
    play: (node, source, folder) => playWebSocket(node.wsUrl(`${pathOf(source)}.flv`), folder),
  },
  "a strict RTMP reader": own("rtmp"),
  "a strict HTTP-FLV reader": own("http-flv"),
  "a strict WebSocket-FLV reader": own("ws-flv"),
};

const SOURCES: readonly MediaName[] = [
  "h264_aac",
  "h264",
  "aac",
  "h264_mp3",
  "h264_g711a",
  "g711u",
];

let node: TestNode;
let folder: string;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
  folder = await Deno.makeTempDir({ prefix: "headwater-clients-" });
  await Deno.chmod(folder, 0o755); // VLC runs as somebody else.
});

Deno.test.afterAll(async () => {
  await node?.stop(); // It may have failed to start, which is then the failure to see.
  await Deno.remove(folder, { recursive: true });
});

/** What went wrong with each client of a source; `undefined` = nothing. */
type Outcome = Readonly<Record<string, Promise<string | undefined>>>;

const outcomes = new Map<MediaName, Promise<Outcome>>();

for (const source of SOURCES) {
  for (const [name, { needs, cannot }] of Object.entries(CLIENTS)) {
    if (cannot?.includes(source)) continue;
    Deno.test(endToEnd(
      `${name} receives ${source} as ffmpeg published it`,
      { needs: ["ffmpeg", needs] },
      async () => {
        if (!outcomes.has(source)) outcomes.set(source, run(source));
        assertEquals(await (await outcomes.get(source)!)[name], undefined);
      },
    ));
  }
}

function pathOf(source: MediaName): string {
  return `live/${source}`;
}

function trackOf(source: MediaName): "video" | "audio" {
  return source.startsWith("h264") ? "video" : "audio";
}

/** Publishes once; all clients play it together. */
async function run(source: MediaName): Promise<Outcome> {
  const file = await mediaFile(source);
  const publisher = publish(node.rtmpUrl(pathOf(source)), file);
  await delay(HEAD_START_MS);
  const outcome: Record<string, Promise<string | undefined>> = {};
  for (const [name, client] of Object.entries(CLIENTS)) {
    if (missingTool(client.needs) !== undefined || client.cannot?.includes(source)) continue;
    outcome[name] = judge(client, file, source);
  }
  const { code, stderr } = await publisher.ended;
  if (code !== 0) throw new Error(`The publisher failed: ${stderr}`);
  return outcome;
}

async function judge(
  client: Client,
  file: string,
  source: MediaName,
): Promise<string | undefined> {
  try {
    const got = await client.play(node, source, folder);
    const expected = await (client.source ?? probeFrames)(file);
    return compareFrames(expected, got, { framesMin: FRAMES_MIN, ...client.compare });
  } catch (error) {
    return String(error);
  }
}
