// Goal: a box ends where its size says, or is not there yet, or is refused.
// Method: headers written out by hand from ISO/IEC 14496-12, 4.2, at a non-zero offset.
import { ProtocolError } from "../../../protocols/errors.ts";
import { BOX_BYTES_MAX, boxesIn, findBox, parseBox } from "../../../protocols/mp4/box_reader.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const MOOV = "6d6f6f76";
const FREE = "66726565";

const VECTORS: readonly [string, string, { contentStart: number; end: number }][] = [
  ["a box", `0000000b${MOOV}aabbcc`, { contentStart: 8, end: 11 }],
  ["an empty box", `00000008${MOOV}`, { contentStart: 8, end: 8 }],
  ["a box of a 64-bit size", `00000001${MOOV}0000000000000012aabb`, { contentStart: 16, end: 18 }],
  ["a box to the end", `00000000${MOOV}aabbcc`, { contentStart: 8, end: 11 }],
];

for (const [what, hex, expected] of VECTORS) {
  const bytes = Uint8Array.fromHex(hex);

  Deno.test(`parseBox() finds ${what}`, () => {
    assertEquals(parseBox(bytes), { type: "moov", start: 0, ...expected });
    const shifted = Uint8Array.of(9, 9, 9, ...bytes);
    const [contentStart, end] = [expected.contentStart + 3, expected.end + 3];
    assertEquals(parseBox(shifted, 3), { type: "moov", start: 3, contentStart, end });
    assertEquals(parseBox(shifted.subarray(3)), { type: "moov", start: 0, ...expected });
  });

  Deno.test(`parseBox() waits for the rest of ${what}`, () => {
    const least = hex.startsWith("00000000") ? 8 : bytes.length; // Its end is where bytes end.
    for (let size = 0; size < least; size++) {
      assertEquals(parseBox(bytes.subarray(0, size)), undefined);
    }
  });
}

for (
  const [what, hex] of [
    ["smaller than its header", `00000007${MOOV}`],
    ["of a 64-bit size smaller than its header", `00000001${MOOV}000000000000000f`],
    ["over the largest", `${(BOX_BYTES_MAX + 1).toString(16)}${MOOV}`],
    ["of 2^63 bytes", `00000001${MOOV}8000000000000000`],
  ]
) {
  Deno.test(`parseBox() refuses a box ${what}`, () => {
    const bytes = Uint8Array.fromHex(`00${hex}`);
    const error = assertThrows(() => parseBox(bytes, 1), ProtocolError);
    assertEquals([error.protocol, error.section, error.offset], ["MP4", "4.2", 1]);
  });
}

Deno.test("boxesIn() lists children and passes over padding", () => {
  const bytes = Uint8Array.fromHex(
    `0000001e${MOOV}ffff` + `00000008${FREE}` + `00000008${MOOV}00000000`,
  );
  const parent = parseBox(bytes)!;
  const types = [...boxesIn(bytes, parent, 2)].map(({ type, start }) => [type, start]);
  assertEquals(types, [["free", 10], ["moov", 18]]);
  assertEquals(findBox(bytes, parent, "moov", 2)?.start, 18);
  assertEquals(findBox(bytes, parent, "mdat", 2), undefined);
});

Deno.test("boxesIn() refuses a child beyond its parent", () => {
  const bytes = Uint8Array.fromHex(`00000010${MOOV}` + `00000009${FREE}` + "00");
  const error = assertThrows(() => [...boxesIn(bytes, parseBox(bytes)!)], ProtocolError);
  assertEquals([error.section, error.offset], ["4.2", 8]);
});
