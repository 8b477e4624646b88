/**
 * Log records as the live body of `/APP/NAME.mp4`: an init segment, then each frame as a fragment
 * of its own, so that nobody waits for a second frame.
 *
 * A changed configuration needs a new init segment and so a new body: whoever owns the connection
 * ends it. Frames of tracks that MP4 does not carry are left out.
 *
 * @module
 */
import type { PageEncoder } from "../media/page_encoder.ts";
import type { Frame, LogRecord, StreamHead } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { fragmentBytes, writeRuns } from "./fragment.ts";
import { writeInitSegment } from "./init_segment.ts";
import { faultOfTrack } from "./mp4_support.ts";
import { audioFrameTicks, videoFrameUs } from "./sample_duration.ts";
import { timescaleOf, toTicks } from "./timescale.ts";

const NOTHING = new Uint8Array(0);

/** sequence_number has 32 bits (8.8.5). */
const SEQUENCE_NUMBERS = 0x100000000;

/** Longest that a video frame is expected to last, in microseconds; what is more was a pause. */
const FRAME_US_MAX = 2_000_000;

/** What is known of a track that frames have come of. */
interface Known {
  readonly track: Track;
  readonly carried: boolean;
  dtsUs: number | undefined; // of the newest frame
  usualUs: number; // from frame to frame, for video
}

export class Mp4PageEncoder implements PageEncoder {
  /** By track number; a stream has a handful. */
  readonly #known: (Known | undefined)[] = [];
  /**
   * Number of the next fragment, which is not the record's: VLC 3 takes a gap for a discontinuity
   * and then reads the time of that fragment's track alone, which may move pictures against sound.
   */
  #nextNumber = 1;

  /** The init segment of the tracks that can be carried; empty when there are none. */
  opening(head: StreamHead): Uint8Array {
    const tracks = head.tracks.filter((track) => faultOfTrack(track) === undefined);
    return tracks.length === 0 ? NOTHING : writeInitSegment(tracks);
  }

  /** Empty: every fragment stands alone. */
  preface(_head: StreamHead, _dtsUs: number): Uint8Array {
    return NOTHING;
  }

  sizeOf(record: LogRecord): number {
    if (record.kind !== "frame" || !this.#knownOf(record.track).carried) return 0;
    return fragmentBytes([{ track: record.track, frames: [record], endTicks: 0 }]);
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    if (record.kind !== "frame") return;
    const { track } = record;
    const runs = [{ track, frames: [record], endTicks: this.#endTicks(record) }];
    writeRuns(this.#nextNumber, runs, target, offset);
    this.#nextNumber = (this.#nextNumber + 1) % SEQUENCE_NUMBERS;
  }

  closing(): Uint8Array {
    return NOTHING;
  }

  /**
   * The end of a frame whose successor is not here yet. Video lasts as long as the frame before
   * it did: Media Source Extensions drop what comes later than two durations.
   */
  #endTicks(frame: Frame): number {
    const { track, dtsUs, data } = frame;
    const timescale = timescaleOf(track);
    if (track.kind === "audio") return toTicks(dtsUs, timescale) + audioFrameTicks(track, data);
    const known = this.#knownOf(track);
    const distanceUs = dtsUs - (known.dtsUs ?? dtsUs);
    if (distanceUs > 0 && distanceUs <= FRAME_US_MAX) known.usualUs = distanceUs;
    known.dtsUs = dtsUs;
    return toTicks(dtsUs + known.usualUs, timescale);
  }

  #knownOf(track: Track): Known {
    const id = trackId(track);
    const known = this.#known[id];
    if (known?.track === track) return known;
    const fresh: Known = {
      track,
      carried: faultOfTrack(track) === undefined,
      dtsUs: undefined,
      usualUs: track.kind === "video" ? videoFrameUs(track) : 0,
    };
    this.#known[id] = fresh;
    return fresh;
  }
}
