// Goal: read the chunk streams of other programs as those programs meant them.
// Method: recordings whose media another program also wrote into a file; every message must be the
// same, however the input is cut, and cutting the end off must lose the unfinished message only.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { ChunkReader, type Message } from "../../../protocols/rtmp/chunk_reader.ts";
import { chunkedMessage } from "../../../protocols/rtmp/chunk_writer.ts";
import { MESSAGE_TYPE } from "../../../protocols/rtmp/message.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { flvFile, flvTags } from "../../support/flv_vectors.ts";
import { chunkStreamOf, readMessages } from "../../support/rtmp_wire.ts";

const PAIRS = [
  { stream: "ffmpeg_5.1_publish.bin", file: "ffmpeg_5.1_publish.flv", media: 55 },
  { stream: "nginx_rtmp_1.2.2_to_play.bin", file: "rtmpdump_2.4_play.flv", media: 60 },
];

/** Media as text, so that a failure shows which message differs. */
function mediaOf(messages: readonly Message[]): string[] {
  return messages
    .filter(({ typeId }) => typeId === MESSAGE_TYPE.audio || typeId === MESSAGE_TYPE.video)
    .map(({ typeId, timestampMs, body }) => `${typeId} ${timestampMs} ${body.toHex()}`);
}

for (const { stream, file, media } of PAIRS) {
  const bytes = chunkStreamOf(stream);
  const expected = flvTags(flvFile(`rtmp_wire/${file}`))
    .filter(({ type }) => type !== 18)
    .map(({ type, dtsMs, body }) => `${type} ${dtsMs} ${body.toHex()}`);

  Deno.test(`ChunkReader reads what ${stream} holds`, () => {
    const actual = mediaOf(readMessages(bytes));
    assert(actual.length >= media, `only ${actual.length} media messages`);
    // The file's end may be cut: rtmpdump stops at its own time.
    const count = Math.min(actual.length, expected.length);
    assert(count >= media, `only ${count} to compare`);
    assertEquals(actual.slice(0, count), expected.slice(0, count));
  });

  Deno.test(`ChunkReader reads ${stream} in pieces of any size`, () => {
    const whole = readMessages(bytes);
    for (const pieceBytes of [1, 2, 3, 5, 11, 13, 127, 128, 129, 1000]) {
      assertEquals(readMessages(bytes, { pieceBytes }), whole, `pieces of ${pieceBytes}`);
    }
  });

  Deno.test(`ChunkReader waits wherever ${stream} is cut`, () => {
    const whole = readMessages(bytes).map(({ body }) => body.toHex());
    let before = 0;
    for (let size = 0; size < bytes.length; size += size < 1500 ? 1 : 37) {
      const some = readMessages(bytes.subarray(0, size)).map(({ body }) => body.toHex());
      assert(some.length >= before, `${size} bytes give fewer messages than fewer bytes`);
      assertEquals(some, whole.slice(0, some.length));
      before = some.length;
    }
  });
}

Deno.test("ChunkReader stops where it is told and goes on from there", () => {
  const bytes = chunkStreamOf("ffmpeg_5.1_publish.bin");
  const messages: Message[] = [];
  const reader = new ChunkReader((message) => {
    messages.push(message);
    return false;
  });
  let at = 0;
  while (at < bytes.length) {
    const seen = messages.length;
    const consumed = reader.feed(bytes.subarray(at));
    assert(consumed > 0);
    assert(messages.length <= seen + 1, "two messages in one go");
    at += consumed;
    assertEquals(reader.bytesReceived, at);
  }
  assertEquals(messages, readMessages(bytes));
});

Deno.test("chunkedMessage() writes what nginx-rtmp writes", () => {
  const bytes = chunkStreamOf("nginx_rtmp_1.2.2_to_play.bin");
  // All up to here are of chunk type 0: nginx opens chunk streams as we write every message.
  const written: Uint8Array[] = [];
  let chunkBytes = 4096;
  for (const message of readMessages(bytes.subarray(0, 880))) {
    // Set Chunk Size is obeyed and not reported; it came behind Set Peer Bandwidth.
    if (message.typeId === MESSAGE_TYPE.commandAmf0 && chunkBytes === 4096) {
      chunkBytes = 128;
      written.push(bytes.subarray(33, 49));
    }
    written.push(chunkedMessage(message, message.body, chunkBytes));
  }
  assertEquals(written.length, 10);
  assertEquals(concatBytes(...written), bytes.subarray(0, 880));
});
