// Goal: an RTMP player gets the bodies that the publisher's program wrote, as whole messages.
// Method: captured FLV files, whose bodies are message bodies; chunks are read by the chunk reader,
// headers compared with bytes worked out from RTMP 1.0, 5.3.1.
import type { LogRecord } from "../../../protocols/media/record.ts";
import { ChunkReader, type Message } from "../../../protocols/rtmp/chunk_reader.ts";
import { OUTPUT_CHUNK_BYTES } from "../../../protocols/rtmp/chunk_writer.ts";
import {
  reframeRtmpPage,
  RtmpPageEncoder,
  type RtmpPageOptions,
} from "../../../protocols/rtmp/page_encoder.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { demuxFlv, flvFile, flvTags } from "../../support/flv_vectors.ts";

const ALL: RtmpPageOptions = { streamId: 1, audio: true, video: true, multitrack: true };

for (const name of ["h264_aac", "mp3", "mulaw", "enhanced_hevc_opus"]) {
  Deno.test(`RtmpPageEncoder writes the bodies of ${name} as messages`, () => {
    const file = flvFile(name);
    const messages = read(page(new RtmpPageEncoder(ALL), demuxFlv(file).records));
    const theirs = flvTags(file)
      .filter(({ body }) => !["1702", "944f"].includes(body.subarray(0, 2).toHex()))
      .map(({ type, dtsMs, body }) => `${type} ${dtsMs} ${body.toHex()}`);
    assertEquals(
      messages.map(({ typeId, timestampMs, body }) => `${typeId} ${timestampMs} ${body.toHex()}`),
      theirs,
    );
    assert(messages.every(({ streamId }) => streamId === 1));
    const chunkStreams = new Set(messages.map((m) => `${m.typeId} on ${m.chunkStreamId}`));
    assert([...chunkStreams].every((use) => ["8 on 4", "9 on 6", "18 on 5"].includes(use)));
  });
}

const { records: RECORDS, tracks: TRACKS } = demuxFlv(flvFile("h264_aac"));
const HEAD = { tracks: TRACKS, data: RECORDS.filter((record) => record.kind === "data") };
const KEY_FRAME = RECORDS.find((record) => record.kind === "frame");
assert(KEY_FRAME !== undefined && KEY_FRAME.kind === "frame");

Deno.test("RtmpPageEncoder writes type-0 headers with absolute timestamps", () => {
  const bytes = page(new RtmpPageEncoder({ ...ALL, streamId: 0x0102 }), [
    { ...KEY_FRAME, dtsUs: 70_000_000, ptsUs: 70_080_000, data: Uint8Array.of(0, 0, 0, 1, 9) },
  ]);
  assertEquals(
    bytes.toHex(),
    "06" + "011170" + "00000a" + "09" + "02010000" + "1701000050" + "0000000109",
  );
});

Deno.test("RtmpPageEncoder cuts a large frame at our chunk size, extended timestamps repeated", () => {
  for (const dtsUs of [0, 16_777_214_000, 16_777_215_000, 4_294_967_295_000, 4_294_967_296_000]) {
    const data = new Uint8Array(3 * OUTPUT_CHUNK_BYTES).map((_, at) => at * 7);
    const bytes = page(new RtmpPageEncoder(ALL), [{ ...KEY_FRAME, dtsUs, ptsUs: dtsUs, data }]);
    const [message] = read(bytes);
    assertEquals(message.timestampMs, (dtsUs / 1000) % 2 ** 32);
    assertEquals(message.body.subarray(5), data);
  }
});

Deno.test("RtmpPageEncoder.preface() is metadata and sequence headers", () => {
  const messages = read(new RtmpPageEncoder(ALL).preface(HEAD, 9_000_000));
  assertEquals(messages.map(({ typeId, timestampMs }) => [typeId, timestampMs]), [
    [18, 0],
    [9, 9_000],
    [8, 9_000],
  ]);
});

Deno.test("RtmpPageEncoder leaves out what the player does not receive", () => {
  const { records } = demuxFlv(flvFile("enhanced_hevc_opus"));
  const kinds = (options: RtmpPageOptions) =>
    new Set(read(page(new RtmpPageEncoder(options), records)).map(({ typeId }) => typeId));
  assertEquals(kinds({ ...ALL, audio: false }), new Set([18, 9]));
  assertEquals(kinds({ ...ALL, video: false }), new Set([18, 8]));
});

Deno.test("RtmpPageEncoder sends tracks beyond the first only to players that take them", () => {
  const { records } = demuxFlv(flvFile("tracks_h264_hevc_aac_opus"));
  const count = (multitrack: boolean) =>
    read(page(new RtmpPageEncoder({ ...ALL, multitrack }), records)).length;
  const extra = records.filter((record) =>
    (record.kind === "frame" || record.kind === "track") && record.track.index > 0
  );
  assertEquals(count(true) - count(false), extra.length);
  assert(extra.length > 10);
});

Deno.test("RtmpPageEncoder leaves opening and closing to the session", () => {
  const encoder = new RtmpPageEncoder(ALL);
  assertEquals([encoder.opening(HEAD).length, encoder.closing().length], [0, 0]);
});

Deno.test("reframeRtmpPage() gives what an encoder with these parameters writes", () => {
  const long = { ...KEY_FRAME, seq: 99, data: new Uint8Array(200_000).fill(3) };
  const late = { ...long, dtsUs: 20_000_000_000 };
  const records: LogRecord[] = [...RECORDS, long, late];
  const source = page(new RtmpPageEncoder({ ...ALL, multitrack: false }), records);
  const before = source.slice();
  for (const [audio, video] of [[true, true], [true, false], [false, true], [false, false]]) {
    const options = { streamId: 0xa1b2c3d4, audio, video };
    const wanted = page(new RtmpPageEncoder({ ...options, multitrack: false }), records);
    assertEquals(reframeRtmpPage(source, options), wanted);
  }
  assertEquals(source, before);
  assertEquals(reframeRtmpPage(new Uint8Array(0), ALL).length, 0);
});

Deno.test("reframeRtmpPage() refuses bytes that are not whole messages", () => {
  const bytes = page(new RtmpPageEncoder(ALL), RECORDS.slice(0, 4));
  assertThrows(() => reframeRtmpPage(bytes.subarray(0, -1), ALL), RangeError);
  assertThrows(() => reframeRtmpPage(bytes.subarray(1), ALL), RangeError);
});

function page(encoder: RtmpPageEncoder, records: readonly LogRecord[]): Uint8Array {
  const parts: number[] = [];
  for (const record of records) {
    const part = new Uint8Array(encoder.sizeOf(record) + 2).fill(0xee);
    if (part.length > 2) encoder.write(record, part, 1);
    assertEquals([part[0], part.at(-1)], [0xee, 0xee]);
    for (const byte of part.subarray(1, -1)) parts.push(byte);
  }
  return Uint8Array.from(parts);
}

/** Messages of a connection that agreed on our chunk size. */
function read(bytes: Uint8Array): Message[] {
  const messages: Message[] = [];
  const reader = new ChunkReader((message) => {
    if (message.typeId !== 1) messages.push(message);
    return true;
  });
  reader.messageBytesMax = 16 * 1024 * 1024;
  reader.feed(Uint8Array.fromHex("02" + "000000" + "000004" + "01" + "00000000" + "00010000"));
  assertEquals(reader.feed(bytes), bytes.length);
  return messages;
}
