// Goal: pin every rule of the chunk stream that recordings do not show, and every refusal.
// Method: chunks built by hand after Adobe RTMP 1.0, 5.3.1; each sequence is fed whole and in
// single bytes. Recordings of other programs are in chunk_capture_test.ts.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  CHUNK_STREAMS_MAX,
  ChunkReader,
  COMMAND_BYTES_MAX,
  type Message,
} from "../../../protocols/rtmp/chunk_reader.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { chunk, hex, readMessages } from "../../support/rtmp_wire.ts";

/** Reads whole and byte by byte, which must not differ. */
function read(...chunks: Uint8Array[]): Message[] {
  const bytes = concatBytes(...chunks);
  const messages = readMessages(bytes);
  assertEquals(readMessages(bytes, { pieceBytes: 1 }), messages, "byte by byte");
  assertEquals(readMessages(bytes, { pieceBytes: 2 }), messages, "two bytes at a time");
  return messages;
}

function times(messages: readonly Message[]): number[] {
  return messages.map(({ timestampMs }) => timestampMs);
}

function bodies(messages: readonly Message[]): string[] {
  return messages.map(({ body }) => body.toHex());
}

/** Both ways of feeding must end in the same error. */
function refusal(...chunks: Uint8Array[]): ProtocolError {
  const bytes = concatBytes(...chunks);
  const error = assertThrows(() => readMessages(bytes), ProtocolError);
  const again = assertThrows(() => readMessages(bytes, { pieceBytes: 1 }), ProtocolError);
  assertEquals([again.message, again.offset], [error.message, error.offset]);
  assertEquals(error.protocol, "RTMP");
  return error;
}

/** A complete message of type 8 in one chunk. */
const AUDIO = { bodyBytes: 2, typeId: 8, streamId: 1 };

function setChunkSize(size: string): Uint8Array {
  return chunk(0, 2, { bodyBytes: size.length / 2, typeId: 1 }, size);
}

Deno.test("ChunkReader reads the specification's example of four audio messages", () => {
  // Adobe RTMP 1.0, 5.3.2.1: 32 bytes each, at 1000, 1020, 1040 and 1060 ms.
  const body = new Uint8Array(32).fill(7);
  const messages = read(
    chunk(0, 3, { timestampMs: 1000, bodyBytes: 32, typeId: 8, streamId: 12345 }, body),
    chunk(2, 3, { timestampMs: 20 }, body),
    chunk(3, 3, {}, body),
    chunk(3, 3, {}, body),
  );
  assertEquals(times(messages), [1000, 1020, 1040, 1060]);
  for (const message of messages) {
    const { chunkStreamId, typeId, streamId } = message;
    assertEquals([chunkStreamId, typeId, streamId], [3, 8, 12345]);
    assertEquals(message.body, body);
  }
});

Deno.test("ChunkReader reads the specification's example of a long video message", () => {
  // Adobe RTMP 1.0, 5.3.2.2: 307 bytes in chunks of 140, 129 and 52 bytes with their headers.
  const body = Uint8Array.from({ length: 307 }, (_, index) => index);
  const chunks = [
    chunk(
      0,
      4,
      { timestampMs: 1000, bodyBytes: 307, typeId: 9, streamId: 12346 },
      body.slice(0, 128),
    ),
    chunk(3, 4, {}, body.slice(128, 256)),
    chunk(3, 4, {}, body.slice(256)),
  ];
  assertEquals(chunks.map(({ length }) => length), [140, 129, 52]);
  const expected = { chunkStreamId: 4, typeId: 9, streamId: 12346, timestampMs: 1000, body };
  assertEquals(read(...chunks), [expected]);
});

Deno.test("ChunkReader reads basic headers of one, two and three bytes", () => {
  const ids = [2, 3, 63, 64, 65, 319, 320, 321, 65_598, 65_599];
  const messages = read(...ids.map((id) => chunk(0, id, AUDIO, "aabb")));
  assertEquals(messages.map(({ chunkStreamId }) => chunkStreamId), ids);
  // 5.3.1.1: ids 64 to 319 may take three bytes as well; the forms are one chunk stream.
  const forms = read(chunk(0, 64, AUDIO, "aabb"), hex("c1 0000 ccdd"), hex("c0 00 eeff"));
  assertEquals(forms.map(({ chunkStreamId }) => chunkStreamId), [64, 64, 64]);
  assertEquals(bodies(forms), ["aabb", "ccdd", "eeff"]);
});

