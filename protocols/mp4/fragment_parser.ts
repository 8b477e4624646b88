/**
 * Reads a fragment back into frames.
 *
 * Source: ISO/IEC 14496-12:2015, sections 8.8.4 to 8.8.8 and 8.8.12. Decode times must be told
 * ("tfdt"), as CMAF requires; a fragment that leaves them to be added up is refused.
 *
 * @module
 */
import { toLengthPrefixed4 } from "../media/nal.ts";
import { FRAME_BYTES_MAX } from "../media/record.ts";
import type { Track } from "../media/track.ts";
import { type Box, boxesIn, BoxFields, findBox, malformed } from "./box_reader.ts";
import type { InitSegment, Mp4Track, SampleDefaults } from "./init_parser.ts";
import { toMicroseconds } from "./timescale.ts";

/** A frame before it has a place in a log. */
export interface Sample {
  readonly track: Track;
  readonly dtsUs: number;
  readonly ptsUs: number;
  readonly keyframe: boolean;
  readonly data: Uint8Array;
}

/** What may be taken from the bytes of one input. */
export interface SampleBudget {
  /**
   * Bytes that samples may still take, a sample of none counting as one. Samples of a proper file
   * never overlap, so the size of the input bounds them, whatever counts it announces.
   */
  bytes: number;
  /** Bytes of the file in front of the input; absolute data offsets count them. */
  readonly precedingBytes: number;
}

/** tf_flags (8.8.7). */
const TF = {
  baseDataOffset: 0x1,
  sampleDescription: 0x2,
  duration: 0x8,
  size: 0x10,
  flags: 0x20,
  baseIsMoof: 0x020000,
} as const;

/** tr_flags (8.8.8). */
const TR = {
  dataOffset: 0x1,
  firstFlags: 0x4,
  duration: 0x100,
  size: 0x200,
  flags: 0x400,
  compositionOffset: 0x800,
} as const;

/** sample_is_non_sync_sample (8.8.3.1). */
const NON_SYNC = 0x10000;

/** Where the reading of a track fragment stands. */
interface Position {
  dtsTicks: number;
  /** Of the next sample, in the input. */
  dataOffset: number;
}

/**
 * Reads the samples of one "moof", by track. Their data are views of `bytes`, except where NAL
 * units must be given longer lengths. Tracks that `init` does not know are passed over.
 *
 * @throws {ProtocolError} A box cannot be read, data lie outside of `bytes`, a sample exceeds
 * {@link FRAME_BYTES_MAX}, or all together take more than the budget.
 */
export function parseMovieFragment(
  bytes: Uint8Array,
  moof: Box,
  init: InitSegment,
  budget: SampleBudget,
): Sample[] {
  const samples: Sample[] = [];
  // Without a base of its own a fragment's first track starts at the "moof" (8.8.7.1).
  let base = moof.start;
  for (const traf of boxesIn(bytes, moof)) {
    if (traf.type !== "traf") continue;
    const header = readTrackFragmentHeader(bytes, traf);
    const track = init.tracks.find(({ id }) => id === header.id);
    if (track === undefined) continue;
    if (header.baseDataOffset !== undefined) base = header.baseDataOffset - budget.precedingBytes;
    else if (header.baseIsMoof) base = moof.start;
    const position = { dtsTicks: readDecodeTime(bytes, traf), dataOffset: base };
    const defaults = { ...track.defaults, ...header.defaults };
    for (const trun of boxesIn(bytes, traf)) {
      if (trun.type !== "trun") continue;
      readRun({ bytes, trun, track, defaults, base, position, budget, samples });
    }
    base = position.dataOffset; // Where the next track starts unless it says otherwise.
  }
  return samples;
}

interface TrackFragmentHeader {
  readonly id: number;
  readonly baseDataOffset: number | undefined;
  readonly baseIsMoof: boolean;
  readonly defaults: Partial<SampleDefaults>;
}

