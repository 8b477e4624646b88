// Goal: whatever an encoder does, the playlists stay valid, every frame is there, and hls.js goes on.
// Method: publishers of long, short, silent, uneven and changing streams, some side by side; clients
// of the tests take all of HLS as it appears, Chromium plays some of the streams meanwhile.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, type Frames, probeFrames } from "../support/frames.ts";
import { type HlsPlay, openHlsPage } from "../support/hls_browser.ts";
import { measureStretches } from "../support/hls_media.ts";
import { parserComplaints } from "../support/hls_parsers.ts";
import { tsFrames } from "../support/hls_players.ts";
import { sendFiles } from "../support/hls_publish.ts";
import {
  checkParts,
  type HlsContainerName,
  renditionOf,
  type WatchedStream,
  watchHls,
  wholeFile,
} from "../support/hls_watch.ts";
import { readPlaylist } from "../support/m3u8.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { missingTool } from "../support/tools.ts";

interface Source {
  /** Files, one behind the other, in one publish. */
  readonly files: readonly MediaName[];
  /** How long hls.js may play, in seconds; the end of the stream ends it. */
  readonly browserSeconds?: number;
  /** Video sizes that hls.js must have shown. */
  readonly sizes?: readonly string[];
  /** Audio frames in front of the first segment; that of a stream without video begins late. */
  readonly audioHeadMax?: number;
  /** hls.js shows all of it, but behind a hole in its buffer it does not call that the end. */
  readonly endless?: boolean;
  readonly discontinuities: number;
  /** Whether every segment can begin with a key frame. */
  readonly independent: boolean;
  readonly codecs: string;
  /** What a parser's rule cannot suit; see the source. */
  readonly exempt?: RegExp;
}

/** In front of a picture that lasts long a part cannot be filled to 85 %; a later one is too long. */
const LONG_PICTURE = /at least 85% of PART-TARGET/;

const SOURCES: Readonly<Record<string, Source>> = {
  "a key frame each 10 s": {
    files: ["long_gop"],
    browserSeconds: 40,
    sizes: ["320x180"],
    discontinuities: 0,
    independent: false,
    codecs: "avc1.64000c,mp4a.40.2",
  },
  "key frames only": {
    files: ["key_frames"],
    discontinuities: 0,
    independent: true,
    codecs: "avc1.64100c,mp4a.40.2",
  },
  "audio only": {
    files: ["aac"],
    browserSeconds: 20,
    sizes: ["0x0"],
    audioHeadMax: 45,
    discontinuities: 0,
    independent: true,
    codecs: "mp4a.40.2",
  },
  "a variable frame rate": {
    files: ["variable_rate"],
    browserSeconds: 25,
    endless: true,
    sizes: ["320x180"],
    discontinuities: 0,
    independent: true,
    codecs: "avc1.64000c,mp4a.40.2",
    exempt: LONG_PICTURE,
  },
  "a change of resolution": {
    files: ["h264_aac", "large"],
    browserSeconds: 25,
    sizes: ["320x180", "640x360"],
    endless: true,
    discontinuities: 1,
    independent: true,
    codecs: "avc1.4d401e,mp4a.40.2",
    exempt: LONG_PICTURE,
  },
};

const CONTAINERS: readonly HlsContainerName[] = ["fmp4", "ts"];

/** The first source takes as long as all others together; side by side there is a Chromium each. */
const SOURCES_AT_A_TIME = 2;

/** Longest all sources may take, in milliseconds: 40 s on a quiet machine. */
const NEEDS = { needs: ["ffmpeg"], timeoutMs: 160_000 } as const;

/** A tick of 90 kHz or 44.1 kHz, the rounding to microseconds, and the milliseconds of FLV. */
const TICK_US = 1_050;
const EXTINF_SECONDS = 0.001;

let node: TestNode;
let folder: string;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
  folder = await Deno.makeTempDir({ prefix: "headwater-hls-sources-" });
});

