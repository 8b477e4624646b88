// Goal: what other people's muxers wrote comes out as the frames they put in.
// Method: captured files against the FLV files they were made of, or against ffmpeg's framemd5; in
// pieces of every kind; then with bytes lost, added and spoiled.
import { createHash } from "node:crypto";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { TS_DROP_REASON } from "../../../protocols/mpegts/demuxer.ts";
import { writePmtSection } from "../../../protocols/mpegts/psi.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { REPOSITORY } from "../../support/paths.ts";
import { demuxTs, frameFacts, streamOf, tsFile } from "../../support/ts_vectors.ts";

const FILES = [
  "ffmpeg_h264_aac",
  "ffmpeg_wrap",
  "ffmpeg_mp3",
  "ffmpeg_h265_opus",
  "ffmpeg_ac3_eac3",
  "gst_h264_aac",
  "gst_opus",
] as const;

/** Frames as text, times relative to the first of all. */
function relative(frames: ReturnType<typeof frameFacts>, withTimes = true): string[] {
  const firstUs = Math.min(...frames.map(({ dtsUs }) => dtsUs));
  return frames.map(({ track, dtsUs, ptsUs, keyframe, data }) =>
    withTimes
      ? `${track} ${dtsUs - firstUs} ${ptsUs - firstUs} ${keyframe} ${data}`
      : `${track} ${data}`
  );
}

/** Video of a file as its source has it: x264's SEI is in the first frame in both. */
function video(frames: readonly string[]): string[] {
  return frames.filter((text) => text.startsWith("0 "));
}

Deno.test("TsDemuxer reads the very frames that ffmpeg copied into a file", () => {
  const source = frameFacts(streamOf("h264_aac").frames);
  const got = demuxTs(tsFile("ffmpeg_h264_aac"));
  assertEquals(video(relative(frameFacts(got.frames))), video(relative(source)));
  // ffmpeg puts several frames into a PES packet, whose times then follow from their durations.
  assertEquals(relative(frameFacts(got.frames), false), relative(source, false));
  const times = (facts: typeof source) => facts.filter(({ track }) => track === 1);
  for (const [index, { dtsUs }] of times(frameFacts(got.frames)).entries()) {
    const expected = times(source)[index].dtsUs - source[0].dtsUs;
    assert(Math.abs(dtsUs - got.frames[0].dtsUs - expected) <= 1_500, `frame ${index}`);
  }
  assertEquals(got.drops, []);
});

Deno.test("TsDemuxer reads the very pictures that GStreamer copied into a file", () => {
  const source = video(relative(frameFacts(streamOf("h264_aac").frames), false));
  const got = demuxTs(tsFile("gst_h264_aac"));
  const pictures = video(relative(frameFacts(got.frames), false));
  assert(pictures.length >= 29);
  assertEquals(pictures, source.slice(0, pictures.length));
  assertEquals(got.drops, []);
});

Deno.test("TsDemuxer makes the same tracks of what is in the stream as publishers do", () => {
  const source = streamOf("h264_aac").head.tracks;
  const got = demuxTs(tsFile("ffmpeg_h264_aac")).tracks;
  assertEquals(got.map(({ config }) => config.toHex()), [
    source[0].config.toHex(),
    source[1].config.toHex().slice(0, 4), // ffmpeg's own says "no SBR" behind it.
  ]);
  assertEquals(
    got.map(({ config: _config, ...rest }) => rest),
    source.map(({ config: _config, ...rest }) => rest),
  );
});

for (const name of ["ffmpeg_h265_opus", "ffmpeg_ac3_eac3", "gst_opus"]) {
  Deno.test(`TsDemuxer finds the audio frames of ${name} where ffmpeg does`, () => {
    const text = Deno.readTextFileSync(`${REPOSITORY}/tests/vectors/mpegts/${name}.framemd5`);
    const theirs = text.trim().split("\n").map((line) => {
      const [stream, dts, , , bytes, digest] = line.split(",").map((cell) => cell.trim());
      return { stream: Number(stream), ticks: Number(dts), bytes: Number(bytes), digest };
    });
    const { frames, drops } = demuxTs(tsFile(name));
    assertEquals(drops, []);
    const audio = frames.filter(({ track }) => track.kind === "audio");
    for (const stream of new Set(theirs.map((frame) => frame.stream))) {
      const ours = audio.filter(({ track }) => track.index === stream);
      const expected = theirs.filter((frame) => frame.stream === stream);
      assertEquals(
        ours.map(({ data }) => createHash("md5").update(data).digest("hex")),
        expected.map(({ digest }) => digest),
      );
      for (const [index, { dtsUs }] of ours.entries()) {
        // ffmpeg cuts each duration down to whole ticks, so it may lag by one a frame.
        const ahead = (dtsUs - ours[0].dtsUs) * 9 / 100 - expected[index].ticks + expected[0].ticks;
        assert(ahead >= -2 && ahead <= 2 + index, `${ahead} ticks at ${index}`);
      }
    }
  });
}

