// Goal: read the values of other people's commands and metadata, and write them as they do.
// Method: all commands and data in the recorded connections, both directions, byte for byte; then
// vectors from the specification for types nobody sends, every truncation, every refusal.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  Amf0Reader,
  AmfEcmaArray,
  AmfTypedObject,
  type AmfValue,
  parseAmf0Value,
  parseAmf0Values,
  writeAmf0Values,
} from "../../../protocols/rtmp/amf0.ts";
import {
  AMF_DEPTH_MAX,
  AMF_NAME_BYTES_MAX,
  AMF_TEXT_BYTES_MAX,
  AMF_VALUES_MAX,
} from "../../../protocols/rtmp/amf_value.ts";
import { MESSAGE_TYPE } from "../../../protocols/rtmp/message.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { chunkStreamOf, hex, readMessages } from "../../support/rtmp_wire.ts";

const RECORDINGS = [
  "ffmpeg_5.1_publish.bin",
  "nginx_rtmp_1.2.2_to_publish.bin",
  "nginx_rtmp_1.2.2_to_play.bin",
];

for (const name of RECORDINGS) {
  Deno.test(`parseAmf0Values() and writeAmf0Values() agree with ${name}`, () => {
    const bodies = readMessages(chunkStreamOf(name))
      .filter(({ typeId }) =>
        typeId === MESSAGE_TYPE.commandAmf0 || typeId === MESSAGE_TYPE.dataAmf0
      )
      .map(({ body }) => body);
    assert(bodies.length >= 3);
    for (const body of bodies) {
      assertEquals(writeAmf0Values(parseAmf0Values(body)), body);
      const shifted = Uint8Array.of(0xff, ...body).subarray(1);
      assertEquals(parseAmf0Values(shifted), parseAmf0Values(body));
      assertEquals(parseAmf0Values(Uint8Array.of(0xff, ...body), 1), parseAmf0Values(body));
    }
  });
}

/** Text as it is in hexadecimal, to keep vectors legible. */
function text(value: string): string {
  return new TextEncoder().encode(value).toHex();
}

const VECTORS: { name: string; origin: string; wire: string; value: AmfValue }[] = [
  { name: "a number", origin: "nginx-rtmp, capabilities", wire: "00 403f000000000000", value: 31 },
  {
    name: "a negative number",
    origin: "rtmpdump 2.4, play: live or recorded",
    wire: "00 c08f400000000000",
    value: -1000,
  },
  { name: "a boolean", origin: "rtmpdump 2.4, fpad", wire: "01 00", value: false },
  { name: "true", origin: "AMF 0, 2.3", wire: "01 01", value: true },
  {
    name: "a string",
    origin: "ffmpeg 5.1, publish",
    wire: `02 0004 ${text("live")}`,
    value: "live",
  },
  { name: "an empty string", origin: "AMF 0, 2.4", wire: "02 0000", value: "" },
  {
    name: "text of several bytes",
    origin: "AMF 0, 1.3.1",
    wire: "02 0005 c3a4e282ac",
    value: "ä€",
  },
  {
    name: "a byte order mark as text",
    origin: "RFC 3629",
    wire: "02 0003 efbbbf",
    value: "\ufeff",
  },
  { name: "null", origin: "ffmpeg 5.1, createStream", wire: "05", value: null },
  { name: "undefined", origin: "AMF 0, 2.8", wire: "06", value: undefined },
  {
    name: "an object",
    origin: "nginx-rtmp 1.2.2, answer to publish, shortened",
    wire: `03 0005${text("level")} 02 0006${text("status")} 000009`,
    value: new Map([["level", "status"]]),
  },
  { name: "an empty object", origin: "AMF 0, 2.5", wire: "03 000009", value: new Map() },
  {
    name: "an object with keys that mean something elsewhere",
    origin: "AMF 0, 2.5, by hand",
    wire: `03 0009${text("__proto__")} 05 0000 05 0008${text("toString")} 05 000009`,
    value: new Map<string, AmfValue>([["__proto__", null], ["", null], ["toString", null]]),
  },
  {
    name: "an ECMA array",
    origin: "ffmpeg 5.1, onMetaData, shortened",
    wire: `08 00000001 0008${text("duration")} 00 0000000000000000 000009`,
    value: new AmfEcmaArray([["duration", 0]]),
  },
  {
    name: "a strict array",
    origin: "AMF 0, 2.12, by hand",
    wire: "0a 00000003 05 0100 0a 00000000",
    value: [null, false, []],
  },
  {
    name: "a date",
    origin: "AMF 0, 2.13, 2000-01-01 UTC by Python's struct",
    wire: "0b 426b8d59f5800000 0000",
    value: { kind: "date", epochMs: 946_684_800_000 },
  },
  {
    name: "an XML document",
    origin: "AMF 0, 2.17, by hand",
    wire: `0f 00000004 ${text("<a/>")}`,
    value: { kind: "xml", text: "<a/>" },
  },
  {
    name: "a typed object",
    origin: "AMF 0, 2.18, by hand",
    wire: `10 0003${text("a.B")} 0001${text("c")} 05 000009`,
    value: new AmfTypedObject("a.B", [["c", null]]),
  },
  {
    name: "a byte array in AMF 3",
    origin: "AMF 0, 3.1 and AMF 3, 3.14, by hand",
    wire: "11 0c 07 010203",
    value: Uint8Array.of(1, 2, 3),
  },
];

