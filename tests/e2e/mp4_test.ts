// Goal: other people's programs read our MP4 without a complaint, and find every frame unchanged.
// Method: frames of captured files written as an init segment with fragments, and as a live body;
// ffmpeg's digests before and after, warnings of ffprobe and mediainfo, Chromium through MSE.
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { codecString } from "../../protocols/codecs/track_config.ts";
import type { Frame } from "../../protocols/media/record.ts";
import { type Track, trackId } from "../../protocols/media/track.ts";
import { writeFragment } from "../../protocols/mp4/fragment.ts";
import { writeInitSegment } from "../../protocols/mp4/init_segment.ts";
import { Mp4PageEncoder } from "../../protocols/mp4/page_encoder.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { collectFlv } from "../support/flv_frames.ts";
import { demuxFlv, framesOf } from "../support/flv_vectors.ts";
import { compareFrames, frameMd5, type Frames } from "../support/frames.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { MP4_FACTS, mp4Media } from "../support/mp4_vectors.ts";
import { playThroughMse } from "../support/mse_play.ts";
import { REPOSITORY } from "../support/paths.ts";
import { runChild, runTool } from "../support/processes.ts";

/** One tick of the slowest clock, that of G.711, in microseconds. */
const TICK_US = 125;

/** Longest that a program may take for one of these files, in milliseconds. */
const TIMEOUT_MS = 20_000;

interface Media {
  readonly tracks: readonly Track[];
  readonly frames: readonly Frame[];
}

/** Media of a recorded publish; the latest configuration of each track counts. */
function publishedMedia(bytes: Uint8Array): Media {
  const sink = demuxFlv(bytes);
  const latest = new Map(sink.tracks.map((track) => [trackId(track), track]));
  const tracks = [...latest.values()].sort((a, b) => trackId(a) - trackId(b));
  return { tracks, frames: framesOf(sink) };
}

/** An init segment and a fragment from each key frame to the next; a second each for audio. */
function segmented({ tracks, frames }: Media): Uint8Array<ArrayBuffer>[] {
  const pieces = [writeInitSegment(tracks)];
  const video = tracks.some(({ kind }) => kind === "video");
  let start = 0;
  for (let index = 1; index <= frames.length; index++) {
    const frame = frames[index];
    const opens = frame === undefined ||
      (video
        ? frame.track.kind === "video" && frame.keyframe
        : frame.dtsUs - frames[start].dtsUs >= 1_000_000);
    if (!opens) continue;
    const endUs = (track: Track) =>
      frames.slice(index).find((next) => trackId(next.track) === trackId(track))?.dtsUs;
    const sequenceNumber = pieces.length;
    const options = { sequenceNumber, frames: frames.slice(start, index), endUs };
    pieces.push(writeFragment({ ...options, segmentType: true }));
    start = index;
  }
  return pieces;
}

/** The live body, as a viewer of `/APP/NAME.mp4` receives it. */
function live({ tracks, frames }: Media): Uint8Array<ArrayBuffer>[] {
  const encoder = new Mp4PageEncoder();
  const pieces = [new Uint8Array(encoder.opening({ tracks, data: [] }))];
  for (const frame of frames) {
    const page = new Uint8Array(encoder.sizeOf(frame));
    encoder.write(frame, page, 0);
    pieces.push(page);
  }
  return pieces;
}

const FORMS = { segments: segmented, "a live body": live } as const;

/** Writes `bytes` to a file for the time of `use`. */
async function withFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
  const path = await Deno.makeTempFile({ prefix: "headwater-", suffix: ".mp4" });
  try {
    await Deno.writeFile(path, bytes);
    return await use(path);
  } finally {
    await Deno.remove(path);
  }
}

/** What ffprobe and mediainfo have to complain of. */
async function complaints(path: string): Promise<string[]> {
  const options = { timeoutMs: TIMEOUT_MS };
  const probe = ["-v", "warning", "-show_packets", "-show_entries", "packet=size", path];
  const { code, stderr } = await runChild("ffprobe", probe, options);
  const report = await runTool("mediainfo", ["--Full", path], options);
  const wrong = /error|conformance|truncated|warning|malformed|unknown/i;
  const mediainfo = report.split("\n").filter((line) => wrong.test(line));
  return [...(code === 0 ? [] : [`exit code ${code}`]), ...stderr.split("\n"), ...mediainfo]
    .filter((line) => line !== "");
}

async function check(media: Media, source: Frames): Promise<void> {
  for (const [form, write] of Object.entries(FORMS)) {
    await withFile(concatBytes(...write(media)), async (path) => {
      assertEquals(await complaints(path), [], form);
      const got = await frameMd5(path);
      assertEquals(compareFrames(source, got, { toleranceUs: TICK_US }), undefined, form);
      assertEquals(got.video.length + got.audio.length, media.frames.length, form);
    });
  }
}

const NEEDS = { needs: ["ffmpeg", "mediainfo"] } as const;

for (const name of Object.keys(MP4_FACTS)) {
  Deno.test(endToEnd(`what ffmpeg finds in ${name} it finds in our MP4`, NEEDS, async () => {
    await check(mp4Media(name), await frameMd5(`${REPOSITORY}/tests/vectors/mp4_small/${name}`));
  }));
}

for (const name of ["h264_aac", "h264_mp3", "h264_g711a", "g711u"] satisfies MediaName[]) {
  Deno.test(endToEnd(`a publisher's ${name} becomes MP4 unchanged`, NEEDS, async () => {
    const path = await mediaFile(name);
    await check(publishedMedia(await Deno.readFile(path)), await frameMd5(path));
  }));
}

// The system's ffmpeg cannot read these in FLV, so the source's frames are those of our own reader.
for (const name of ["h265_aac", "av1_aac"] satisfies MediaName[]) {
  Deno.test(endToEnd(`a publisher's ${name} becomes MP4 unchanged`, NEEDS, async () => {
    const bytes = await Deno.readFile(await mediaFile(name));
    await check(publishedMedia(bytes), collectFlv(bytes).frames);
  }));
}

for (const [form, write] of Object.entries(FORMS)) {
  Deno.test(endToEnd(
    `Chromium takes H.264 and AAC in ${form}`,
    { needs: ["ffmpeg", "chromium"] },
    async () => {
      const media = publishedMedia(await Deno.readFile(await mediaFile("h264_aac")));
      const codecs = media.tracks.map(codecString).join(", ");
      const play = await playThroughMse({
        type: `video/mp4; codecs="${codecs}"`,
        pieces: write(media),
      });
      assertEquals(play.errors, []);
      assertEquals([play.width, play.height], [320, 180]);
      assertEquals(play.buffered.length, 1);
      const [start, end] = play.buffered[0];
      assert(end - start > 5.9, JSON.stringify(play));
      assert(play.playedSeconds > 5.8, JSON.stringify(play));
      assert(play.pictures >= 140, JSON.stringify(play));
    },
  ));
}
