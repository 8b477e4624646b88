// Goal: over WebSocket a viewer gets the tags of HTTP-FLV, one in each binary message.
// Method: captured files; frames are taken apart by the rules of RFC 6455, 5.2, written out here.
import { FlvPageEncoder } from "../../../protocols/flv/page_encoder.ts";
import type { PageEncoder } from "../../../protocols/media/page_encoder.ts";
import type { LogRecord } from "../../../protocols/media/record.ts";
import { WebSocketFlvPageEncoder } from "../../../protocols/websocket/page_encoder.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { demuxFlv, flvFile } from "../../support/flv_vectors.ts";
import { markRecord } from "../../support/stream_records.ts";

for (const name of ["h264_aac", "enhanced_hevc_opus"]) {
  const { records, tracks } = demuxFlv(flvFile(name));
  const head = { tracks, data: records.filter((record) => record.kind === "data") };

  Deno.test(`WebSocketFlvPageEncoder puts each tag of ${name} into a message`, () => {
    const flv = new FlvPageEncoder();
    const framed = new WebSocketFlvPageEncoder();
    for (const record of records) {
      const [message, ...more] = messages(encode(framed, record));
      assertEquals(more, []);
      assertEquals(message, encode(flv, record));
    }
  });

  Deno.test(`WebSocketFlvPageEncoder opens ${name} with the file header and one message a tag`, () => {
    const framed = new WebSocketFlvPageEncoder();
    assertEquals(messages(framed.opening(head)), [new FlvPageEncoder().opening(head)]);
    const preface = messages(framed.preface(head, 5_000_000));
    assertEquals(preface.length, head.tracks.length + head.data.length);
    const joined = Uint8Array.from(preface.flatMap((tag) => [...tag]));
    assertEquals(joined, new FlvPageEncoder().preface(head, 5_000_000));
  });
}

Deno.test("WebSocketFlvPageEncoder frames tags of every length form", () => {
  const { records } = demuxFlv(flvFile("h264_aac"));
  const frame = records.find((record) => record.kind === "frame");
  assert(frame !== undefined);
  for (const bytes of [1, 105, 106, 65_515, 65_516, 200_000]) {
    const record = { ...frame, data: new Uint8Array(bytes).fill(7) };
    const [message] = messages(encode(new WebSocketFlvPageEncoder(), record));
    assertEquals(message, encode(new FlvPageEncoder(), record));
  }
});

Deno.test("WebSocketFlvPageEncoder passes marks over and ends with a Close frame", () => {
  const encoder = new WebSocketFlvPageEncoder();
  assertEquals(encoder.sizeOf(markRecord(1, 1)), 0);
  assertEquals(encoder.closing().toHex(), "880203e8");
});

function encode(encoder: PageEncoder, record: LogRecord): Uint8Array {
  const target = new Uint8Array(encoder.sizeOf(record) + 2).fill(0xee);
  encoder.write(record, target, 1);
  assertEquals([target[0], target.at(-1)], [0xee, 0xee]);
  return target.subarray(1, -1);
}

/** The payloads of whole, unmasked, binary messages. */
function messages(bytes: Uint8Array): Uint8Array[] {
  const payloads = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length;) {
    assertEquals(bytes[at], 0x82);
    const field = bytes[at + 1];
    const long = field === 127;
    const start = at + (long ? 10 : field === 126 ? 4 : 2);
    const size = long
      ? Number(view.getBigUint64(at + 2))
      : field === 126
      ? view.getUint16(at + 2)
      : field;
    assert(start + size <= bytes.length);
    payloads.push(bytes.subarray(start, start + size));
    at = start + size;
  }
  return payloads;
}
