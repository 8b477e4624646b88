// Goal: NAL units survive every packing, and a length never reaches beyond its input.
// Method: one access unit as x264 wrote it (byte stream) and as ffmpeg wrote it into MP4.
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import {
  annexBToLengthPrefixed4,
  forEachAnnexBNalUnit,
  forEachNalUnit,
  startsWithStartCode,
  toLengthPrefixed4,
  unescapeNalUnit,
  validateNalUnits,
} from "../../../protocols/media/nal.ts";

// ffmpeg 5.1.9, color=black 32x32, libx264 ultrafast aud=1 slices=2, SEI removed; -f h264.
const BYTE_STREAM = Uint8Array.fromHex(
  "000000010910000000016742c00ada25b011000003000100000300140f1226a00000000168ce0fc800000165" +
    "88843a2628000902c9e00000016562210e898a000240b278",
);
// The same access unit, stream copied into MP4 by the same ffmpeg.
const PREFIXED = Uint8Array.fromHex(
  "000000020910000000166742c00ada25b011000003000100000300140f1226a00000000468ce0fc80000000b" +
    "6588843a2628000902c9e00000000b6562210e898a000240b278",
);
const SIZES = [2, 22, 4, 11, 11];

/** The units of PREFIXED behind lengths of another size. */
function prefixedBy(lengthBytes: number): Uint8Array {
  const parts: Uint8Array[] = [];
  forEachNalUnit(PREFIXED, 4, (nal) => {
    const prefix = new Uint8Array(lengthBytes);
    prefix[lengthBytes - 1] = nal.length;
    parts.push(prefix, nal);
  });
  return concatBytes(...parts);
}

Deno.test("annexBToLengthPrefixed4() makes what ffmpeg makes", () => {
  assertEquals(annexBToLengthPrefixed4(BYTE_STREAM), PREFIXED);
  const view = concatBytes(Uint8Array.of(9, 9), BYTE_STREAM, Uint8Array.of(9)).subarray(2, -1);
  assertEquals(annexBToLengthPrefixed4(view), PREFIXED);
});

Deno.test("forEachAnnexBNalUnit() drops bytes before the first start code and trailing zeros", () => {
  const noisy = concatBytes(Uint8Array.of(0, 7, 0), BYTE_STREAM, new Uint8Array(5));
  const sizes: number[] = [];
  forEachAnnexBNalUnit(noisy, (nal, offset) => {
    sizes.push(nal.length);
    assertEquals(noisy.subarray(offset, offset + nal.length), nal);
  });
  assertEquals(sizes, SIZES);
});

Deno.test("forEachAnnexBNalUnit() finds nothing without start codes or content", () => {
  const never = () => assert(false, "visited");
  for (const hex of ["", "00", "0000", "000001", "00000001", "000002", "01", "0001", "00010001"]) {
    forEachAnnexBNalUnit(Uint8Array.fromHex(hex), never);
  }
  forEachAnnexBNalUnit(Uint8Array.fromHex("000001000001000000"), never);
});

Deno.test("forEachNalUnit() visits each unit as a view with its offset", () => {
  for (const lengthBytes of [1, 2, 3, 4]) {
    const data = prefixedBy(lengthBytes);
    const sizes: number[] = [];
    forEachNalUnit(data, lengthBytes, (nal, offset) => {
      sizes.push(nal.length);
      assert(nal.buffer === data.buffer);
      assertEquals(nal.byteOffset, data.byteOffset + offset);
    });
    assertEquals(sizes, SIZES);
  }
});

Deno.test("forEachNalUnit() passes over units of no bytes", () => {
  const data = Uint8Array.fromHex("00000000" + "0000000141" + "00000000");
  let count = 0;
  forEachNalUnit(data, 4, () => count++);
  assertEquals(count, 1);
});

Deno.test("toLengthPrefixed4() converts shorter lengths and copies nothing at 4", () => {
  assert(toLengthPrefixed4(PREFIXED, 4) === PREFIXED);
  for (const lengthBytes of [1, 2, 3]) {
    assertEquals(toLengthPrefixed4(prefixedBy(lengthBytes), lengthBytes), PREFIXED);
  }
});

Deno.test("validateNalUnits() refuses every truncation inside a unit", () => {
  const ends = new Set([0]);
  forEachNalUnit(PREFIXED, 4, (nal, offset) => ends.add(offset + nal.length));
  for (let size = 0; size <= PREFIXED.length; size++) {
    const cut = PREFIXED.subarray(0, size);
    if (ends.has(size)) validateNalUnits(cut);
    else assertEquals(assertThrows(() => validateNalUnits(cut), ProtocolError).section, "5.3.3.1");
  }
});

Deno.test("toLengthPrefixed4() refuses a length of 2^32 - 1 before it makes room", () => {
  const data = Uint8Array.fromHex("0000000141" + "ffffffff" + "65");
  const error = assertThrows(() => toLengthPrefixed4(data, 4), ProtocolError);
  assertEquals(error.offset, 5);
  assertThrows(() => toLengthPrefixed4(Uint8Array.of(255, 1), 1), ProtocolError);
});

Deno.test("forEachNalUnit() refuses lengths that no format has", () => {
  for (const lengthBytes of [0, 5, 1.5, NaN]) {
    assertThrows(() => forEachNalUnit(PREFIXED, lengthBytes, () => {}), RangeError);
  }
});

Deno.test("unescapeNalUnit() removes emulation prevention and leaves the input alone", () => {
  // ITU-T H.264, 7.4.1: 00 00 03 before 00, 01, 02, 03 and at the end.
  const escaped = Uint8Array.fromHex(
    "67000003000000030100000302000003030000030000 03".replace(" ", ""),
  );
  const before = escaped.slice();
  assertEquals(
    unescapeNalUnit(escaped),
    Uint8Array.fromHex("6700000000000100000200000300000000"),
  );
  assertEquals(escaped, before);
  const plain = Uint8Array.of(0x67, 0, 3, 0, 0, 1);
  assert(unescapeNalUnit(plain).buffer === plain.buffer);
});

Deno.test("startsWithStartCode() tells a byte stream from lengths", () => {
  assert(startsWithStartCode(BYTE_STREAM));
  assert(startsWithStartCode(BYTE_STREAM.subarray(1)));
  assert(!startsWithStartCode(PREFIXED));
  assert(!startsWithStartCode(Uint8Array.of(0, 0, 1)));
});
