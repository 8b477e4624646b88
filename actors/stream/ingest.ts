/**
 * The ingest: turns what a publisher sends into numbered records of the stream's log.
 *
 * It works within a generation (one publish session) that the stream's owner granted, on whatever
 * node the publisher's socket is. Formats hand it frames with their own timestamps; numbering,
 * repair and the decision where HLS segments begin happen here and nowhere else.
 *
 * @module
 */
import { toldReorderFrames } from "../../protocols/codecs/reorder_depth.ts";
import { SegmentMarker } from "../../protocols/hls/marker.ts";
import type { AudioTrack, Track, VideoTrack } from "../../protocols/media/track.ts";
import { trackId } from "../../protocols/media/track.ts";
import type { Clock } from "../runtime/ports.ts";
import { AudioDerivation, isDerivable } from "./audio_derivation.ts";
import type { Grant, StreamCore } from "./stream_core.ts";
import { type Repaired, TimelineRepair } from "./timeline_repair.ts";
import type { Transcoder } from "./transcoder.ts";

export interface IngestFrame {
  readonly track: Track;
  /** Decode time as sent, its wrap undone, in microseconds. */
  readonly sourceUs: number;
  /** Presentation time minus decode time, in microseconds. */
  readonly compositionUs: number;
  readonly keyframe: boolean;
  readonly data: Uint8Array;
}

export interface IngestOptions {
  readonly clock: Clock;
  /** Told of each repair of a timestamp. */
  readonly repaired?: Repaired;
  /** AAC is made of audio that most players cannot have. */
  readonly transcoder?: Transcoder;
  /** The publisher's format has no decode times. */
  readonly presentationOnly?: true;
}

export class Ingest {
  readonly grant: Grant;
  readonly repair: TimelineRepair;
  readonly #core: StreamCore;
  readonly #clock: Clock;
  readonly #transcoder: Transcoder | undefined;
  #nextSeq: number;
  #newestUs: number;
  /** Made with the generation's anchor, before anything else is appended. */
  #marker: SegmentMarker | undefined;
  #revoked = false;
  #derivation: AudioDerivation | undefined;
  /** The track as its publisher sends it. */
  #derivedFrom: Track | undefined;
  /** Time of the newest derived frame. */
  #derivedUs: number;
  #hasVideo = false;
  /** The first key frame has come. */
  #begun = false;
  /** Tracks whose source sends decode times: some frame's presentation time was another. */
  readonly #composed = new Set<number>();
  /** Frames that video tracks without decode times hold back, as far as they say, by index. */
  readonly #heldBack: number[] = [];
  readonly #presentationOnly: boolean;

  constructor(core: StreamCore, grant: Grant, options: IngestOptions) {
    this.grant = grant;
    const { startUs, afterUs } = grant;
    const { repaired, presentationOnly } = options;
    const counts = core.repairs;
    this.repair = new TimelineRepair({ startUs, afterUs, counts, repaired, presentationOnly });
    this.#presentationOnly = presentationOnly === true;
    this.#core = core;
    this.#clock = options.clock;
    this.#transcoder = options.transcoder;
    this.#nextSeq = grant.nextSeq;
    this.#newestUs = grant.startUs;
    this.#derivedUs = grant.afterUs;
  }

  /** When its newest frame came, on the monotonic clock in milliseconds. */
  get newestAtMs(): number {
    return this.#core.newestAtMs;
  }

  /** A track appeared or was configured anew. */
  track(track: Track): void {
    const marker = this.#open();
    if (marker === undefined) return;
    marker.track(track);
    if (track.kind === "video") this.#noteVideo(track);
    const derivation = this.#derive(track);
    if (derivation === undefined) return this.#appendTrack(track);
    this.#appendTrack(derivation.source);
    this.#appendTrack(derivation.track);
  }