Deno.test("ChunkReader inherits what chunk types 1, 2 and 3 leave out", () => {
  const messages = read(
    chunk(0, 4, { timestampMs: 100, ...AUDIO }, "aabb"),
    chunk(1, 4, { timestampMs: 5, bodyBytes: 1, typeId: 18 }, "cc"),
    chunk(2, 4, { timestampMs: 7 }, "dd"),
    chunk(3, 4, {}, "ee"),
    chunk(0, 4, { timestampMs: 50, ...AUDIO, streamId: 0xfffefdfc }, "ffff"),
  );
  assertEquals(times(messages), [100, 105, 112, 119, 50]);
  assertEquals(bodies(messages), ["aabb", "cc", "dd", "ee", "ffff"]);
  assertEquals(messages.map(({ typeId }) => typeId), [8, 18, 18, 18, 8]);
  assertEquals(messages.map(({ streamId }) => streamId), [1, 1, 1, 1, 0xfffefdfc]);
});

Deno.test("ChunkReader takes the timestamp of type 0 as the delta of a type 3 behind it", () => {
  const messages = read(chunk(0, 4, { timestampMs: 23, ...AUDIO }, "aabb"), hex("c4 ccdd"));
  assertEquals(times(messages), [23, 46]); // 5.3.1.2.4
});

Deno.test("ChunkReader counts timestamps modulo 2^32", () => {
  const messages = read(
    chunk(0, 4, { timestampMs: 0xfffffff0, ...AUDIO }, "aabb"),
    chunk(2, 4, { timestampMs: 0x20 }, "aabb"),
    chunk(2, 4, { timestampMs: 0xffffffff }, "aabb"),
  );
  assertEquals(times(messages), [0xfffffff0, 0x10, 0x0f]);
});

Deno.test("ChunkReader opens a chunk stream with type 1 as librtmp does", () => {
  const messages = read(chunk(1, 2, { timestampMs: 9, bodyBytes: 2, typeId: 4 }, "001a"));
  const body = hex("001a");
  assertEquals(messages, [{ chunkStreamId: 2, typeId: 4, streamId: 0, timestampMs: 9, body }]);
});

Deno.test("ChunkReader reassembles interleaved messages", () => {
  const long = { timestampMs: 0, bodyBytes: 300, typeId: 9, streamId: 1 };
  const part = (size: number, value: number) => new Uint8Array(size).fill(value);
  const messages = read(
    chunk(0, 6, long, part(128, 1)),
    chunk(0, 70, { ...long, timestampMs: 1 }, part(128, 2)),
    chunk(3, 6, {}, part(128, 1)),
    chunk(0, 4, { ...AUDIO, timestampMs: 2 }, "aabb"),
    chunk(3, 70, {}, part(128, 2)),
    chunk(3, 70, {}, part(44, 2)),
    chunk(3, 6, {}, part(44, 1)),
  );
  assertEquals(times(messages), [2, 1, 0]);
  assertEquals(messages[1].body, part(300, 2));
  assertEquals(messages[2].body, part(300, 1));
});

Deno.test("ChunkReader obeys Set Chunk Size from the next chunk on, and does not report it", () => {
  const messages = read(
    chunk(0, 6, { bodyBytes: 200, typeId: 9, streamId: 1 }, new Uint8Array(128)),
    setChunkSize("00000001"),
    ...Array.from({ length: 71 }, () => chunk(3, 6, {}, "11")),
    chunk(3, 6, {}, "22"),
    chunk(0, 2, { bodyBytes: 4, typeId: 1 }, "00"), // 0x00ffffff, now in single bytes itself.
    hex("c2ff c2ff c2ff"),
    chunk(0, 6, { bodyBytes: 300, typeId: 9, streamId: 1 }, new Uint8Array(300)),
  );
  assertEquals(messages.map(({ body }) => body.length), [200, 300]);
  assertEquals(messages[0].body.subarray(127, 130), hex("001111"));
  assertEquals(messages[0].body.at(-1), 0x22);
});

