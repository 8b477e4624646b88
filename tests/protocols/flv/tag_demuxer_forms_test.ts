// Goal: forms of tags that no program at hand writes are read as the specifications say.
// Method: bodies by hand from Enhanced RTMP v2 and from what encoders in use are known to send,
// around configurations that ffmpeg made.
import { ProtocolError } from "../../../protocols/errors.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { ascii, demuxed, flvFile, flvTags, framesOf } from "../../support/flv_vectors.ts";

const AVC_CONFIG = flvTags(flvFile("h264_aac"))[1].body.subarray(5).toHex();
const HEVC_CONFIG = flvTags(flvFile("enhanced_hevc_opus"))[1].body.subarray(5).toHex();
const AV1_CONFIG = "81000c000a0a00000002afff9b5f2008"; // enhanced_av1_flac.flv
const VP8_KEY = "b020009d012a400040000047088585888584880202"; // libvpx by ffmpeg 5.1.9
const NAL_UNIT = "0000000265aa";

Deno.test("TagDemuxer reads H.265 under the codec id 12 that encoders in China use", () => {
  const sink = demuxed(
    ["video", `1c00000000${HEVC_CONFIG}`],
    ["video", `1c01000028${NAL_UNIT}`],
    ["video", `2c01000000${NAL_UNIT}`],
  );
  assertEquals(sink.tracks.map(({ codec }) => codec), ["h265"]);
  assertEquals(sink.tracks[0].config.toHex(), HEVC_CONFIG);
  const frames = framesOf(sink);
  assertEquals(frames.map(({ keyframe }) => keyframe), [true, false]);
  assertEquals(frames[0].ptsUs - frames[0].dtsUs, 40_000);
});

Deno.test("TagDemuxer reads VP8 with and without its configuration", () => {
  const start = `90${ascii("vp08")}01000000000a820202020000`; // vpcC of enhanced_vp9_ac3.flv
  for (
    const starts of [[["video", start] as const], [["video", `90${ascii("vp08")}`] as const], []]
  ) {
    const sink = demuxed(...starts, ["video", `91${ascii("vp08")}${VP8_KEY}`]);
    assertEquals(sink.tracks.map(({ codec }) => codec), ["vp8"]);
    assertEquals(framesOf(sink).map(({ data }) => data.toHex()), [VP8_KEY]);
  }
});

Deno.test("TagDemuxer makes an av1C of MPEG2TSSequenceStart's descriptor", () => {
  // Carriage of AV1 in MPEG-2 TS, 2.1: tag 0x80, 4 bytes, hdr_wcg_idc 3 where av1C has zeros.
  const sink = demuxed(["video", `95${ascii("av01")}800481000cd3`]);
  assertEquals(sink.tracks.map(({ codec, config }) => `${codec} ${config.toHex()}`), [
    "av1 81000c13",
  ]);
  assertEquals(demuxed(["video", `95${ascii("hvc1")}800481000c00`]).drops.length, 1);
  const error = assertThrows(() => demuxed(["video", `95${ascii("av01")}8004`]), ProtocolError);
  assertEquals([error.section, error.offset], ["Enhanced Video", 5]);
});

Deno.test("TagDemuxer hands nanosecond offsets on", () => {
  const sink = demuxed(
    ["video", `90${ascii("av01")}${AV1_CONFIG}`],
    ["video", `97020186a001${ascii("av01")}0a01`],
    ["video", `91${ascii("av01")}0a01`],
  );
  assertEquals(sink.nanoOffsets, [100_000, 0]);
});

Deno.test("TagDemuxer takes several tracks of several codecs out of one body", () => {
  const sink = demuxed(
    [
      "video",
      `9620${track("av01", 0, AV1_CONFIG)}${track("hvc1", 1, HEVC_CONFIG)}${
        track("avc1", 7, AVC_CONFIG)
      }`,
    ],
    [
      "video",
      `9621${track("av01", 0, "0a01")}${track("hvc1", 1, `000028${NAL_UNIT}`)}${
        track("avc1", 7, `ffffd8${NAL_UNIT}`)
      }`,
    ],
    ["video", `9620${track("av01", 8, AV1_CONFIG)}${track("vvc1", 1, "0a01")}`],
    ["audio", `9520${track("mp4a", 8, "1188")}`],
  );
  assertEquals(sink.tracks.map(({ codec, index }) => `${codec} ${index}`), [
    "av1 0",
    "h265 1",
    "h264 7",
  ]);
  const frames = framesOf(sink);
  assertEquals(frames.map(({ ptsUs, dtsUs }) => ptsUs - dtsUs), [0, 40_000, -40_000]);
  assertEquals(frames.map(({ data }) => data.toHex()), ["0a01", NAL_UNIT, NAL_UNIT]);
  assertEquals(sink.drops.map((reason) => reason.split(" ").slice(0, 2).join(" ")), [
    "track number",
    "video codec",
    "track number",
  ]);
});

Deno.test("TagDemuxer makes a new track when MP3 changes its rate, not when joint stereo comes", () => {
  const sink = demuxed(
    ["audio", "2ffffb1064"], // MPEG-1, 44.1 kHz, joint stereo
    ["audio", "2ffffb1004"], // stereo
    ["audio", "2ffffb1464"], // 48 kHz, though the flags cannot tell
    ["audio", "2f0102030405"], // No header where one should be: nothing new.
    ["audio", "2efffb14c4"], // mono
  );
  assertEquals(sink.tracks.map((track) => track.kind === "audio" && track.sampleRate), [
    44_100,
    48_000,
    48_000,
  ]);
  assertEquals(framesOf(sink).length, 5);
});

Deno.test("TagDemuxer takes MP3 without a header by its flags", () => {
  const sink = demuxed(["audio", "26010203"], ["audio", "e2010203"]);
  const [first] = sink.tracks;
  assert(first.kind === "audio");
  assertEquals([first.sampleRate, first.channels], [11_025, 1]);
});

/** One track of a body of many codecs. */
function track(code: string, index: number, hex: string): string {
  const size = (hex.length / 2).toString(16).padStart(6, "0");
  return ascii(code) + index.toString(16).padStart(2, "0") + size + hex;
}
