// Goal: what a viewer gets is, byte for byte, what the publisher's own program wrote.
// Method: demux whole files by ffmpeg, GStreamer and PyAV, encode the records again, compare tags.
import { TagDemuxer } from "../../../protocols/flv/tag_demuxer.ts";
import { FlvPageEncoder } from "../../../protocols/flv/page_encoder.ts";
import { TAG_TYPE } from "../../../protocols/flv/tag_header.ts";
import type { PageEncoder } from "../../../protocols/media/page_encoder.ts";
import { EMPTY_HEAD, type LogRecord, type StreamHead } from "../../../protocols/media/record.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import {
  demuxFlv,
  demuxTag,
  flvFile,
  type FlvTag,
  flvTags,
  RecordingSink,
  SMALL_FLV,
} from "../../support/flv_vectors.ts";
import { anchorRecord, markRecord } from "../../support/stream_records.ts";

const CAPTURED = [
  ...SMALL_FLV.filter((name) => name !== "h263"),
  "flv/h265_aac_ffmpeg_7.0.2.flv",
  "flv/av1_aac_ffmpeg_7.0.2.flv",
];

/** colorInfo that PyAV's muxer sends for its second track without saying so. */
const SECOND_TRACK_METADATA: Readonly<Record<string, string>> = {
  tracks_h264_hevc_aac_opus: "d468766331",
  tracks_av1_vp9_mp3_mp3: "d476703039",
};

for (const name of CAPTURED) {
  Deno.test(`FlvPageEncoder writes the very tags of ${name}`, () => {
    const file = flvFile(name);
    const encoder = new FlvPageEncoder({ multitrack: true });
    const written = demuxFlv(file).records.map((record) => encode(encoder, record));

    const theirs = flvTags(file).filter((tag) => !isLeftOut(name, tag)).map(hex);
    const ours = flvTags(joined(file, written)).filter((tag) => !isLeftOut(name, tag)).map(hex);
    assertEquals(ours, theirs);
    assert(ours.length > 3);
  });
}

Deno.test("FlvPageEncoder opens as ffmpeg does", () => {
  for (const name of ["h264_aac", "mp3", "enhanced_hevc_opus"]) {
    const file = flvFile(name);
    assertEquals(new FlvPageEncoder().opening(headOf(file)), file.subarray(0, 13));
  }
  const videoOnly = { ...headOf(flvFile("h264_aac")), data: [] };
  const opening = new FlvPageEncoder().opening({
    ...videoOnly,
    tracks: videoOnly.tracks.filter((track) => track.kind === "video"),
  });
  assertEquals(opening.toHex(), "464c5601" + "01" + "00000009" + "00000000");
});

Deno.test("FlvPageEncoder announces both kinds while no track is known", () => {
  assertEquals(new FlvPageEncoder().opening(EMPTY_HEAD)[4], 0x05);
});

Deno.test("FlvPageEncoder.preface() is metadata, then sequence headers, at the time given", () => {
  const file = flvFile("h264_aac");
  const [metadata, video, audio] = flvTags(file);
  const preface = new FlvPageEncoder().preface(headOf(file), 1_234_567_999);
  const tags = flvTags(joined(file, [preface]));
  // FFmpeg makes a track of its own of metadata that is not at zero.
  assertEquals(tags.map(({ dtsMs }) => dtsMs), [0, 1_234_567, 1_234_567]);
  assertEquals(tags.map(({ body }) => body.toHex()), [
    metadata.body.toHex(),
    video.body.toHex(),
    audio.body.toHex(),
  ]);
});

Deno.test("FlvPageEncoder.preface() puts video metadata behind the video's sequence header", () => {
  const file = flvFile("enhanced_hevc_opus");
  const tags = flvTags(joined(file, [new FlvPageEncoder().preface(headOf(file), 0)]));
  const heads = tags.map(({ type, body }) => `${type} ${body.subarray(0, 5).toHex()}`);
  assertEquals(heads, [
    "18 02000a6f6e", // onMetaData
    "9 9068766331", // hvc1 sequence start
    "8 904f707573", // Opus sequence start
    "9 d468766331", // colorInfo
  ]);
});

