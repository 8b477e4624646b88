// Goal: pin the FLV file header to what ffmpeg writes.
// Method: vectors in both directions, every truncation, each refusal with its place.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  FILE_HEADER_BYTES,
  fileOpening,
  parseFileHeader,
  writePreviousTagSize,
} from "../../../protocols/flv/file_header.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

/** First 13 bytes of files by ffmpeg 5.1.9. */
const VECTORS = [
  { name: "audio and video", hex: "464c5601 05 00000009 00000000", audio: true, video: true },
  { name: "audio alone", hex: "464c5601 04 00000009 00000000", audio: true, video: false },
  { name: "video alone", hex: "464c5601 01 00000009 00000000", audio: false, video: true },
];

for (const { name, hex, audio, video } of VECTORS) {
  const wire = Uint8Array.fromHex(hex.replaceAll(" ", ""));

  Deno.test(`parseFileHeader() reads ${name}`, () => {
    const header = { audio, video, dataOffset: 9 };
    assertEquals(parseFileHeader(wire), header);
    assertEquals(parseFileHeader(Uint8Array.of(7, ...wire).subarray(1)), header);
    assertEquals(parseFileHeader(Uint8Array.of(7, ...wire), 1), header);
    for (let size = 0; size < FILE_HEADER_BYTES; size++) {
      assertEquals(parseFileHeader(wire.subarray(0, size)), undefined);
    }
  });

  Deno.test(`fileOpening() writes ${name}`, () => {
    assertEquals(fileOpening({ audio, video }), wire);
  });
}

const REFUSED = [
  { name: "another signature", hex: "464c5701 05 00000009", offset: 0 },
  { name: "another version", hex: "464c5602 05 00000009", offset: 3 },
  { name: "a body inside the header", hex: "464c5601 05 00000008", offset: 5 },
  { name: "a body two gigabytes on", hex: "464c5601 05 80000000", offset: 5 },
];

for (const { name, hex, offset } of REFUSED) {
  Deno.test(`parseFileHeader() refuses ${name}`, () => {
    const wire = Uint8Array.fromHex(hex.replaceAll(" ", ""));
    const error = assertThrows(() => parseFileHeader(wire), ProtocolError);
    assertEquals([error.protocol, error.section, error.offset], ["FLV", "E.2", offset]);
  });
}

Deno.test("writePreviousTagSize() writes what stands behind ffmpeg's tags", () => {
  // tests/vectors/flv_small/h264_aac.flv: the first tag's body has 293 bytes.
  const target = new Uint8Array(6).fill(0xff);
  assertEquals(writePreviousTagSize(304, target, 1), 5);
  assertEquals(target.toHex(), "ff00000130ff");
});
