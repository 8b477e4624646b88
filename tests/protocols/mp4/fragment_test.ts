// Goal: pin fragments to the bytes that ISO/IEC 14496-12 calls for, and their times to the log's.
// Method: a fragment written out by hand from sections 8.8.4 to 8.8.12; then there and back.
import { audioTrack } from "../../../protocols/codecs/track_config.ts";
import type { Frame } from "../../../protocols/media/record.ts";
import type { AudioTrack, Track, VideoTrack } from "../../../protocols/media/track.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { demuxFragments } from "../../../protocols/mp4/demuxer.ts";
import { writeFragment } from "../../../protocols/mp4/fragment.ts";
import { writeInitSegment } from "../../../protocols/mp4/init_segment.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { MP4_FACTS, mp4Media } from "../../support/mp4_vectors.ts";

const [VIDEO] = mp4Media("h264_aac.mp4").tracks as [VideoTrack];
const AUDIO: AudioTrack = audioTrack("g711a", 0, new Uint8Array(0), {
  sampleRate: 8_000,
  channels: 1,
});

const unknown = () => undefined;

interface Spec {
  readonly track?: Track;
  readonly dtsUs: number;
  readonly ptsUs?: number;
  readonly keyframe?: boolean;
  readonly data?: string;
}

function frame({ track = VIDEO, dtsUs, ptsUs = dtsUs, keyframe = true, data = "00" }: Spec): Frame {
  const bytes = Uint8Array.fromHex(data);
  return { kind: "frame", seq: 1, track, dtsUs, ptsUs, keyframe, data: bytes };
}

const HOUR_14_US = 50_000_000_000; // 4,500,000,000 ticks: more than 32 bits hold.

const FRAMES = [
  frame({ dtsUs: HOUR_14_US, ptsUs: HOUR_14_US + 80_000, data: "0a0b0c" }),
  frame({ track: AUDIO, dtsUs: HOUR_14_US + 10_000, data: "d5d5" }),
  frame({ dtsUs: HOUR_14_US + 40_000, ptsUs: HOUR_14_US, keyframe: false, data: "0d" }),
];

const FRAGMENT = `
  000000c4 6d6f6f66
    00000010 6d666864 00000000 00000007
    00000060 74726166
      00000010 74666864 00020000 00000001
      00000014 74666474 01000000 00000001 0c388d00
      00000034 7472756e 01000f01 00000002 000000cc
        00000e10 00000003 02000000 00001c20
        00000bb8 00000001 01010000 fffff1f0
    0000004c 74726166
      00000014 74666864 00020020 00000002 02000000
      00000014 74666474 01000000 00000000 17d78450
      0000001c 7472756e 01000301 00000001 000000d0
        00000002 00000002
  0000000e 6d646174 0a0b0c 0d d5d5
`;

Deno.test("writeFragment() writes samples by track, with exact times", () => {
  const endUs = (track: Track) => track === VIDEO ? HOUR_14_US + 73_333 : undefined;
  const bytes = writeFragment({ sequenceNumber: 7, frames: FRAMES, endUs });
  assertEquals(bytes, Uint8Array.fromHex(FRAGMENT.replaceAll(/\s/g, "")));
});

Deno.test("writeFragment() opens a segment with styp when asked to", () => {
  const options = { sequenceNumber: 7, frames: FRAMES, endUs: unknown };
  const styp = Uint8Array.fromHex(
    "0000001873747970" + "6d736468" + "00000000" + "6d736468" + "69736f36",
  );
  const bytes = writeFragment({ ...options, segmentType: true });
  assertEquals(bytes, concatBytes(styp, writeFragment(options)));
});

Deno.test("writeFragment() takes the order of tracks from their numbers", () => {
  const options = { sequenceNumber: 7, endUs: unknown };
  const turned = [FRAMES[1], FRAMES[0], FRAMES[2]];
  const bytes = writeFragment({ ...options, frames: turned });
  assertEquals(bytes, writeFragment({ ...options, frames: FRAMES }));
});

