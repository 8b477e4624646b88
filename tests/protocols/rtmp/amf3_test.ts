// Goal: read single AMF 3 values as Flash players and Flex servers write them.
// Method: vectors that PyAMF's encoder makes (as its own tests record) and, for types that it lacks,
// by hand from the specification; truncations, reference tables, refusals.
import { ProtocolError } from "../../../protocols/errors.ts";
import { parseAmf0Values, writeAmf0Values } from "../../../protocols/rtmp/amf0.ts";
import { parseAmf3Value, writeAmf3Value } from "../../../protocols/rtmp/amf3.ts";
import {
  AMF_DEPTH_MAX,
  AmfEcmaArray,
  AmfTypedObject,
  type AmfValue,
} from "../../../protocols/rtmp/amf_value.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { hex } from "../../support/rtmp_wire.ts";

function text(value: string): string {
  return new TextEncoder().encode(value).toHex();
}

interface Vector {
  readonly wire: string;
  readonly value: AmfValue;
  /** We write it in another form: references, dynamic members, old markers. */
  readonly readOnly?: boolean;
}

const PYAMF: Vector[] = [
  { wire: "00", value: undefined },
  { wire: "01", value: null },
  { wire: "02", value: false },
  { wire: "03", value: true },
  { wire: "04 00", value: 0 },
  { wire: "04 7f", value: 0x7f },
  { wire: "04 8100", value: 0x80 },
  { wire: "04 8154", value: 0xd4 },
  { wire: "04 ff7f", value: 0x3fff },
  { wire: "04 818000", value: 0x4000 },
  { wire: "04 86ca3f", value: 0x1a53f },
  { wire: "04 ffff7f", value: 0x1fffff },
  { wire: "04 80c08000", value: 0x200000 },
  { wire: "04 bfffffff", value: 0xfffffff },
  { wire: "04 ffffffff", value: -1 },
  { wire: "04 ffffffd6", value: -42 },
  { wire: "04 c0808000", value: -0x10000000 },
  { wire: "05 3fc999999999999a", value: 0.2 },
  { wire: "05 7ff0000000000000", value: Infinity },
  { wire: "06 01", value: "" },
  { wire: `06 0b ${text("hello")}`, value: "hello" },
  { wire: "09 01 01", value: [] },
  { wire: "09 09 01 0400 0401 0402 0403", value: [0, 1, 2, 3] },
  {
    wire: `09 03 09${text("spam")} 06 09${text("eggs")} 01 06 0b${text("hello")}`,
    value: new AmfEcmaArray([["spam", "eggs"], ["0", "hello"]]),
    readOnly: true,
  },
  {
    wire: `0a 0b 01 03${text("a")} 06 09${text("spam")} 03${text("b")} 04 05 01`,
    value: new Map<string, AmfValue>([["a", "spam"], ["b", 5]]),
    readOnly: true,
  },
  {
    wire: `0a 0b 01 03${text("a")} 06 00 03${text("c")} 06 02 01`,
    value: new Map([["a", "a"], ["c", "c"]]),
    readOnly: true,
  },
  {
    wire: `0a 13 1d${text("org.pyamf.spam")} 07${text("baz")} 06 0b${text("hello")}`,
    value: new AmfTypedObject("org.pyamf.spam", [["baz", "hello"]]),
  },
  {
    wire: `0a 07 43${text("flex.messaging.io.ArrayCollection")} 09 05 01 0400 0401`,
    value: [0, 1],
    readOnly: true,
  },
  { wire: `0c 0b ${text("hello")}`, value: new TextEncoder().encode("hello") },
  {
    wire: `07 33 ${text("<a><b>hello world</b></a>")}`,
    value: { kind: "xml", text: "<a><b>hello world</b></a>" },
    readOnly: true,
  },
  {
    wire: `0b 33 ${text("<a><b>hello world</b></a>")}`,
    value: { kind: "xml", text: "<a><b>hello world</b></a>" },
  },
];

const BY_HAND: Vector[] = [
  { wire: "05 8000000000000000", value: -0 },
  { wire: "05 41b0000000000000", value: 0x10000000 }, // One more than 29 bits hold.
  { wire: "05 c1b0000001000000", value: -0x10000001 },
  { wire: "08 01 4271f71fb04cb000", value: { kind: "date", epochMs: 1_234_567_890_123 } },
  { wire: "0d 05 00 ffffffff 00000002", value: [-1, 2], readOnly: true },
  { wire: "0e 05 01 ffffffff 00000002", value: [0xffffffff, 2], readOnly: true },
  { wire: "0f 03 00 3fe0000000000000", value: [0.5], readOnly: true },
  { wire: `10 05 00 07${text("a.B")} 01 0401`, value: [null, 1], readOnly: true },
  {
    wire: `11 05 00 0401 06 03${text("x")} 01 03`,
    value: { kind: "dictionary", entries: [[1, "x"], [null, true]] },
  },
  {
    wire: `09 01 03${text("a")} 0401 01`,
    value: new AmfEcmaArray([["a", 1]]),
  },
  { wire: "0a 13 01 01 01", value: new Map([["", null]]) }, // A sealed member without a name.
];

