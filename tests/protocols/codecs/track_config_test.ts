// Goal: every configuration becomes the track that ffprobe describes, its bytes untouched.
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { AUDIO_VECTORS, VIDEO_VECTORS } from "../../vectors/codec_configs.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import type { AudioCodec, VideoCodec } from "../../../protocols/media/track.ts";
import {
  audioTrack,
  codecString,
  nalLengthBytes,
  sameTrack,
  videoTrack,
} from "../../../protocols/codecs/track_config.ts";

const NONE = new Uint8Array();

for (const vector of VIDEO_VECTORS) {
  Deno.test(`videoTrack() and codecString() describe ${vector.name}`, () => {
    const { codec, config, width, height, frameRate } = vector;
    const track = videoTrack(codec, 1, config);
    assertEquals(track, { kind: "video", codec, index: 1, config, width, height, frameRate });
    assert(track.config === config);
    assertEquals(codecString(track), vector.codecString);
  });
}

for (const vector of AUDIO_VECTORS) {
  Deno.test(`audioTrack() and codecString() describe ${vector.name}`, () => {
    const { codec, config, sampleRate, channels } = vector;
    const track = audioTrack(codec, 2, config, { sampleRate: 1, channels: 1 });
    assertEquals(track, { kind: "audio", codec, index: 2, config, sampleRate, channels });
    assert(track.config === config);
    assertEquals(codecString(track), vector.codecString);
  });
}

for (const [codec, offset] of [["h264", 4], ["h265", 21]] as const) {
  Deno.test(`videoTrack() brings shorter lengths of ${codec} to 4 in a copy`, () => {
    const vector = VIDEO_VECTORS.find((candidate) => candidate.codec === codec);
    assert(vector !== undefined);
    for (const lengthBytes of [1, 2, 4]) {
      const config = vector.config.slice();
      config[offset] = config[offset] & 0xfc | (lengthBytes - 1);
      const before = config.slice();
      const track = videoTrack(codec, 0, config);
      assertEquals(config, before);
      assertEquals(nalLengthBytes(codec, config), lengthBytes);
      assertEquals(nalLengthBytes(codec, track.config), 4);
      assertEquals(track.config, vector.config);
    }
  });
}

Deno.test("videoTrack() takes VP8 and VP9 without configuration, and AV1 without OBUs", () => {
  for (const [codec, config] of [["vp8", NONE], ["vp9", NONE], ["av1", "81010c00"]] as const) {
    const bytes = typeof config === "string" ? Uint8Array.fromHex(config) : config;
    const { width, height, frameRate } = videoTrack(codec, 0, bytes);
    assertEquals([width, height, frameRate], [0, 0, 0]);
  }
  assertEquals(codecString(videoTrack("vp9", 0, NONE)), "vp9");
  assertEquals(codecString(videoTrack("vp8", 0, NONE)), "vp8");
  const config = Uint8Array.fromHex("0114a20202020000");
  assertEquals(codecString(videoTrack("vp9", 0, config)), "vp09.01.20.10");
  assertEquals(codecString(videoTrack("vp8", 0, config)), "vp08.01.20.10");
});

const PLAIN: [AudioCodec, number, string][] = [
  ["mp3", 44_100, "mp4a.6b"],
  ["g711a", 8_000, "alaw"],
  ["g711u", 8_000, "ulaw"],
  ["ac3", 48_000, "ac-3"],
  ["eac3", 48_000, "ec-3"],
];

for (const [codec, usual, name] of PLAIN) {
  Deno.test(`audioTrack() takes the rate of ${codec} from the hint, else the usual one`, () => {
    const { sampleRate } = audioTrack(codec, 0, NONE);
    assertEquals(sampleRate, usual);
    const track = audioTrack(codec, 0, NONE, { sampleRate: 32_000, channels: 1 });
    assertEquals([track.sampleRate, track.channels], [32_000, 1]);
    assertEquals(codecString(track), name);
  });
}

Deno.test("codecString() tells MPEG-2 audio by its rate", () => {
  const track = audioTrack("mp3", 0, NONE, { sampleRate: 22_050, channels: 2 });
  assertEquals(codecString(track), "mp4a.69");
});

Deno.test("audioTrack() takes Opus without header and channels that AAC does not tell", () => {
  const opus = audioTrack("opus", 0, NONE, { sampleRate: 16_000, channels: 1 });
  assertEquals([opus.sampleRate, opus.channels], [48_000, 1]);
  // channelConfiguration 8 is reserved.
  const aac = audioTrack("aac", 0, Uint8Array.fromHex("1240"), { sampleRate: 1, channels: 6 });
  assertEquals([aac.sampleRate, aac.channels], [44_100, 6]);
});

const EMPTY_REFUSED: (VideoCodec | "aac" | "flac")[] = ["h264", "h265", "av1", "aac", "flac"];

for (const codec of EMPTY_REFUSED) {
  Deno.test(`an empty configuration of ${codec} is the peer's fault`, () => {
    assertThrows(() => {
      return codec === "aac" || codec === "flac"
        ? audioTrack(codec, 0, NONE)
        : videoTrack(codec, 0, NONE);
    }, ProtocolError);
  });
}

Deno.test("a configuration over its limit is refused, whatever the codec", () => {
  const large = new Uint8Array(64 * 1024 + 1);
  large.set(VIDEO_VECTORS[0].config);
  assertThrows(() => videoTrack("h264", 0, large), ProtocolError);
  assertThrows(() => audioTrack("mp3", 0, large), ProtocolError);
  videoTrack("h264", 0, large.subarray(0, -1)); // What follows the record is kept and not read.
});

Deno.test("a track number that does not exist is the caller's fault", () => {
  for (const index of [-1, 8, 0.5]) {
    assertThrows(() => videoTrack("vp8", index, NONE), RangeError);
    assertThrows(() => audioTrack("mp3", index, NONE), RangeError);
  }
});

Deno.test("sameTrack() compares kind, codec, place and bytes", () => {
  const [first, second] = VIDEO_VECTORS;
  const track = videoTrack("h264", 0, first.config);
  assert(sameTrack(track, track));
  assert(sameTrack(track, videoTrack("h264", 0, first.config.slice())));
  assert(!sameTrack(track, videoTrack("h264", 1, first.config)));
  assert(!sameTrack(track, videoTrack("h264", 0, second.config)));
  assert(!sameTrack(videoTrack("vp8", 0, NONE), videoTrack("vp9", 0, NONE)));
  assert(!sameTrack(videoTrack("vp8", 0, NONE), audioTrack("mp3", 0, NONE)));
});