Deno.test("ChunkReader drops what Abort names and keeps the rest", () => {
  const long = { bodyBytes: 130, typeId: 9, streamId: 1 };
  const messages = read(
    chunk(0, 6, long, new Uint8Array(128).fill(1)),
    chunk(0, 64, long, new Uint8Array(128).fill(3)),
    chunk(0, 2, { bodyBytes: 4, typeId: 2 }, "00000006"),
    chunk(3, 2, {}, "00000006"), // Nothing is left to abort.
    chunk(3, 2, {}, "0000ffff"), // Nor was this ever opened.
    chunk(3, 6, {}, new Uint8Array(128).fill(2)), // A new message, like the dropped one.
    chunk(3, 64, {}, "0303"),
    chunk(3, 6, {}, "0202"),
  );
  const expected = [new Uint8Array(130).fill(3), new Uint8Array(130).fill(2)];
  assertEquals(messages.map(({ body }) => body), expected);
});

Deno.test("ChunkReader hands out empty messages", () => {
  const empty = { bodyBytes: 0, typeId: 8, streamId: 1 };
  const messages = read(
    chunk(0, 4, { ...empty, timestampMs: 1 }),
    chunk(2, 4, { timestampMs: 2 }),
    chunk(3, 4, {}),
    chunk(0, 4, AUDIO, "aabb"),
  );
  assertEquals(times(messages), [1, 3, 5, 0]);
  assertEquals(bodies(messages), ["", "", "", "aabb"]);
});

Deno.test("ChunkReader reads extended timestamps on every chunk type", () => {
  const start = 0x01000000;
  const long = { bodyBytes: 130, typeId: 9, streamId: 1 };
  const head = new Uint8Array(128);
  const messages = read(
    chunk(0, 6, { ...long, timestampMs: start }, head),
    chunk(3, 6, { timestampMs: start }, "0102"),
    chunk(1, 6, { timestampMs: 0x01000001, bodyBytes: 130, typeId: 9 }, head),
    chunk(3, 6, { timestampMs: 0x01000001 }, "0304"), // The field, as ffmpeg repeats it.
    chunk(2, 6, { timestampMs: 0x01000002 }, head),
    chunk(3, 6, { timestampMs: 0x03000003 }, "0506"), // The absolute time, as others do.
    chunk(3, 6, { timestampMs: 0x01000002 }, head), // A new message that repeats the delta.
    chunk(3, 6, { timestampMs: 0x01000002 }, "0708"),
    chunk(2, 6, { timestampMs: 1 }, head), // No longer extended.
    chunk(3, 6, {}, "0000"), // What the field would start with is payload.
  );
  assertEquals(times(messages), [start, 0x02000001, 0x03000003, 0x04000005, 0x04000006]);
  const ends = messages.map(({ body }) => body.subarray(128).toHex());
  assertEquals(ends, ["0102", "0304", "0506", "0708", "0000"]);
});

Deno.test("ChunkReader does without the extended timestamp where type 3 omits it", () => {
  const start = 0x01020304;
  const head = new Uint8Array(128);
  // Each rest starts as the missing field would, by more and more bytes; then the next chunk does.
  for (const rest of ["99", "0199", "010299", "01020399", "01020305", "01", "0102", "010203"]) {
    const bodyBytes = 128 + rest.length / 2;
    const messages = read(
      chunk(0, 6, { timestampMs: start, bodyBytes, typeId: 9, streamId: 1 }, head),
      chunk(3, 6, {}, rest),
      chunk(0, 5, { timestampMs: 5, ...AUDIO }, "aabb"),
    );
    assertEquals(times(messages), [start, 5]);
    assertEquals(messages[0].body.subarray(128).toHex(), rest);
  }
});

