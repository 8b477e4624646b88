// Goal: forms of fragments and tracks that the standard allows and no program at hand writes.
// Method: boxes put together from ISO/IEC 14496-12, 8.3 to 8.8, and the QuickTime File Format.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { parseBox } from "../../../protocols/mp4/box_reader.ts";
import { ascii, box, fullBox, u16, u32 } from "../../../protocols/mp4/box_writer.ts";
import { demuxFragments, parseFragment } from "../../../protocols/mp4/demuxer.ts";
import { writeEsds } from "../../../protocols/mp4/esds.ts";
import { parseInitSegment } from "../../../protocols/mp4/init_parser.ts";
import { parseSampleEntry } from "../../../protocols/mp4/sample_entry_parser.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const GAP = u32(0, 0);

/** An audio entry of version 0 (12.2.3), or of QuickTime's version 1. */
function entry(type: string, version: number, rate: number, ...children: Uint8Array[]) {
  const head = [u16(0, 0, 0, 1), u16(version, 0), u32(0), u16(1, 16, 0, 0), u32(rate * 0x10000)];
  const extra = version === 1 ? [new Uint8Array(16)] : [];
  return box(type, ...head, ...extra, ...children);
}

/** A track of A-law, its headers with 64-bit times (8.3.2, 8.4.2). */
function wideTrack(id: number, timescale: number, handler = "soun"): Uint8Array {
  const times = concatBytes(GAP, GAP);
  const stsd = fullBox("stsd", 0, 0, u32(1), entry("alaw", 0, 8_000));
  return box(
    "trak",
    fullBox("tkhd", 1, 3, times, u32(id, 0), GAP),
    box(
      "mdia",
      fullBox("mdhd", 1, 0, times, u32(timescale), GAP, u32(0)),
      fullBox("hdlr", 0, 0, u32(0), ascii(handler), new Uint8Array(13)),
      box("minf", box("stbl", stsd)),
    ),
  );
}

/** Defaults of track 7: 80 ticks and 2 bytes a sample. */
const TREX = fullBox("trex", 0, 0, u32(7, 1, 80, 2, 0));

/** Tracks 7 and 9 at 8 kHz, and one of text. */
const INIT = box(
  "moov",
  wideTrack(7, 8_000),
  wideTrack(9, 16_000),
  wideTrack(11, 1_000, "text"),
  box("mvex", TREX),
);

const DATA = Uint8Array.fromHex("a1a2b1b2c1c2c3c4");

/** One "moof" of the given tracks, and {@link DATA}. */
function fragment(...trafs: Uint8Array[]): Uint8Array {
  return concatBytes(box("moof", fullBox("mfhd", 0, 0, u32(1)), ...trafs), box("mdat", DATA));
}

function facts(media: Uint8Array): (string | number)[][] {
  const frames = demuxFragments(INIT, media);
  return frames.map(({ track, dtsUs, data }) => [track.index, dtsUs, data.toHex()]);
}

Deno.test("parseInitSegment() reads 64-bit times and numbers tracks in the order of the file", () => {
  const tracks = parseInitSegment(INIT)!.tracks;
  const found = tracks.map(({ id, timescale, track }) => [id, timescale, track.codec, track.index]);
  assertEquals(found, [[7, 8_000, "g711a", 0], [9, 16_000, "g711a", 1]]);
});

Deno.test("parseFragment() lets tracks follow each other where nobody says where they are", () => {
  const tail = 24 + 60 + 60 + 8; // moof and mfhd, two trafs, the header of mdat.
  const first = box(
    "traf",
    fullBox("tfhd", 0, 0, u32(7)),
    fullBox("tfdt", 0, 0, u32(160)),
    fullBox("trun", 0, 1, u32(2, tail)),
  );
  const second = box(
    "traf",
    fullBox("tfhd", 0, 0x10, u32(9, 4)), // default_sample_size
    fullBox("tfdt", 0, 0, u32(0)),
    fullBox("trun", 0, 0, u32(1)),
  );
  const media = fragment(first, second);
  assertEquals(tail, media.length - DATA.length);
  assertEquals(facts(media), [[1, 0, "c1c2c3c4"], [0, 20_000, "a1a2"], [0, 30_000, "b1b2"]]);
});

/** A fragment of track 7 whose data offset counts from the start of the file (8.8.7). */
function absolute(precedingBytes: number): Uint8Array {
  const traf = (base: number) =>
    box(
      "traf",
      fullBox("tfhd", 0, 1, u32(7, 0, base)),
      fullBox("tfdt", 0, 0, u32(0)),
      fullBox("trun", 0, 0, u32(2)),
    );
  const bytes = fragment(traf(0)).length;
  return fragment(traf(precedingBytes + bytes - DATA.length));
}

Deno.test("parseFragment() takes absolute data offsets", () => {
  assertEquals(facts(absolute(INIT.length)), [[0, 0, "a1a2"], [0, 10_000, "b1b2"]]);
  const { samples } = parseFragment(absolute(5_000), parseInitSegment(INIT)!, 0, 5_000)!;
  assertEquals(samples.map(({ data }) => data.toHex()), ["a1a2", "b1b2"]);
  assertThrows(() => facts(absolute(INIT.length + 5)), ProtocolError);
  assertThrows(() => facts(absolute(0)), ProtocolError);
});

Deno.test("parseFragment() passes over other tracks and samples of no bytes", () => {
  const text = box("traf", fullBox("tfhd", 0, 0x020000, u32(11)));
  const sizes = box(
    "traf",
    fullBox("tfhd", 0, 0x020000, u32(7)),
    fullBox("tfdt", 0, 0, u32(0)),
    fullBox("trun", 0, 0x201, u32(2, 0, 0, 2)), // Data offset and two sizes; the offset comes now.
  );
  const offset = fragment(text, sizes).length - DATA.length;
  const placed = sizes.slice();
  new DataView(placed.buffer).setUint32(sizes.length - 12, offset);
  assertEquals(facts(fragment(text, placed)), [[0, 10_000, "a1a2"]]);
});

Deno.test("parseSampleEntry() reads QuickTime's version 1", () => {
  const esds = writeEsds(0x40, Uint8Array.fromHex("1208"));
  for (const version of [0, 1]) {
    const bytes = entry("mp4a", version, 44_100, esds);
    const found = parseSampleEntry(bytes, parseBox(bytes)!, 2);
    assertEquals([found?.track.codec, found?.track.index], ["aac", 2]);
    assertEquals(found?.track.config.toHex(), "1208");
  }
});

Deno.test("parseSampleEntry() knows no other codecs and refuses what cannot be", () => {
  const read = (bytes: Uint8Array) => parseSampleEntry(bytes, parseBox(bytes)!, 0);
  assertEquals(read(entry("sowt", 0, 8_000)), undefined);
  assertEquals(read(entry("mp4a", 0, 8_000, writeEsds(0xdd, undefined))), undefined); // Vorbis
  const refused = [
    entry("ulaw", 0, 0),
    entry("mp4a", 0, 8_000, writeEsds(0x40, undefined)),
    entry("Opus", 0, 8_000, box("dOps", Uint8Array.fromHex("01020000bb80000000"))),
    entry("Opus", 0, 8_000, box("dOps", Uint8Array.fromHex("0002000000"))),
    entry("fLaC", 0, 8_000, box("dfLa", new Uint8Array(20))),
  ];
  for (const bytes of refused) assertThrows(() => read(bytes), ProtocolError);
});
