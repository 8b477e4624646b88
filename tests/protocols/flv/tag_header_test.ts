// Goal: pin the FLV tag header to bytes we did not produce with our own writer.
// Method: each vector is checked in both directions, then cut short at every length.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  parseTagHeader,
  TAG_BODY_BYTES_MAX,
  TAG_HEADER_BYTES,
  TAG_TYPE,
  type TagHeader,
  writeTagHeader,
} from "../../../protocols/flv/tag_header.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const VECTORS: { name: string; origin: string; hex: string; header: TagHeader }[] = [
  {
    name: "a script tag at time zero",
    origin: "ffmpeg 5.1.9, testsrc 64x64, first tag",
    hex: "12 0000b8 000000 00 000000",
    header: { type: TAG_TYPE.script, bodyBytes: 184, dtsMs: 0 },
  },
  {
    name: "a video tag that needs the timestamp extension",
    origin: "ffmpeg 5.1.9, same source with -output_ts_offset 20000, third tag",
    hex: "09 0005b9 312cb0 01 000000",
    header: { type: TAG_TYPE.video, bodyBytes: 1465, dtsMs: 19_999_920 },
  },
  {
    name: "an audio tag",
    origin: "ffmpeg 5.1.9, tests/vectors/flv_small/mp3.flv, third tag",
    hex: "08 00006a 00001a 00 000000",
    header: { type: TAG_TYPE.audio, bodyBytes: 106, dtsMs: 26 },
  },
  {
    name: "a timestamp with the highest bit set",
    origin: "by hand from E.4.1 and RTMP 1.0, section 4: one millisecond before the wrap",
    hex: "08 000001 ffffff ff 000000",
    header: { type: TAG_TYPE.audio, bodyBytes: 1, dtsMs: 0xffffffff },
  },
];

for (const { name, hex, header } of VECTORS) {
  const wire = Uint8Array.fromHex(hex.replaceAll(" ", ""));

  Deno.test(`parseTagHeader() reads ${name}`, () => {
    assertEquals(parseTagHeader(wire), header);
    const shifted = Uint8Array.of(0xff, ...wire, 0xff).subarray(1); // A view, not offset zero.
    assertEquals(parseTagHeader(shifted), header);
    assertEquals(parseTagHeader(Uint8Array.of(0xff, ...wire), 1), header);
  });

  Deno.test(`writeTagHeader() writes ${name}`, () => {
    const target = new Uint8Array(TAG_HEADER_BYTES + 2).fill(0xff); // Stale bytes must not survive.
    writeTagHeader(header, target, 1);
    assertEquals(target.subarray(1, -1), wire);
    assertEquals([target[0], target.at(-1)], [0xff, 0xff]);
  });

  Deno.test(`parseTagHeader() waits for the rest of ${name}`, () => {
    for (let size = 0; size < wire.length; size++) {
      assertEquals(parseTagHeader(wire.subarray(0, size)), undefined);
    }
  });
}

Deno.test("parseTagHeader() refuses an encrypted tag and says where", () => {
  const wire = Uint8Array.fromHex("ff29" + "00".repeat(10));
  const error = assertThrows(() => parseTagHeader(wire, 1), ProtocolError);
  assertEquals([error.section, error.offset], ["E.4.1", 1]);
});

Deno.test("parseTagHeader() refuses an unknown type", () => {
  const wire = Uint8Array.fromHex("0a" + "00".repeat(10));
  assertEquals(assertThrows(() => parseTagHeader(wire), ProtocolError).section, "E.4.1");
});

Deno.test("writeTagHeader() refuses a body that 24 bits cannot count", () => {
  const header = { type: TAG_TYPE.video, bodyBytes: TAG_BODY_BYTES_MAX + 1, dtsMs: 0 };
  assertThrows(() => writeTagHeader(header, new Uint8Array(TAG_HEADER_BYTES)), RangeError);
});
