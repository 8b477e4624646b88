// Goal: tags by other programs become the tracks and frames that ffprobe sees in the same files.
// Method: whole captured files against values by ffprobe 5.1.9; what nobody at hand writes is built
// from the text of Enhanced RTMP v2; every tag is cut short at every length.
import { ProtocolError } from "../../../protocols/errors.ts";
import { TagDemuxer } from "../../../protocols/flv/tag_demuxer.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import {
  ascii,
  demuxed,
  demuxFlv,
  demuxTag,
  flvFile,
  flvTags,
  framesOf,
  RecordingSink,
  SMALL_FLV,
} from "../../support/flv_vectors.ts";

/** codec, index, width x height or rate/channels; all by ffprobe, of the files or their sources. */
const TRACKS: Readonly<Record<string, string[]>> = {
  h264_aac: ["h264 0 64x64", "aac 0 44100/1"],
  h264_mp3_48khz: ["h264 0 64x64", "mp3 0 48000/1"],
  mp3: ["mp3 0 22050/1"],
  mp3_stereo: ["mp3 0 44100/2"],
  gst_mp3_8khz: ["mp3 0 8000/1"],
  alaw: ["g711a 0 8000/1"],
  mulaw: ["g711u 0 8000/1"],
  gst_mulaw_stereo: ["g711u 0 8000/2"],
  h263: [],
  enhanced_hevc_opus: ["h265 0 64x64", "opus 0 48000/1"],
  enhanced_av1_flac: ["av1 0 64x64", "flac 0 48000/1"],
  enhanced_vp9_ac3: ["vp9 0 0x0", "ac3 0 48000/1"], // vpcC tells no size.
  tracks_h264_hevc_aac_opus: ["h264 0 64x64", "h265 1 64x64", "aac 0 48000/1", "opus 1 48000/1"],
  tracks_hevc_h264_opus_aac: ["h265 0 64x64", "h264 1 64x64", "opus 0 48000/1", "aac 1 48000/1"],
  tracks_hevc_h264_eac3_flac: ["h265 0 64x64", "h264 1 64x64", "flac 1 48000/1", "eac3 0 48000/1"],
  tracks_av1_vp9_mp3_mp3: ["av1 0 64x64", "vp9 1 0x0", "mp3 0 48000/1", "mp3 1 48000/1"],
};

for (const name of SMALL_FLV) {
  Deno.test(`TagDemuxer finds the tracks of ${name}`, () => {
    const tracks = demuxFlv(flvFile(name)).tracks.map((track) => {
      const shape = track.kind === "video"
        ? `${track.width}x${track.height}`
        : `${track.sampleRate}/${track.channels}`;
      return `${track.codec} ${track.index} ${shape}`;
    });
    assertEquals(tracks, TRACKS[name]);
  });

  Deno.test(`TagDemuxer survives every truncation of the tags of ${name}`, () => {
    const tags = flvTags(flvFile(name)).slice(0, 10);
    for (const [index, tag] of tags.entries()) {
      for (let size = 0; size < Math.min(tag.body.length, 80); size++) {
        const demuxer = new TagDemuxer(new RecordingSink());
        for (const before of tags.slice(0, index)) demuxTag(demuxer, before);
        try {
          demuxTag(demuxer, { ...tag, body: tag.body.slice(0, size) });
        } catch (error) {
          assert(error instanceof ProtocolError, `tag ${index} at ${size} bytes: ${error}`);
        }
      }
    }
  });
}

/** `ffprobe -show_entries packet=dts_time,pts_time,size,flags`, times in milliseconds. */
const VIDEO_PACKETS = [
  "0 80 937 K",
  "40 240 22 _",
  "80 160 12 _",
  "120 120 12 _",
  "160 200 12 _",
  "200 400 31 _",
  "240 320 13 _",
  "280 280 12 _",
  "320 360 12 _",
  "360 520 20 _",
  "400 440 13 _",
  "440 480 12 _",
  "480 560 268 K",
  "520 720 21 _",
];

Deno.test("TagDemuxer finds the frames that ffprobe finds, in order and in time", () => {
  const frames = framesOf(demuxFlv(flvFile("h264_aac")));
  const video = frames.filter(({ track }) => track.kind === "video");
  const rows = video.map(({ dtsUs, ptsUs, data, keyframe }) =>
    `${dtsUs / 1000} ${ptsUs / 1000} ${data.length} ${keyframe ? "K" : "_"}`
  );
  assertEquals(rows.slice(0, VIDEO_PACKETS.length), VIDEO_PACKETS);
  const audio = frames.filter(({ track }) => track.kind === "audio").slice(0, 3);
  assertEquals(audio.map(({ dtsUs, data }) => [dtsUs, data.length]), [
    [57_000, 153],
    [80_000, 161],
    [103_000, 61],
  ]);
  assert(frames.every(({ track, keyframe }) => track.kind === "video" || keyframe));
});