for (const { name, origin, wire, value } of VECTORS) {
  const bytes = hex(wire);

  Deno.test(`parseAmf0Value() and writeAmf0Values() know ${name} (${origin})`, () => {
    assertEquals(parseAmf0Value(bytes), { value, end: bytes.length });
    const shifted = Uint8Array.of(0xff, 0xff, ...bytes, 0xff);
    const end = bytes.length + 2;
    assertEquals(parseAmf0Value(shifted, 2), { value, end });
    assertEquals(parseAmf0Value(shifted.subarray(2), 0).end, bytes.length);
    assertEquals(writeAmf0Values([value]), bytes);
    assertEquals(parseAmf0Values(Uint8Array.of(...bytes, ...bytes)), [value, value]);
  });

  Deno.test(`parseAmf0Value() refuses ${name} cut short`, () => {
    for (let size = 0; size < bytes.length; size++) {
      // A count of properties that is met at the end of the input makes up for an end marker.
      if (bytes[0] === 0x08 && size === bytes.length - 3) continue;
      const error = assertThrows(() => parseAmf0Value(bytes.subarray(0, size)), ProtocolError);
      assert(error.protocol === "AMF0" || error.protocol === "AMF3");
      assert(error.offset <= size, `offset ${error.offset} in ${size} bytes`);
    }
  });
}

Deno.test("parseAmf0Values() reads a connect of ffmpeg as what it says", () => {
  const [connect] = readMessages(chunkStreamOf("ffmpeg_5.1_publish.bin"));
  const [name, transaction, properties] = parseAmf0Values(connect.body);
  assertEquals([name, transaction], ["connect", 1]);
  assert(properties instanceof Map);
  assertEquals([...properties.keys()], ["app", "type", "flashVer", "tcUrl"]);
  assertEquals(properties.get("app"), "live");
  assertEquals(properties.get("flashVer"), "FMLE/3.0 (compatible; Lavf59.27.100)");
});

Deno.test("parseAmf0Values() of nothing is nothing", () => {
  assertEquals(parseAmf0Values(new Uint8Array(0)), []);
  assertEquals(parseAmf0Values(hex("05"), 1), []);
});

Deno.test("Amf0Reader tells where each value ends", () => {
  const reader = new Amf0Reader(hex("ff 05 0101 020000"), 1);
  const seen: [AmfValue, number][] = [];
  while (!reader.done) seen.push([reader.read(), reader.offset]);
  assertEquals(seen, [[null, 2], [true, 4], ["", 7]]);
});

