/**
 * Fuzz targets over the RTMP wire: chunks, AMF, aggregates, control messages, handshakes. `run`
 * swallows what a peer may cause and throws on what it must not.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { forEachAggregated } from "../../protocols/rtmp/aggregate.ts";
import { parseAmf0Values, writeAmf0Values } from "../../protocols/rtmp/amf0.ts";
import { parseAmf3Value, writeAmf3Value } from "../../protocols/rtmp/amf3.ts";
import {
  AMF_TEXT_BYTES_MAX,
  AMF_VALUES_MAX,
  type AmfValue,
} from "../../protocols/rtmp/amf_value.ts";
import {
  CHUNK_STREAMS_MAX,
  ChunkReader,
  type Message,
  PARTIAL_MESSAGES_MAX,
} from "../../protocols/rtmp/chunk_reader.ts";
import { ClientHandshake, ServerHandshake } from "../../protocols/rtmp/handshake.ts";
import {
  parseAbort,
  parseAcknowledgement,
  parseSetChunkSize,
  parseSetPeerBandwidth,
  parseUserControl,
  parseWindowAcknowledgementSize,
  writeSetPeerBandwidth,
  writeUserControl,
} from "../../protocols/rtmp/message.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { chunkStreamOf, hex, readMessages, wireVector } from "../support/rtmp_wire.ts";

/** One parser under fuzz: `run` throws only when the parser has a defect. */
export interface RtmpWireFuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  run(input: Uint8Array): void;
}

/** Small, so that announced lengths hit it often. */
const MESSAGE_BYTES_MAX = 4_096;

const STREAM_SEEDS = [
  chunkStreamOf("ffmpeg_5.1_publish.bin").slice(0, 3_000),
  chunkStreamOf("nginx_rtmp_1.2.2_to_publish.bin"),
  chunkStreamOf("nginx_rtmp_1.2.2_to_play.bin").slice(0, 3_500),
  // Extended timestamps, omitted and not; Abort; chunk sizes; all forms of basic header.
  hex("06 ffffff 000084 09 01000000 01020304" + "00".repeat(128) + "c6 01020304 0102 c6 0a0b0c0d"),
  hex("02 000000 000004 01 00000000 00000002 02 000000 000004 02 00000000 0000 c2 0006 c2 0000"),
  hex(
    "00 05 000000 000001 08 01000000 aa 01 0501 000000 000001 08 01000000 aa c0 05 bb c1 0501 cc",
  ),
];

const AMF0_SEEDS = [
  ...readMessages(chunkStreamOf("ffmpeg_5.1_publish.bin")),
  ...readMessages(chunkStreamOf("nginx_rtmp_1.2.2_to_publish.bin")),
].filter(({ typeId }) => typeId >= 18).map(({ body }) => body).concat(
  hex("03 0001 61 05 000009 0a 00000001 070000 070000 070001 10 0003 61 2e 42 0001 63 05 000009"),
  hex("0b 426d1a94a2000000 0000 0f 00000004 3c612f3e 0c 00000002 6161 11 09 03 01 0c 05 0102"),
);

const AMF3_SEEDS = [
  "09 0b 01 06 05 6162 06 00 0a 13 00 03 6b 0401 0a 01 0402 0a 02",
  "0a 0b 01 03 61 06 00 03 63 06 02 01",
  "11 05 00 0401 06 03 78 01 03",
  "09 0d 01 0d 05 00 ffffffff 00000002 0f 03 00 3fe0000000000000 10 05 00 07 612e42 01 0401" +
  "08 01 4271f71fb04cb000 0b 07 3c612f 0c 07 010203",
  "0a 07 43 666c65782e6d6573736167696e672e696f2e4172726179436f6c6c656374696f6e 09 05 01 0400 0401",
].map(hex);

/** All targets. */
export const RTMP_WIRE_FUZZ_TARGETS: RtmpWireFuzzTarget[] = [
  { name: "chunk stream", seeds: STREAM_SEEDS, run: runChunks },
  { name: "AMF 0", seeds: AMF0_SEEDS, run: runAmf0 },
  { name: "AMF 3", seeds: AMF3_SEEDS, run: runAmf3 },
  {
    name: "aggregate message",
    seeds: [wireVector("ffmpeg_5.1_publish.flv").slice(13, 2_000)],
    run: runAggregate,
  },
  {
    name: "control message bodies",
    seeds: ["00000080", "004c4b4002", "000300000001 02255100", "0006ffffffff", "001a"].map(hex),
    run: runControl,
  },
  {
    name: "handshakes",
    seeds: [
      wireVector("ffmpeg_5.1_play_handshake.bin"),
      wireVector("nginx_rtmp_1.2.2_to_play_handshake.bin"),
    ],
    run: runHandshakes,
  },
];

