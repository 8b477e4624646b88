/**
 * One HLS segment in MPEG-TS, a pure function of its frames: every node makes the same bytes.
 *
 * Sources: RFC 8216, section 3.2; ISO/IEC 13818-1, section 2.4.3.3 (continuity_counter). Counters
 * start at 0 and every PID has a multiple of 16 packets with payload, so the next segment goes on
 * where this one ends: tables come 16 times, evenly spread, and the last frame of each track is
 * drawn out over as many packets as are missing.
 *
 * @module
 */
import type { Frame, StreamHead } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { COUNTER_CYCLE } from "./elementary_stream.ts";
import { STREAMS_MAX, TsMuxer } from "./muxer.ts";
import { PACKET_BYTES } from "./packet.ts";
import { ProgramTables } from "./program_tables.ts";

/**
 * Makes a segment of `frames`, in the order given. Frames that MPEG-TS cannot carry are left out,
 * as are those whose codec is another than `head` says of their track.
 *
 * @param head Tracks at the segment's start; a track that only frames know is added.
 */
export function muxTsSegment(head: StreamHead, frames: readonly Frame[]): Uint8Array {
  const tracks = tracksOf(head, frames);
  const plan = planSegment(tracks, frames);
  const tables = new ProgramTables(tracks, false);
  const counters = { pat: COUNTER_CYCLE - 1, pmt: COUNTER_CYCLE - 1 };
  const segment = new Uint8Array(plan.bytes + COUNTER_CYCLE * tables.bytes);
  const muxer = new TsMuxer(tracks);
  let offset = 0;
  let tablesWritten = 0;
  const writeTables = (until: number) => {
    for (; tablesWritten < until; tablesWritten++) {
      tables.write(counters, segment, offset);
      offset += tables.bytes;
    }
  };
  for (const [index, frame] of plan.frames.entries()) {
    writeTables(1 + Math.floor(index * COUNTER_CYCLE / plan.frames.length));
    muxer.plan(frame);
    offset = muxer.write(segment, offset, plan.extraPackets(index, frame));
  }
  writeTables(COUNTER_CYCLE);
  return segment;
}

interface SegmentPlan {
  /** Those that are carried. */
  readonly frames: readonly Frame[];
  /** Of all their packets. */
  readonly bytes: number;
  /** How many packets a frame gets beyond what it needs. */
  extraPackets(index: number, frame: Frame): number;
}

function planSegment(tracks: readonly Track[], frames: readonly Frame[]): SegmentPlan {
  const muxer = new TsMuxer(tracks);
  const packets: number[] = new Array(STREAMS_MAX).fill(0);
  const last: number[] = new Array(STREAMS_MAX).fill(-1);
  const carried: Frame[] = [];
  let bytes = 0;
  for (const frame of frames) {
    const frameBytes = muxer.plan(frame);
    if (frameBytes === 0) continue;
    muxer.advance();
    const id = trackId(frame.track);
    bytes += frameBytes;
    packets[id] += muxer.packets;
    last[id] = carried.push(frame) - 1;
  }
  const extra = packets.map((count) => (COUNTER_CYCLE - count % COUNTER_CYCLE) % COUNTER_CYCLE);
  for (const count of extra) bytes += count * PACKET_BYTES;
  return {
    frames: carried,
    bytes,
    extraPackets: (index, { track }) => index === last[trackId(track)] ? extra[trackId(track)] : 0,
  };
}

/** The head's tracks, and those that frames know beyond. */
function tracksOf(head: StreamHead, frames: readonly Frame[]): Track[] {
  const tracks = [...head.tracks];
  for (const { track } of frames) {
    if (!tracks.some((known) => trackId(known) === trackId(track))) tracks.push(track);
  }
  return tracks;
}
