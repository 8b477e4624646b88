// Goal: what other programs fragmented comes back as the very frames that ffmpeg sees.
// Method: their files, digests and times by ffmpeg; every way to cut them short.
import { createHash } from "node:crypto";
import { ProtocolError } from "../../../protocols/errors.ts";
import type { Frame } from "../../../protocols/media/record.ts";
import { demuxFragments, parseFragment } from "../../../protocols/mp4/demuxer.ts";
import { parseInitSegment } from "../../../protocols/mp4/init_parser.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { MP4_FACTS, mp4File } from "../../support/mp4_vectors.ts";

for (const [name, tracks] of Object.entries(MP4_FACTS)) {
  Deno.test(`demuxFragments() reads ${name} as ffmpeg does`, () => {
    const { init, media } = mp4File(name);
    const frames = demuxFragments(init, media);
    for (const track of tracks) {
      const own = frames.filter((frame) => frame.track.codec === track.codec);
      const hash = createHash("md5");
      for (const { data } of own) hash.update(data);
      const last = own[own.length - 1];
      assertEquals(hash.digest("hex"), track.md5);
      assertEquals([own.length, last.track.index], [track.frames, 0]);
      // ffprobe cuts off what we round.
      assert(Math.abs(last.ptsUs - track.lastPtsUs) <= 1, `pts ${last.ptsUs}`);
      assert(Math.abs(last.dtsUs - track.lastDtsUs) <= 1, `dts ${last.dtsUs}`);
      const keyframes = own.filter(({ keyframe }) => keyframe).length;
      assertEquals(keyframes, track.keyframes);
    }
    const sum = tracks.reduce((count, track) => count + track.frames, 0);
    assertEquals(frames.length, sum);
    assertEquals(frames.map(({ seq }) => seq), frames.map((_, index) => index + 1));
  });

  Deno.test(`parseInitSegment() waits for the rest of ${name}`, () => {
    const { init } = mp4File(name);
    for (let size = 0; size < init.length; size++) {
      assertEquals(parseInitSegment(init.subarray(0, size)), undefined);
    }
    const shifted = new Uint8Array(init.length + 3).fill(0xff);
    shifted.set(init, 2);
    assertEquals(parseInitSegment(shifted.subarray(2, -1)), parseInitSegment(init));
  });
}

Deno.test("parseFragment() waits for the rest of a fragment, and for nothing behind it", () => {
  const { init, media } = mp4File("h264_aac.mp4");
  const segment = parseInitSegment(init)!;
  const first = parseFragment(media, segment)!;
  for (let size = 0; size < first.end; size++) {
    assertEquals(parseFragment(media.subarray(0, size), segment), undefined);
  }
  assertEquals(parseFragment(media.subarray(0, first.end), segment), first);
  const second = parseFragment(media, segment, first.end)!;
  assert(second.samples[0].dtsUs > first.samples[0].dtsUs);
});

Deno.test("demuxFragments() hands out views and leaves its input alone", () => {
  const { init, media } = mp4File("h265.mp4");
  const before = media.slice();
  const frames = demuxFragments(init, media);
  assert(frames.every(({ data }) => data.buffer === media.buffer));
  assertEquals(media, before);
});

Deno.test("demuxFragments() gives NAL units of short lengths long ones", () => {
  // No program at hand writes such lengths: another's file with lengthSizeMinusOne changed to 1.
  const { init, media } = mp4File("gst_h264_aac.mp4");
  const short = init.slice();
  const avcC = indexOf(short, "avcC");
  short[avcC + 8] &= 0xfc | 1;
  const video = (frames: Frame[]) => frames.find(({ track }) => track.kind === "video")!;
  const { data } = video(demuxFragments(init, media));
  const changed = media.slice();
  const start = data.byteOffset - media.byteOffset;
  changed.fill(0, start, start + data.length); // Units of no bytes, which nobody keeps.
  changed.set(Uint8Array.fromHex("0003aabbcc"), start);
  const long = video(demuxFragments(short, changed));
  assertEquals(long.data, Uint8Array.fromHex("00000003aabbcc"));
});

