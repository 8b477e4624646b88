// Goal: other people's players play HLS of every kind, and live bodies in MPEG-TS and MP4.
// Method: ffmpeg publishes in real time, all players join together and play to the end; what each
// got must be one run of the source's frames. For hls.js see hls_browser_test.ts.
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, type CompareOptions, type Frames } from "../support/frames.ts";
import {
  playWithPlaybin,
  storeWithFfmpeg,
  storeWithHlsdemux,
  storeWithSoup,
  tsFrames,
} from "../support/hls_players.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { normaliseForTs, playVlc, publish } from "../support/players.ts";
import { delay } from "../support/processes.ts";
import { missingTool, type ToolName } from "../support/tools.ts";

/** How far the publisher is when the players that come late start, in milliseconds. */
const HEAD_START_MS = 3_000;

/** A tick of 90 kHz or 44.1 kHz and the rounding to microseconds and milliseconds. */
const TICK_US = 1_050;

/** What VLC's own clock makes of timestamps; see clients_test.ts. */
const VLC_COMPARE = { toleranceUs: 5_000, untimedHead: 5, tailMax: 15 };

/**
 * Of a body that does not begin with fragment 0, VLC 3 reads the time of the first fragment's track
 * alone: pictures come as much later than sound as the stream is old, and the last ones are cut off.
 */
const VLC_MP4_COMPARE = { untimedHead: Infinity, tailMax: 125 };

/** The old hlsdemux sometimes leaves out the segment that comes together with ENDLIST: 1 s. */
const HLSDEMUX_COMPARE = { toleranceUs: TICK_US, tailMax: 47 };

/** What each player is given to play, below `live/NAME`. */
const URLS = {
  "HLS-TS": ".m3u8?container=ts",
  "HLS-fMP4": ".m3u8",
  "a live TS body": ".ts",
  "a live MP4 body": ".mp4",
} as const;

type Form = keyof typeof URLS;

interface Player {
  readonly needs: ToolName;
  readonly forms: readonly Form[];
  /** Frames in the form that {@link tsFrames} gives; nothing when they cannot be had. */
  readonly play: (url: string, file: string, folder: string) => Promise<Frames | undefined>;
  readonly compare: CompareOptions;
  /** Whether it starts together with the publisher, before there is anything to play. */
  readonly early?: boolean;
}

const HLS: readonly Form[] = ["HLS-TS", "HLS-fMP4"];
const LIVE: readonly Form[] = ["a live TS body", "a live MP4 body"];
const ALL: readonly Form[] = [...HLS, ...LIVE];

const overFfmpeg = {
  needs: "ffmpeg",
  play: async (url: string, file: string) => tsFrames(await storeWithFfmpeg(url, file)),
  compare: { toleranceUs: TICK_US },
} as const;

const PLAYERS: Readonly<Record<string, Player>> = {
  "ffmpeg": { ...overFfmpeg, forms: ALL },
  "ffmpeg that waits for the publisher": { ...overFfmpeg, forms: ALL, early: true },
  "VLC": {
    needs: "vlc",
    forms: [...HLS, "a live TS body"],
    play: (url, _file, folder) => playVlc(url, folder),
    compare: VLC_COMPARE,
  },
  "VLC, its own times aside,": {
    needs: "vlc",
    forms: ["a live MP4 body"],
    play: (url, _file, folder) => playVlc(url, folder),
    compare: VLC_MP4_COMPARE,
  },
  "GStreamer's hlsdemux": {
    needs: "gstreamer",
    forms: HLS,
    play: async (url, file) => tsFrames(await storeWithHlsdemux(url, file)),
    compare: HLSDEMUX_COMPARE,
  },
  "GStreamer's souphttpsrc": {
    needs: "gstreamer",
    forms: LIVE,
    play: async (url, file) => tsFrames(await storeWithSoup(url, file)),
    compare: { toleranceUs: TICK_US },
  },
  "GStreamer's playbin3": {
    needs: "gstreamer",
    forms: ALL,
    play: (url) => playWithPlaybin(url).then(() => undefined),
    compare: {},
  },
};

let node: TestNode;
let folder: string;

Deno.test.beforeAll(async () => {
  node = await startTestNode({ args: ["--hls-segment", "1s"] });
  folder = await Deno.makeTempDir({ prefix: "headwater-hls-" });
  await Deno.chmod(folder, 0o755); // VLC runs as somebody else.
});

Deno.test.afterAll(async () => {
  await node?.stop(); // It may have failed to start, which is then the failure to see.
  await Deno.remove(folder, { recursive: true });
});

/** What went wrong with each player and form; `undefined` = nothing. */
let outcome: Promise<ReadonlyMap<string, Promise<string | undefined>>> | undefined;

for (const [name, { needs, forms }] of Object.entries(PLAYERS)) {
  for (const form of forms) {
    Deno.test(endToEnd(`${name} plays ${form}`, { needs: ["ffmpeg", needs] }, async () => {
      outcome ??= run();
      assertEquals(await (await outcome).get(`${name} plays ${form}`), undefined);
    }));
  }
}

/** Publishes once; all players play it together. */
async function run(): Promise<ReadonlyMap<string, Promise<string | undefined>>> {
  const file = await mediaFile("quarter");
  const source = await normaliseForTs(file);
  const results = new Map<string, Promise<string | undefined>>();
  const start = (early: boolean) => {
    for (const [name, player] of Object.entries(PLAYERS)) {
      if (missingTool(player.needs) !== undefined || early !== (player.early ?? false)) continue;
      for (const form of player.forms) {
        results.set(`${name} plays ${form}`, judge(player, form, source));
      }
    }
  };
  start(true);
  await delay(500);
  await using publisher = publish(node.rtmpUrl("live/players"), file);
  await delay(HEAD_START_MS);
  start(false);
  assertEquals((await publisher.ended).code, 0);
  await Promise.all(results.values());
  return results;
}

async function judge(player: Player, form: Form, source: Frames): Promise<string | undefined> {
  try {
    const url = node.httpUrl(`live/players${URLS[form]}`);
    const got = await player.play(url, `${folder}/${crypto.randomUUID()}`, folder);
    if (got === undefined) return undefined;
    return compareFrames(source, got, { framesMin: 75, ...player.compare });
  } catch (error) {
    return String(error);
  }
}