Deno.test.afterAll(async () => {
  await node.stop();
  await Deno.remove(folder, { recursive: true });
});

interface Outcome {
  readonly fmp4: WatchedStream;
  readonly ts: WatchedStream;
  readonly play: HlsPlay | undefined;
}

let outcomes: Readonly<Record<string, Promise<Outcome>>> | undefined;

/** Starts all sources with the first test; who asks for one awaits its turn. */
async function outcomeOf(name: string): Promise<Outcome> {
  outcomes ??= startSources();
  return await outcomes[name];
}

function startSources(): Readonly<Record<string, Promise<Outcome>>> {
  const waiting = Object.entries(SOURCES).map(([name, source]) => ({
    ...{ name, source },
    ...Promise.withResolvers<Outcome>(),
  }));
  const started = Object.fromEntries(waiting.map(({ name, promise }) => [name, promise]));
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { name, source, promise, resolve } = next;
      resolve(run(name, source));
      await promise.catch(() => {}); // Told by its test.
    }
  };
  for (let lane = 0; lane < SOURCES_AT_A_TIME; lane++) void work();
  return started;
}

async function run(name: string, { files, browserSeconds }: Source): Promise<Outcome> {
  const path = `live/${name.replaceAll(" ", "-")}`;
  const plays = browserSeconds !== undefined && missingTool("chromium") === undefined;
  await using page = plays ? await openHlsPage() : undefined; // Chromium takes its time to start.
  const [fmp4, ts, play] = await Promise.all([
    watchHls(node, path, "fmp4"),
    watchHls(node, path, "ts"),
    page?.play(node.httpUrl(`${path}.m3u8`), browserSeconds!),
    sendFiles(node.address("rtmp"), path, await Promise.all(files.map(mediaFile))),
  ]);
  return { fmp4, ts, play };
}

for (const [name, source] of Object.entries(SOURCES)) {
  for (const container of CONTAINERS) {
    Deno.test(endToEnd(`${name}: ${container} playlists stay valid`, NEEDS, async () => {
      const stream = (await outcomeOf(name))[container];
      const { segments, playlists, multivariant } = stream;
      const [first, last] = [segments[0], segments.at(-1)!];
      assertEquals(last.discontinuities - first.discontinuities, source.discontinuities);
      assertEquals(segments.length, last.number - first.number + 1);
      for (const text of [multivariant, ...playlists]) {
        const found = parserComplaints(text).filter((one) => !source.exempt?.test(one));
        assertEquals(found, [], text);
      }
      assertEquals(readPlaylist(playlists.at(-1)!).independent, source.independent);
      if (container === "fmp4") checkParts(stream);
    }));

    Deno.test(endToEnd(`${name}: ${container} has every frame`, NEEDS, async () => {
      const stream = (await outcomeOf(name))[container];
      const expected = await joined(source.files, container);
      const got = await framesOf(stream, container);
      assertEquals(compareFrames(expected, got, { toleranceUs: TICK_US }), undefined);
      // What comes in front of the first segment is not in HLS: sound before the first picture.
      const head = expected.audio.length - got.audio.length;
      assertEquals(got.video.length, expected.video.length);
      assert(head >= 0 && head <= (source.audioHeadMax ?? 1), `${head} audio frames are missing`);
    }));

    Deno.test(
      endToEnd(`${name}: ${container} EXTINF tells how long the media is`, NEEDS, async () => {
        const stream = (await outcomeOf(name))[container];
        const groups = await stretchesOf(stream, container);
        for (const [index, { file, offset, part }] of groups.entries()) {
          const stretches = part.segments.map(({ uri, seconds }) => ({
            bytes: stream.bodies.get(uri!)!.length,
            seconds: seconds!,
          }));
          const measured = await measureStretches(file, offset, stretches);
          // In front of a discontinuity a file alone does not tell how long its last picture lasts.
          if (index + 1 < groups.length) measured.pop();
          for (const { seconds, measured: really, keyframe } of measured) {
            const text = `${seconds} s in the playlist, ${really} s of media`;
            assert(Math.abs(seconds - really) <= EXTINF_SECONDS, text);
            assert(keyframe || !source.independent, "a segment begins without a key frame");
          }
        }
      }),
    );
  }

  Deno.test(endToEnd(`${name}: the multivariant playlist names the codecs`, NEEDS, async () => {
    const { fmp4 } = await outcomeOf(name);
    const first = source.files[0] === "h264_aac" ? "avc1.4d400c,mp4a.40.2" : source.codecs;
    assertEquals(renditionOf(fmp4.multivariant).CODECS, first);
  }));

  if (source.browserSeconds === undefined) continue;
  Deno.test(endToEnd(
    `${name}: hls.js plays to the end`,
    { ...NEEDS, needs: ["ffmpeg", "chromium"] },
    async () => {
      const { play } = await outcomeOf(name);
      const { glimpses, ...said } = play!;
      const text = JSON.stringify(said);
      assertEquals(said.errors, [], text);
      assertEquals(said.sizes, source.sizes, text);
      assert(said.ended || source.endless === true, text);
      const played = glimpses.at(-1)!.currentTime -
        glimpses.find(({ currentTime }) => currentTime > 0)!
          .currentTime;
      const length = fmp4Seconds((await outcomeOf(name)).fmp4);
      assert(played >= length - 4, `${played} s of ${length} s: ${text}`);
    },
  ));
}

