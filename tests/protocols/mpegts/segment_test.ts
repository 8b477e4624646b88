// Goal: segments are correct to the bit, follow each other without a break, and lose nothing.
// Method: frames of captured FLV files and made ones through a strict reader of the tests' own,
// then back through the demuxer.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { audioTrack } from "../../../protocols/codecs/track_config.ts";
import type { Frame } from "../../../protocols/media/record.ts";
import { trackId } from "../../../protocols/media/track.ts";
import { muxTsSegment } from "../../../protocols/mpegts/segment.ts";
import { tsSupports } from "../../../protocols/mpegts/ts_support.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { checkTs } from "../../support/ts_checks.ts";
import { demuxTs, frameFacts, streamOf, type TestStream } from "../../support/ts_vectors.ts";

const SOURCES = [
  "h264_aac",
  "h264_mp3_48khz",
  "mp3",
  "gst_mp3_8khz",
  "alaw",
  "mulaw",
  "enhanced_hevc_opus",
  "tracks_h264_hevc_aac_opus",
  "flv/h265_aac_ffmpeg_7.0.2.flv",
];

/** The stream cut at each video key frame, or each half second. */
function cutSegments({ frames }: TestStream): Frame[][] {
  const segments: Frame[][] = [[]];
  let startUs = frames[0].dtsUs;
  for (const frame of frames) {
    const open = frame.track.kind === "video" && frame.track.index === 0 && frame.keyframe;
    if (segments[segments.length - 1].length > 0 && (open || frame.dtsUs - startUs > 500_000)) {
      segments.push([]);
      startUs = frame.dtsUs;
    }
    segments[segments.length - 1].push(frame);
  }
  return segments;
}

for (const name of SOURCES) {
  const stream = streamOf(name);
  const segments = cutSegments(stream).map((frames) => muxTsSegment(stream.head, frames));

  Deno.test(`muxTsSegment() makes correct segments of ${name}`, () => {
    for (const segment of segments) {
      const { faults, packets, order } = checkTs(segment);
      assertEquals(faults, []);
      assertEquals(order.slice(0, 2), [0, 0x1000]);
      for (const [pid, count] of packets) assertEquals(count % 16, 0, `PID ${pid}`);
    }
  });

  Deno.test(`muxTsSegment() makes segments of ${name} that follow without a break`, () => {
    assertEquals(checkTs(concatBytes(...segments)).faults, []);
  });

  Deno.test(`muxTsSegment() keeps every frame of ${name}`, () => {
    const got = demuxTs(concatBytes(...segments));
    assertEquals(got.drops, []);
    assertEquals(frameFacts(got.frames), frameFacts(stream.frames));
  });
}

Deno.test("muxTsSegment() puts delimiter and parameter sets in front of each key frame", () => {
  const stream = streamOf("h264_aac");
  const [segment] = cutSegments(stream).map((frames) => muxTsSegment(stream.head, frames));
  const pictures = checkTs(segment).pes.get(0x100) ?? [];
  for (const [index, { payload, randomAccess }] of pictures.entries()) {
    assertEquals(randomAccess, index === 0);
    const types = payload.flatMap((byte, at) =>
      at >= 3 && payload[at - 1] === 1 && payload[at - 2] === 0 && payload[at - 3] === 0
        ? [byte & 0x1f]
        : []
    );
    assertEquals(types.slice(0, 3), index === 0 ? [9, 7, 8] : [9, 1]);
  }
});