/** The durations in the only "trun" of a fragment of video. */
function durations(frames: readonly Frame[], endUs: (track: Track) => number | undefined) {
  const bytes = writeFragment({ sequenceNumber: 1, frames, endUs });
  const view = new DataView(bytes.buffer);
  return frames.map((_, index) => view.getUint32(24 + 8 + 16 + 20 + 20 + index * 16));
}

Deno.test("writeFragment() gives the last picture the time to the next, or of the one before", () => {
  const frames = [frame({ dtsUs: 0 }), frame({ dtsUs: 20_000 })];
  assertEquals(durations(frames, () => 90_000), [1_800, 6_300]);
  assertEquals(durations(frames, unknown), [1_800, 1_800]);
  const slow = { ...VIDEO, frameRate: 12.5 };
  assertEquals(durations([frame({ track: slow, dtsUs: 0 })], unknown), [7_200]);
  const silent = { ...VIDEO, frameRate: 0 };
  assertEquals(durations([frame({ track: silent, dtsUs: 0 })], unknown), [3_600]);
});

Deno.test("writeFragment() lets no rounding add up", () => {
  // 33 and a third milliseconds, as a clock of milliseconds tells them.
  const frames = Array.from({ length: 300 }, (_, index) => {
    return frame({ dtsUs: 1_000 * Math.floor(index * 100 / 3) });
  });
  const sum = durations(frames, () => 10_000_000).reduce((total, ticks) => total + ticks, 0);
  assertEquals(sum, 900_000);
});

Deno.test("writeFragment() shortens no more than a pause of half a day", () => {
  assertEquals(durations([frame({ dtsUs: 0 })], () => 1e12), [0xffffffff]);
});

for (const name of Object.keys(MP4_FACTS)) {
  Deno.test(`fragments of ${name} come back frame by frame`, () => {
    const { tracks, frames } = mp4Media(name);
    const half = frames.length >> 1;
    const parts = [frames.slice(0, half), frames.slice(half)].map((part, index) =>
      writeFragment({ sequenceNumber: index + 1, frames: part, endUs: unknown })
    );
    const back = demuxFragments(writeInitSegment(tracks), concatBytes(...parts));
    assertEquals(back.length, frames.length);
    for (const { kind } of tracks) assertSame(ofKind(back, kind), ofKind(frames, kind));
  });
}

/** Tracks may be interleaved in another way. */
function ofKind(frames: readonly Frame[], kind: Track["kind"]): Frame[] {
  return frames.filter(({ track }) => track.kind === kind);
}

function assertSame(back: readonly Frame[], frames: readonly Frame[]): void {
  for (const [index, { track, dtsUs, ptsUs, keyframe, data }] of frames.entries()) {
    const own = back[index];
    assertEquals([own.track.codec, own.keyframe], [track.codec, keyframe]);
    assertEquals(own.data, data);
    // Half a tick of 90 kHz; audio keeps its own clock.
    const toleranceUs = track.kind === "video" ? 6 : 0;
    assert(Math.abs(own.dtsUs - dtsUs) <= toleranceUs, `dts ${own.dtsUs}, not ${dtsUs}`);
    assert(Math.abs(own.ptsUs - ptsUs) <= toleranceUs, `pts ${own.ptsUs}, not ${ptsUs}`);
  }
}

const REFUSALS: Readonly<Record<string, readonly Frame[]>> = {
  "no frames": [],
  "a time below zero": [frame({ dtsUs: -12 })],
  "falling times": [frame({ dtsUs: 40_000 }), frame({ dtsUs: 0 })],
  "a composition offset of days": [frame({ dtsUs: 0, ptsUs: 1e11 })],
};

for (const [what, frames] of Object.entries(REFUSALS)) {
  Deno.test(`writeFragment() refuses ${what}`, () => {
    assertThrows(() => writeFragment({ sequenceNumber: 1, frames, endUs: unknown }), RangeError);
  });
}
