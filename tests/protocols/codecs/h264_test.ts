// Goal: avcC and SPS of real encoders are read as ffprobe reads them, and written back bit-exact.
// Method: the shared vectors, in a view, cut at every length; then what encoders get wrong.
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { VIDEO_VECTORS } from "../../vectors/codec_configs.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import {
  avcConfigOf,
  isH264Keyframe,
  parseAvcDecoderConfigurationRecord,
  parseSps,
  writeAvcDecoderConfigurationRecord,
} from "../../../protocols/codecs/h264.ts";

const VECTORS = VIDEO_VECTORS.filter((vector) => vector.codec === "h264");

for (const vector of VECTORS) {
  const { name, config } = vector;

  Deno.test(`parseAvcDecoderConfigurationRecord() and its inverse keep ${name}`, () => {
    const record = parseAvcDecoderConfigurationRecord(config);
    assertEquals([record.level, record.lengthBytes], [vector.level, 4]);
    assertEquals(writeAvcDecoderConfigurationRecord(record), config);
    const shifted = concatBytes(Uint8Array.of(1), config).subarray(1);
    assertEquals(parseAvcDecoderConfigurationRecord(shifted), record);
  });

  Deno.test(`parseSps() reads ${name}`, () => {
    const info = parseSps(parseAvcDecoderConfigurationRecord(config).sps[0]);
    const [width, height] = vector.sampleAspectRatio;
    assertEquals(info.sampleAspectRatio, { width, height });
    assertEquals(
      [info.width, info.height, info.frameRate, info.level, info.chromaFormat],
      [vector.width, vector.height, vector.frameRate, vector.level, vector.chromaFormat],
    );
    assertEquals([info.bitDepthLuma, info.bitDepthChroma], [vector.bitDepth, vector.bitDepth]);
    assertEquals(info.maxReorderFrames, vector.reorder);
    assertEquals(info.interlaced, name.includes("interlaced"));
  });

  Deno.test(`parseAvcDecoderConfigurationRecord() refuses every truncation of ${name}`, () => {
    const { high } = parseAvcDecoderConfigurationRecord(config);
    // Without the high profile fields the rest is a valid record of its own.
    const needed = config.length - (high === undefined ? 0 : 4);
    for (let size = 0; size < config.length; size++) {
      const cut = config.subarray(0, size);
      if (size >= needed) assertEquals(parseAvcDecoderConfigurationRecord(cut).high, undefined);
      else assertThrows(() => parseAvcDecoderConfigurationRecord(cut), ProtocolError);
    }
  });

  Deno.test(`parseSps() refuses truncations of ${name} or loses only its VUI`, () => {
    const sps = parseAvcDecoderConfigurationRecord(config).sps[0];
    let refused = 0;
    for (let size = 0; size < sps.length; size++) {
      const read = () => parseSps(sps.subarray(0, size));
      try {
        assertEquals([read().width, read().height], [vector.width, vector.height]);
      } catch (error) {
        assert(error instanceof ProtocolError, `${error}`);
        assertEquals(error.protocol, "H.264");
        refused = size + 1;
      }
    }
    assert(refused >= 6, `refused up to ${refused} bytes`);
  });

  Deno.test(`avcConfigOf() makes the record of ${name} from its parameter sets`, () => {
    const { sps, pps } = parseAvcDecoderConfigurationRecord(config);
    assertEquals(writeAvcDecoderConfigurationRecord(avcConfigOf(sps, pps)), config);
  });
}

const BASELINE = "0142c00dffe1000e6742c00d8c8d40b04a403c2211a801000468ce3c80"; // OpenH264

const REFUSALS: { name: string; hex: string; offset: number }[] = [
  { name: "version 0", hex: "00" + BASELINE.slice(2), offset: 0 },
  { name: "a byte stream", hex: "000000016742c00d", offset: 0 },
  { name: "no SPS", hex: "0142c00dffe001000468ce3c80", offset: 5 },
  { name: "no PPS", hex: "0142c00dffe1000e6742c00d8c8d40b04a403c2211a800", offset: 22 },
  { name: "an empty SPS", hex: "0142c00dffe1000001000468ce3c80", offset: 6 },
  { name: "an SPS of 65535 bytes in 30", hex: "0142c00dffe1ffff6742c00d8c8d40b04a40", offset: 6 },
];

for (const { name, hex, offset } of REFUSALS) {
  Deno.test(`parseAvcDecoderConfigurationRecord() refuses ${name}`, () => {
    const error = assertThrows(
      () => parseAvcDecoderConfigurationRecord(Uint8Array.fromHex(hex)),
      ProtocolError,
    );
    assertEquals([error.section, error.offset], ["14496-15 5.3.3.1", offset]);
  });
}