Deno.test("TagDemuxer hands views of the bodies on, at whatever offset these are", () => {
  const file = flvFile("tracks_h264_hevc_aac_opus");
  for (const { data } of framesOf(demuxFlv(file))) assert(data.buffer === file.buffer);
  const shifted = new Uint8Array(file.length + 3);
  shifted.set(file, 3);
  assertEquals(demuxFlv(shifted.subarray(3)).records, demuxFlv(file).records);
});

Deno.test("TagDemuxer reports script data and colour information by name", () => {
  const { records } = demuxFlv(flvFile("enhanced_hevc_opus"));
  const data = records.filter((record) => record.kind === "data");
  assertEquals(data.map(({ carrier, name }) => `${carrier} ${name}`), [
    "script onMetaData",
    "video colorInfo",
  ]);
  assertEquals(data[1].payload.subarray(0, 12).toHex(), "020009636f6c6f72496e666f");
});

Deno.test("TagDemuxer drops codecs that are not carried, and says so", () => {
  assertEquals(new Set(demuxFlv(flvFile("h263")).drops).size, 1);
  const nameless = [1, 2, 3, 4, 5, 6].map((codecId) => ["video", `1${codecId}00000000`] as const);
  const { drops, records } = demuxed(
    ...nameless,
    ["audio", "5200"], // Nellymoser 8 kHz
    ["audio", "6200"], // Nellymoser
    ["audio", "b200"], // Speex
    ["audio", "3f00"], // Linear PCM
    ["video", "9176766331aa"], // "vvc1", no FourCC of Enhanced RTMP
    ["audio", "916e6f6e65aa"],
  );
  assertEquals(records, []);
  assertEquals(drops.filter((reason) => reason.startsWith("video codec")).length, 7);
  assertEquals(drops.filter((reason) => reason.startsWith("audio codec")).length, 5);
});

const [, AVC_START, AAC_START, AVC_KEY] = flvTags(flvFile("h264_aac")).map(({ body }) => body);
const AVC_CONFIG = AVC_START.subarray(5).toHex();
const HEVC_TAGS = flvTags(flvFile("enhanced_hevc_opus"));
const HEVC_CONFIG = HEVC_TAGS[1].body.subarray(5).toHex();

Deno.test("TagDemuxer ignores what says nothing", () => {
  const sink = demuxed(
    ["audio", ""],
    ["video", ""],
    ["script", ""],
    ["audio", "af00"], // An AAC sequence header without configuration.
    ["video", "1700000000"], // The same of AVC.
    ["video", AVC_START.toHex()],
    ["video", "2701000000"], // A frame without NAL units.
    ["video", "1702000000"], // End of sequence, as ffmpeg writes it,
    ["video", "1702"], // and as it need not be longer.
    ["video", "5700"], // Start of seeking.
    ["video", "d100"], // The same, enhanced.
    ["video", "9268766331"], // Enhanced end of sequence.
    ["audio", "924f707573"],
    ["audio", "944f707573010100000004"], // MultichannelConfig
  );
  assertEquals([sink.records.length, sink.tracks.length, sink.drops], [1, 1, []]);
});

Deno.test("TagDemuxer reports a sequence header once, and a new one again", () => {
  const taller = AVC_CONFIG.replace("0164000a", "0164000b");
  const sink = demuxed(
    ["video", AVC_START.toHex()],
    ["video", AVC_START.toHex()],
    ["audio", AAC_START.toHex()],
    ["audio", AAC_START.toHex()],
    ["video", `1700000000${taller}`],
    ["video", `1700000000${taller}`],
    ["video", `90${ascii("hvc1")}${HEVC_CONFIG}`], // Another codec in the same place.
    ["video", `1701000000${NAL_UNIT}`], // Now without its configuration.
  );
  assertEquals(sink.tracks.map(({ codec }) => codec), ["h264", "aac", "h264", "h265"]);
  assertEquals(sink.tracks[2].config.toHex(), taller);
  assertEquals(sink.drops, ["frame before its sequence header"]);
});

Deno.test("TagDemuxer takes no frame before its sequence header", () => {
  const sink = demuxed(["video", AVC_KEY.toHex()], ["audio", "af01aabb"], [
    "audio",
    "9166" + "4c6143aa",
  ]);
  assertEquals([sink.records.length, sink.drops.length], [0, 3]);
});

Deno.test("TagDemuxer keeps a track's configuration when its body is written over", () => {
  const sink = new RecordingSink();
  const body = AVC_START.slice();
  new TagDemuxer(sink).video(body, 0);
  body.fill(0);
  assertEquals(sink.tracks[0].config.toHex(), AVC_CONFIG);
});

