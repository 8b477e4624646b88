// Goal: vpcC of ffmpeg and GStreamer is read, with and without version and flags.
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import {
  parseVpCodecConfigurationRecord,
  type VpConfig,
  writeVpCodecConfigurationRecord,
} from "../../../protocols/codecs/vp9.ts";

const COLOUR = { colourPrimaries: 2, transferCharacteristics: 2, matrixCoefficients: 2 };

const VECTORS: { name: string; origin: string; hex: string; config: VpConfig }[] = [
  {
    name: "profile 0",
    origin: "ffmpeg 5.1.9, testsrc 354x290, libvpx-vp9, vpcC of an MP4",
    hex: "0100000000148202020200 00",
    config: {
      profile: 0,
      level: 20,
      bitDepth: 8,
      chromaSubsampling: 1,
      fullRange: false,
      ...COLOUR,
    },
  },
  {
    name: "profile 2",
    origin: "the same with -profile:v 2 -pix_fmt yuv420p10le",
    hex: "010000000214a202020200 00",
    config: {
      profile: 2,
      level: 20,
      bitDepth: 10,
      chromaSubsampling: 1,
      fullRange: false,
      ...COLOUR,
    },
  },
  {
    name: "profile 3 with colours",
    origin: "GStreamer 1.22, videotestsrc 354x290, vp9enc ! vp9parse ! qtmux",
    hex: "01000000030ac6060606 0000",
    config: {
      profile: 3,
      level: 10,
      bitDepth: 12,
      chromaSubsampling: 3,
      fullRange: false,
      colourPrimaries: 6,
      transferCharacteristics: 6,
      matrixCoefficients: 6,
    },
  },
];

for (const { name, hex, config } of VECTORS) {
  const box = Uint8Array.fromHex(hex.replaceAll(" ", ""));
  const record = box.subarray(4);

  Deno.test(`parseVpCodecConfigurationRecord() and its inverse keep ${name}`, () => {
    assertEquals(parseVpCodecConfigurationRecord(box), config);
    assertEquals(parseVpCodecConfigurationRecord(record), config);
    const shifted = concatBytes(Uint8Array.of(1), box).subarray(1);
    assertEquals(parseVpCodecConfigurationRecord(shifted), config);
    assertEquals(writeVpCodecConfigurationRecord(config), record);
  });

  Deno.test(`parseVpCodecConfigurationRecord() refuses every truncation of ${name}`, () => {
    for (const wire of [box, record]) {
      for (let size = 0; size < wire.length; size++) {
        assertThrows(() => parseVpCodecConfigurationRecord(wire.subarray(0, size)), ProtocolError);
      }
    }
  });
}

Deno.test("parseVpCodecConfigurationRecord() refuses values that do not exist", () => {
  for (const hex of ["0414820202020000", "0014920202020000"]) {
    const read = () => parseVpCodecConfigurationRecord(Uint8Array.fromHex(hex));
    assertEquals(assertThrows(read, ProtocolError).section, "VP Codec Configuration Box");
  }
});
