// Goal: a live body is a correct transport stream from wherever a viewer joins it.
// Method: captured FLV files through the encoder and a strict reader of the tests' own; joins in
// the middle of a pipe; tracks that come, go and change.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import type { Frame, LogRecord } from "../../../protocols/media/record.ts";
import { TsPageEncoder } from "../../../protocols/mpegts/page_encoder.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { checkTs } from "../../support/ts_checks.ts";
import { demuxTs, frameFacts, pageOf, streamOf } from "../../support/ts_vectors.ts";

const SOURCES = [
  "h264_aac",
  "mp3",
  "enhanced_hevc_opus",
  "tracks_h264_hevc_aac_opus",
  "flv/h265_aac_ffmpeg_7.0.2.flv",
];

for (const name of SOURCES) {
  Deno.test(`TsPageEncoder writes ${name} so that nothing is lost or out of order`, () => {
    const stream = streamOf(name);
    for (const encoder of [new TsPageEncoder(), new TsPageEncoder(stream.head)]) {
      const body = pageOf(encoder, stream);
      assertEquals(checkTs(body).faults, []);
      const got = demuxTs(body, 7_000);
      assertEquals(got.drops, []);
      assertEquals(frameFacts(got.frames), frameFacts(stream.frames));
    }
  });
}

Deno.test("TsPageEncoder writes each frame whole, so that its viewers need not wait", () => {
  const stream = streamOf("h264_aac");
  const encoder = new TsPageEncoder(stream.head);
  const sink = demuxTs(encoder.preface(stream.head));
  assertEquals([encoder.opening().length, encoder.closing().length, sink.frames.length], [0, 0, 0]);
  let body = encoder.preface(stream.head);
  for (const [index, frame] of stream.frames.slice(0, 20).entries()) {
    body = concatBytes(body, written(encoder, frame));
    assertEquals(demuxTs(body).frames.length, index + 1);
  }
});

Deno.test("TsPageEncoder.sizeOf() changes nothing", () => {
  const stream = streamOf("h264_aac");
  const plain = pageOf(new TsPageEncoder(), stream);
  const asked = new TsPageEncoder();
  const size = asked.sizeOf.bind(asked);
  asked.sizeOf = (record) => {
    size(record);
    return size(record);
  };
  assertEquals(pageOf(asked, stream), plain);
});

Deno.test("TsPageEncoder repeats its tables at key frames for who joins a pipe midway", () => {
  const stream = streamOf("flv/h265_aac_ffmpeg_7.0.2.flv");
  const encoder = new TsPageEncoder();
  const later: Uint8Array[] = [];
  let keyframes = 0;
  for (const frame of stream.frames) {
    const part = written(encoder, frame);
    if (frame.track.kind === "video" && frame.keyframe) keyframes++;
    if (keyframes > 1) later.push(part);
  }
  const body = concatBytes(...later);
  assertEquals(checkTs(body).order.slice(0, 2), [0, 0x1000]);
  assertEquals(checkTs(body).faults, []);
  const { frames, tracks } = demuxTs(body);
  assertEquals(frames.length, stream.frames.length - firstGroup(stream.frames));
  assertEquals(tracks.map(({ codec }) => codec).sort(), ["aac", "h265"]);
});

Deno.test("TsPageEncoder repeats its tables twice a second where there is no video", () => {
  const { head, frames } = streamOf("mp3");
  const encoder = new TsPageEncoder();
  const many = Array.from({ length: 100 }, (_, index) => {
    const dtsUs = 1_000_000 + index * 26_000;
    return { ...frames[index % frames.length], dtsUs, ptsUs: dtsUs };
  });
  const body = pageOf(encoder, { head, records: many, frames: many });
  assertEquals(checkTs(body).packets.get(0), 1 + 4);
  assertEquals(checkTs(body).faults, []);
});

Deno.test("TsPageEncoder announces a track that comes later before its first frame", () => {
  const stream = streamOf("h264_aac");
  const [video, audio] = stream.head.tracks;
  const head = { tracks: [video], data: [] };
  const pictures = stream.frames.filter(({ track }) => track === video);
  const sound = stream.frames.filter(({ track }) => track === audio)
    .filter(({ dtsUs }) => dtsUs > pictures[10].dtsUs);
  const records: LogRecord[] = [
    ...pictures.slice(0, 11),
    { kind: "track", seq: 1, dtsUs: sound[0].dtsUs, track: audio },
    ...[...pictures.slice(11), ...sound].sort((a, b) => a.dtsUs - b.dtsUs),
  ];
  const frames = [...pictures, ...sound];
  const body = pageOf(new TsPageEncoder(), { head, records, frames });
  assertEquals(checkTs(body).faults, []);
  assertEquals(frameFacts(demuxTs(body).frames), frameFacts(frames));
});

Deno.test("TsPageEncoder announces another codec on the same track and counts on", () => {
  const first = streamOf("h264_aac");
  const second = streamOf("enhanced_hevc_opus");
  const lastUs = first.frames[first.frames.length - 1].dtsUs;
  const later = second.records.map((record) =>
    record.kind === "frame"
      ? { ...record, dtsUs: record.dtsUs + lastUs, ptsUs: record.ptsUs + lastUs }
      : { ...record, dtsUs: record.dtsUs + lastUs }
  );
  const records = [...first.records, ...later];
  const frames = records.filter((record) => record.kind === "frame");
  const body = pageOf(new TsPageEncoder(), { head: first.head, records, frames });
  assertEquals(checkTs(body).faults, []);
  const got = demuxTs(body);
  assertEquals(frameFacts(got.frames), frameFacts(frames));
  assertEquals(got.tracks.map(({ codec }) => codec), ["h264", "aac", "h265", "opus"]);
});

Deno.test("TsPageEncoder has nothing to say of other records and tracks it cannot carry", () => {
  const encoder = new TsPageEncoder();
  for (const record of streamOf("enhanced_av1_flac").records) {
    assertEquals(encoder.sizeOf(record), 0);
  }
  const anchor = { kind: "anchor", seq: 2, dtsUs: 0, generation: 1, wallUs: 1 } as LogRecord;
  assertEquals(encoder.sizeOf(anchor), 0);
  assertEquals(pageOf(encoder, streamOf("enhanced_av1_flac")).length, 2 * 188);
});

function written(encoder: TsPageEncoder, frame: Frame): Uint8Array {
  const part = new Uint8Array(encoder.sizeOf(frame));
  assert(part.length > 0);
  encoder.write(frame, part, 0);
  return part;
}

/** Frames in front of the second key frame. */
function firstGroup(frames: readonly Frame[]): number {
  const opens = frames.flatMap(({ track, keyframe }, index) =>
    track.kind === "video" && keyframe ? [index] : []
  );
  return opens[1];
}