Deno.test("TsDemuxer reads H.265 with its B-frames", () => {
  const { frames, tracks } = demuxTs(tsFile("ffmpeg_h265_opus"));
  const pictures = frames.filter(({ track }) => track.kind === "video");
  assertEquals(pictures.length, 15);
  assert(pictures[0].keyframe && !pictures[1].keyframe);
  assert(pictures.some(({ dtsUs, ptsUs }) => ptsUs > dtsUs + 40_000));
  assertEquals(tracks.map(({ codec }) => codec).sort(), ["h265", "opus"]);
});

Deno.test("TsDemuxer undoes the wrap of 33 bits", () => {
  const { frames } = demuxTs(tsFile("ffmpeg_wrap"));
  const times = frames.filter(({ track }) => track.kind === "video").map(({ dtsUs }) => dtsUs);
  assert(times[0] < 95_443_717_688 && times[times.length - 1] > 95_443_717_688);
  for (const [index, dtsUs] of times.entries()) {
    assert(Math.abs(dtsUs - times[0] - index * 40_000) <= 12, `frame ${index} at ${dtsUs}`);
  }
});

Deno.test("TsDemuxer.feed() takes any fragmentation", () => {
  for (const name of FILES) {
    const file = tsFile(name);
    const whole = relative(frameFacts(demuxTs(file).frames));
    assert(whole.length > 5);
    for (const size of [1, 187, 188, 189, 1_000]) {
      assertEquals(relative(frameFacts(demuxTs(file, size).frames)), whole);
    }
  }
});

Deno.test("TsDemuxer.feed() keeps nothing of the array it was given", () => {
  const file = tsFile("ffmpeg_h264_aac");
  const expected = relative(frameFacts(demuxTs(file).frames));
  const given = file.slice();
  const got = demuxTs(given, 500);
  given.fill(0xff);
  assertEquals(relative(frameFacts(got.frames)), expected);
});

Deno.test("TsDemuxer finds its way back after bytes that are no packets", () => {
  const file = tsFile("ffmpeg_h264_aac");
  const garbage = new Uint8Array(300).fill(0x47, 10, 20);
  const cut = 188 * 40;
  const spoiled = concatBytes(garbage, file.subarray(0, cut), garbage, file.subarray(cut));
  for (const size of [1, 100, spoiled.length]) {
    const { frames, drops } = demuxTs(spoiled, size);
    assertEquals(frames.length, 83);
    assertEquals(drops, [TS_DROP_REASON.synchronisation, TS_DROP_REASON.synchronisation]);
  }
});

Deno.test("TsDemuxer leaves out a frame of which a packet is missing, and no other", () => {
  const file = tsFile("ffmpeg_h264_aac");
  const lost = 188 * 5; // Within the first key frame.
  const { frames, drops } = demuxTs(concatBytes(file.subarray(0, lost), file.subarray(lost + 188)));
  assertEquals(drops.slice(0, 1), [TS_DROP_REASON.lost]);
  // Its parameter sets went with it, so the pictures up to the next key frame do too.
  assert(drops.slice(1).every((reason) => reason === TS_DROP_REASON.unconfigured));
  const pictures = frames.filter(({ track }) => track.kind === "video");
  assertEquals([pictures.length, pictures[0].keyframe], [18, true]);
});

Deno.test("TsDemuxer passes over duplicates, null packets and streams nobody announced", () => {
  const file = tsFile("ffmpeg_h264_aac");
  const parts: Uint8Array[] = [];
  const nothing = new Uint8Array(188).fill(0xff);
  nothing.set(Uint8Array.fromHex("471fff10"));
  const stranger = nothing.slice();
  stranger.set(Uint8Array.fromHex("47078910"));
  for (let at = 0; at < file.length; at += 188) {
    const packet = file.subarray(at, at + 188);
    parts.push(packet, nothing, packet, stranger);
  }
  const { frames, drops } = demuxTs(concatBytes(...parts));
  assertEquals([frames.length, drops], [83, []]);
});

Deno.test("TsDemuxer leaves damaged and scrambled packets out and says so", () => {
  const file = tsFile("ffmpeg_mp3").slice();
  file[188 * 4 + 1] |= 0x80;
  file[188 * 6 + 3] |= 0x80;
  const { drops } = demuxTs(file);
  assert(drops.includes(TS_DROP_REASON.transportError));
  assert(drops.includes(TS_DROP_REASON.scrambled));
});

Deno.test("TsDemuxer goes on with the streams that a new programme map keeps", () => {
  const file = tsFile("ffmpeg_h264_aac");
  const section = writePmtSection({
    ...{ programNumber: 1, version: 1, pcrPid: 0x100, descriptors: new Uint8Array(0) },
    streams: [{ streamType: 0x1b, pid: 0x100, descriptors: new Uint8Array(0) }],
  });
  const map = new Uint8Array(188).fill(0xff);
  map.set(Uint8Array.fromHex("4750001100"));
  map.set(section, 5);
  const packets = Array.from({ length: file.length / 188 }, (_, index) => index * 188)
    .map((at) => file.subarray(at, at + 188));
  // ffmpeg repeats its own map, which would bring the sound back.
  const later = packets.slice(45).filter((packet) => (packet[1] & 0x1f) !== 0x10);
  const { frames } = demuxTs(concatBytes(...packets.slice(0, 45), map, ...later));
  const audio = frames.filter(({ track }) => track.kind === "audio");
  assertEquals(frames.length - audio.length, 30);
  assert(audio.length < 53);
});
