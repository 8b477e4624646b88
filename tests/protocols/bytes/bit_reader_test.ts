// Goal: bits come out in order at any width and position, and their end is never silent.
// Method: fields of the specifications' own tables, and random fields against a text of bits.
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { packBits } from "../../support/bits.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { BitReader, BitsError, readBits } from "../../../protocols/bytes/bit_reader.ts";

Deno.test("BitReader.bits() reads 32 bits across five bytes as unsigned", () => {
  const reader = new BitReader(packBits("101 11111111111111111111111111111110 1"));
  assertEquals(reader.bits(3), 5);
  assertEquals(reader.bits(32), 0xfffffffe);
  assertEquals(reader.bits(1), 1);
  assertEquals(reader.bits(0), 0);
  assertEquals([reader.bitOffset, reader.remainingBits], [36, 4]);
});

Deno.test("BitReader reads any sequence of widths from any start, seed 1", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: 40 }, () => randomInteger(random, 256));
    const text = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
    const start = randomInteger(random, 4);
    const reader = new BitReader(bytes, start);
    for (let position = start * 8;;) {
      const width = randomInteger(random, 33);
      if (width > reader.remainingBits) break;
      const expected = width === 0 ? 0 : parseInt(text.slice(position, position + width), 2);
      assertEquals(reader.bits(width), expected, `round ${round} at bit ${position}`);
      position += width;
    }
  }
});

// ITU-T H.264, tables 9-2 and 9-3.
const CODES: { code: string; ue: number; se: number }[] = [
  { code: "1", ue: 0, se: 0 },
  { code: "010", ue: 1, se: 1 },
  { code: "011", ue: 2, se: -1 },
  { code: "00100", ue: 3, se: 2 },
  { code: "00101", ue: 4, se: -2 },
  { code: "00110", ue: 5, se: 3 },
  { code: "00111", ue: 6, se: -3 },
  { code: "0001010", ue: 9, se: 5 },
  { code: "0".repeat(31) + "1".repeat(32), ue: 2 ** 32 - 2, se: -(2 ** 31 - 1) },
];

for (const { code, ue, se } of CODES) {
  Deno.test(`BitReader.ue() and se() read ${ue} and ${se}`, () => {
    const bytes = packBits("11" + code + code);
    const reader = new BitReader(bytes);
    reader.skip(2);
    assertEquals(reader.ue(), ue);
    assertEquals(reader.se(), se);
    assertEquals(reader.bitOffset, 2 + 2 * code.length);
  });
}

Deno.test("BitReader.ue() refuses 32 leading zeros", () => {
  const reader = new BitReader(packBits("0".repeat(32) + "1".repeat(33)));
  assertEquals(assertThrows(() => reader.ue(), BitsError).bitOffset, 0);
});

Deno.test("BitReader throws at the end, whatever is asked for", () => {
  const asks: ((reader: BitReader) => unknown)[] = [
    (reader) => reader.bits(5),
    (reader) => reader.skip(5),
    (reader) => reader.ue(),
    (reader) => reader.se(),
  ];
  for (const ask of asks) {
    const reader = new BitReader(packBits("1010 0000"));
    reader.skip(4);
    assertThrows(() => ask(reader), BitsError);
  }
  assertThrows(() => new BitReader(new Uint8Array(2), 2).flag(), BitsError);
});

Deno.test("BitReader.align() moves to the next byte, and only there", () => {
  const reader = new BitReader(new Uint8Array(3));
  reader.align();
  assertEquals(reader.bitOffset, 0);
  reader.skip(9);
  reader.align();
  assertEquals(reader.bitOffset, 16);
});

Deno.test("readBits() turns missing bits into a ProtocolError at their byte", () => {
  const where = { protocol: "H.264", section: "7.3" };
  const read = (reader: BitReader) => {
    reader.skip(12);
    return reader.bits(20);
  };
  const error = assertThrows(() => readBits(new Uint8Array(3), where, read), ProtocolError);
  assertEquals([error.protocol, error.section, error.offset], ["H.264", "7.3", 1]);
  const own = assertThrows(() =>
    readBits(new Uint8Array(3), where, () => {
      throw new TypeError("ours");
    }), TypeError);
  assert(!(own instanceof ProtocolError));
});
