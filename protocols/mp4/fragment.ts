/**
 * A fragment: "moof" and "mdat" of some consecutive frames. HLS segments and parts are made of
 * them, and so is the live body.
 *
 * Source: ISO/IEC 14496-12:2015, sections 8.1.1 (mdat), 8.8 (movie fragments) and 8.16.2 (styp).
 *
 * @module
 */
import type { Frame } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { BOX_HEADER_BYTES, BoxCursor, fourCc } from "./box_writer.ts";
import { writeSegmentType } from "./file_type.ts";
import {
  movieFragmentBytes,
  sampleDataBytes,
  type TrackRun,
  writeMovieFragment,
} from "./movie_fragment.ts";
import { audioFrameTicks, videoFrameUs } from "./sample_duration.ts";
import { timescaleOf, toTicks } from "./timescale.ts";

/** Largest fragment, in bytes: what signed 32-bit data offsets reach. */
export const FRAGMENT_BYTES_MAX = 0x7fffffff;

const MDAT = fourCc("mdat");

export interface FragmentOptions {
  /** 1 to 2^32 - 1, rising from fragment to fragment of a body (8.8.5). */
  readonly sequenceNumber: number;
  /** At least one, of any tracks, in the order of the log. */
  readonly frames: readonly Frame[];
  /**
   * Decode time of the track's next frame, in microseconds: where its last frame ends. Without it
   * an audio frame lasts as its codec says, a video frame as long as the one before it.
   */
  readonly endUs: (track: Track) => number | undefined;
  /** Puts "styp" in front, as for the start of a segment; not written unless asked for. */
  readonly segmentType?: boolean;
}

/**
 * Writes the frames as one fragment, samples grouped by track. The same frames and ends always
 * give the same bytes.
 *
 * @throws {RangeError} There is no frame, the decode times of a track are negative or fall, or the
 * fragment exceeds {@link FRAGMENT_BYTES_MAX}.
 */
export function writeFragment(options: FragmentOptions): Uint8Array<ArrayBuffer> {
  if (options.frames.length === 0) throw new RangeError("Cannot write fragment: no frames");
  const head = options.segmentType === true ? writeSegmentType() : new Uint8Array(0);
  const runs = runsOf(options);
  const target = new Uint8Array(head.length + fragmentBytes(runs));
  target.set(head);
  writeRuns(options.sequenceNumber, runs, target, head.length);
  return target;
}

/**
 * Bytes of {@link writeRuns}.
 *
 * @throws {RangeError} They exceed {@link FRAGMENT_BYTES_MAX}.
 */
export function fragmentBytes(runs: readonly TrackRun[]): number {
  const bytes = movieFragmentBytes(runs) + BOX_HEADER_BYTES + sampleDataBytes(runs);
  if (bytes <= FRAGMENT_BYTES_MAX) return bytes;
  throw new RangeError(`Cannot write fragment: ${bytes} bytes, ${FRAGMENT_BYTES_MAX} fit`);
}

/**
 * Writes "moof" and "mdat" at `offset`, one run a track.
 *
 * @throws {RangeError} Decode times or composition offsets do not fit.
 */
export function writeRuns(
  sequenceNumber: number,
  runs: readonly TrackRun[],
  target: Uint8Array,
  offset: number,
): void {
  const cursor = new BoxCursor(target, offset);
  writeMovieFragment(sequenceNumber, runs, cursor);
  cursor.box(BOX_HEADER_BYTES + sampleDataBytes(runs), MDAT);
  for (const run of runs) {
    for (const frame of run.frames) cursor.bytes(frame.data);
  }
}

/** Frames by track, in the order of track numbers. */
function runsOf(options: FragmentOptions): TrackRun[] {
  const byTrack = new Map<number, Frame[]>();
  for (const frame of options.frames) {
    const id = trackId(frame.track);
    const frames = byTrack.get(id);
    if (frames === undefined) byTrack.set(id, [frame]);
    else frames.push(frame);
  }
  return [...byTrack].sort(([a], [b]) => a - b).map(([, frames]) => {
    const { track } = frames[0];
    return { track, frames, endTicks: endTicksOf(frames, options.endUs(track)) };
  });
}

function endTicksOf(frames: readonly Frame[], endUs: number | undefined): number {
  const last = frames[frames.length - 1];
  const timescale = timescaleOf(last.track);
  if (endUs !== undefined) return toTicks(endUs, timescale);
  if (last.track.kind === "audio") {
    return toTicks(last.dtsUs, timescale) + audioFrameTicks(last.track, last.data);
  }
  const before = frames.length > 1 ? frames[frames.length - 2] : undefined;
  const usualUs = before === undefined ? videoFrameUs(last.track) : last.dtsUs - before.dtsUs;
  return toTicks(last.dtsUs + usualUs, timescale);
}