Deno.test("muxTsSegment() leaves a delimiter and parameter sets alone that are in band", () => {
  const stream = streamOf("h264_aac");
  const config = stream.head.tracks[0].config;
  const spsBytes = config[7];
  const sps = config.subarray(8, 8 + spsBytes);
  const pps = config.subarray(8 + spsBytes + 3, 8 + spsBytes + 3 + config[8 + spsBytes + 2]);
  const units = [Uint8Array.of(9, 0x10), sps, pps, new Uint8Array(0)];
  const first = stream.frames.find(({ keyframe, track }) => keyframe && track.kind === "video");
  const prefixed = units.flatMap((unit) => [Uint8Array.of(0, 0, 0, unit.length), unit]);
  const frame = { ...first!, data: concatBytes(...prefixed, first!.data) };
  const { faults, pes } = checkTs(muxTsSegment(stream.head, [frame]));
  assertEquals(faults, []);
  const payload = Uint8Array.from(pes.get(0x100)?.[0].payload ?? []).toHex();
  assert(payload.startsWith("000000010910" + "00000001" + sps.toHex()));
  assertEquals(payload.split(sps.toHex()).length, 2);
  // The unit of no bytes is nothing but zeros.
  assert(payload.includes(pps.toHex() + "00000000" + "00000001"));
});

Deno.test("muxTsSegment() spreads even the smallest frames", () => {
  const track = audioTrack("g711a", 0, new Uint8Array(0));
  for (let count = 1; count <= 20; count++) {
    const frames = Array.from({ length: count }, (_, seq): Frame => ({
      ...{ kind: "frame", seq, track, keyframe: true, data: Uint8Array.of(seq) },
      ...{ dtsUs: 1e6 + seq * 125, ptsUs: 1e6 + seq * 125 },
    }));
    const segment = muxTsSegment({ tracks: [track], data: [] }, frames);
    const { faults, packets } = checkTs(segment);
    assertEquals(faults, []);
    assertEquals((packets.get(0x101) ?? 1) % 16, 0);
    assertEquals(demuxTs(segment).frames.map(({ data }) => data[0]), frames.map(({ seq }) => seq));
  }
});

Deno.test("muxTsSegment() writes the clock often enough however slow the pictures are", () => {
  const stream = streamOf("h264_aac");
  for (const stepUs of [1_000, 40_000, 90_000, 100_000, 100_001, 1_000_000, 4_900_000]) {
    const frames = stream.frames.filter(({ track }) => track.kind === "video").slice(0, 4)
      .map((frame, index) => {
        const dtsUs = 1_000_000 + index * stepUs;
        return { ...frame, dtsUs, ptsUs: dtsUs };
      });
    assertEquals(checkTs(muxTsSegment(stream.head, frames)).faults, [], `${stepUs} us`);
  }
});

Deno.test("muxTsSegment() keeps the clock behind a track that lags", () => {
  const { head, frames } = streamOf("h264_aac");
  const [video] = frames.filter(({ track }) => track.kind === "video");
  const [audio] = frames.filter(({ track }) => track.kind === "audio");
  const late = { ...audio, dtsUs: video.dtsUs - 199_000, ptsUs: video.dtsUs - 199_000 };
  const { faults, pes } = checkTs(muxTsSegment(head, [video, late]));
  assertEquals(faults, []);
  assertEquals(pes.get(0x100)?.map(({ dts, clock }) => (dts - clock).toFixed(6)), ["0.200000"]);
});

Deno.test("muxTsSegment() is the same for the same frames, whatever array they lie in", () => {
  const stream = streamOf("h264_aac");
  const shifted = stream.frames.map((frame) => {
    const larger = new Uint8Array(frame.data.length + 7).fill(1);
    larger.set(frame.data, 3);
    return { ...frame, seq: frame.seq + 9, data: larger.subarray(3, -4) };
  });
  const first = muxTsSegment(stream.head, stream.frames);
  assertEquals(muxTsSegment(stream.head, shifted), first);
  assertEquals(muxTsSegment(stream.head, stream.frames), first);
});