Deno.test("FlvPageEncoder leaves tracks beyond the first out by default", () => {
  const { records } = demuxFlv(flvFile("tracks_h264_hevc_aac_opus"));
  const encoder = new FlvPageEncoder();
  for (const record of records) {
    if (record.kind !== "frame" && record.kind !== "track") continue;
    assertEquals(encoder.sizeOf(record) > 0, record.track.index === 0);
  }
});

Deno.test("FlvPageEncoder has nothing to say of marks, anchors and the end", () => {
  const encoder = new FlvPageEncoder();
  assertEquals(encoder.sizeOf(markRecord(1, 7)), 0);
  assertEquals(encoder.sizeOf(anchorRecord(2)), 0);
  assertEquals(encoder.closing().length, 0);
});

Deno.test("FlvPageEncoder leaves video metadata out while no video track is known", () => {
  const { records } = demuxFlv(flvFile("enhanced_hevc_opus"));
  const colour = records.find((record) => record.kind === "data" && record.carrier === "video");
  assertEquals(new FlvPageEncoder().sizeOf(colour as LogRecord), 0);
});

Deno.test("FlvPageEncoder rounds times down and wraps them at 32 bits", () => {
  const { records } = demuxFlv(flvFile("mp3"));
  const frame = records.find((record) => record.kind === "frame") as LogRecord;
  const file = flvFile("mp3");
  for (
    const [dtsUs, dtsMs] of [[0, 0], [999, 0], [16_777_216_000, 16_777_216], [
      4_294_967_296_999,
      0,
    ], [4_294_967_295_000, 4_294_967_295]]
  ) {
    const tag = encode(new FlvPageEncoder(), { ...frame, dtsUs });
    assertEquals(flvTags(joined(file, [tag]))[0].dtsMs, dtsMs);
  }
});

/** Encodes into the middle of an array, and fails on a byte too much or too few. */
function encode(encoder: PageEncoder, record: LogRecord): Uint8Array {
  const bytes = encoder.sizeOf(record);
  const plain = new Uint8Array(bytes + 8);
  const filled = new Uint8Array(bytes + 8).fill(0xff); // Stale bytes must not survive.
  if (bytes > 0) encoder.write(record, plain, 4);
  if (bytes > 0) encoder.write(record, filled, 4);
  assertEquals(plain.subarray(0, 4).toHex() + plain.subarray(-4).toHex(), "00".repeat(8));
  assertEquals(filled.subarray(0, 4).toHex() + filled.subarray(-4).toHex(), "ff".repeat(8));
  assertEquals(filled.subarray(4, -4), plain.subarray(4, -4));
  return plain.subarray(4, -4);
}

/** What says nothing that a track does not know, and what a track says at its first frame. */
function isLeftOut(name: string, { type, body }: FlvTag): boolean {
  const start = body.subarray(0, 6).toHex();
  if (type === TAG_TYPE.video) {
    const endOfSequence = start.startsWith("1702");
    const emptyStart = start === "9061763031"; // By ffmpeg 7.0, before the encoder has spoken.
    const ofSecondTrack = SECOND_TRACK_METADATA[name]?.startsWith(start.slice(0, 10)) ?? false;
    return endOfSequence || emptyStart || ofSecondTrack;
  }
  if (type !== TAG_TYPE.audio) return false;
  const multichannel = start.startsWith("94") || start.startsWith("9504");
  // AC-3 and MP3 need no sequence header, so ours comes with the first frame.
  const needless = ["9061632d33", "9065632d33"].some((prefix) => start.startsWith(prefix)) ||
    start === "95002e6d7033";
  return multichannel || needless;
}

function hex({ bytes }: FlvTag): string {
  return bytes.toHex();
}

/** A file of these tags, under the header of `file`. */
function joined(file: Uint8Array, tags: Uint8Array[]): Uint8Array {
  return Uint8Array.of(...file.subarray(0, 13), ...tags.flatMap((tag) => [...tag]));
}

/** The head of a stream after its first second. */
function headOf(file: Uint8Array): StreamHead {
  const sink = new RecordingSink();
  const demuxer = new TagDemuxer(sink);
  for (const tag of flvTags(file)) demuxTag(demuxer, tag);
  const data = sink.records.filter((record) => record.kind === "data");
  return { tracks: sink.tracks, data };
}
