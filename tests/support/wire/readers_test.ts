// Goal: the readers and the check behind the end-to-end tests see what is wrong on the wire.
// Method: correct bytes, whole and one byte at a time, then the same with one fault each.
import { assertEquals, assertMatch, assertThrows } from "../assert.ts";
import { FlvReader } from "./flv_reader.ts";
import { WireError } from "./input.ts";
import { AUDIO, type MediaMessage, VIDEO } from "./media_message.ts";
import { numberedBody, NumberedCheck } from "./numbered.ts";
import { basicHeader, bytesOf, message, uint32 } from "./rtmp_bytes.ts";
import { type RtmpMessage, RtmpReader } from "./rtmp_reader.ts";
import { WebSocketReader } from "./websocket_reader.ts";

/** Written by hand after FLV 10.1, annex E: a file with one audio tag. */
const FLV = Uint8Array.fromHex(
  "464c5601040000000900000000" + "08000003000014000000007e" + "7fff" + "0000000e",
);

/** Collects messages with their bodies copied. */
function collector<T extends { body: Uint8Array }>(): { all: T[]; add: (one: T) => void } {
  const all: T[] = [];
  return { all, add: (one) => void all.push({ ...one, body: one.body.slice() }) };
}

Deno.test("FlvReader reads tags, however they are cut", () => {
  const { all, add } = collector<MediaMessage>();
  const reader = new FlvReader(add);
  for (const byte of FLV) reader.push(Uint8Array.of(byte));
  assertEquals(all, [{ typeId: AUDIO, timestampMs: 20, body: Uint8Array.of(0x7e, 0x7f, 0xff) }]);
  assertEquals(reader.atTagEnd, true);
});

for (
  const [what, at, value] of [
    ["a wrong signature", 0, 0x47],
    ["a wrong PreviousTagSize0", 12, 1],
    ["an unknown tag type", 13, 7],
    ["a stream id", 23, 1],
    ["a wrong PreviousTagSize", FLV.length - 1, 13],
  ] as const
) {
  Deno.test(`FlvReader refuses ${what}`, () => {
    assertThrows(() => new FlvReader(() => {}).push(FLV.with(at, value)), WireError);
  });
}

Deno.test("RtmpReader reads chunks of every header type, however they are cut", () => {
  const body = Uint8Array.from({ length: 300 }, (_unused, index) => index);
  const wire = bytesOf(
    message({ chunkStreamId: 6, typeId: VIDEO, streamId: 1, timestampMs: 1_000 }, body),
    ...[basicHeader(1, 6), 0, 0, 40, 0, 0, 1, VIDEO, 7], // 40 ms later, one byte.
    ...[basicHeader(2, 6), 0, 0, 20, 8], // 20 ms later, as long as before.
    ...[basicHeader(3, 6), 9], // The same again.
    message({ chunkStreamId: 2, typeId: 1 }, uint32(4_096)),
    message({ chunkStreamId: 6, typeId: VIDEO, timestampMs: 0x1000000 }, body, 4_096),
  );
  const { all, add } = collector<RtmpMessage>();
  const reader = new RtmpReader(add);
  for (const byte of wire) reader.push(Uint8Array.of(byte));
  assertEquals(all.map(({ timestampMs }) => timestampMs), [1_000, 1_040, 1_060, 1_080, 0x1000000]);
  assertEquals(all.map((one) => one.body.length), [300, 1, 1, 1, 300]);
  assertEquals(all[0].body, body);
});

Deno.test("RtmpReader refuses headers within a message and streams that start in the middle", () => {
  const head = { chunkStreamId: 6, typeId: VIDEO, bodyBytes: 300 };
  const twice = bytesOf(message(head, new Uint8Array(128)), message(head, new Uint8Array(128)));
  assertThrows(() => new RtmpReader(() => {}).push(twice), WireError);
  assertThrows(() => new RtmpReader(() => {}).push(basicHeader(3, 6)), WireError);
});

Deno.test("WebSocketReader reads whole binary messages and the close", () => {
  const seen: (string | number)[] = [];
  const reader = new WebSocketReader({
    binary: (payload) => seen.push(payload.toHex()),
    close: (code) => seen.push(code),
  });
  for (const byte of Uint8Array.fromHex("8202abcd" + "827e0001ef" + "880203e8")) {
    reader.push(Uint8Array.of(byte));
  }
  assertEquals(seen, ["abcd", "ef", 1000]);
});

for (const [what, hex] of [["masked", "8281"], ["fragmented", "0201"], ["text", "810161"]]) {
  Deno.test(`WebSocketReader refuses a ${what} frame from a server`, () => {
    const reader = new WebSocketReader({ binary: () => {}, close: () => {} });
    assertThrows(() => reader.push(Uint8Array.fromHex(hex)), WireError);
  });
}

Deno.test("NumberedCheck counts what is lost and what comes again", () => {
  const numbers = (...list: number[]) => {
    const check = new NumberedCheck();
    for (const number of list) check.message(numbered(number));
    return [check.first, check.last, check.lost, check.doubled];
  };
  assertEquals(numbers(4, 5, 6), [4, 6, 0, 0]);
  assertEquals(numbers(4, 5, 8, 9), [4, 9, 2, 0]);
  assertEquals(numbers(4, 5, 5, 6), [4, 6, 0, 1]);
  assertEquals(numbers(4, 6, 5, 7), [4, 7, 1, 1]);
});

Deno.test("NumberedCheck refuses to start between key frames", () => {
  const error = assertThrows(() => new NumberedCheck().message(numbered(3)), WireError);
  assertMatch(error.message, /number 3, is no key frame/);
});

/** Even numbers are key frames. */
function numbered(number: number): MediaMessage {
  const body = numberedBody(VIDEO, number, number % 2 === 0, 20);
  return { typeId: VIDEO, timestampMs: number * 40, body };
}
