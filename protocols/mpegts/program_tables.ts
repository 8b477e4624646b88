/**
 * PAT and PMT of the one programme we send, as packets ready to be written.
 *
 * Source: ISO/IEC 13818-1, section 2.4.4. The version of the map is made of what it holds (see
 * `StreamForm.ordinal`), so that segments and prefaces, which know no history, agree on it.
 *
 * @module
 */
import type { Track } from "../media/track.ts";
import { trackId } from "../media/track.ts";
import {
  ADAPTATION_FLAG,
  ADAPTATION_FLAGS_BYTES,
  PACKET_BODY_BYTES,
  PACKET_BYTES,
  PACKET_HEADER_BYTES,
  PID,
  writeAdaptationField,
  writePacketHeader,
} from "./packet.ts";
import { type ProgramStream, writePatSection, writePmtSection } from "./psi.ts";
import { streamFormOf } from "./stream_form.ts";
import { tsTracks } from "./ts_support.ts";

/** PID of our programme map; the number that most muxers take. */
export const PMT_PID = 0x1000;

/** PID of track number 0; the others follow. */
export const FIRST_STREAM_PID = 0x100;

const PROGRAM_NUMBER = 1;
const TRANSPORT_STREAM_ID = 1;
const NOTHING = new Uint8Array(0);

/** The PID of a track. */
export function pidOfTrack(track: Pick<Track, "kind" | "index">): number {
  return FIRST_STREAM_PID + trackId(track);
}

/** The PID that carries the programme clock: the first video's, else the first audio's. */
export function pcrPidOf(carried: readonly Track[]): number {
  const track = carried.find(({ kind }) => kind === "video") ?? carried[0];
  return track === undefined ? PID.none : pidOfTrack(track);
}

/** The two tables for a set of tracks. Tracks that are not carried are left out. */
export class ProgramTables {
  /** Bytes of both tables. */
  readonly bytes: number;
  readonly #pat: Uint8Array;
  readonly #pmt: Uint8Array;

  /**
   * @param discontinuity Marks every packet as one before which the continuity counter may break
   * (2.4.3.5): for places that a reader reaches on different ways.
   */
  constructor(tracks: readonly Track[], discontinuity: boolean) {
    const carried = tsTracks(tracks);
    const programs = [{ number: PROGRAM_NUMBER, pid: PMT_PID }];
    const pat = { transportStreamId: TRANSPORT_STREAM_ID, version: 0, programs };
    this.#pat = sectionPackets(writePatSection(pat), PID.programAssociation, discontinuity);
    this.#pmt = sectionPackets(programMap(carried), PMT_PID, discontinuity);
    this.bytes = this.#pat.length + this.#pmt.length;
  }

  /** Writes both tables at `offset`, counting on with `counters`. */
  write(counters: TableCounters, target: Uint8Array, offset: number): void {
    target.set(this.#pat, offset);
    counters.pat = count(counters.pat, target, offset, this.#pat.length);
    target.set(this.#pmt, offset + this.#pat.length);
    counters.pmt = count(counters.pmt, target, offset + this.#pat.length, this.#pmt.length);
  }
}

/** Continuity counters of the packets written last; before the first one that is 15. */
export interface TableCounters {
  pat: number;
  pmt: number;
}

/** Puts counters into the packets at `offset`; returns the last. */
function count(last: number, target: Uint8Array, offset: number, bytes: number): number {
  let counter = last;
  for (let at = offset; at < offset + bytes; at += PACKET_BYTES) {
    counter = (counter + 1) & 0xf;
    target[at + 3] |= counter;
  }
  return counter;
}

function programMap(carried: readonly Track[]): Uint8Array {
  let version = 0;
  const streams: ProgramStream[] = [];
  for (const track of carried) {
    const form = streamFormOf(track);
    if (typeof form === "string") continue;
    version = (version + form.ordinal) & 0x1f;
    const { streamType, descriptors } = form;
    streams.push({ streamType, pid: pidOfTrack(track), descriptors });
  }
  return writePmtSection({
    programNumber: PROGRAM_NUMBER,
    version,
    pcrPid: pcrPidOf(carried),
    descriptors: NOTHING,
    streams,
  });
}

/** A section in packets of its own, counters zero. */
function sectionPackets(section: Uint8Array, pid: number, discontinuity: boolean): Uint8Array {
  const fieldBytes = discontinuity ? ADAPTATION_FLAGS_BYTES : 0;
  const room = PACKET_BODY_BYTES - fieldBytes;
  const count = Math.ceil((1 + section.length) / room); // pointer_field comes first
  const packets = new Uint8Array(count * PACKET_BYTES).fill(0xff); // stuffing behind the section
  let taken = 0;
  for (let index = 0; index < count; index++) {
    const start = index * PACKET_BYTES;
    const control = discontinuity ? 3 : 1;
    writePacketHeader({ pid, payloadStart: index === 0, control, counter: 0 }, packets, start);
    let at = start + PACKET_HEADER_BYTES;
    if (discontinuity) {
      const flags = ADAPTATION_FLAG.discontinuity;
      writeAdaptationField({ bytes: fieldBytes, flags, pcrTicks: 0 }, packets, at);
      at += fieldBytes;
    }
    if (index === 0) packets[at++] = 0; // pointer_field: the section starts at once
    const part = section.subarray(taken, taken + start + PACKET_BYTES - at);
    packets.set(part, at);
    taken += part.length;
  }
  return packets;
}
