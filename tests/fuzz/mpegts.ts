/**
 * Fuzz targets of MPEG-TS: no input may do anything but be read or be reported as dropped; pieces
 * make no difference; what is read goes out again and comes back the same.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { validateNalUnits } from "../../protocols/media/nal.ts";
import { type Frame, FRAME_BYTES_MAX } from "../../protocols/media/record.ts";
import { TRACK_CONFIG_BYTES_MAX, TRACKS_PER_KIND_MAX } from "../../protocols/media/track.ts";
import { PACKET_BYTES, parsePacketHeader } from "../../protocols/mpegts/packet.ts";
import { TsPageEncoder } from "../../protocols/mpegts/page_encoder.ts";
import { parsePesHeader } from "../../protocols/mpegts/pes.ts";
import { parsePatSection, parsePmtSection } from "../../protocols/mpegts/psi.ts";
import { muxTsSegment } from "../../protocols/mpegts/segment.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { demuxTs, frameFacts, pageOf, tsFile } from "../support/ts_vectors.ts";

/** One parser under fuzz: `run` throws only when the parser has a defect. */
export interface MpegtsFuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  run(input: Uint8Array): void;
}

/** Bytes of a file that are enough: tables and some frames of each stream. */
const SEED_BYTES = 188 * 30;

const FILES = [
  "ffmpeg_h264_aac",
  "ffmpeg_mp3",
  "ffmpeg_h265_opus",
  "ffmpeg_ac3_eac3",
  "gst_h264_aac",
  "gst_opus",
];

export const MPEGTS_FUZZ_TARGETS: MpegtsFuzzTarget[] = [
  {
    name: "a transport stream",
    seeds: FILES.map((name) => tsFile(name).slice(0, SEED_BYTES)),
    run: runStream,
  },
  {
    name: "a packet, a PES header or a section",
    seeds: FILES.flatMap((name) => {
      const file = tsFile(name);
      return [0, 1, 2, 3].map((at) => file.slice(at * PACKET_BYTES, (at + 1) * PACKET_BYTES));
    }),
    run: runElements,
  },
];

function runStream(input: Uint8Array): void {
  const before = input.slice();
  const whole = demuxTs(input);
  assertEquals(input, before, "the demuxer wrote into its input");
  const pieces = demuxTs(input, 101);
  assertEquals(frameFacts(pieces.frames), frameFacts(whole.frames));
  assertEquals(pieces.drops, whole.drops);
  for (const { config, index } of whole.tracks) {
    assert(config.length <= TRACK_CONFIG_BYTES_MAX && index < TRACKS_PER_KIND_MAX);
  }
  let bytes = 0;
  for (const frame of whole.frames) bytes += checkFrame(frame);
  // Start codes of three bytes become lengths of four.
  assert(bytes <= 2 * input.length, `${bytes} bytes of frames from ${input.length}`);
  checkMux(whole.frames);
}

function checkFrame({ track, data, dtsUs, ptsUs }: Frame): number {
  assert(data.length > 0 && data.length <= FRAME_BYTES_MAX);
  assert(Number.isInteger(ptsUs) && Number.isInteger(dtsUs));
  if (track.codec === "h264" || track.codec === "h265") validateNalUnits(data);
  return data.length;
}

/** Every frame has the size that was promised, and a segment of them can be read. */
function checkMux(frames: readonly Frame[]): void {
  const head = { tracks: [], data: [] };
  const segment = muxTsSegment(head, frames);
  assertEquals(segment.length % PACKET_BYTES, 0);
  const page = pageOf(new TsPageEncoder(), { head, records: frames, frames });
  assertEquals(page.length % PACKET_BYTES, 0);
  assertEquals(demuxTs(segment).drops.includes("transport packet with a malformed header"), false);
}

function runElements(input: Uint8Array): void {
  for (let offset = 0; offset <= 12 && offset <= input.length; offset += 4) {
    const view = input.subarray(offset);
    const header = refusable(() => parsePacketHeader(view));
    if (header !== undefined) assert(header.payloadOffset >= 4 && header.payloadOffset <= 188);
    const pes = refusable(() => parsePesHeader(view));
    if (pes !== undefined) assert(pes.headerBytes <= view.length);
    refusable(() => parsePatSection(view));
    refusable(() => parsePmtSection(view));
  }
}

function refusable<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