Deno.test("ChunkReader replays held payload in the right place, whatever it turns out to be", () => {
  // The field's bytes c4 c4 … are also headers of chunk stream 4, which holds empty messages.
  const start = 0xc4c4c4c4;
  const empty = { bodyBytes: 0, typeId: 8, streamId: 1 };
  const chunks = [
    chunk(0, 4, { ...empty, timestampMs: 3 }),
    chunk(
      0,
      6,
      { timestampMs: start, bodyBytes: 129, typeId: 9, streamId: 1 },
      new Uint8Array(128),
    ),
    hex("c6 c4 c4 c4 c5"), // The last payload byte is c4; then two empty messages; then
    hex("05"), // … chunk stream 5, which nobody opened.
  ];
  const error = refusal(...chunks);
  assertMatch(error.message, /type 3 on chunk stream 5/);
  // The same within the replayed bytes: c5 is payload, the c5 behind it a header.
  const long = { timestampMs: 0xc5c5c5c5, bodyBytes: 129, typeId: 9, streamId: 1 };
  const within = refusal(chunk(0, 6, long, new Uint8Array(128)), hex("c6 c5 c5 05"));
  assertEquals(within.offset, 16 + 128 + 2);
  const messages = read(...chunks.slice(0, 2), hex("c6 c4 c4 c4 04 000000 000000 08 01000000"));
  assertEquals(messages.map(({ chunkStreamId }) => chunkStreamId), [4, 6, 4, 4, 4]);
  assertEquals(times(messages), [3, start, 6, 9, 0]);
});

Deno.test("ChunkReader that is stopped within replayed bytes goes on with them", () => {
  const seen: number[] = [];
  const reader = new ChunkReader(({ chunkStreamId }) => {
    seen.push(chunkStreamId);
    return false;
  });
  const bytes = concatBytes(
    chunk(0, 4, { bodyBytes: 0, typeId: 8, streamId: 1 }),
    chunk(
      0,
      6,
      { timestampMs: 0xc4c4c4c4, bodyBytes: 129, typeId: 9, streamId: 1 },
      new Uint8Array(128),
    ),
    hex("c6 c4 c4 c4 04 000000 000000 08 01000000"),
  );
  for (let at = 0, calls = 0; at < bytes.length; calls++) {
    assert(calls < 1000, "no progress");
    at += reader.feed(bytes.subarray(at, at + 1));
    assert(reader.bytesReceived <= bytes.length);
  }
  assertEquals(seen, [4, 6, 4, 4, 4]);
});

Deno.test("ChunkReader accepts continuations that repeat the message's header", () => {
  const long = { timestampMs: 9, bodyBytes: 258, typeId: 9, streamId: 1 };
  const messages = read(
    chunk(0, 6, long, new Uint8Array(128).fill(1)),
    chunk(1, 6, long, new Uint8Array(128).fill(2)),
    chunk(0, 6, long, "0303"),
  );
  assertEquals(times(messages), [9]);
  assertEquals(messages[0].body.length, 258);
});

Deno.test("ChunkReader tells exactly how many bytes came before a message", () => {
  const counts: number[] = [];
  const reader: ChunkReader = new ChunkReader(() => counts.push(reader.bytesReceived) > 0);
  const one = chunk(0, 4, AUDIO, "aabb");
  reader.feed(concatBytes(one, one, one.subarray(0, 5)));
  reader.feed(one.subarray(5));
  assertEquals(counts, [14, 28, 42]);
  assertEquals(reader.bytesReceived, 42);
  assertEquals(reader.feed(new Uint8Array(0)), 0);
});

Deno.test("ChunkReader refuses a chunk stream that opens with type 2 or 3", () => {
  const before = chunk(0, 4, AUDIO, "aabb");
  const second = refusal(before, chunk(2, 5, { timestampMs: 1 }));
  assertEquals([second.section, second.offset], ["5.3.1.2.3", before.length]);
  const third = refusal(before, chunk(3, 400, {}, "aa"));
  assertEquals([third.section, third.offset], ["5.3.1.2.4", before.length]);
});

