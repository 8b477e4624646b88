/**
 * Streams for tests of HLS: records of every kind of source, and containers whose bytes tell what
 * went into them.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import type { HlsContainers } from "../../protocols/hls/containers.ts";
import { SegmentMarker } from "../../protocols/hls/marker.ts";
import { Segmenter, type SegmenterStart } from "../../protocols/hls/segmenter.ts";
import { HLS_SETTINGS } from "../../protocols/hls/settings.ts";
import type {
  AnchorRecord,
  Frame,
  HlsSettings,
  LogRecord,
  SegmentMark,
} from "../../protocols/media/record.ts";
import { type Track, trackId } from "../../protocols/media/track.ts";
import { AUDIO, VIDEO } from "./stream_records.ts";

/** 2026-01-01T00:00:00Z. */
export const WALL_US = 1_767_225_600_000_000;

const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value) + "\n");
const configs = (tracks: readonly Track[]) =>
  tracks.map(({ codec, config }) => [codec, [...config]]);

/** Containers in words: every argument of a writer that may change its bytes stands in them. */
export const WORDY_CONTAINERS: HlsContainers = {
  fmp4: {
    supports: () => ({ ok: true }),
    initSegment: (tracks) => text(["init", configs(tracks)]),
    fragment: ({ sequenceNumber, frames, endUs }) => {
      const tracks = new Map(frames.map(({ track }) => [trackId(track), track]));
      const ends = [...tracks.values()].map((track) => endUs(track) ?? null);
      return concatBytes(text(["fragment", sequenceNumber, ends]), ...frames.map(words));
    },
  },
  ts: {
    supports: () => ({ ok: true }),
    segment: (head, frames) =>
      concatBytes(text(["ts", configs(head.tracks)]), ...frames.map(words)),
  },
};

function words({ track, dtsUs, ptsUs, keyframe, data }: Frame): Uint8Array {
  return concatBytes(text([trackId(track), dtsUs, ptsUs, keyframe]), data);
}

/** A log being written, as the ingest writes it. */
export class StreamWriter {
  readonly records: LogRecord[] = [];
  readonly settings: HlsSettings;
  #marker: SegmentMarker | undefined;
  #lastMark: SegmentMark | undefined;
  #generation = 0;
  #newestUs = 0;

  constructor(settings: HlsSettings = HLS_SETTINGS) {
    this.settings = settings;
  }

  get marks(): SegmentMark[] {
    return this.records.filter((record) => record.kind === "mark");
  }

  /** Opens a generation at `dtsUs`; `forgetful` owners do not know the last mark. */
  start(dtsUs: number, options: { forgetful?: boolean; settings?: HlsSettings } = {}): this {
    const hls = options.settings ?? this.settings;
    const wallUs = WALL_US + dtsUs;
    const lastMark = options.forgetful === true ? undefined : this.#lastMark;
    this.#marker = new SegmentMarker({ settings: hls, wallUs, lastMark });
    const generation = ++this.#generation;
    this.records.push({ kind: "anchor", seq: this.#seq, dtsUs, generation, wallUs, hls });
    this.#newestUs = dtsUs;
    return this;
  }

  track(...tracks: Track[]): this {
    for (const track of tracks) {
      this.#marker!.track(track);
      this.records.push({ kind: "track", seq: this.#seq, dtsUs: this.#newestUs, track });
    }
    return this;
  }

  /** A frame of two bytes that tell it from others. */
  frame(track: Track, dtsUs: number, keyframe = true): this {
    const ptsUs = dtsUs + (track.kind === "video" ? 40_000 : 0);
    const data = Uint8Array.of(this.#seq >> 8, this.#seq);
    return this.media({ track, dtsUs, ptsUs, keyframe, data });
  }

  /** A frame of whatever bytes. */
  media(frame: Pick<Frame, "track" | "dtsUs" | "ptsUs" | "keyframe" | "data">): this {
    const { dtsUs } = frame;
    this.#newestUs = Math.max(this.#newestUs, dtsUs);
    const mark = this.#marker!.marks(frame);
    if (mark !== undefined) {
      this.#lastMark = mark;
      this.records.push({ kind: "mark", seq: this.#seq, dtsUs, ...mark });
    }
    this.records.push({ ...frame, kind: "frame", seq: this.#seq });
    return this;
  }

  /** Video (and audio beside it) from `fromUs` to before `toUs`, a key frame every `gop` frames. */
  video(fromUs: number, toUs: number, options: VideoOptions = {}): this {
    const { gop = 25, intervalUs = () => 40_000, video = VIDEO, audio = AUDIO } = options;
    let audioUs = fromUs;
    for (let count = 0, dtsUs = fromUs; dtsUs < toUs; count++) {
      this.frame(video, dtsUs, count % gop === 0);
      dtsUs += intervalUs(count);
      for (; audio !== null && audioUs < dtsUs; audioUs += AUDIO_INTERVAL_US) {
        this.frame(audio, audioUs);
      }
    }
    return this;
  }

  audio(fromUs: number, toUs: number): this {
    for (let at = 0; fromUs + at * AUDIO_INTERVAL_US < toUs; at++) {
      this.frame(AUDIO, fromUs + at * AUDIO_INTERVAL_US);
    }
    return this;
  }

  get #seq(): number {
    return this.records.length;
  }
}

export interface VideoOptions {
  readonly gop?: number;
  /** Distance of frame `count` to the next one, in microseconds. */
  readonly intervalUs?: (count: number) => number;
  readonly video?: Track;
  /** `null`: none. */
  readonly audio?: Track | null;
}

/** Distance of AAC frames at 48 kHz, rounded as a 1 ms wire does it. */
export const AUDIO_INTERVAL_US = 21_333;

/** A segmenter that has read `records` from `from` on, started as a node that joins there. */
export function segmenterFrom(
  records: readonly LogRecord[],
  from = 0,
  containers: HlsContainers = WORDY_CONTAINERS,
): Segmenter {
  const segmenter = new Segmenter({ containers, start: startAt(records, from) });
  for (const record of records.slice(from)) segmenter.push(record);
  return segmenter;
}

/** What the log knows before record `from`. */
export function startAt(records: readonly LogRecord[], from: number): SegmenterStart | undefined {
  const before = records.slice(0, from);
  const at = before.findLastIndex(({ kind }) => kind === "anchor");
  if (at < 0) return undefined;
  const tracks = new Map<number, Track>();
  for (const record of before.slice(at)) {
    if (record.kind === "track") tracks.set(trackId(record.track), record.track);
  }
  return { anchor: before[at] as AnchorRecord, tracks: [...tracks.values()] };
}
