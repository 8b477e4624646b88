// Goal: take aggregate messages apart as their sender put them together.
// Method: the tags of an FLV file that ffmpeg wrote have the parts' exact form (RTMP 1.0, 7.1.6),
// so that its middle is an aggregate's body; then hand-made parts for times and refusals.
import { ProtocolError } from "../../../protocols/errors.ts";
import { forEachAggregated } from "../../../protocols/rtmp/aggregate.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { flvFile, flvTags } from "../../support/flv_vectors.ts";
import { hex } from "../../support/rtmp_wire.ts";

/** Bytes of an FLV file before its first tag: header and the first back pointer. */
const FLV_START_BYTES = 13;

interface Part {
  typeId: number;
  timestampMs: number;
  body: Uint8Array;
}

function partsOf(body: Uint8Array, timestampMs: number): Part[] {
  const parts: Part[] = [];
  forEachAggregated(body, timestampMs, (typeId, partMs, part) => {
    parts.push({ typeId, timestampMs: partMs, body: part });
  });
  return parts;
}

Deno.test("forEachAggregated() visits the tags of a file as parts", () => {
  const file = flvFile("rtmp_wire/ffmpeg_5.1_publish.flv");
  const tags = flvTags(file).map(({ type, dtsMs, body }) => {
    return { typeId: type, timestampMs: dtsMs, body };
  });
  assertEquals(tags.length > 50, true);
  // The first tag's time is 0, the others' above 2^24 - 1: the high byte counts.
  const parts = partsOf(file.subarray(FLV_START_BYTES), 0);
  assertEquals(parts.map(({ body }) => body.toHex()), tags.map(({ body }) => body.toHex()));
  assertEquals(parts.map(({ timestampMs }) => timestampMs), tags.map((tag) => tag.timestampMs));
  assertEquals(parts.map(({ typeId }) => typeId), tags.map(({ typeId }) => typeId));
  // Views, no copies.
  assertEquals(parts[0].body.buffer === file.buffer, true);
});

Deno.test("forEachAggregated() counts times from the first part's, modulo 2^32", () => {
  const body = hex(
    "08 000001 000064 00 000000 aa 0000000c" + "09 000000 000078 00 000001 0000000b" +
      "12 000002 000050 00 ffffff bbcc 0000000d",
  );
  assertEquals(partsOf(body, 0xfffffff0), [
    { typeId: 8, timestampMs: 0xfffffff0, body: hex("aa") },
    { typeId: 9, timestampMs: 0x04, body: hex("") },
    { typeId: 18, timestampMs: 0xffffffdc, body: hex("bbcc") },
  ]);
  assertEquals(partsOf(new Uint8Array(0), 5), []);
});

Deno.test("forEachAggregated() refuses what is cut short", () => {
  const one = hex("08 000003 000000 00 000000 aabbcc 0000000e");
  for (let size = 1; size < one.length; size++) {
    const error = assertThrows(() => partsOf(one.subarray(0, size), 0), ProtocolError);
    assertEquals([error.protocol, error.section, error.offset], ["RTMP", "7.1.6", 0]);
    const second = Uint8Array.of(...one, ...one.subarray(0, size));
    assertEquals(assertThrows(() => partsOf(second, 0), ProtocolError).offset, one.length);
  }
  assertThrows(() => partsOf(hex("08 ffffff 000000 00 000000 aa"), 0), ProtocolError);
});

Deno.test("forEachAggregated() refuses an aggregate within an aggregate", () => {
  const body = hex("16 000000 000000 00 000000 0000000b");
  assertEquals(assertThrows(() => partsOf(body, 0), ProtocolError).section, "7.1.6");
});
