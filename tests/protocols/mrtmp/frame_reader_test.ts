// Goal: frames come out whole and uncopied however a connection is cut, and no announced length is
// believed.
// Method: vectors made by Python and frames by hand, fed in pieces of every size into small arenas.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  CONTROL_BODY_BYTES_MAX,
  FRAME_TYPE,
  HEADER_BYTES,
  MEDIA_BODY_BYTES_MAX,
  wholeFrame,
} from "../../../protocols/mrtmp/frame.ts";
import { FrameReader } from "../../../protocols/mrtmp/frame_reader.ts";
import { FrameWriter, KEPT_BYTES_MAX } from "../../../protocols/mrtmp/frame_writer.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { mrtmpVector, readFrames, VECTOR_NAMES } from "../../support/mrtmp_vectors.ts";
import { videoFrame } from "../../support/stream_records.ts";

const ALL = concatBytes(...VECTOR_NAMES.map(mrtmpVector));

Deno.test("FrameReader reads every vector, in pieces of any size", () => {
  const whole = readFrames(ALL);
  assertEquals(whole.length, VECTOR_NAMES.length);
  for (const [index, name] of VECTOR_NAMES.entries()) {
    const vector = mrtmpVector(name);
    assertEquals(whole[index].type, vector[0]);
    assertEquals(whole[index].flags, vector[1]);
    assertEquals(whole[index].body, vector.subarray(HEADER_BYTES).toHex(), name);
  }
  for (let pieceBytes = 1; pieceBytes < 300; pieceBytes++) {
    assertEquals(readFrames(ALL, { pieceBytes }), whole, `pieces of ${pieceBytes}`);
  }
});

Deno.test("FrameReader waits for the rest of a frame", () => {
  const vector = mrtmpVector("call");
  for (let size = 0; size < vector.length; size++) {
    assertEquals(readFrames(vector.subarray(0, size)), []);
  }
});

Deno.test("FrameReader hands out small frames as views of one arena", () => {
  const buffers = new Set<unknown>();
  const reader = new FrameReader(({ bytes }) => buffers.add(bytes.buffer), {
    arenaBytes: 4096,
    bodyBytesMax: 1000,
  });
  for (let round = 0; round < 10; round++) reader.feed(wholeFrame(FRAME_TYPE.data, 1, bytes(100)));
  assertEquals(buffers.size, 1);
  assertEquals([reader.frames, reader.bytes], [10, 1120]);
});

Deno.test("FrameReader gives a large frame a buffer of its own size", () => {
  const sizes: number[] = [];
  const reader = new FrameReader(({ bytes, start, end }) => {
    sizes.push(bytes.length, end - start);
    assert(bytes.subarray(start, end).every((byte, index) => byte === (index & 0xff)));
  }, { arenaBytes: 1024, bodyBytesMax: 100_000 });
  const frame = wholeFrame(FRAME_TYPE.frame, 1, bytes(70_000));
  const parts = concatBytes(frame, wholeFrame(FRAME_TYPE.data, 1, bytes(20)), frame);
  for (let at = 0; at < parts.length; at += 999) reader.feed(parts.subarray(at, at + 999));
  assertEquals(sizes, [70_000, 70_000, 1024, 20, 70_000, 70_000]);
});

Deno.test("FrameReader refuses a 4 GB length before anything is allocated for it", () => {
  for (const bodyBytesMax of [CONTROL_BODY_BYTES_MAX, MEDIA_BODY_BYTES_MAX]) {
    const reader = new FrameReader(() => {}, { arenaBytes: 1024, bodyBytesMax });
    reader.feed(wholeFrame(FRAME_TYPE.beat, 0, bytes(0)));
    const header = Uint8Array.fromHex("400000000000000100000000");
    new DataView(header.buffer).setUint32(8, 0xffffffff);
    const error = assertThrows(() => reader.feed(header), ProtocolError);
    assertEquals([error.protocol, error.section, error.offset], ["MRTMP", "2", 20]);
    const over = wholeFrame(FRAME_TYPE.frame, 1, bytes(0));
    new DataView(over.buffer).setUint32(8, bodyBytesMax + 1);
    assertThrows(() => readFrames(over, { bodyBytesMax }), ProtocolError);
    new DataView(over.buffer).setUint32(8, bodyBytesMax);
    assertEquals(readFrames(over, { bodyBytesMax }), []);
  }
});

Deno.test("FrameReader stops when it is told to", () => {
  let frames = 0;
  const reader: FrameReader = new FrameReader(() => {
    frames++;
    reader.stopped = true;
  }, { arenaBytes: 1024, bodyBytesMax: 100 });
  const beat = wholeFrame(FRAME_TYPE.beat, 0, bytes(0));
  reader.feed(concatBytes(beat, beat));
  assertEquals(frames, 1);
});

Deno.test("FrameWriter gathers frames, grows for a huge one and shrinks again", () => {
  const writer = new FrameWriter(64);
  const huge = videoFrame(1, { dtsUs: 0, bytes: KEPT_BYTES_MAX + 5 });
  writer.frame(FRAME_TYPE.beat, 0);
  const taken = writer.record(3, huge) + HEADER_BYTES;
  writer.frame(FRAME_TYPE.close, 9);
  assertEquals([writer.length, writer.frames], [taken + HEADER_BYTES, 3]);
  const frames = readFrames(writer.taken(), { bodyBytesMax: MEDIA_BODY_BYTES_MAX });
  assertEquals(frames.map(({ type, handle }) => [type, handle]), [
    [FRAME_TYPE.beat, 0],
    [FRAME_TYPE.frame, 3],
    [FRAME_TYPE.close, 9],
  ]);
  writer.clear();
  assertEquals(writer.length, 0);
  writer.frame(FRAME_TYPE.close, 1);
  assertEquals(writer.taken().buffer.byteLength, 64);
});

function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => index);
}