Deno.test("ChunkReader refuses a new message while the one before is unfinished", () => {
  const long = { bodyBytes: 130, typeId: 9, streamId: 1 };
  const first = chunk(0, 6, long, new Uint8Array(128));
  for (const changed of [{ bodyBytes: 131 }, { typeId: 8 }, { streamId: 2 }]) {
    const error = refusal(first, chunk(0, 6, { ...long, ...changed }, "aaaa"));
    assertEquals([error.section, error.offset], ["5.3.1.2.4", first.length]);
    assertMatch(error.message, /128 of its 130 bytes/);
  }
});

Deno.test("ChunkReader refuses chunk sizes that are zero, huge, or cut short", () => {
  for (const size of ["00000000", "01000000", "7fffffff", "80000000", "ffffffff", "000080", ""]) {
    assertEquals(refusal(setChunkSize(size)).section, "5.4.1", size);
  }
  assertMatch(
    refusal(setChunkSize("7fffffff")).message,
    /2147483647 bytes asked for, 1 to 16777215/,
  );
  assertEquals(read(setChunkSize("00ffffff"), setChunkSize("00000001")), []);
  assertEquals(refusal(chunk(0, 2, { bodyBytes: 3, typeId: 2 }, "000006")).section, "5.4.2");
});

Deno.test("ChunkReader refuses a message above messageBytesMax by its header alone", () => {
  const reader = new ChunkReader(() => true);
  const announce = (bodyBytes: number) =>
    chunk(0, 6, { bodyBytes, typeId: 9, streamId: 1 }).subarray(0, 12);
  const error = assertThrows(() => reader.feed(announce(COMMAND_BYTES_MAX + 1)), ProtocolError);
  assertEquals([error.section, error.offset], ["6.1.1", 0]);
  assertMatch(error.message, /65537 bytes announced, at most 65536/);
  assertThrows(() => new ChunkReader(() => true).feed(announce(0xffffff)), ProtocolError);
  const larger = new ChunkReader(() => true);
  larger.messageBytesMax = 0xffffff;
  assertEquals(larger.feed(announce(0xffffff)), 12);
});

Deno.test("ChunkReader refuses more half-sent messages than memory is meant for", () => {
  const reader = new ChunkReader(() => true);
  reader.messageBytesMax = 1000;
  const begin = (id: number, bodyBytes: number) =>
    reader.feed(chunk(0, id, { bodyBytes, typeId: 9, streamId: 1 }, new Uint8Array(128)));
  begin(4, 1000);
  begin(5, 900);
  const error = assertThrows(() => begin(6, 101 + 128), ProtocolError);
  assertEquals(error.section, "6.1.1");
  assertMatch(error.message, /1900 bytes of unfinished messages/);
});

Deno.test("ChunkReader gives the room of finished and aborted messages back", () => {
  const reader = new ChunkReader(() => true);
  reader.messageBytesMax = 1000;
  for (let round = 0; round < 50; round++) {
    reader.feed(chunk(0, 4, { bodyBytes: 1000, typeId: 9, streamId: 1 }, new Uint8Array(128)));
    reader.feed(chunk(0, 2, { bodyBytes: 4, typeId: 2 }, "00000004"));
    reader.feed(chunk(0, 5, { bodyBytes: 128, typeId: 9, streamId: 1 }, new Uint8Array(128)));
  }
});

Deno.test("ChunkReader refuses to open 65,600 chunk streams", () => {
  let opened = 0;
  const reader = new ChunkReader(() => ++opened > 0);
  const error = assertThrows(() => {
    for (let id = 2; id < 65_600; id++) reader.feed(chunk(0, id, AUDIO, "aabb"));
  }, ProtocolError);
  assertEquals(error.section, "5.3.1.1");
  assertEquals(opened, CHUNK_STREAMS_MAX);
  assertMatch(error.message, /Cannot open chunk stream 130: 128 are in use/);
});

Deno.test("ChunkReader lets what onMessage throws through", () => {
  const reader = new ChunkReader(() => {
    throw new TypeError("the owner's own");
  });
  assertThrows(() => reader.feed(chunk(0, 4, AUDIO, "aabb")), TypeError);
});
