// Goal: AudioSpecificConfigs of real encoders are read as ffprobe and mediainfo read them.
// Method: the shared vectors, in a view, cut at every length; then the fields they do not show.
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { AUDIO_VECTORS } from "../../vectors/codec_configs.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import {
  type AudioSpecificConfig,
  parseAudioSpecificConfig,
  writeAudioSpecificConfig,
} from "../../../protocols/codecs/aac.ts";

for (const { name, codec, config, sampleRate, channels } of AUDIO_VECTORS) {
  if (codec !== "aac") continue;

  Deno.test(`parseAudioSpecificConfig() reads ${name}`, () => {
    const read = parseAudioSpecificConfig(config);
    assertEquals([read.sampleRate, read.channels], [sampleRate, channels]);
    const shifted = concatBytes(Uint8Array.of(1), config).subarray(1);
    assertEquals(parseAudioSpecificConfig(shifted), read);
  });

  Deno.test(`parseAudioSpecificConfig() refuses truncations of ${name} or loses its end`, () => {
    const whole = parseAudioSpecificConfig(config);
    for (let size = 0; size < config.length; size++) {
      try {
        const read = parseAudioSpecificConfig(config.subarray(0, size));
        assert(size >= 2);
        assertEquals(read.coreSampleRate, whole.coreSampleRate);
      } catch (error) {
        assert(error instanceof ProtocolError, `${error}`);
        assertEquals(error.section, "14496-3 1.6.2.1");
      }
    }
  });
}

const LC: AudioSpecificConfig = {
  objectType: 2,
  coreSampleRate: 44_100,
  sampleRate: 44_100,
  channelConfiguration: 2,
  channels: 2,
  frameSamples: 1024,
  sbr: false,
  ps: false,
};

const FIELDS: { name: string; hex: string; expected: AudioSpecificConfig }[] = [
  { name: "AAC-LC", hex: "1210", expected: LC },
  { name: "frames of 960 samples", hex: "1214", expected: { ...LC, frameSamples: 960 } },
  { name: "SBR announced as absent", hex: "121056e500", expected: LC },
  {
    name: "HE-AAC, which keeps the core's type and rate",
    hex: "2b920800",
    expected: { ...LC, coreSampleRate: 22_050, sbr: true },
  },
  {
    name: "HE-AAC v2, which makes stereo of a mono core",
    hex: "eb8a0800",
    expected: { ...LC, coreSampleRate: 22_050, channelConfiguration: 1, sbr: true, ps: true },
  },
  {
    name: "SBR behind a program config element with a low frequency channel",
    hex: "118004c4010020000d4c61766335392e33372e31303056e580", // 2.1 of ffmpeg, its SBR flag set
    expected: {
      ...LC,
      coreSampleRate: 48_000,
      sampleRate: 96_000,
      channelConfiguration: 0,
      channels: 3,
      sbr: true,
    },
  },
  {
    name: "AAC-LD, by 4.4.1 with its resilience flags",
    hex: "ba11c0",
    expected: { ...LC, objectType: 23, frameSamples: 512 },
  },
  {
    name: "AAC-ELD, by the escape of the object type",
    hex: "f8e84000",
    expected: { ...LC, objectType: 39, frameSamples: 512 },
  },
];

for (const { name, hex, expected } of FIELDS) {
  Deno.test(`parseAudioSpecificConfig() tells ${name}`, () => {
    assertEquals(parseAudioSpecificConfig(Uint8Array.fromHex(hex)), expected);
  });
}

for (const [name, hex] of [["13", "1690"], ["24 bits of zero", "1780000010"]]) {
  Deno.test(`parseAudioSpecificConfig() refuses the sampling frequency index ${name}`, () => {
    const read = () => parseAudioSpecificConfig(Uint8Array.fromHex(hex));
    assertEquals(assertThrows(read, ProtocolError).protocol, "AAC");
  });
}

Deno.test("writeAudioSpecificConfig() writes what others wrote", () => {
  for (const hex of ["1210", "17805dc010"]) {
    const wire = Uint8Array.fromHex(hex);
    const read = parseAudioSpecificConfig(wire);
    const expected = hex.length > 4 ? Uint8Array.fromHex("1190") : wire; // 48 kHz has an index.
    assertEquals(writeAudioSpecificConfig(read), expected);
  }
  const odd = { objectType: 2, coreSampleRate: 47_999, channelConfiguration: 1 };
  const read = parseAudioSpecificConfig(writeAudioSpecificConfig(odd));
  assertEquals([read.coreSampleRate, read.channels, read.objectType], [47_999, 1, 2]);
});

Deno.test("writeAudioSpecificConfig() refuses what it has no room for", () => {
  for (
    const wrong of [
      { ...LC, objectType: 5 },
      { ...LC, channelConfiguration: 0 },
      { ...LC, coreSampleRate: 2 ** 24 },
      { ...LC, coreSampleRate: 0.5 },
    ]
  ) assertThrows(() => writeAudioSpecificConfig(wrong), RangeError);
});
