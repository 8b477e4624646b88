// Goal: ADTS headers of ffmpeg are read, and ours agree with them.
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { parseAudioSpecificConfig } from "../../../protocols/codecs/aac.ts";
import {
  ADTS_FRAME_BYTES_MAX,
  ADTS_HEADER_BYTES,
  adtsAudioSpecificConfig,
  type AdtsHeader,
  parseAdtsHeader,
  writeAdtsHeader,
} from "../../../protocols/codecs/adts.ts";

const HEADER: AdtsHeader = {
  objectType: 2,
  sampleRate: 44_100,
  channelConfiguration: 2,
  headerBytes: 7,
  frameBytes: 347,
  rawDataBlocks: 1,
};

// ffmpeg 5.1.9, sine, aac, -f adts; sizes as ffprobe -show_packets says.
const VECTORS: { name: string; hex: string; header: AdtsHeader; config: string }[] = [
  { name: "stereo", hex: "fff150802b7ffc", header: HEADER, config: "1210" },
  {
    name: "5.1",
    hex: "fff14d802fdffc",
    header: { ...HEADER, sampleRate: 48_000, channelConfiguration: 6, frameBytes: 382 },
    config: "11b0",
  },
];

for (const { name, hex, header, config } of VECTORS) {
  const wire = Uint8Array.fromHex(hex);

  Deno.test(`parseAdtsHeader() reads ${name}`, () => {
    assertEquals(parseAdtsHeader(wire), header);
    assertEquals(parseAdtsHeader(concatBytes(Uint8Array.of(1, 2), wire), 2), header);
  });

  Deno.test(`parseAdtsHeader() waits for the rest of ${name}`, () => {
    for (let size = 0; size < ADTS_HEADER_BYTES; size++) {
      assertEquals(parseAdtsHeader(wire.subarray(0, size)), undefined);
    }
  });

  Deno.test(`writeAdtsHeader() writes ${name}`, () => {
    const target = new Uint8Array(9).fill(0xaa);
    const parsed = parseAudioSpecificConfig(adtsAudioSpecificConfig(header));
    writeAdtsHeader(parsed, header.frameBytes - ADTS_HEADER_BYTES, target, 1);
    assertEquals(target, concatBytes(Uint8Array.of(0xaa), wire, Uint8Array.of(0xaa)));
  });

  Deno.test(`adtsAudioSpecificConfig() gives the configuration of ${name}`, () => {
    assertEquals(adtsAudioSpecificConfig(header).toHex(), config);
  });
}

Deno.test("parseAdtsHeader() reads a header with CRC and four blocks", () => {
  const header = parseAdtsHeader(Uint8Array.fromHex("fff850802b7fff"));
  assertEquals(header, { ...HEADER, headerBytes: 9, rawDataBlocks: 4 });
});

const REFUSALS = [
  ["no syncword", "ffe150802b7ffc", 0],
  ["a layer", "fff350802b7ffc", 0],
  ["a reserved rate", "fff17c802b7ffc", 2],
  ["a frame shorter than its header", "fff1508000dffc", 3],
  ["a frame shorter than its header and CRC", "fff0508000fffc", 3],
] as const;

for (const [name, hex, offset] of REFUSALS) {
  Deno.test(`parseAdtsHeader() refuses ${name}`, () => {
    const error = assertThrows(() => parseAdtsHeader(Uint8Array.fromHex(hex)), ProtocolError);
    assertEquals([error.section, error.offset], ["14496-3 1.A.2.2", offset]);
  });
}

Deno.test("writeAdtsHeader() refuses what ADTS cannot say", () => {
  const target = new Uint8Array(7);
  const config = { objectType: 2, coreSampleRate: 44_100, channelConfiguration: 2 };
  const room = ADTS_FRAME_BYTES_MAX - ADTS_HEADER_BYTES;
  writeAdtsHeader(config, room, target);
  assertThrows(() => writeAdtsHeader(config, room + 1, target), RangeError);
  assertThrows(() => writeAdtsHeader({ ...config, objectType: 23 }, 1, target), RangeError);
  assertThrows(() => writeAdtsHeader({ ...config, coreSampleRate: 47_999 }, 1, target), RangeError);
  assertThrows(
    () => writeAdtsHeader({ ...config, channelConfiguration: 8 }, 1, target),
    RangeError,
  );
});

Deno.test("adtsAudioSpecificConfig() refuses channels that are listed elsewhere", () => {
  const header = { ...HEADER, channelConfiguration: 0 };
  assertThrows(() => adtsAudioSpecificConfig(header), ProtocolError);
});
