// Goal: av1C and sequence headers of real encoders are read as ffprobe reads them.
// Method: the shared vectors, in a view, cut at every length; frames of libaom.
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { packBits, u } from "../../support/bits.ts";
import { VIDEO_VECTORS } from "../../vectors/codec_configs.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import {
  AV1_OBU_TYPE,
  AV1_OBUS_MAX,
  av1ConfigOf,
  findAv1SequenceHeader,
  forEachObu,
  isAv1Keyframe,
  parseAv1CodecConfigurationRecord,
  parseAv1SequenceHeader,
  writeAv1CodecConfigurationRecord,
} from "../../../protocols/codecs/av1.ts";

const VECTORS = VIDEO_VECTORS.filter((vector) => vector.codec === "av1");

// ffmpeg 5.1.9, color=black 64x64, libaom-av1, the two packets of an MP4.
const KEY_UNIT = Uint8Array.fromHex("0a0a00000002afff9b5f2008320e10009680000200000000ebc68ef0");
const NEXT_UNIT = Uint8Array.fromHex("32113003c080000006c0000002800020009910");

for (const vector of VECTORS) {
  const { name, config } = vector;

  Deno.test(`parseAv1CodecConfigurationRecord() and its inverse keep ${name}`, () => {
    const record = parseAv1CodecConfigurationRecord(config);
    assertEquals([record.level, record.bitDepth], [vector.level, vector.bitDepth]);
    const chroma = record.subsamplingY ? 1 : record.subsamplingX ? 2 : 3;
    assertEquals(chroma, vector.chromaFormat);
    assertEquals(writeAv1CodecConfigurationRecord(record), config);
    const shifted = concatBytes(Uint8Array.of(1), config).subarray(1);
    assertEquals(parseAv1CodecConfigurationRecord(shifted), record);
  });

  Deno.test(`findAv1SequenceHeader() reads ${name} as its record says`, () => {
    const record = parseAv1CodecConfigurationRecord(config);
    const header = findAv1SequenceHeader(record.obus);
    assert(header !== undefined);
    assertEquals(
      [header.width, header.height, header.frameRate],
      [vector.width, vector.height, vector.frameRate],
    );
    assertEquals(av1ConfigOf(record.obus), record);
  });

  Deno.test(`findAv1SequenceHeader() refuses every truncation of ${name}`, () => {
    for (let size = 0; size < config.length; size++) {
      const read = () =>
        findAv1SequenceHeader(parseAv1CodecConfigurationRecord(config.subarray(0, size)).obus);
      if (size === 4) assertEquals(read(), undefined); // A record without OBUs is valid.
      else assertThrows(read, ProtocolError);
    }
  });
}

Deno.test("parseAv1CodecConfigurationRecord() keeps an initial presentation delay", () => {
  const wire = VECTORS[0].config.slice();
  wire[3] = 0x13;
  const record = parseAv1CodecConfigurationRecord(wire);
  assertEquals(record.initialPresentationDelay, 3);
  assertEquals(writeAv1CodecConfigurationRecord(record), wire);
});

Deno.test("parseAv1SequenceHeader() reads timing, decoder model and operating points", () => {
  // By section 5.5 of the AV1 specification: 30 fps, decoder model, two operating points with
  // levels 8 (tier 1) and 3, display delays, then 640x360 as libaom writes the rest.
  const payload = packBits(
    "000 0 0 1" + u(1, 32) + u(60, 32) + "1" + "010" + // num_ticks_per_picture 2
      "1" + u(9, 5) + u(1, 32) + u(9, 5) + u(9, 5) + // delays of 10 bits
      "1" + u(1, 5) + u(0x101, 12) + u(8, 5) + "1" + "1" + u(0, 21) + "1" + u(5, 4) +
      u(1, 12) + u(3, 5) + "0" + "0" +
      u(9, 4) + u(8, 4) + u(639, 10) + u(359, 9) + "0" + "111" + "1111" + "111" + "1" + "1" +
      u(6, 3) + "111" + "1" + "0" + "0" + "0" + "01" + "0" + "0" + "1",
  );
  assertEquals(parseAv1SequenceHeader(payload), {
    profile: 0,
    level: 8,
    tier: 1,
    frameRate: 30,
    width: 640,
    height: 360,
    bitDepth: 10,
    monochrome: false,
    chromaSamplePosition: 1,
    subsamplingX: true,
    subsamplingY: true,
  });
});

Deno.test("isAv1Keyframe() tells a key frame from others", () => {
  assert(isAv1Keyframe(KEY_UNIT));
  assert(!isAv1Keyframe(NEXT_UNIT));
  assert(!isAv1Keyframe(Uint8Array.of(0x12, 0)));
});

Deno.test("forEachObu() visits each OBU, the last one also without size", () => {
  const seen: [number, number, number][] = [];
  const data = concatBytes(Uint8Array.of(0x12, 0), KEY_UNIT, Uint8Array.of(0x7c, 0, 5, 6));
  forEachObu(data, (type, payload, obu) => seen.push([type, payload.length, obu.length]));
  assertEquals(seen, [
    [AV1_OBU_TYPE.temporalDelimiter, 0, 2],
    [AV1_OBU_TYPE.sequenceHeader, 10, 12],
    [AV1_OBU_TYPE.frame, 14, 16],
    [AV1_OBU_TYPE.padding, 2, 4],
  ]);
});

const REFUSALS: { name: string; hex: string; section: string }[] = [
  { name: "the forbidden bit", hex: "8a00", section: "5.3.2" },
  { name: "a size beyond the end", hex: "0a0200", section: "5.3.1" },
  { name: "a header without its extension", hex: "04", section: "5.3.1" },
  { name: "a size cut short", hex: "0a80", section: "4.10.5" },
  { name: "a size over 32 bits", hex: "0affffffffffffff7f", section: "4.10.5" },
  { name: "a size of nine bytes", hex: "0a808080808080808000", section: "4.10.5" },
  { name: "an endless row of OBUs", hex: "1200".repeat(AV1_OBUS_MAX + 1), section: "5.2" },
];

for (const { name, hex, section } of REFUSALS) {
  Deno.test(`forEachObu() refuses ${name}`, () => {
    const read = () => forEachObu(Uint8Array.fromHex(hex), () => {});
    assertEquals(assertThrows(read, ProtocolError).section, section);
  });
}

Deno.test("parseAv1CodecConfigurationRecord() refuses another version", () => {
  const wire = VECTORS[0].config.slice();
  wire[0] = 0x82;
  assertThrows(() => parseAv1CodecConfigurationRecord(wire), ProtocolError);
  assertThrows(() => av1ConfigOf(NEXT_UNIT), ProtocolError);
});
