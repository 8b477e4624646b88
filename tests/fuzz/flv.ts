/**
 * Fuzz targets of FLV tags and WebSocket frames: no input may do anything but be read or be refused
 * with a ProtocolError, and what is read must be sane and come out of every encoder.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../protocols/errors.ts";
import { FlvPageEncoder } from "../../protocols/flv/page_encoder.ts";
import { TagDemuxer } from "../../protocols/flv/tag_demuxer.ts";
import { TAG_TYPE } from "../../protocols/flv/tag_header.ts";
import { validateNalUnits } from "../../protocols/media/nal.ts";
import type { PageEncoder } from "../../protocols/media/page_encoder.ts";
import { type Frame, FRAME_BYTES_MAX, type LogRecord } from "../../protocols/media/record.ts";
import { TRACK_CONFIG_BYTES_MAX, TRACKS_PER_KIND_MAX } from "../../protocols/media/track.ts";
import { reframeRtmpPage, RtmpPageEncoder } from "../../protocols/rtmp/page_encoder.ts";
import { CLIENT_PAYLOAD_BYTES_MAX } from "../../protocols/websocket/frame.ts";
import { ClientFrameReader } from "../../protocols/websocket/frame_reader.ts";
import { WebSocketFlvPageEncoder } from "../../protocols/websocket/page_encoder.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { demuxTag, flvFile, flvTags, RecordingSink, SMALL_FLV } from "../support/flv_vectors.ts";

/** One parser under fuzz: `run` throws only when the parser has a defect. */
export interface FlvFuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  run(input: Uint8Array): void;
}

/** Most bytes that data may grow by: 1-byte lengths become 4-byte ones, units of 2 bytes and up. */
const GROWTH_MAX = 2.5;

/** Bytes of a file that are enough for a sequence: headers and some frames of each track. */
const SEED_BYTES = 2_500;

export const FLV_FUZZ_TARGETS: FlvFuzzTarget[] = [
  {
    name: "a sequence of tags",
    seeds: SMALL_FLV.map((name) => firstTags(flvFile(name))),
    run: runTags,
  },
  {
    name: "a single tag body",
    seeds: SMALL_FLV.flatMap((name) =>
      flvTags(flvFile(name)).slice(0, 6).map(({ type, body }) => Uint8Array.of(type, ...body))
    ),
    run: runBody,
  },
  {
    name: "a client's WebSocket frames",
    seeds: [
      "8a82da4965a6b2208182041f64286c768886e04f2f95e3a74bfa8e2a", // Chromium 156
      `82fe00c8d310f089${"d310f089".repeat(50)}8a82da4965a6b220`,
      "0182da4965a6b220890000000080" + "8082da4965a6b220",
      "82ff000000000001000037fa213d", // 64 KiB announced
    ].map((hex) => Uint8Array.fromHex(hex)),
    run: runFrames,
  },
];

const OPENING = Uint8Array.fromHex("464c5601050000000900000000");

/** The first audio and video tags of a file, whole; what mutations hit there matters. */
function firstTags(file: Uint8Array): Uint8Array {
  const tags = flvTags(file).filter(({ type }) => type !== TAG_TYPE.script);
  let bytes = 0;
  const first = tags.filter((tag) => (bytes += tag.bytes.length) <= SEED_BYTES);
  return concatBytes(...first.map((tag) => tag.bytes));
}

function runTags(input: Uint8Array): void {
  const file = concatBytes(OPENING, input);
  const before = file.slice();
  const sink = new RecordingSink();
  const demuxer = new TagDemuxer(sink);
  refusable(() => {
    // A refusal ends a connection; going on after it puts the demuxer through more.
    for (const tag of flvTags(file)) refusable(() => demuxTag(demuxer, tag));
  });
  assertEquals(file, before, "a parser wrote into its input");
  checkRecords(sink, input.length);
}

function runBody(input: Uint8Array): void {
  if (input.length === 0) return;
  const type = ([8, 9, 18] as const)[input[0] % 3];
  const sink = new RecordingSink();
  const demuxer = new TagDemuxer(sink);
  const tag = { type, dtsMs: 0, body: input.subarray(1) };
  // Twice: a configuration that was accepted must be known again.
  refusable(() => demuxTag(demuxer, tag));
  const tracks = sink.tracks.length;
  refusable(() => demuxTag(demuxer, tag));
  const once = new Set(sink.tracks.map(({ kind, index }) => `${kind} ${index}`)).size === tracks;
  if (once) assertEquals(sink.tracks.length, tracks);
  checkRecords(sink, 2 * input.length);
}

function checkRecords(sink: RecordingSink, inputBytes: number): void {
  let bytes = 0;
  for (const track of sink.tracks) {
    assert(track.config.length <= TRACK_CONFIG_BYTES_MAX);
    assert(track.index >= 0 && track.index < TRACKS_PER_KIND_MAX);
  }
  for (const record of sink.records) {
    if (record.kind === "frame") bytes += checkFrame(record);
  }
  assert(bytes <= inputBytes * GROWTH_MAX, `${bytes} bytes of frames from ${inputBytes}`);
  checkPages(sink.records);
}

function checkFrame({ track, data, dtsUs, ptsUs }: Frame): number {
  assert(data.length > 0 && data.length <= FRAME_BYTES_MAX);
  assert(Number.isInteger(ptsUs) && Math.abs(ptsUs - dtsUs) <= 0x800000 * 1000);
  if (track.codec === "h264" || track.codec === "h265") validateNalUnits(data);
  return data.length;
}

/** Every record has the size that was promised, and what we write we can read. */
function checkPages(records: readonly LogRecord[]): void {
  const all = { streamId: 1, audio: true, video: true, multitrack: true };
  const flv = page(new FlvPageEncoder({ multitrack: true }), records);
  const again = new RecordingSink();
  const demuxer = new TagDemuxer(again);
  for (const tag of flvTags(concatBytes(OPENING, flv))) demuxTag(demuxer, tag);
  assertEquals(again.drops.filter((reason) => reason.includes("NAL")), []);

  page(new WebSocketFlvPageEncoder(), records);
  const rtmp = page(new RtmpPageEncoder(all), records);
  assertEquals(reframeRtmpPage(rtmp, all), rtmp);
}

function page(encoder: PageEncoder, records: readonly LogRecord[]): Uint8Array {
  const parts = records.map((record) => {
    const bytes = encoder.sizeOf(record);
    const part = new Uint8Array(bytes + 2).fill(0xee);
    if (bytes > 0) encoder.write(record, part, 1);
    assert(part[0] === 0xee && part[bytes + 1] === 0xee, "written outside of the promised size");
    return part.subarray(1, -1);
  });
  return concatBytes(...parts);
}

/** The same frames, or the same refusal, in one piece and in pieces. */
function runFrames(input: Uint8Array): void {
  const whole = readFrames(input, input.length);
  for (const size of [1, 3, 7]) assertEquals(readFrames(input, size), whole);
}

function readFrames(input: Uint8Array, pieceBytes: number): string[] {
  const seen: string[] = [];
  const reader = new ClientFrameReader(({ opcode, fin, payload }) => {
    assert(payload.length <= CLIENT_PAYLOAD_BYTES_MAX);
    seen.push(`${opcode} ${fin} ${payload.toHex()}`);
  });
  const refused = refusable(() => {
    for (let at = 0; at < input.length; at += pieceBytes) {
      reader.feed(input.subarray(at, at + pieceBytes));
    }
  });
  if (refused !== undefined) seen.push(refused.message);
  return seen;
}

function refusable(action: () => void): ProtocolError | undefined {
  try {
    action();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  return undefined;
}