for (const [origin, vectors] of [["PyAMF", PYAMF], ["by hand", BY_HAND]] as const) {
  for (const { wire, value, readOnly } of vectors) {
    const bytes = hex(wire);
    Deno.test(`parseAmf3Value() reads ${bytes.toHex().slice(0, 40)} (${origin})`, () => {
      assertEquals(parseAmf3Value(bytes), { value, end: bytes.length });
      const shifted = Uint8Array.of(0xff, ...bytes, 0xff);
      assertEquals(parseAmf3Value(shifted, 1), { value, end: bytes.length + 1 });
      if (readOnly) assertEquals(parseAmf3Value(writeAmf3Value(value)).value, value);
      else assertEquals(writeAmf3Value(value), bytes);
      // Behind AMF 0's switch, and as AMF 0 where that can.
      assertEquals(parseAmf0Values(Uint8Array.of(0x11, ...bytes, 0x05)), [value, null]);
      assertEquals(parseAmf0Values(writeAmf0Values([value])), [value]);
    });

    Deno.test(`parseAmf3Value() refuses ${bytes.toHex().slice(0, 40)} cut short`, () => {
      for (let size = 0; size < bytes.length; size++) {
        const error = assertThrows(() => parseAmf3Value(bytes.subarray(0, size)), ProtocolError);
        assertEquals(error.protocol, "AMF3");
        assert(error.offset <= size);
      }
    });
  }
}

function refusal(wire: string): ProtocolError {
  return assertThrows(() => parseAmf3Value(hex(wire)), ProtocolError);
}

Deno.test("parseAmf3Value() follows references to text, objects and traits", () => {
  // An array of "ab", "ab" again, {k: 1} of class "ab", another of the same traits, the first again.
  const wire = `09 0b 01 06 05${text("ab")} 06 00 0a 13 00 03${text("k")} 0401 0a 01 0402 0a 02`;
  const value = parseAmf3Value(hex(wire)).value as AmfValue[];
  const first = new AmfTypedObject("ab", [["k", 1]]);
  assertEquals(value, ["ab", "ab", first, new AmfTypedObject("ab", [["k", 2]]), first]);
  assert(value[4] === value[2]);
});

Deno.test("parseAmf3Value() does not count the empty text among the references", () => {
  assertEquals(parseAmf3Value(hex("09 07 01 06 01 06 03 61 06 00")).value, ["", "a", "a"]);
});

Deno.test("parseAmf0Values() starts each switch to AMF 3 with empty tables", () => {
  const error = assertThrows(() => parseAmf0Values(hex("11 06 03 61 11 06 00")), ProtocolError);
  assertEquals([error.protocol, error.section], ["AMF3", "3.8"]);
});

Deno.test("parseAmf3Value() refuses references to what is unknown or unfinished", () => {
  for (
    const [wire, section] of [
      ["06 00", "3.8"],
      ["07 00", "3.9"],
      ["08 02", "3.10"],
      ["09 00", "3.11"],
      ["09 03 01 09 00", "3.11"], // Itself.
      ["0a 00", "3.12"],
      ["0a 01", "3.12"], // Traits.
      ["0b 00", "3.13"],
      ["0c 00", "3.14"],
      ["0d 00", "3.15"],
      ["11 00", "3.16"],
      ["11 03 00 11 00 01", "3.16"],
    ]
  ) {
    assertEquals(refusal(wire).section, section, wire);
  }
});

Deno.test("parseAmf3Value() refuses unknown markers and classes with a format of their own", () => {
  assertEquals(refusal("12").section, "3.1");
  assertEquals(refusal("ff").section, "3.1");
  const error = refusal(`0a 07 07${text("a.B")} 01`);
  assertEquals(error.section, "3.12");
  assertMatch(error.message, /class "a.B"/);
});

