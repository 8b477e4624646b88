// Goal: what is refused is refused with a reason, what is accepted can be written.
// Method: tracks of every codec, with and without their configuration.
import { audioTrack } from "../../../protocols/codecs/track_config.ts";
import type { AudioCodec, Track, VideoTrack } from "../../../protocols/media/track.ts";
import { writeInitSegment } from "../../../protocols/mp4/init_segment.ts";
import { mp4Supports } from "../../../protocols/mp4/mp4_support.ts";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { MP4_FACTS, mp4Media } from "../../support/mp4_vectors.ts";

const NO_CONFIG = new Uint8Array(0);

const VIDEO: Omit<VideoTrack, "codec"> = {
  kind: "video",
  index: 0,
  config: NO_CONFIG,
  width: 640,
  height: 360,
  frameRate: 0,
};

function audio(codec: AudioCodec, sampleRate = 48_000, channels = 2): Track {
  return { kind: "audio", codec, index: 0, config: NO_CONFIG, sampleRate, channels };
}

const av1 = mp4Media("av1.mp4").tracks[0] as VideoTrack;

const REFUSED: readonly (readonly [string, Track, RegExp])[] = [
  ["VP8", { ...VIDEO, codec: "vp8" }, /VP8 has no place/],
  ["VP9 without configuration", { ...VIDEO, codec: "vp9" }, /vp9 without configuration/],
  ["a picture of 65,536 pixels", { ...av1, width: 65_536 }, /65536x64/],
  ["AAC without configuration", audio("aac"), /aac without/],
  ["FLAC without configuration", audio("flac"), /flac without/],
  ["AC-3 without configuration", audio("ac3"), /ac3 without/],
  ["E-AC-3 without configuration", audio("eac3"), /eac3 without/],
  ["surround Opus without header", audio("opus", 48_000, 6), /opus without .* 6 channels/],
  ["G.726", audio("g726", 8_000, 1), /G.726 has no place/],
  ["no sample rate", audio("g711a", 0), /0 Hz/],
  ["a broken sample rate", audio("ac3", 11_025.5), /11025.5 Hz/],
  ["no channels", audio("mp3", 44_100, 0), /0 channels/],
];

for (const [what, track, reason] of REFUSED) {
  Deno.test(`mp4Supports() refuses ${what}`, () => {
    const support = mp4Supports([av1, track]);
    assert(!support.ok);
    assertMatch(support.reason, /^Cannot make MP4: /);
    assertMatch(support.reason, reason);
  });
}

Deno.test("mp4Supports() refuses a stream without tracks", () => {
  assertEquals(mp4Supports([]), { ok: false, reason: "Cannot make MP4: there is no track" });
});

Deno.test("mp4Supports() accepts what writeInitSegment() then writes", () => {
  const accepted = [
    ...Object.keys(MP4_FACTS).flatMap((name) => mp4Media(name).tracks),
    ...(["opus", "mp3", "g711a", "g711u"] as const).map((codec) => audioTrack(codec, 0, NO_CONFIG)),
  ];
  for (const track of accepted) {
    assertEquals(mp4Supports([track]), { ok: true });
    assert(writeInitSegment([track]).length > 0);
  }
});
