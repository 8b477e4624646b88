// Goal: hvcC and SPS of real encoders are read as ffprobe reads them, and written back bit-exact.
// Method: the shared vectors, in a view, cut at every length; then what encoders get wrong.
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { VIDEO_VECTORS } from "../../vectors/codec_configs.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import {
  H265_NAL_TYPE,
  type HevcConfig,
  hevcConfigOf,
  hevcUnits,
  isH265Irap,
  isH265Keyframe,
  parseHevcDecoderConfigurationRecord,
  parseHevcSps,
  writeHevcDecoderConfigurationRecord,
} from "../../../protocols/codecs/h265.ts";

const VECTORS = VIDEO_VECTORS.filter((vector) => vector.codec === "h265");

function setsOf(record: HevcConfig) {
  return {
    vps: hevcUnits(record, H265_NAL_TYPE.vps),
    sps: hevcUnits(record, H265_NAL_TYPE.sps),
    pps: hevcUnits(record, H265_NAL_TYPE.pps),
  };
}

for (const vector of VECTORS) {
  const { name, config } = vector;

  Deno.test(`parseHevcDecoderConfigurationRecord() and its inverse keep ${name}`, () => {
    const record = parseHevcDecoderConfigurationRecord(config);
    assertEquals(
      [record.level, record.lengthBytes, record.chromaFormat, record.bitDepthLuma],
      [vector.level, 4, vector.chromaFormat, vector.bitDepth],
    );
    assertEquals(writeHevcDecoderConfigurationRecord(record), config);
    const shifted = concatBytes(Uint8Array.of(1), config).subarray(1);
    assertEquals(parseHevcDecoderConfigurationRecord(shifted), record);
  });

  Deno.test(`parseHevcSps() reads ${name}`, () => {
    const info = parseHevcSps(setsOf(parseHevcDecoderConfigurationRecord(config)).sps[0]);
    const [width, height] = vector.sampleAspectRatio;
    assertEquals(info.sampleAspectRatio, { width, height });
    assertEquals(
      [info.width, info.height, info.frameRate, info.level, info.chromaFormat],
      [vector.width, vector.height, vector.frameRate, vector.level, vector.chromaFormat],
    );
    assertEquals([info.bitDepthLuma, info.bitDepthChroma], [vector.bitDepth, vector.bitDepth]);
    assertEquals([info.maxReorderFrames, info.fields], [vector.reorder, false]);
  });

  Deno.test(`parseHevcDecoderConfigurationRecord() refuses every truncation of ${name}`, () => {
    for (let size = 0; size < config.length; size++) {
      const cut = config.subarray(0, size);
      assertThrows(() => parseHevcDecoderConfigurationRecord(cut), ProtocolError);
    }
  });

  Deno.test(`parseHevcSps() refuses truncations of ${name} or loses only its VUI`, () => {
    const { sps } = setsOf(parseHevcDecoderConfigurationRecord(config));
    let refused = 0;
    for (let size = 0; size < sps[0].length; size++) {
      const read = () => parseHevcSps(sps[0].subarray(0, size));
      try {
        assertEquals([read().width, read().maxReorderFrames], [vector.width, vector.reorder]);
      } catch (error) {
        assert(error instanceof ProtocolError, `${error}`);
        assertEquals(error.protocol, "H.265");
        refused = size + 1;
      }
    }
    assert(refused >= 20, `refused up to ${refused} bytes`);
  });

  Deno.test(`hevcConfigOf() agrees with the record of ${name}`, () => {
    const record = parseHevcDecoderConfigurationRecord(config);
    const made = hevcConfigOf(setsOf(record));
    const again = parseHevcDecoderConfigurationRecord(writeHevcDecoderConfigurationRecord(made));
    assertEquals(setsOf(again), setsOf(record));
    // ffmpeg and GStreamer take these from the same parameter sets; the rest is "not told" here.
    for (
      const field of [
        "profileSpace",
        "tier",
        "profile",
        "compatibility",
        "constraints",
        "level",
        "chromaFormat",
        "bitDepthLuma",
        "bitDepthChroma",
        "lengthBytes",
      ] as const
    ) assertEquals(again[field], record[field], field);
  });
}