const NAL_UNIT = "0000000265aa";

Deno.test("TagDemuxer brings short NAL unit lengths to four bytes", () => {
  const lengths = [[0xfc, "02 65aa 01 bb"], [0xfd, "0002 65aa 0001 bb"]] as const;
  for (const [lengthByte, units] of lengths) {
    const config = AVC_CONFIG.replace("0164000aff", `0164000a${lengthByte.toString(16)}`);
    const sink = demuxed(
      ["video", `1700000000${config}`],
      ["video", `1701000000${units.replaceAll(" ", "")}`],
    );
    assertEquals(sink.tracks[0].config.toHex(), AVC_CONFIG);
    assertEquals(framesOf(sink)[0].data.toHex(), "0000000265aa00000001bb");
  }
});

Deno.test("TagDemuxer drops a frame whose NAL units overrun it, and keeps the next", () => {
  const sink = demuxed(
    ["video", AVC_START.toHex()],
    ["video", "1701000000" + "0000000365aa"], // One byte too many announced.
    ["video", "1701000000" + "0000000265aa0000"], // A length that is cut short.
    ["video", "1701000000" + "0000000165aabb"], // Start code form, or what looks like it.
    ["video", "1701000000" + "ffffffff65aa"],
    ["video", `1701000000${NAL_UNIT}`],
  );
  assertEquals(framesOf(sink).map(({ data }) => data.toHex()), [NAL_UNIT]);
  assertEquals(sink.drops, Array(4).fill("frame whose NAL unit lengths do not fit its size"));
});

Deno.test("TagDemuxer reads composition times with their sign", () => {
  const sink = demuxed(
    ["video", AVC_START.toHex()],
    ["video", `2701ffffd8${NAL_UNIT}`],
    ["video", `27017fffff${NAL_UNIT}`],
    ["video", `2701800000${NAL_UNIT}`],
  );
  assertEquals(framesOf(sink).map(({ dtsUs, ptsUs }) => ptsUs - dtsUs), [
    -40_000,
    8_388_607_000,
    -8_388_608_000,
  ]);
});

Deno.test("TagDemuxer refuses headers that are cut short and says where", () => {
  const refused = [
    ["video", "1701", "E.4.3.1", 2],
    ["video", "17", "E.4.3.1", 1],
    ["audio", "af", "E.4.2.1", 1],
    ["video", "91687663", "Enhanced Video", 1],
    ["audio", "914f70", "Enhanced Audio", 1],
    ["video", "91687663310000", "Enhanced Video", 5],
  ] as const;
  for (const [kind, hex, section, offset] of refused) {
    const error = assertThrows(() => demuxed([kind, hex]), ProtocolError);
    assertEquals([error.section, error.offset], [section, offset]);
  }
});

Deno.test("TagDemuxer refuses a configuration that cannot be read", () => {
  assertThrows(() => demuxed(["video", "170000000000112233445566"]), ProtocolError);
  assertThrows(() => demuxed(["audio", "af00f8"]), ProtocolError);
});

Deno.test("TagDemuxer drops packet types that are not defined", () => {
  const sink = demuxed(
    ["video", "1703000000aa"],
    ["audio", "af02aa"],
    ["video", `98${ascii("hvc1")}`],
    ["audio", `93${ascii("Opus")}`],
  );
  assertEquals(sink.drops, Array(4).fill("packet type that the specification does not define"));
});

Deno.test("TagDemuxer drops data without a name or beyond its limit, and metadata of tracks 1 up", () => {
  const long = `02000161${"05".repeat(64 * 1024)}`;
  const sink = demuxed(
    ["script", "00"],
    ["script", long],
    ["video", `d4${ascii("hvc1")}${long}`],
    ["video", `d604${ascii("hvc1")}0102000161`],
    ["script", "02000161"],
  );
  assertEquals(new Set(sink.drops).size, 3);
  assertEquals([sink.drops.length, sink.records.length], [4, 1]);
});

Deno.test("TagDemuxer drops frames beyond the largest", () => {
  const sink = new RecordingSink();
  const demuxer = new TagDemuxer(sink);
  demuxer.audio(AAC_START, 0);
  demuxer.audio(largeBody(8 * 1024 * 1024 + 2), 0);
  demuxer.audio(largeBody(8 * 1024 * 1024 + 3), 0);
  assertEquals([framesOf(sink).length, sink.drops.length], [1, 1]);
});

function largeBody(bytes: number): Uint8Array {
  const body = new Uint8Array(bytes);
  body.set([0xaf, 1]);
  return body;
}