Deno.test("parseAvcDecoderConfigurationRecord() accepts reserved bits that are zero", () => {
  const wire = Uint8Array.fromHex(BASELINE);
  wire[4] = 0x03;
  wire[5] = 0x01;
  assertEquals(parseAvcDecoderConfigurationRecord(wire).sps.length, 1);
});

Deno.test("parseAvcDecoderConfigurationRecord() takes padding for no high profile fields", () => {
  const high = VECTORS[0].config;
  const padded = concatBytes(high.subarray(0, -4), Uint8Array.of(0, 0, 0, 9, 0));
  assertEquals(parseAvcDecoderConfigurationRecord(padded).high, undefined);
});

Deno.test("writeAvcDecoderConfigurationRecord() refuses what does not fit", () => {
  const record = parseAvcDecoderConfigurationRecord(Uint8Array.fromHex(BASELINE));
  const one = Uint8Array.of(0x67);
  for (
    const wrong of [
      { ...record, sps: Array(32).fill(one) },
      { ...record, pps: Array(256).fill(one) },
      { ...record, pps: [new Uint8Array(65_536)] },
    ]
  ) assertThrows(() => writeAvcDecoderConfigurationRecord(wrong), RangeError);
});

Deno.test("parseSps() refuses another NAL unit and a picture cropped to nothing", () => {
  assertThrows(() => parseSps(Uint8Array.fromHex("68ce3c80")), ProtocolError);
  // By 7.3.2.1.1: baseline, 16x16, frame_cropping of 2 * (4 + 4) pixels in width.
  const error = assertThrows(() => parseSps(Uint8Array.fromHex("6742c00dddf29740")), ProtocolError);
  assertMatch(error.message, /picture of 0x16/);
  assertEquals([error.protocol, error.section], ["H.264", "7.3.2.1.1"]);
});

// Made by hand from 7.3.2.1.1 and E.1.1, 640x480 at level 3; the header tracer of ffmpeg 5.1.9
// (-bsf:v trace_headers) reads the same fields up to rbsp_stop_one_bit.
const BY_HAND: { name: string; hex: string; frameRate: number; maxReorderFrames: number }[] = [
  {
    name: "scaling lists of both sizes, whole and cut",
    hex: "6764001ead846204881220488122048812204881222048812204881220488122048813492492" +
      "492492492492492492492492492492492492492492902bb201407b42000007d20001d4c108",
    frameRate: 30_000 / 1001,
    maxReorderFrames: 6, // 8100 macroblocks by 1200
  },
  {
    name: "baseline without VUI, which has no B-frames",
    hex: "6742001eec80501ec8",
    frameRate: 0,
    maxReorderFrames: 0,
  },
  {
    name: "picture order count type 2, which cannot reorder",
    hex: "674d001ed900a03d90",
    frameRate: 0,
    maxReorderFrames: 0,
  },
  {
    name: "picture order count type 1 with a cycle",
    hex: "674d001ed0a669900a03da1000003e90000ea60840",
    frameRate: 30_000 / 1001,
    maxReorderFrames: 6,
  },
];

for (const { name, hex, frameRate, maxReorderFrames } of BY_HAND) {
  Deno.test(`parseSps() reads ${name}`, () => {
    const info = parseSps(Uint8Array.fromHex(hex));
    assertEquals([info.width, info.height, info.frameRate], [640, 480, frameRate]);
    assertEquals(info.maxReorderFrames, maxReorderFrames);
  });
}

Deno.test("parseSps() infers the reordering depth that a silent VUI allows", () => {
  // x264 main 1280x720 with its VUI cut off: level 3.2 has room for 5 frames of 3600 macroblocks.
  const main = VECTORS.find((vector) => vector.name.includes("main"));
  assert(main !== undefined);
  const sps = parseAvcDecoderConfigurationRecord(main.config).sps[0];
  assertEquals(parseSps(sps).maxReorderFrames, 1);
  assertEquals(parseSps(sps.subarray(0, -2)).maxReorderFrames, 5);
});

Deno.test("isH264Keyframe() tells an IDR picture from others", () => {
  const idr = Uint8Array.fromHex("000000020910" + "0000000b" + "6588843a2628000902c9e0");
  assert(isH264Keyframe(idr));
  assert(!isH264Keyframe(Uint8Array.fromHex("000000020930" + "00000003419a02")));
  assert(!isH264Keyframe(new Uint8Array()));
  assertThrows(() => isH264Keyframe(idr.subarray(0, -1)), ProtocolError);
});