Deno.test("writeAmf0Values() turns to long strings behind 65,535 bytes", () => {
  const short = "x".repeat(65_535);
  const long = "ä".repeat(32_768);
  const bytes = writeAmf0Values([short, long]);
  assertEquals(bytes.subarray(0, 3), hex("02ffff"));
  assertEquals(bytes.subarray(65_538, 65_543), hex("0c00010000"));
  assertEquals(parseAmf0Values(bytes), [short, long]);
});

Deno.test("parseAmf0Values() reads text that is no UTF-8 with replacement characters", () => {
  assertEquals(parseAmf0Values(hex("02 0003 61e462")), ["a\ufffdb"]);
});

Deno.test("parseAmf0Values() reads Unsupported as undefined, any non-zero byte as true", () => {
  assertEquals(parseAmf0Values(hex("0d 0102")), [undefined, true]);
});

Deno.test("parseAmf0Values() ignores the count of an ECMA array, and the time zone", () => {
  const property = "0001 61 05";
  for (const count of ["00000000", "00000007", "ffffffff"]) {
    const [array] = parseAmf0Values(hex(`08 ${count} ${property} 000009`));
    assertEquals(array, new AmfEcmaArray([["a", null]]));
  }
  const [date] = parseAmf0Values(hex("0b 0000000000000000 ffc4"));
  assertEquals(date, { kind: "date", epochMs: 0 });
});

Deno.test("parseAmf0Values() accepts an ECMA array whose end an old writer left out", () => {
  const [array] = parseAmf0Values(hex("08 00000001 0001 61 05"));
  assertEquals(array, new AmfEcmaArray([["a", null]]));
  assertThrows(() => parseAmf0Values(hex("08 00000002 0001 61 05")), ProtocolError);
  assertThrows(() => parseAmf0Values(hex("03 0001 61 05")), ProtocolError);
});

Deno.test("parseAmf0Values() follows references to finished objects and arrays", () => {
  const [object, array, first, second] = parseAmf0Values(
    hex("03 0001 61 05 000009  0a 00000001 070000  070000 070001"),
  );
  assertEquals(array, [object]);
  assert(first === object && second === array);
});

Deno.test("parseAmf0Values() refuses references to what is unfinished or unknown", () => {
  for (const wire of ["03 0001 61 070000 000009", "0a 00000001 070000", "070000", "05 07ffff"]) {
    assertEquals(refusal(hex(wire)).section, "2.9", wire);
  }
});

function refusal(bytes: Uint8Array): ProtocolError {
  return assertThrows(() => parseAmf0Values(bytes), ProtocolError);
}

Deno.test("parseAmf0Values() refuses reserved and unknown markers, and says where", () => {
  for (const [wire, section] of [["04", "2.6"], ["09", "2.11"], ["0e", "2.16"], ["12", "2.1"]]) {
    const error = refusal(hex(`05 ${wire} 0000000000`));
    assertEquals([error.protocol, error.section, error.offset], ["AMF0", section, 2]);
  }
});

/** `depth` objects in each other. */
function nested(depth: number, open = "03 0001 61", close = "000009"): Uint8Array {
  return hex(open.repeat(depth) + "05" + close.repeat(depth));
}

Deno.test("parseAmf0Values() refuses 100,000 levels of nesting, of every kind", () => {
  for (
    const open of ["03 0001 61", "08 00000001 0001 61", "10 0000 0001 61", "0a 00000001"]
  ) {
    assertEquals(parseAmf0Values(nested(AMF_DEPTH_MAX, open, close(open))).length, 1);
    assertMatch(
      refusal(nested(AMF_DEPTH_MAX + 1, open, close(open))).message,
      /deeper than the 32/,
    );
    assertMatch(refusal(nested(100_000, open, close(open))).message, /deeper than the 32/);
  }
});

function close(open: string): string {
  return open.startsWith("0a") ? "" : "000009";
}

Deno.test("parseAmf0Values() counts the levels behind references", () => {
  // Each object holds a reference to the one before it, so that the last is 33 levels high.
  const objects = (count: number) =>
    hex(
      `0a ${count.toString(16).padStart(8, "0")} 03 000009` +
        Array.from({ length: count - 1 }, (_, index) => {
          return `03 0001 61 07 ${(index + 1).toString(16).padStart(4, "0")} 000009`;
        }).join(""),
    );
  assertEquals((parseAmf0Values(objects(31))[0] as AmfValue[]).length, 31);
  assertMatch(refusal(objects(32)).message, /deeper than the 32/);
});