  /** One frame; dropped and counted when it is older than the timeline. */
  frame(frame: IngestFrame): void {
    const marker = this.#open();
    if (marker === undefined) return;
    if (!this.#begins(frame)) return this.dropped();
    const { repair } = this;
    const nowMs = this.#core.newestAtMs = this.#clock.nowMs();
    const reorders = this.#reorders(frame);
    const { sourceUs } = frame;
    const heldBack = this.#heldBackOf(frame);
    const dtsUs = repair.place(trackId(frame.track), { sourceUs, nowMs, reorders, heldBack });
    if (dtsUs === undefined) return this.dropped();
    if (dtsUs > this.#newestUs) this.#newestUs = dtsUs;
    const mark = marker.marks({ track: frame.track, dtsUs, keyframe: frame.keyframe });
    if (mark !== undefined) {
      this.#core.append({ kind: "mark", seq: this.#nextSeq++, dtsUs, ...mark });
    }
    // A frame that was lifted is decoded later than it was to be shown: no player would take that.
    const ptsUs = Math.max(sourceUs + repair.usedOffsetUs + frame.compositionUs, dtsUs);
    const { keyframe, data } = frame;
    const derivation = frame.track === this.#derivedFrom ? this.#derivation : undefined;
    const track = derivation?.source ?? frame.track;
    const seq = this.#nextSeq++;
    this.#core.append({ kind: "frame", seq, track, dtsUs, ptsUs, keyframe, data });
    derivation?.push(ptsUs, data);
  }

  /** Script data or video metadata. */
  data(carrier: "script" | "video", name: string, payload: Uint8Array): void {
    if (this.#open() === undefined) return;
    const seq = this.#nextSeq++;
    this.#core.append({ kind: "data", seq, dtsUs: this.#newestUs, carrier, name, payload });
  }

  /** Something arrived that cannot be used. */
  dropped(): void {
    this.#core.counters.drops++;
  }

  /** The grant is gone: whatever still comes is ignored. */
  revoke(): void {
    this.#revoked = true;
    this.#endDerivation();
  }

  #noteVideo(track: VideoTrack): void {
    if (track.index === 0) this.#hasVideo = true;
    if (this.#presentationOnly) this.#heldBack[track.index] = toldReorderFrames(track) ?? 0;
  }

  /** Begins or ends the derived track that a track needs. */
  #derive(track: Track): AudioDerivation | undefined {
    if (track.kind !== "audio" || track.index !== 0) return undefined;
    this.#endDerivation();
    const transcoder = this.#transcoder;
    if (transcoder === undefined || !isDerivable(track)) return undefined;
    this.#derivedFrom = track;
    this.#derivation = this.#core.derivation = new AudioDerivation({
      ...{ source: track, transcoder, clock: this.#clock },
      made: (derived, ptsUs, data) => this.#derived(derived, ptsUs, data),
    });
    return this.#derivation;
  }

  #endDerivation(): void {
    this.#derivation?.stop();
    if (this.#core.derivation === this.#derivation) this.#core.derivation = undefined;
    this.#derivation = this.#derivedFrom = undefined;
  }

  /** A frame was made: its time is its source's, so there is nothing to repair. */
  #derived(track: AudioTrack, ptsUs: number, data: Uint8Array): void {
    // It may come after another session has begun to write the log.
    if (this.#open() === undefined || track !== this.#derivation?.track) return;
    if (ptsUs <= this.#derivedUs) return;
    this.#derivedUs = ptsUs;
    const seq = this.#nextSeq++;
    this.#core.append({ kind: "frame", seq, track, dtsUs: ptsUs, ptsUs, keyframe: true, data });
  }

  #appendTrack(track: Track): void {
    this.#core.append({ kind: "track", seq: this.#nextSeq++, dtsUs: this.#newestUs, track });
  }

  /**
   * A session begins with a key frame: nothing before it could be decoded, and audio before it
   * would be heard over the last picture of the session before.
   */
  #begins({ track, keyframe }: IngestFrame): boolean {
    if (this.#begun || !this.#hasVideo) return true;
    this.#begun = track.kind === "video" && track.index === 0 && keyframe;
    return this.#begun;
  }

  /** Its decode time may be a presentation time: a video source that never told the two apart. */
  #reorders({ track, compositionUs, keyframe }: IngestFrame): boolean {
    if (track.kind !== "video") return false;
    if (compositionUs !== 0) this.#composed.add(track.index);
    return !keyframe && !this.#composed.has(track.index);
  }

  /** Frames of its track that are held back, of which it tells presentation times alone. */
  #heldBackOf({ track, compositionUs }: IngestFrame): number | undefined {
    return track.kind === "video" && compositionUs === 0 ? this.#heldBack[track.index] : undefined;
  }

  /** The marker when records may be appended; the generation's anchor comes first. */
  #open(): SegmentMarker | undefined {
    const { ingest } = this.#core;
    // Replaced, which its connection is about to hear.
    if (this.#revoked || (ingest !== undefined && ingest.grant !== this.grant)) return undefined;
    if (this.#marker !== undefined) return this.#marker;
    const { startUs, generation, lastMark, hls } = this.grant;
    const wallUs = Math.round(this.#clock.wallMs() * 1000);
    this.#marker = new SegmentMarker({ settings: hls, wallUs, lastMark });
    const seq = this.#nextSeq++;
    this.#core.append({ kind: "anchor", seq, dtsUs: startUs, generation, wallUs, hls });
    return this.#marker;
  }
}