function readTrackFragmentHeader(bytes: Uint8Array, traf: Box): TrackFragmentHeader {
  const fields = new BoxFields(bytes, required(bytes, traf, "tfhd", "8.8.7"));
  const flags = fields.u32() & 0xffffff;
  const id = fields.u32();
  const baseDataOffset = (flags & TF.baseDataOffset) === 0 ? undefined : fields.u64();
  if ((flags & TF.sampleDescription) !== 0) fields.skip(4);
  const defaults: { -readonly [K in keyof SampleDefaults]?: number } = {};
  if ((flags & TF.duration) !== 0) defaults.duration = fields.u32();
  if ((flags & TF.size) !== 0) defaults.size = fields.u32();
  if ((flags & TF.flags) !== 0) defaults.flags = fields.u32();
  return { id, baseDataOffset, baseIsMoof: (flags & TF.baseIsMoof) !== 0, defaults };
}

function readDecodeTime(bytes: Uint8Array, traf: Box): number {
  const fields = new BoxFields(bytes, required(bytes, traf, "tfdt", "8.8.12"));
  return fields.u32() >>> 24 === 1 ? fields.u64() : fields.u32();
}

interface RunContext {
  readonly bytes: Uint8Array;
  readonly trun: Box;
  readonly track: Mp4Track;
  readonly defaults: SampleDefaults;
  readonly base: number;
  readonly position: Position;
  readonly budget: SampleBudget;
  readonly samples: Sample[];
}

function readRun(context: RunContext): void {
  const { bytes, trun, defaults, base, position } = context;
  const fields = new BoxFields(bytes, trun);
  const head = fields.u32();
  const signed = head >>> 24 !== 0; // From version 1 on, composition offsets have a sign.
  const count = fields.u32();
  if ((head & TR.dataOffset) !== 0) position.dataOffset = base + fields.i32();
  const firstFlags = (head & TR.firstFlags) !== 0 ? fields.u32() : undefined;
  for (let index = 0; index < count; index++) {
    const duration = (head & TR.duration) !== 0 ? fields.u32() : defaults.duration;
    const size = (head & TR.size) !== 0 ? fields.u32() : defaults.size;
    const own = (head & TR.flags) !== 0 ? fields.u32() : defaults.flags;
    const flags = index === 0 ? firstFlags ?? own : own;
    const offset = (head & TR.compositionOffset) === 0 ? 0 : signed ? fields.i32() : fields.u32();
    takeSample(context, size, (flags & NON_SYNC) === 0, offset);
    position.dtsTicks += duration;
  }
}

function takeSample(
  { bytes, trun, track, position, budget, samples }: RunContext,
  size: number,
  sync: boolean,
  compositionOffset: number,
): void {
  const { dataOffset, dtsTicks } = position;
  if (size > FRAME_BYTES_MAX) {
    throw malformed(`a sample of ${size} bytes, ${FRAME_BYTES_MAX} fit`, "8.8.8", trun.start);
  }
  if (dataOffset < 0 || dataOffset + size > bytes.length) {
    throw malformed(`a sample at ${dataOffset}, outside of the input`, "8.8.8", trun.start);
  }
  budget.bytes -= Math.max(1, size);
  if (budget.bytes < 0) throw malformed("samples that overlap", "8.8.8", trun.start);
  position.dataOffset += size;
  if (size === 0) return; // Fills a gap in the timeline; there is nothing to decode.
  const data = bytes.subarray(dataOffset, dataOffset + size);
  samples.push({
    track: track.track,
    dtsUs: microseconds(dtsTicks, track, trun),
    ptsUs: microseconds(dtsTicks + compositionOffset, track, trun),
    keyframe: sync || track.track.kind === "audio",
    data: track.lengthBytes === 4 ? data : toLengthPrefixed4(data, track.lengthBytes),
  });
}

function microseconds(ticks: number, track: Mp4Track, trun: Box): number {
  const us = toMicroseconds(ticks, track.timescale);
  if (Number.isSafeInteger(us)) return us;
  throw malformed(`a time of ${ticks} ticks`, "8.8.12", trun.start);
}

function required(bytes: Uint8Array, parent: Box, type: string, section: string): Box {
  const box = findBox(bytes, parent, type);
  if (box !== undefined) return box;
  throw malformed(`${parent.type} without ${type}`, section, parent.start);
}
