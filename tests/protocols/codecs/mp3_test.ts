// Goal: MPEG audio headers of real encoders give the sizes that ffprobe reports.
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { type Mp3FrameHeader, parseMp3FrameHeader } from "../../../protocols/codecs/mp3.ts";

const MP3: Mp3FrameHeader = {
  version: 1,
  layer: 3,
  bitrateKbps: 128,
  sampleRate: 44_100,
  channels: 2,
  frameBytes: 417,
  frameSamples: 1152,
};

// ffmpeg 5.1.9, sine, libmp3lame (or mp2); the first packet's size by ffprobe -show_packets.
const VECTORS: { name: string; hex: string; header: Mp3FrameHeader }[] = [
  { name: "128 kbit/s at 44.1 kHz", hex: "fffb9064", header: MP3 },
  {
    name: "mono at 48 kHz",
    hex: "fffb74c4",
    header: { ...MP3, bitrateKbps: 96, sampleRate: 48_000, channels: 1, frameBytes: 288 },
  },
  {
    name: "MPEG-2 at 22.05 kHz",
    hex: "fff38064",
    header: {
      ...MP3,
      version: 2,
      bitrateKbps: 64,
      sampleRate: 22_050,
      frameBytes: 208,
      frameSamples: 576,
    },
  },
  {
    name: "MPEG-2.5 at 8 kHz",
    hex: "ffe328c4",
    header: {
      ...MP3,
      version: 2.5,
      bitrateKbps: 16,
      sampleRate: 8_000,
      channels: 1,
      frameBytes: 144,
      frameSamples: 576,
    },
  },
  {
    name: "layer II",
    hex: "fffda404",
    header: { ...MP3, layer: 2, bitrateKbps: 192, sampleRate: 48_000, frameBytes: 576 },
  },
  {
    name: "a padded frame",
    hex: "fffb9264",
    header: { ...MP3, frameBytes: 418 },
  },
  {
    name: "layer I with padding, by 11172-3 2.4.3.1",
    hex: "ffffc200", // 384 kbit/s: 12 * 384000 / 44100 = 104 slots of 4 bytes, one more padding
    header: { ...MP3, layer: 1, bitrateKbps: 384, frameBytes: 420, frameSamples: 384 },
  },
  { name: "free format", hex: "fffb0064", header: { ...MP3, bitrateKbps: 0, frameBytes: 0 } },
];

for (const { name, hex, header } of VECTORS) {
  const wire = Uint8Array.fromHex(hex);
  Deno.test(`parseMp3FrameHeader() reads ${name}`, () => {
    assertEquals(parseMp3FrameHeader(wire), header);
    assertEquals(parseMp3FrameHeader(concatBytes(Uint8Array.of(0), wire), 1), header);
    for (let size = 0; size < 4; size++) {
      assertEquals(parseMp3FrameHeader(wire.subarray(0, size)), undefined);
    }
  });
}

const REFUSALS = [
  ["no syncword", "ff1b9064", 0],
  ["the reserved version", "ffeb9064", 1],
  ["the reserved layer", "fff99064", 1],
  ["bitrate_index 15", "fffbf064", 2],
  ["the reserved sampling frequency", "fffb9c64", 2],
] as const;

for (const [name, hex, offset] of REFUSALS) {
  Deno.test(`parseMp3FrameHeader() refuses ${name}`, () => {
    const error = assertThrows(() => parseMp3FrameHeader(Uint8Array.fromHex(hex)), ProtocolError);
    assertEquals([error.section, error.offset], ["11172-3 2.4.2.3", offset]);
  });
}