const WIRE = VECTORS[0].config;

/** WIRE with one byte replaced. */
function changed(offset: number, value: number): Uint8Array {
  const wire = WIRE.slice();
  wire[offset] = value;
  return wire;
}

const REFUSALS: { name: string; wire: Uint8Array; offset: number }[] = [
  { name: "version 2", wire: changed(0, 2), offset: 0 },
  { name: "no arrays", wire: changed(22, 0), offset: 22 },
  { name: "no VPS", wire: changed(23, 0xa3), offset: 22 },
  { name: "an empty unit", wire: concatBytes(WIRE.subarray(0, 26), new Uint8Array(9)), offset: 26 },
  { name: "65535 units", wire: changed(24, 0xff), offset: 23 },
  { name: "one array more than there is", wire: changed(22, 4), offset: WIRE.length },
];

for (const { name, wire, offset } of REFUSALS) {
  Deno.test(`parseHevcDecoderConfigurationRecord() refuses ${name}`, () => {
    const error = assertThrows(() => parseHevcDecoderConfigurationRecord(wire), ProtocolError);
    assertEquals([error.section, error.offset], ["14496-15 8.3.3.1", offset]);
  });
}

Deno.test("parseHevcSps() finds the VUI behind sub-layers, PCM and predicted picture sets", () => {
  // Made by hand from 7.3.2.2, 7.3.3, 7.3.7 and E.2.1: three sub-layers, three reference picture
  // sets of which two are predicted (one drops the picture itself), two long-term pictures. The
  // header tracer of ffmpeg 5.1.9 (-bsf:v trace_headers) reads the same fields to the last bit.
  const sps = Uint8Array.fromHex(
    "42010501600000030090000003000003005dd00001600000030090000003000003003c3fa005" +
      "020169da596b6a57924ddde846b5fdf53b0582fffc0010000da808080f1f8000000300800000" +
      "1904",
  );
  const info = parseHevcSps(sps);
  assertEquals([info.width, info.height, info.temporalLayers], [636, 356, 3]);
  assertEquals([info.level, info.maxReorderFrames, info.frameRate], [93, 2, 50]);
  assertEquals(info.sampleAspectRatio, { width: 4, height: 3 });
});

Deno.test("parseHevcSps() refuses another NAL unit and one of another layer", () => {
  const { sps, pps } = setsOf(parseHevcDecoderConfigurationRecord(WIRE));
  assertThrows(() => parseHevcSps(pps[0]), ProtocolError);
  const layered = sps[0].slice();
  layered[1] |= 8;
  assertThrows(() => parseHevcSps(layered), ProtocolError);
});

Deno.test("writeHevcDecoderConfigurationRecord() refuses what does not fit", () => {
  const record = parseHevcDecoderConfigurationRecord(WIRE);
  const withUnits = (units: Uint8Array[]) => ({
    ...record,
    arrays: [{ type: 33, complete: true, units }],
  });
  const many = withUnits(Array(129).fill(Uint8Array.of(1)));
  assertThrows(() => writeHevcDecoderConfigurationRecord(many), RangeError);
  const large = withUnits([new Uint8Array(65_536)]);
  assertThrows(() => writeHevcDecoderConfigurationRecord(large), RangeError);
});

Deno.test("isH265Keyframe() tells an IRAP picture from others", () => {
  // ffmpeg 5.1.9, color=black 64x64, libx265, two packets of an MP4.
  assert(isH265Keyframe(Uint8Array.fromHex("0000000f2801af1180f49266fffc3371740380")));
  assert(!isH265Keyframe(Uint8Array.fromHex("0000000a0201d0097e10c623fa0a")));
  const types = [16, 19, 20, 21, 23].map((type) => Uint8Array.of(type << 1, 1));
  assert(types.every(isH265Irap));
  assert(![0, 1, 15, 24, 33].map((type) => Uint8Array.of(type << 1, 1)).some(isH265Irap));
  assert(!isH265Irap(Uint8Array.of(0x28))); // One byte is no NAL unit.
});
