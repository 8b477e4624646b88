// Goal: rate and channels of AC-3 and E-AC-3 from the first bytes of a frame.
// Method: first eight bytes of streams by ffmpeg 5.1.9 (`sine`, `-ac`, `-c:a ac3|eac3`), values as
// ffprobe reports them; every truncation; each reserved value.
import { type Ac3FrameHeader, parseAc3FrameHeader } from "../../../protocols/codecs/ac3.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const VECTORS: [hex: string, enhanced: boolean, sampleRate: number, channels: number][] = [
  ["0b77b50b1e40ebf8", false, 48_000, 6],
  ["0b770dce5e40ebf8", false, 44_100, 6],
  ["0b77f71a9e40ebf8", false, 32_000, 6],
  ["0b7790a31e40eaf8", false, 48_000, 5],
  ["0b77fe95144043e1", false, 48_000, 2],
  ["0b7795cd944043e1", false, 32_000, 2],
  ["0b77480d0c402f84", false, 48_000, 1],
  ["0b77037f3f87c000", true, 48_000, 6],
  ["0b77017f3487c000", true, 48_000, 2],
  ["0b7700bf3287c000", true, 48_000, 1],
];

for (const [hex, enhanced, sampleRate, channels] of VECTORS) {
  Deno.test(`parseAc3FrameHeader() reads ${hex}`, () => {
    const wire = Uint8Array.fromHex(hex);
    const header: Ac3FrameHeader = { enhanced, sampleRate, channels };
    assertEquals(parseAc3FrameHeader(wire), header);
    assertEquals(parseAc3FrameHeader(Uint8Array.of(1, ...wire, 1).subarray(1)), header);
    for (let size = 0; size < wire.length; size++) {
      assertEquals(parseAc3FrameHeader(wire.subarray(0, size)), undefined);
    }
  });
}

Deno.test("parseAc3FrameHeader() halves the rate of E-AC-3 by fscod2", () => {
  // By hand from A/52, E.1.3.1.4: fscod 3, fscod2 1.
  assertEquals(parseAc3FrameHeader(Uint8Array.fromHex("0b7700bfd287c000"))?.sampleRate, 22_050);
});

const REFUSED = [
  { name: "no syncword", hex: "0b78b50b1e40ebf8", offset: 0 },
  { name: "a reserved bsid", hex: "0b77b50b1e88ebf8", offset: 5 },
  { name: "a reserved rate", hex: "0b77b50bde40ebf8", offset: 4 },
  { name: "a reserved rate of E-AC-3", hex: "0b7700bff287c000", offset: 4 },
];

for (const { name, hex, offset } of REFUSED) {
  Deno.test(`parseAc3FrameHeader() refuses ${name}`, () => {
    const error = assertThrows(() => parseAc3FrameHeader(Uint8Array.fromHex(hex)), ProtocolError);
    assertEquals([error.protocol, error.offset], ["AC-3", offset]);
  });
}