Deno.test("muxTsSegment() carries pictures of every size", () => {
  const stream = streamOf("h264_aac");
  const random = seededRandom(3);
  const [template] = stream.frames.filter(({ track }) => track.kind === "video");
  const frames = Array.from({ length: 300 }, (_, seq): Frame => {
    const bytes = seq === 7 ? 300_000 : 2 + randomInteger(random, 600);
    const data = new Uint8Array(4 + bytes).fill(0xa5);
    new DataView(data.buffer).setUint32(0, bytes);
    data[4] = seq % 50 === 0 ? 0x65 : 0x41;
    const dtsUs = 1_000_000 + seq * 20_000;
    return { ...template, seq, dtsUs, ptsUs: dtsUs, keyframe: seq % 50 === 0, data };
  });
  const segment = muxTsSegment(stream.head, frames);
  assertEquals(checkTs(segment).faults, []);
  assertEquals(frameFacts(demuxTs(segment, 5_000).frames), frameFacts(frames));
});

Deno.test("muxTsSegment() decodes a picture when it is due if that was to be later", () => {
  const stream = streamOf("h264_aac");
  const [frame] = stream.frames;
  const early = { ...frame, dtsUs: 1_100_000, ptsUs: 1_060_000 };
  const [pes] = checkTs(muxTsSegment(stream.head, [early])).pes.get(0x100) ?? [];
  assertEquals([pes.pts, pes.dts], [1.06, 1.06]);
});

Deno.test("muxTsSegment() leaves out what cannot be carried", () => {
  const stream = streamOf("h264_aac");
  const [video] = stream.frames.filter(({ track }) => track.kind === "video");
  const [audio] = stream.frames.filter(({ track }) => track.kind === "audio");
  const bad = [
    { ...video, data: Uint8Array.of(0, 0, 0, 9, 0x65) }, // Its length reaches beyond the end.
    { ...video, data: Uint8Array.of(0, 0, 0, 1, 0x65, 0) },
    { ...video, data: new Uint8Array(0) },
    { ...audio, data: new Uint8Array(8_185) }, // ADTS has 13 bits for 8,192.
    ...streamOf("enhanced_av1_flac").frames,
  ];
  const segment = muxTsSegment(stream.head, [...bad, ...stream.frames]);
  assertEquals(segment, muxTsSegment(stream.head, stream.frames));
  assertEquals(checkTs(muxTsSegment(stream.head, [])).packets, new Map([[0, 16], [0x1000, 16]]));
});

Deno.test("muxTsSegment() carries as many tracks as a stream may have", () => {
  const source = streamOf("tracks_hevc_h264_opus_aac");
  const frames = source.frames.filter(({ track }) => track.index === 0).flatMap((frame) =>
    Array.from({ length: 8 }, (_, index) => ({ ...frame, track: { ...frame.track, index } }))
  );
  const tracks = [...new Map(frames.map(({ track }) => [trackId(track), track])).values()];
  const segment = muxTsSegment({ tracks, data: [] }, frames);
  const { faults, packets } = checkTs(segment);
  assertEquals(faults, []);
  assertEquals([packets.size, packets.get(0x1000)], [18, 32]); // The map needs two packets.
  assertEquals(frameFacts(demuxTs(segment).frames), frameFacts(frames));
});

Deno.test("tsSupports() takes what is carried and names what is not", () => {
  for (const name of SOURCES) assertEquals(tsSupports(streamOf(name).head.tracks), { ok: true });
  const reason = (name: string) => {
    const support = tsSupports(streamOf(name).head.tracks);
    return support.ok ? undefined : support.reason;
  };
  assertEquals(reason("enhanced_av1_flac"), "MPEG-TS does not carry AV1");
  assertEquals(reason("enhanced_vp9_ac3"), "MPEG-TS does not carry VP9");
  assertEquals(
    reason("gst_mulaw_stereo"),
    "MPEG-TS carries G.711 at 8 kHz with one channel only",
  );
  const aac = (hex: string) => tsSupports([audioTrack("aac", 0, Uint8Array.fromHex(hex))]);
  assertEquals(aac("1210"), { ok: true });
  assertEquals(aac("2b118800"), { ok: true }); // HE-AAC: the core is AAC-LC.
  assertEquals(aac("f8e85000").ok, false); // AAC-ELD
  const { tracks } = streamOf("tracks_hevc_h264_eac3_flac").head;
  assertEquals(tsSupports(tracks), { ok: true }); // FLAC is its second.
});