Deno.test("parseAmf0Values() takes the deepest of several elements for the level", () => {
  // An array of 21 levels, though its last element has one; then a reference to it deeper down.
  const tall = "0a 00000002" + "0a 00000001".repeat(19) + "05" + "0a 00000000";
  const below = (depth: number) => hex(tall + "0a 00000001".repeat(depth) + "070000");
  assertEquals(parseAmf0Values(below(AMF_DEPTH_MAX - 20)).length, 2);
  assertMatch(refusal(below(AMF_DEPTH_MAX - 19)).message, /deeper than the 32/);
});

Deno.test("parseAmf0Values() refuses values that unfold into too many", () => {
  // Twenty arrays of two references each to the one before: a million values from 200 bytes.
  const bomb = "0a 00000002 05 05" + Array.from({ length: 20 }, (_, index) => {
    const reference = `07 ${index.toString(16).padStart(4, "0")}`;
    return `0a 00000002 ${reference} ${reference}`;
  }).join("");
  assertMatch(refusal(hex(bomb)).message, /more than the 16384 allowed/);
  assertEquals(parseAmf0Values(hex("05".repeat(AMF_VALUES_MAX))).length, AMF_VALUES_MAX);
  assertMatch(refusal(hex("05".repeat(AMF_VALUES_MAX + 1))).message, /more than the 16384/);
});

Deno.test("parseAmf0Values() refuses text that unfolds into too much", () => {
  const long = writeAmf0Values([["x".repeat(100_000)]]);
  assertMatch(
    refusal(Uint8Array.of(...long, ...hex("070000".repeat(11)))).message,
    /more than the 1048576 bytes/,
  );
  const whole = new Uint8Array(5 + AMF_TEXT_BYTES_MAX + 1);
  whole.set(hex("0c 00100001"));
  assertMatch(refusal(whole).message, /more than the 1048576 bytes/);
});

Deno.test("parseAmf0Values() refuses lengths and counts that the input cannot hold", () => {
  for (
    const [wire, section] of [
      ["02 ffff 61", "2.4"],
      ["0c ffffffff 61", "2.14"],
      ["0c 80000000 61", "2.14"],
      ["0f ffffffff 61", "2.17"],
      ["0a ffffffff 05", "2.12"],
      ["0a 80000000 05", "2.12"],
      ["03 fff0 61 05 000009", "2.5"],
      ["10 fff0 61", "2.18"],
      ["08 00000000 ffff 61", "2.10"],
    ]
  ) {
    assertEquals(refusal(hex(wire)).section, section, wire);
  }
});

Deno.test("parseAmf0Values() refuses long names", () => {
  const named = (size: number) => {
    const length = size.toString(16).padStart(4, "0");
    return hex(`03 ${length} ${"ff".repeat(size)} 05 000009`);
  };
  const [object] = parseAmf0Values(named(AMF_NAME_BYTES_MAX));
  // Each byte became a character of three, and the name can still be written.
  assertEquals(writeAmf0Values([object]).length, 1 + 2 + 3 * AMF_NAME_BYTES_MAX + 1 + 3);
  assertEquals(refusal(named(AMF_NAME_BYTES_MAX + 1)).section, "2.5");
});

Deno.test("writeAmf0Values() refuses what holds itself, and names that do not fit", () => {
  const ring: AmfValue[] = [];
  ring.push(ring);
  assertThrows(() => writeAmf0Values([ring]), RangeError);
  assertThrows(() => writeAmf0Values([new Map([["x".repeat(65_536), null]])]), RangeError);
});

Deno.test("writeAmf0Values() keeps what it wrote when it needs more room", () => {
  const values = Array.from({ length: 1000 }, (_, index) => [index, `${index}`, true, null]).flat();
  assertEquals(parseAmf0Values(writeAmf0Values(values)), values);
});