Deno.test("parseAmf3Value() refuses counts and lengths that the input cannot hold", () => {
  for (
    const [wire, section] of [
      ["06 ffffffff", "3.8"],
      ["09 ffffffff 01", "3.11"],
      ["0a fffffffb 01", "3.12"],
      ["0c ffffffff", "3.14"],
      ["0d ffffffff 00", "3.15"],
      ["0f 05 00 0000000000000000", "3.15"],
      ["10 ffffffff 00 01", "3.15"],
      ["11 ffffffff 00", "3.16"],
    ]
  ) {
    assertEquals(refusal(wire).section, section, wire);
  }
});

Deno.test("parseAmf3Value() refuses 100,000 levels of nesting, of every kind", () => {
  const collection = `0a 07 43${text("flex.messaging.io.ArrayCollection")}`;
  const kinds: [open: string, close: string][] = [
    ["09 03 01", ""],
    ["09 01 03 61", "01"],
    ["0a 13 01 03 61", ""],
    ["0a 0b 01 03 61", "01"],
    ["10 03 00 01", ""],
    ["11 03 00 01", ""],
    [collection, ""],
  ];
  for (const [open, close] of kinds) {
    const nested = (depth: number) => open.repeat(depth) + "01" + close.repeat(depth);
    parseAmf3Value(hex(nested(AMF_DEPTH_MAX)));
    assertMatch(refusal(nested(AMF_DEPTH_MAX + 1)).message, /deeper than the 32/);
    assertMatch(refusal(nested(100_000)).message, /deeper than the 32/);
  }
  // Levels of both versions add up.
  const mixed = (depth: number) =>
    hex("0a 00000001".repeat(16) + "11" + "09 03 01".repeat(depth) + "01");
  assertEquals(parseAmf0Values(mixed(16)).length, 1);
  assertThrows(() => parseAmf0Values(mixed(17)), ProtocolError);
});

Deno.test("parseAmf3Value() refuses what unfolds into too much", () => {
  // Twenty arrays of two references each to the one before.
  const pair = (index: number) => `09 05 01 09 ${u29(index * 2)} 09 ${u29(index * 2)}`;
  const bomb = "09 2d 01" + "09 05 01 01 01" +
    Array.from({ length: 20 }, (_, index) => pair(index + 1)).join("") + "01";
  assertMatch(refusal(bomb).message, /more than the 16384 allowed/);
  // A text of 10,000 bytes and 200 references to it; the same as the name of a class.
  const long = `06 ${u29(20_001)}` + "61".repeat(10_000);
  assertMatch(refusal(`09 ${u29(403)} 01 ${long} ${"06 00".repeat(200)}`).message, /1048576 bytes/);
  const typed = `0a 03 ${u29(20_001)} ${"61".repeat(10_000)}`;
  assertMatch(
    refusal(`09 ${u29(403)} 01 ${typed} ${"0a 01".repeat(200)}`).message,
    /1048576 bytes/,
  );
});

Deno.test("parseAmf3Value() counts numbers of vectors and names of traits before it makes them", () => {
  const vector = refusal(`0d ${u29(2 * 20_000 + 1)} 00 ${"00000000".repeat(20_000)}`);
  assertMatch(vector.message, /more than the 16384 allowed/);
  const traits = refusal(`0a ${u29(20_000 * 16 + 3)} 01 ${"01".repeat(40_000)}`);
  assertMatch(traits.message, /more than the 16384 allowed/);
  assertEquals([vector.offset, traits.offset], [5, 4]); // Behind their headers.
});

Deno.test("parseAmf0Values() is back in AMF 0 behind a value in AMF 3", () => {
  const error = assertThrows(() => parseAmf0Values(hex("11 01 04")), ProtocolError);
  assertEquals([error.protocol, error.section, error.offset], ["AMF0", "2.6", 3]);
});

Deno.test("parseAmf3Value() refuses long names, also by reference", () => {
  const long = `${u29(2 * 16_385 + 1)} ${"61".repeat(16_385)}`;
  assertMatch(refusal(`0a 13 01 ${long} 01`).message, /Cannot read name: 16385 bytes/);
  assertMatch(refusal(`09 05 01 06 ${long} 0a 13 01 00 01`).message, /Cannot read name: 16385/);
});

/** A U29 in hexadecimal, up to 21 bits. */
function u29(value: number): string {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift(rest & 0x7f | 0x80);
  return Uint8Array.from(bytes).toHex();
}

Deno.test("writeAmf3Value() refuses what AMF 3 cannot say", () => {
  assertThrows(() => writeAmf3Value(new AmfEcmaArray([["", 1]])), RangeError);
  const ring: AmfValue[] = [];
  ring.push(ring);
  assertThrows(() => writeAmf3Value(ring), RangeError);
});
