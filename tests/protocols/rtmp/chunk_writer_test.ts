// Goal: pin the chunks that every viewer gets.
// Method: vectors written down from the specification's layout, sizes told in advance, and our
// reader as the inverse; what nginx-rtmp writes alike is in chunk_capture_test.ts.
import {
  CHUNK_BYTES_MAX,
  chunkedMessage,
  chunkedMessageBytes,
  MESSAGE_BODY_BYTES_MAX,
  type MessageHead,
  writeChunkedMessage,
} from "../../../protocols/rtmp/chunk_writer.ts";
import { writeSetChunkSize } from "../../../protocols/rtmp/message.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { chunk, hex, readMessages } from "../../support/rtmp_wire.ts";

const VECTORS: {
  name: string;
  origin: string;
  head: MessageHead;
  body: string;
  chunkBytes: number;
  wire: string;
}[] = [
  {
    name: "an audio message with an extended timestamp",
    origin: "nginx-rtmp 1.2.2 to rtmpdump 2.4, first audio",
    head: { chunkStreamId: 6, timestampMs: 16_778_800, typeId: 8, streamId: 1 },
    body: "af00120856e500",
    chunkBytes: 128,
    wire: "06 ffffff 000007 08 01000000 01000630 af00120856e500",
  },
  {
    name: "a message in three chunks, the timestamp repeated on each",
    origin: "Adobe RTMP 1.0, 5.3.1.2.1, 5.3.1.2.4 and 5.3.1.3, by hand",
    head: { chunkStreamId: 63, timestampMs: 0xfffffffe, typeId: 9, streamId: 0x01020304 },
    body: "0102030405",
    chunkBytes: 2,
    wire: "3f ffffff 000005 09 04030201 fffffffe 0102 ff fffffffe 0304 ff fffffffe 05",
  },
  {
    name: "the last timestamp that fits 24 bits",
    origin: "Adobe RTMP 1.0, 5.3.1.3, by hand",
    head: { chunkStreamId: 2, timestampMs: 0xfffffe, typeId: 3, streamId: 0 },
    body: "00000000",
    chunkBytes: 4,
    wire: "02 fffffe 000004 03 00000000 00000000",
  },
  {
    name: "the first timestamp that does not",
    origin: "Adobe RTMP 1.0, 5.3.1.3, by hand",
    head: { chunkStreamId: 2, timestampMs: 0xffffff, typeId: 3, streamId: 0 },
    body: "00000000",
    chunkBytes: 4,
    wire: "02 ffffff 000004 03 00000000 00ffffff 00000000",
  },
  {
    name: "an empty message",
    origin: "Adobe RTMP 1.0, 5.3.1.2.1, by hand",
    head: { chunkStreamId: 4, timestampMs: 40, typeId: 8, streamId: 1 },
    body: "",
    chunkBytes: 128,
    wire: "04 000028 000000 08 01000000",
  },
];

for (const { name, head, body, chunkBytes, wire } of VECTORS) {
  Deno.test(`writeChunkedMessage() writes ${name}`, () => {
    const expected = hex(wire);
    const bytes = hex(body);
    assertEquals(chunkedMessageBytes(head, bytes.length, chunkBytes), expected.length);
    assertEquals(chunkedMessage(head, bytes, chunkBytes), expected);
    // The body's two parts may meet anywhere, also within a chunk.
    for (let headBytes = 0; headBytes <= bytes.length; headBytes++) {
      const target = new Uint8Array(expected.length + 5).fill(0xee);
      const bodyHead = Uint8Array.of(...bytes.subarray(0, headBytes), 0xaa, 0xbb);
      const rest = bytes.subarray(headBytes);
      const end = writeChunkedMessage(head, bodyHead, headBytes, rest, chunkBytes, target, 3);
      assertEquals(end, 3 + expected.length);
      assertEquals(target.subarray(3, end), expected);
      assertEquals([...target.subarray(0, 3), ...target.subarray(end)], [238, 238, 238, 238, 238]);
    }
  });
}

Deno.test("chunkedMessageBytes() tells what is written, for sizes around the chunk's", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 300; round++) {
    const chunkBytes = 1 + randomInteger(random, 300);
    const timestampMs = random.next() < 0.5 ? 1_000 : 0xffffff + randomInteger(random, 1 << 30);
    const body = new Uint8Array(randomInteger(random, 4) * chunkBytes + randomInteger(random, 3))
      .map(() => randomInteger(random, 256));
    const head = { chunkStreamId: 5, timestampMs, typeId: 18, streamId: 0xffffffff };
    const wire = chunkedMessage(head, body, chunkBytes);
    const sizes = chunk(0, 2, { bodyBytes: 4, typeId: 1 }, writeSetChunkSize(chunkBytes));
    const messages = readMessages(Uint8Array.of(...sizes, ...wire));
    assertEquals(messages, [{ ...head, body }], `round ${round}`);
  }
});

Deno.test("writeChunkedMessage() refuses what the wire cannot carry", () => {
  const head = { chunkStreamId: 4, timestampMs: 0, typeId: 8, streamId: 1 };
  const body = new Uint8Array(10);
  const write = (changed: Partial<MessageHead>, chunkBytes: number, room: number) =>
    writeChunkedMessage(
      { ...head, ...changed },
      body,
      0,
      body,
      chunkBytes,
      new Uint8Array(room),
      0,
    );
  assertEquals(write({}, 128, 22), 22);
  for (const chunkStreamId of [0, 1, 64, -1, NaN]) {
    assertThrows(() => write({ chunkStreamId }, 128, 22), RangeError);
  }
  for (const chunkBytes of [0, -1, CHUNK_BYTES_MAX + 1, NaN]) {
    assertThrows(() => write({}, chunkBytes, 2_000), RangeError);
  }
  assertThrows(() => write({}, 128, 21), RangeError);
  const none = new Uint8Array(0);
  assertThrows(
    () => writeChunkedMessage(head, none, 0, none, 128, new Uint8Array(11), 0),
    RangeError,
  );
  assertThrows(() => chunkedMessageBytes(head, MESSAGE_BODY_BYTES_MAX + 1, 128), RangeError);
  assertThrows(() => chunkedMessageBytes(head, -1, 128), RangeError);
});