function fmp4Seconds({ segments }: WatchedStream): number {
  return segments.reduce((sum, { seconds }) => sum + seconds!, 0);
}

/** Frames of the files as one stream, as {@link sendFiles} sends them. */
async function joined(
  files: readonly MediaName[],
  container: HlsContainerName,
): Promise<Frames> {
  const frames = { video: [] as Frames["video"][number][], audio: [] as Frames["audio"][number][] };
  let shiftUs = 0;
  for (const name of files) {
    const file = await mediaFile(name);
    const read = container === "ts" ? await tsFrames(file) : await probeFrames(file);
    for (const kind of ["video", "audio"] as const) {
      frames[kind].push(...read[kind].map((frame) => ({
        ...frame,
        dtsUs: frame.dtsUs + shiftUs,
        ptsUs: frame.ptsUs + shiftUs,
      })));
    }
    shiftUs += FILE_US;
  }
  return frames;
}

/** How much later the second file of a source begins, in microseconds: behind the first one's sound. */
const FILE_US = 6_040_000;

/** Files of one initialization each, and where in them the first segment begins. */
async function stretchesOf(stream: WatchedStream, container: HlsContainerName) {
  const groups = Map.groupBy(
    stream.segments,
    ({ map, discontinuities }) => `${map} ${discontinuities}`,
  );
  return await Promise.all([...groups.values()].map(async (segments) => {
    const part = { ...stream, segments };
    const file = `${folder}/${crypto.randomUUID()}.${container === "ts" ? "ts" : "mp4"}`;
    await Deno.writeFile(file, wholeFile(part));
    const { map } = segments[0];
    return { file, part, offset: map === undefined ? 0 : stream.bodies.get(map)!.length };
  }));
}

async function framesOf(stream: WatchedStream, container: HlsContainerName): Promise<Frames> {
  if (container === "ts") {
    const file = `${folder}/${crypto.randomUUID()}.ts`;
    await Deno.writeFile(file, wholeFile(stream));
    return await tsFrames(file);
  }
  const stretches = await stretchesOf(stream, container);
  const frames = await Promise.all(stretches.map(({ file }) => probeFrames(file)));
  return {
    video: frames.flatMap(({ video }) => video),
    audio: frames.flatMap(({ audio }) => audio),
  };
}
