/**
 * "moof": which samples a fragment holds, when they are due and where their bytes lie.
 *
 * Source: ISO/IEC 14496-12:2015, sections 8.8.4 to 8.8.8 and 8.8.12. Always written in the same
 * form: data offsets count from the "moof", decode times have 64 bits, composition offsets are
 * signed, and every sample tells all of itself, so that fragments stand alone.
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import type { Track } from "../media/track.ts";
import { BOX_HEADER_BYTES, type BoxCursor, fourCc } from "./box_writer.ts";
import { mp4TrackId } from "./movie.ts";
import { timescaleOf, toTicks } from "./timescale.ts";

/** The samples of one track in a fragment. */
export interface TrackRun {
  readonly track: Track;
  /** In decoding order, at least one. */
  readonly frames: readonly Frame[];
  /** Decode time at which the last frame is over, in ticks of the track. */
  readonly endTicks: number;
}

const MOOF = fourCc("moof");
const MFHD = fourCc("mfhd");
const TRAF = fourCc("traf");
const TFHD = fourCc("tfhd");
const TFDT = fourCc("tfdt");
const TRUN = fourCc("trun");

const MFHD_BYTES = 16;
const TFDT_BYTES = 20;
const TRUN_HEAD_BYTES = 20;

/** tf_flags (8.8.7) and tr_flags (8.8.8). */
const DEFAULT_BASE_IS_MOOF = 0x020000;
const DEFAULT_FLAGS = 0x20;
const DATA_OFFSET = 0x1;
const SAMPLE_DURATION = 0x100;
const SAMPLE_SIZE = 0x200;
const SAMPLE_FLAGS = 0x400;
const COMPOSITION_OFFSET = 0x800;

/** Video tells all of each sample; audio samples are all alike but for duration and size. */
const VIDEO = {
  tfhdBytes: 16,
  tfFlags: DEFAULT_BASE_IS_MOOF,
  trFlags: DATA_OFFSET | SAMPLE_DURATION | SAMPLE_SIZE | SAMPLE_FLAGS | COMPOSITION_OFFSET,
  sampleBytes: 16,
} as const;
const AUDIO = {
  tfhdBytes: 20,
  tfFlags: DEFAULT_BASE_IS_MOOF | DEFAULT_FLAGS,
  trFlags: DATA_OFFSET | SAMPLE_DURATION | SAMPLE_SIZE,
  sampleBytes: 8,
} as const;

/** Sample flags (8.8.3.1): depends on no other; depends on others and is no sync sample. */
const SYNC_SAMPLE = 0x02000000;
const NON_SYNC_SAMPLE = 0x01010000;

/** Longest sample and farthest composition offset, in ticks: what their fields hold. */
const DURATION_TICKS_MAX = 0xffffffff;
const OFFSET_TICKS_MAX = 0x7fffffff;

/** Bytes of {@link writeMovieFragment}. */
export function movieFragmentBytes(runs: readonly TrackRun[]): number {
  let bytes = BOX_HEADER_BYTES + MFHD_BYTES;
  for (const run of runs) bytes += trackFragmentBytes(run);
  return bytes;
}

/** Bytes of all samples, which follow in the order of the runs. */
export function sampleDataBytes(runs: readonly TrackRun[]): number {
  let bytes = 0;
  for (const run of runs) bytes += runDataBytes(run);
  return bytes;
}

/**
 * Writes the whole box; the samples' bytes are taken to lie behind it and the header of "mdat".
 *
 * @throws {RangeError} A decode time is negative, does not rise or a composition offset does not
 * fit.
 */
export function writeMovieFragment(
  sequenceNumber: number,
  runs: readonly TrackRun[],
  cursor: BoxCursor,
): void {
  const bytes = movieFragmentBytes(runs);
  cursor.box(bytes, MOOF);
  cursor.fullBox(MFHD_BYTES, MFHD, 0, 0);
  cursor.u32(sequenceNumber);
  let dataOffset = bytes + BOX_HEADER_BYTES;
  for (const run of runs) {
    writeTrackFragment(run, dataOffset, cursor);
    dataOffset += runDataBytes(run);
  }
}

function writeTrackFragment(run: TrackRun, dataOffset: number, cursor: BoxCursor): void {
  const { track, frames } = run;
  const form = formOf(track);
  const dtsTicks = toTicks(frames[0].dtsUs, timescaleOf(track));
  if (dtsTicks < 0) throw new RangeError(`Cannot write fragment: it decodes at ${dtsTicks} ticks`);

  cursor.box(trackFragmentBytes(run), TRAF);
  cursor.fullBox(form.tfhdBytes, TFHD, 0, form.tfFlags);
  cursor.u32(mp4TrackId(track));
  if (form === AUDIO) cursor.u32(SYNC_SAMPLE); // default_sample_flags
  cursor.fullBox(TFDT_BYTES, TFDT, 1, 0);
  cursor.u64(dtsTicks);
  cursor.fullBox(TRUN_HEAD_BYTES + form.sampleBytes * frames.length, TRUN, 1, form.trFlags);
  cursor.u32(frames.length);
  cursor.i32(dataOffset);
  writeSamples(run, dtsTicks, cursor);
}

function writeSamples(run: TrackRun, startTicks: number, cursor: BoxCursor): void {
  const { track, frames, endTicks } = run;
  const timescale = timescaleOf(track);
  let dtsTicks = startTicks;
  for (let index = 0; index < frames.length; index++) {
    const frame = frames[index];
    const last = index + 1 === frames.length;
    const nextTicks = last ? endTicks : toTicks(frames[index + 1].dtsUs, timescale);
    cursor.u32(durationOf(dtsTicks, nextTicks));
    cursor.u32(frame.data.length);
    if (track.kind === "video") {
      cursor.u32(frame.keyframe ? SYNC_SAMPLE : NON_SYNC_SAMPLE);
      cursor.i32(compositionOffset(dtsTicks, toTicks(frame.ptsUs, timescale)));
    }
    dtsTicks = nextTicks;
  }
}

function durationOf(dtsTicks: number, nextTicks: number): number {
  if (nextTicks < dtsTicks) {
    throw new RangeError(`Cannot write fragment: a frame of ${nextTicks - dtsTicks} ticks`);
  }
  // A track may pause for half a day. The next decode time is told by its own fragment.
  return Math.min(nextTicks - dtsTicks, DURATION_TICKS_MAX);
}

function compositionOffset(dtsTicks: number, ptsTicks: number): number {
  const offset = ptsTicks - dtsTicks;
  if (Math.abs(offset) <= OFFSET_TICKS_MAX) return offset;
  throw new RangeError(`Cannot write fragment: a composition offset of ${offset} ticks`);
}

function formOf(track: Track): typeof VIDEO | typeof AUDIO {
  return track.kind === "video" ? VIDEO : AUDIO;
}

function trackFragmentBytes(run: TrackRun): number {
  const form = formOf(run.track);
  return BOX_HEADER_BYTES + form.tfhdBytes + TFDT_BYTES + TRUN_HEAD_BYTES +
    form.sampleBytes * run.frames.length;
}

function runDataBytes(run: TrackRun): number {
  let bytes = 0;
  for (const frame of run.frames) bytes += frame.data.length;
  return bytes;
}
