// Goal: ffmpeg reads our MPEG-TS without a warning, and finds the very frames that went in.
// Method: files by ffmpeg through the muxer, as segments one behind the other and as a live body;
// framemd5 of both sides, delimiters and parameter sets aside, and the log at level "warning".
import { TsPageEncoder } from "../../protocols/mpegts/page_encoder.ts";
import { muxTsSegment } from "../../protocols/mpegts/segment.ts";
import { concatBytes } from "../../protocols/bytes/concat.ts";
import type { Frame } from "../../protocols/media/record.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, frameMd5, type Frames } from "../support/frames.ts";
import { mediaFile, type MediaName } from "../support/media_files.ts";
import { runChild } from "../support/processes.ts";
import { checkTs } from "../support/ts_checks.ts";
import { pageOf, streamOf, type TestStream } from "../support/ts_vectors.ts";

/** A tick of 90 kHz on either side, and what ffmpeg rounds. */
const TOLERANCE_US = 24;

const SOURCES: readonly { name: MediaName; video?: "h264" | "hevc"; aac: boolean }[] = [
  { name: "h264_aac", video: "h264", aac: true },
  { name: "h264", video: "h264", aac: false },
  { name: "aac", aac: true },
  { name: "h264_mp3", video: "h264", aac: false },
];

for (const { name, video, aac } of SOURCES) {
  Deno.test(endToEnd(`ffmpeg reads ${name} from our MPEG-TS`, { needs: ["ffmpeg"] }, async () => {
    const source = await mediaFile(name);
    const stream = streamOf(await Deno.readFile(source));
    const expected = await normalised(source, video, false);
    for (const [form, bytes] of forms(stream)) {
      assertEquals(checkTs(bytes).faults, [], form);
      await withFile(bytes, async (file) => {
        assertEquals(await warnings(file), "", form);
        const got = await normalised(file, video, aac);
        // FLV counts in milliseconds, which are whole ticks: both tracks must agree.
        const fault = compareFrames(expected, got, { toleranceUs: TOLERANCE_US, framesMin: 100 });
        assertEquals(fault, undefined, form);
        assertEquals(got.video.length, expected.video.length, form);
        assertEquals(got.audio.length, expected.audio.length, form);
      });
    }
  }));
}

Deno.test(endToEnd("ffmpeg reads H.265 from our MPEG-TS", { needs: ["ffmpeg"] }, async () => {
  const stream = streamOf(await Deno.readFile(await mediaFile("h265_aac")));
  for (const [form, bytes] of forms(stream)) {
    assertEquals(checkTs(bytes).faults, [], form);
    await withFile(bytes, async (file) => {
      assertEquals(await warnings(file), "", form);
      const got = await frameMd5(file);
      const count = (kind: string) => stream.frames.filter((f) => f.track.kind === kind).length;
      assertEquals([got.video.length, got.audio.length], [count("video"), count("audio")], form);
    });
  }
}));

Deno.test(
  endToEnd("ffmpeg finds a lost packet in our segments", { needs: ["ffmpeg"] }, async () => {
    // Or else the tests above could not fail.
    const stream = streamOf(await Deno.readFile(await mediaFile("h264")));
    const [[, bytes]] = forms(stream);
    const cut = 188 * 100;
    const spoiled = concatBytes(bytes.subarray(0, cut), bytes.subarray(cut + 188));
    await withFile(spoiled, async (file) => assert(await warnings(file) !== ""));
  }),
);

/** The segments one behind the other, and a live body. */
function forms(stream: TestStream): [string, Uint8Array][] {
  const segments = cut(stream.frames).map((frames) => muxTsSegment(stream.head, frames));
  return [
    ["segments", concatBytes(...segments)],
    ["live body", pageOf(new TsPageEncoder(stream.head), stream)],
  ];
}

/** Each key frame opens a segment, or each second where there is no video. */
function cut(frames: readonly Frame[]): Frame[][] {
  const video = frames.some(({ track }) => track.kind === "video");
  const segments: Frame[][] = [];
  let startUs = -Infinity;
  for (const frame of frames) {
    const opens = video
      ? frame.track.kind === "video" && frame.keyframe
      : frame.dtsUs - startUs >= 1_000_000;
    if (opens || segments.length === 0) {
      segments.push([]);
      startUs = frame.dtsUs;
    }
    segments[segments.length - 1].push(frame);
  }
  return segments;
}

/** What a file holds, but for what its container demands in front of pictures and sound. */
function normalised(file: string, video: "h264" | "hevc" | undefined, adts: boolean) {
  const outputArgs: string[] = [];
  if (video === "h264") {
    outputArgs.push("-bsf:v", "h264_mp4toannexb,filter_units=remove_types=7-9");
  }
  if (adts) outputArgs.push("-bsf:a", "aac_adtstoasc");
  return frameMd5(file, { outputArgs }) as Promise<Frames>;
}

/** What ffmpeg and ffprobe have to say while they read and decode all of it. */
async function warnings(file: string): Promise<string> {
  const options = { timeoutMs: 30_000 };
  const probed = await runChild("ffprobe", ["-v", "warning", "-show_packets", file], options);
  const decode = ["-nostdin", "-v", "warning", "-i", file, "-map", "0", "-f", "null", "-"];
  const decoded = await runChild("ffmpeg", decode, options);
  assertEquals([probed.code, decoded.code], [0, 0]);
  return probed.stderr + decoded.stderr;
}

async function withFile(bytes: Uint8Array, use: (file: string) => Promise<void>): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "headwater-mpegts-", suffix: ".ts" });
  try {
    await Deno.writeFile(file, bytes);
    await use(file);
  } finally {
    await Deno.remove(file);
  }
}