/** What `action` returns, or the refusal it ended in. Anything else thrown is a defect. */
function outcome<T>(action: () => T): T | ProtocolError {
  try {
    return action();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
}

interface ChunkRun {
  readonly messages: string[];
  readonly end: string;
}

/** However the input is cut and whether or not parsing is stopped, the same comes out. */
function runChunks(input: Uint8Array): void {
  const whole = readChunks(input, input.length, false);
  assertEquals(readChunks(input, 1, false), whole);
  assertEquals(readChunks(input, 1 + (input.at(-1) ?? 0), true), whole);
}

function readChunks(input: Uint8Array, pieceBytes: number, stopping: boolean): ChunkRun {
  const messages: string[] = [];
  const streams = new Set<number>();
  const reader: ChunkReader = new ChunkReader((message) => {
    checkMessage(message);
    streams.add(message.chunkStreamId);
    messages.push(describe(message));
    return !stopping;
  });
  reader.messageBytesMax = MESSAGE_BYTES_MAX;
  const end = outcome(() => feedAll(reader, input, pieceBytes));
  assert(streams.size <= CHUNK_STREAMS_MAX);
  if (!(end instanceof ProtocolError)) return { messages, end: "" };
  assert(end.offset >= 0 && end.offset < input.length, `offset ${end.offset}`);
  return { messages, end: `${end.section} ${end.offset} ${end.message}` };
}

function feedAll(reader: ChunkReader, input: Uint8Array, pieceBytes: number): void {
  let calls = 0;
  for (let at = 0; at < input.length; calls++) {
    const consumed = reader.feed(input.subarray(at, at + pieceBytes));
    at += consumed;
    // Replayed bytes may end in messages without input, at most one for each byte.
    assert(calls <= 2 * input.length + PARTIAL_MESSAGES_MAX, "feed() makes no progress");
  }
  reader.feed(new Uint8Array(0)); // What a stop left to be replayed.
  reader.feed(new Uint8Array(0));
  reader.feed(new Uint8Array(0));
}

function checkMessage({ chunkStreamId, timestampMs, streamId, typeId, body }: Message): void {
  assert(chunkStreamId >= 2 && chunkStreamId <= 65_599);
  assert(timestampMs === timestampMs >>> 0 && streamId === streamId >>> 0);
  assert(typeId !== 1 && typeId !== 2, "a message that is obeyed is reported");
  assert(body.length <= MESSAGE_BYTES_MAX && body.buffer.byteLength === body.length);
}

function describe({ chunkStreamId, timestampMs, streamId, typeId, body }: Message): string {
  return `${chunkStreamId} ${timestampMs} ${streamId} ${typeId} ${body.toHex()}`;
}

function runAmf0(input: Uint8Array): void {
  const values = outcome(() => parseAmf0Values(input));
  if (values instanceof ProtocolError) return checkOffset(values, input);
  checkValues(values);
  // What was read can be written, within bounds, and means the same again.
  const written = writeAmf0Values(values);
  assert(written.length <= 16 * AMF_VALUES_MAX + 4 * AMF_TEXT_BYTES_MAX);
  assertEquals(writeAmf0Values(parseAmf0Values(written)), written);
}

function runAmf3(input: Uint8Array): void {
  const result = outcome(() => parseAmf3Value(input));
  if (result instanceof ProtocolError) return checkOffset(result, input);
  assert(result.end > 0 && result.end <= input.length);
  checkValues([result.value]);
  const written = outcome(() => writeAmf0Values([result.value]));
  assert(written instanceof Uint8Array);
  const again = writeAmf3Value(result.value);
  assertEquals(writeAmf3Value(parseAmf3Value(again).value), again);
}

/** Counts values as a walk meets them, which is what bounds every owner's work. */
function checkValues(values: readonly AmfValue[]): void {
  let count = 0;
  const walk = (value: AmfValue): void => {
    count += 1;
    assert(count <= AMF_VALUES_MAX, "more values than allowed");
    if (value instanceof Map) value.forEach(walk);
    else if (Array.isArray(value)) value.forEach(walk);
    else if (typeof value === "object" && value !== null && "kind" in value) {
      if (value.kind === "dictionary") value.entries.forEach((entry) => entry.forEach(walk));
    }
  };
  values.forEach(walk);
}

function checkOffset(error: ProtocolError, input: Uint8Array): void {
  assert(error.offset >= 0 && error.offset <= input.length, `offset ${error.offset}`);
}

function runAggregate(input: Uint8Array): void {
  let total = 0;
  const end = outcome(() =>
    forEachAggregated(input, 0xffffff00, (typeId, timestampMs, body) => {
      assert(typeId >= 0 && typeId <= 255 && timestampMs === timestampMs >>> 0);
      total += 15 + body.length;
    })
  );
  assert(total <= input.length);
  if (end instanceof ProtocolError) checkOffset(end, input);
}

function runControl(input: Uint8Array): void {
  for (const parse of [parseAbort, parseAcknowledgement, parseWindowAcknowledgementSize]) {
    outcome(() => assert(parse(input) >= 0));
  }
  outcome(() => assert(parseSetChunkSize(input) >= 1));
  const bandwidth = outcome(() => parseSetPeerBandwidth(input));
  if (!(bandwidth instanceof ProtocolError)) {
    assertEquals(writeSetPeerBandwidth(bandwidth), input.slice(0, 5));
  }
  const control = outcome(() => parseUserControl(input));
  if (control instanceof ProtocolError) return;
  const written = writeUserControl(control);
  assertEquals(written, input.slice(0, written.length));
}

const RANDOM = new Uint8Array(1536).fill(5);

function runHandshakes(input: Uint8Array): void {
  const pieceBytes = 1 + (input.at(-1) ?? 0) * 8;
  const sides = [new ServerHandshake(RANDOM), new ClientHandshake(RANDOM, { digest: 0 })];
  for (const side of sides) {
    let at = 0;
    let sent = 0;
    const end = outcome(() => {
      while (at < input.length && !side.done) {
        const consumed = side.feed(input.subarray(at, at + pieceBytes));
        assert(consumed > 0, "feed() makes no progress");
        at += consumed;
        sent += side.takeOutput()?.length ?? 0;
      }
    });
    assert(sent <= 3_073);
    if (end instanceof ProtocolError) assertEquals(end.section, "5.2.2");
    else assertEquals(side.done, at === 3_073);
  }
}