/** How a proper file is broken, and the section whose rule that is. */
const REFUSALS: readonly [string, string, (init: Uint8Array, media: Uint8Array) => void][] = [
  ["a box smaller than its header", "4.2", (init) => init.set([0, 0, 0, 7], 0)],
  ["a box beyond any size", "4.2", (init) => init.set([0xff, 0, 0, 0], 0)],
  ["a child beyond its parent", "4.2", (init) => init.set([0, 1, 0, 0], indexOf(init, "mvhd") - 4)],
  ["a timescale of 0", "8.4.2", (init) => init.fill(0, at(init, "mdhd", 16), at(init, "mdhd", 20))],
  ["no stbl", "6.2.3", (init) => rename(init, "stbl")],
  ["no avcC", "8.5.2", (init) => rename(init, "avcC")],
  ["two tracks of one id", "8.3.2", (init) => init.set([1], at(init, "tkhd", 19, 1))],
  ["a wrong descriptor", "14496-1 7.2.2.2", (init) => init.set([9], at(init, "esds", 8))],
  [
    "a size without end",
    "14496-1 8.3.3",
    (init) => init.fill(0x80, at(init, "esds", 9), at(init, "esds", 13)),
  ],
  ["no tfhd", "8.8.7", (_, media) => rename(media, "tfhd")],
  ["no tfdt", "8.8.12", (_, media) => rename(media, "tfdt")],
  ["no mdat", "8.8.4", (_, media) => rename(media, "mdat")],
  ["a time beyond 2^53", "4.2", (_, media) => media.fill(0xff, at(media, "tfdt", 8))],
  ["too much time", "8.8.12", (_, media) => media.set([0, 0x1f], at(media, "tfdt", 8))],
  ["data in front", "8.8.8", (_, media) => media.set([0xff], at(media, "trun", 12))],
  ["data behind", "8.8.8", (_, media) => media.set([0x10], at(media, "trun", 12))],
  ["a huge sample", "8.8.8", (_, media) => media.set([1], at(media, "trun", 20))],
  ["more samples than bytes", "8.8.8", (_, media) => emptySamples(media)],
];

for (const [what, section, damage] of REFUSALS) {
  Deno.test(`demuxFragments() refuses ${what}`, () => {
    const file = mp4File("h264_aac.mp4");
    const [init, media] = [file.init.slice(), file.media.slice()];
    damage(init, media);
    const error = assertThrows(() => demuxFragments(init, media), ProtocolError);
    assertEquals([error.protocol, error.section], ["MP4", section]);
  });
}

Deno.test("demuxFragments() refuses an init segment that is cut short", () => {
  const { init, media } = mp4File("opus.mp4");
  assertThrows(() => demuxFragments(init.subarray(0, -1), media), ProtocolError);
});

/** Makes the first run a count of 2^32 - 1 samples of which nothing is told. */
function emptySamples(media: Uint8Array): void {
  media.set([1, 0, 0, 1], at(media, "trun", 4)); // Version 1, data offset only.
  media.fill(0xff, at(media, "trun", 8), at(media, "trun", 12));
  media.fill(0, at(media, "tfhd", 20), at(media, "tfhd", 24)); // default_sample_size
}

/** Offset of the `nth` box type. */
function indexOf(bytes: Uint8Array, type: string, nth = 0): number {
  const text = new TextDecoder("latin1").decode(bytes);
  let found = text.indexOf(type);
  for (let skipped = 0; skipped < nth; skipped++) found = text.indexOf(type, found + 4);
  assert(found >= 0, `no ${type}`);
  return found;
}

/** Offset of a byte of a box, counted from its type. */
function at(bytes: Uint8Array, type: string, offset: number, nth = 0): number {
  return indexOf(bytes, type, nth) + offset;
}

function rename(bytes: Uint8Array, type: string): void {
  bytes.set(new TextEncoder().encode("free"), indexOf(bytes, type));
}
