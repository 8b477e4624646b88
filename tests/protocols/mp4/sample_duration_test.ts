// Goal: a lone frame lasts as long as its codec says.
// Method: frames of other programs, whose distance is known; the tables of the specifications.
import { audioTrack } from "../../../protocols/codecs/track_config.ts";
import type { AudioCodec, AudioTrack } from "../../../protocols/media/track.ts";
import { audioFrameTicks, videoFrameUs } from "../../../protocols/mp4/sample_duration.ts";
import { assertEquals } from "../../support/assert.ts";
import { mp4Media } from "../../support/mp4_vectors.ts";

const NO_CONFIG = new Uint8Array(0);

/** Ticks from the second audio frame to the third, by the program that wrote the file. */
const DISTANCES: Readonly<Record<string, number>> = {
  "h264_aac.mp4": 1024,
  "opus.mp4": 960,
  "opus_5_1.mp4": 960,
  "mp3.mp4": 1152,
  "mp3_22050.mp4": 576,
  "flac.mp4": 4608,
  "ac3.mp4": 1536,
  "eac3.mp4": 1536,
};

for (const [name, ticks] of Object.entries(DISTANCES)) {
  Deno.test(`audioFrameTicks() knows the distance of frames in ${name}`, () => {
    const frames = mp4Media(name).frames.filter(({ track }) => track.kind === "audio");
    const { track, data, dtsUs } = frames[1];
    assertEquals(audioFrameTicks(track as AudioTrack, data), ticks);
    const distanceUs = frames[2].dtsUs - dtsUs;
    const { sampleRate } = track as AudioTrack;
    assertEquals(Math.round(distanceUs * sampleRate / 1e6), ticks);
  });
}

function ticksOf(codec: AudioCodec, hex: string, sampleRate = 48_000, channels = 2): number {
  const track = audioTrack(codec, 0, NO_CONFIG, { sampleRate, channels });
  return audioFrameTicks(track, Uint8Array.fromHex(hex));
}

Deno.test("audioFrameTicks() counts Opus frames by configuration and code (RFC 6716, 3.1)", () => {
  const first = (configuration: number, code: number) =>
    (configuration << 3 | code).toString(16).padStart(2, "0");
  const single = (configuration: number) => ticksOf("opus", first(configuration, 0));
  const table = Array.from({ length: 32 }, (_, configuration) => single(configuration));
  const silk = [480, 960, 1920, 2880];
  const celt = [120, 240, 480, 960];
  assertEquals(table, [
    ...[...silk, ...silk, ...silk, 480, 960, 480, 960],
    ...[...celt, ...celt, ...celt, ...celt],
  ]);
  assertEquals([1, 2].map((code) => ticksOf("opus", first(19, code))), [1920, 1920]);
  assertEquals(ticksOf("opus", first(16, 3) + "c5"), 5 * 120); // VBR and padding bits are set.
  assertEquals([ticksOf("opus", ""), ticksOf("opus", first(19, 3))], [960, 960]);
});

Deno.test("audioFrameTicks() counts with band replication at the rate of what is put out", () => {
  // AudioSpecificConfig by 14496-3, 1.6.5: AAC-LC at 24 kHz, announced as HE-AAC of 48 kHz.
  const track = audioTrack("aac", 0, Uint8Array.fromHex("2b118800"));
  assertEquals([track.sampleRate, audioFrameTicks(track, NO_CONFIG)], [48_000, 2_048]);
});

Deno.test("audioFrameTicks() counts the blocks of E-AC-3 and the samples of G.711", () => {
  const blocks = [0x00, 0x10, 0x20, 0x30, 0xc0].map((byte) =>
    ticksOf("eac3", `0b770000${byte.toString(16).padStart(2, "0")}`)
  );
  assertEquals(blocks, [256, 512, 768, 1536, 1536]);
  assertEquals(ticksOf("g711u", "ff".repeat(160), 8_000, 2), 80);
  assertEquals(ticksOf("g711u", "", 8_000, 1), 1); // Never nothing.
});

Deno.test("videoFrameUs() follows the announced rate, 25 when there is none", () => {
  const { tracks: [track] } = mp4Media("h265.mp4");
  if (track.kind !== "video") throw new TypeError("not video");
  const us = [50, 30_000 / 1001, 0].map((frameRate) => videoFrameUs({ ...track, frameRate }));
  assertEquals(us, [20_000, 33_367, 40_000]);
});
