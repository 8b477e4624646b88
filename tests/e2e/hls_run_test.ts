// Goal: a minute of HLS, in both containers, is exact to the byte, the frame and the rule.
// Method: ffmpeg publishes 62 s in real time; a client of the tests takes every playlist, segment
// and part as it appears, twice and more; other people's programs judge what it got.
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, probeFrames } from "../support/frames.ts";
import { fileComplaints, measureStretches, type Stretch } from "../support/hls_media.ts";
import { parserComplaints } from "../support/hls_parsers.ts";
import { tsFrames } from "../support/hls_players.ts";
import {
  checkParts,
  type HlsContainerName,
  renditionOf,
  type WatchedStream,
  watchHls,
  wholeFile,
} from "../support/hls_watch.ts";
import { readPlaylist } from "../support/m3u8.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { checkTs } from "../support/ts_checks.ts";

/** Length of the source, and longest that the run may take, in milliseconds. */
const SOURCE_SECONDS = 62;
const RUN_MS_MAX = 90_000;

/** How far EXTINF may be off, in seconds (rounded in the playlist and in the container). */
const EXTINF_SECONDS = 0.001;

/** A tick of 90 kHz or 44.1 kHz and the rounding to microseconds, twice. */
const TICK_US = 50;

const CONTAINERS: readonly HlsContainerName[] = ["fmp4", "ts"];
const WINDOW = 6;

let folder: string;
let run: Promise<Record<HlsContainerName, WatchedStream>> | undefined;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-hls-run-" });
});

Deno.test.afterAll(async () => {
  await Deno.remove(folder, { recursive: true });
});

/** The one run that every test looks at. */
function watched(): Promise<Record<HlsContainerName, WatchedStream>> {
  run ??= (async () => {
    await using node = await startTestNode();
    const file = await mediaFile("minute");
    await using publisher = publish(node.rtmpUrl("live/run"), file, 1, RUN_MS_MAX);
    const [fmp4, ts] = await Promise.all(
      CONTAINERS.map((container) => watchHls(node, "live/run", container)),
    );
    assertEquals((await publisher.ended).code, 0);
    return { fmp4, ts };
  })();
  return run;
}

for (const container of CONTAINERS) {
  const NEEDS = { needs: ["ffmpeg", "mediainfo"], timeoutMs: RUN_MS_MAX + 60_000 } as const;

  Deno.test(
    endToEnd(`${container}: the window rolls over a minute by the rules`, NEEDS, async () => {
      const { playlists, segments, multivariant } = (await watched())[container];
      assertEquals(segments.length, SOURCE_SECONDS / 2);
      segments.forEach(({ number }, index) => assertEquals(number, segments[0].number + index));
      for (const text of playlists) {
        const { target, segments, independent, ended } = readPlaylist(text);
        const complete = segments.filter(({ uri }) => uri !== undefined).length;
        assertEquals([target, independent], [2, true]);
        assert(complete >= 1 && complete <= WINDOW, `${complete} segments`);
        assert(!ended || complete === WINDOW);
      }
      const { CODECS, RESOLUTION, BANDWIDTH, ...others } = renditionOf(multivariant);
      assertEquals([CODECS, RESOLUTION], ["avc1.4d400c,mp4a.40.2", "320x180"]);
      assertEquals(others["FRAME-RATE"], "25.000");
      assert(Number(BANDWIDTH) >= Number(others["AVERAGE-BANDWIDTH"]), multivariant);
    }),
  );

  Deno.test(endToEnd(`${container}: other people's parsers find nothing`, NEEDS, async () => {
    const { playlists, multivariant } = (await watched())[container];
    for (const text of [multivariant, ...playlists]) {
      assertEquals(parserComplaints(text), [], text);
    }
  }));

  Deno.test(
    endToEnd(`${container}: every frame of the source is there, unchanged`, NEEDS, async () => {
      const got = await store(container);
      const source = await mediaFile("minute");
      const [expected, frames] = container === "ts"
        ? [await tsFrames(source), await tsFrames(got)]
        : [await probeFrames(source), await probeFrames(got)];
      assertEquals(compareFrames(expected, frames, { toleranceUs: TICK_US }), undefined);
      assertEquals(frames.video.length, expected.video.length);
      assertEquals(frames.audio.length, expected.audio.length);
    }),
  );

  Deno.test(endToEnd(`${container}: EXTINF tells how long the media is`, NEEDS, async () => {
    const stream = (await watched())[container];
    const file = await store(container);
    const map = stream.segments[0].map;
    const offset = map === undefined ? 0 : stream.bodies.get(map)!.length;
    for (const [what, stretches] of Object.entries(stretchesOf(stream))) {
      const measured = await measureStretches(file, offset, stretches);
      for (const [index, { seconds, measured: really, keyframe }] of measured.entries()) {
        const text = `${what} ${index}: ${seconds} s in the playlist, ${really} s of media`;
        assert(Math.abs(seconds - really) <= EXTINF_SECONDS, text);
        if (what === "segment") assert(keyframe, `${what} ${index} begins without a key frame`);
      }
    }
  }));

  Deno.test(endToEnd(`${container}: ffprobe and mediainfo have no complaint`, NEEDS, async () => {
    const { segments, bodies } = (await watched())[container];
    const chosen = [segments[0], segments[segments.length >> 1], segments.at(-1)!];
    for (const segment of chosen) {
      const file = `${folder}/one.${container === "ts" ? "ts" : "mp4"}`;
      const map = segment.map === undefined ? [] : [bodies.get(segment.map)!];
      await Deno.writeFile(
        file,
        wholeFile({ ...(await watched())[container], segments: [segment] }),
      );
      assertEquals(await fileComplaints(file), [], `${segment.uri}, ${map.length} maps`);
    }
    assertEquals(await fileComplaints(await store(container)), []);
  }));
}

Deno.test(endToEnd("fmp4: segments are their parts, hints become parts", {
  needs: ["ffmpeg"],
  timeoutMs: RUN_MS_MAX,
}, async () => {
  const { fmp4 } = await watched();
  checkParts(fmp4);
  for (const { parts } of fmp4.segments) {
    assertEquals([parts.length, parts[0].independent], [10, true]);
  }
  assert(fmp4.hints.kept >= fmp4.hints.asked * 0.9, JSON.stringify(fmp4.hints));
}));

Deno.test(endToEnd("ts: counters, clocks and tables go on over all segments", {
  needs: ["ffmpeg"],
  timeoutMs: RUN_MS_MAX,
}, async () => {
  const { ts } = await watched();
  assertEquals(checkTs(wholeFile(ts)).faults, []);
}));

/** Path of all segments in one file. */
async function store(container: HlsContainerName): Promise<string> {
  const file = `${folder}/all.${container === "ts" ? "ts" : "mp4"}`;
  await Deno.writeFile(file, wholeFile((await watched())[container]));
  return file;
}

function stretchesOf({ segments, bodies }: WatchedStream): Record<string, Stretch[]> {
  const stretch = (uri: string, seconds: number) => ({ bytes: bodies.get(uri)!.length, seconds });
  const parts = segments.flatMap((segment) => segment.parts);
  return {
    segment: segments.map(({ uri, seconds }) => stretch(uri!, seconds!)),
    ...(parts.length === 0 ? {} : { part: parts.map(({ uri, seconds }) => stretch(uri, seconds)) }),
  };
}
