/**
 * Where a publisher that may be one of two hands its frames: to the stream's log while it is
 * played, and while it is the backup to a log of its own.
 *
 * Its connection does not know which of the two it is. Both ways frames are repaired and measured;
 * when a backup is played, its own log is sent again through an {@link Ingest}, which places it on
 * the stream's timeline.
 *
 * @module
 */
import { type Track, trackId } from "../../protocols/media/track.ts";
import { BackupLog, type IngestData } from "./backup_log.ts";
import { Ingest, type IngestFrame, type IngestOptions } from "./ingest.ts";
import type { MediaBudget } from "./media_budget.ts";
import type { Grant, StreamCore } from "./stream_core.ts";
import { isStandingData } from "./stream_log.ts";
import { TimelineRepair } from "./timeline_repair.ts";
import { type Vitals, VitalsGauge } from "./vitals.ts";

/** What a publisher's connection needs of its ingest. */
export type FrameIntake = Pick<
  Ingest,
  "track" | "frame" | "data" | "dropped" | "revoke" | "newestAtMs"
>;

/** Standing data remembered for whoever is to be played: as many as a stream's head keeps. */
const STANDING_DATA_MAX = 8;

/** A backup that is to be played as soon as it can be. */
interface Armed {
  /** Its first frame must have come later than this, on the monotonic clock in milliseconds. */
  readonly afterMs: number;
  /** It can be; called again with its next key frames, until it is. */
  readonly ready: () => void;
}

export class Intake implements FrameIntake {
  readonly #options: IngestOptions;
  readonly #kept: BackupLog;
  readonly #gauge: VitalsGauge;
  readonly #tracks = new Map<number, Track>();
  readonly #standing = new Map<string, IngestData>();
  /** While it is played. */
  #ingest: Ingest | undefined;
  /** While it is not: its own timeline. */
  #repair: TimelineRepair;
  #armed: Armed | undefined;
  /** Nothing of it may be played before its next key frame. */
  #awaitsKeyframe = false;
  #replays = false;
  #revoked = false;
  #newestAtMs: number;

  constructor(budget: MediaBudget, options: IngestOptions) {
    const nowMs = options.clock.nowMs();
    this.#kept = new BackupLog(budget);
    this.#gauge = new VitalsGauge(nowMs);
    this.#newestAtMs = nowMs;
    this.#options = {
      ...options,
      repaired: (kind, amountUs) => {
        if (this.#replays) return; // It was told when it came.
        this.#gauge.fault(options.clock.nowMs());
        options.repaired?.(kind, amountUs);
      },
    };
    this.#repair = this.#ownTimeline();
  }

  get newestAtMs(): number {
    return this.#newestAtMs;
  }

  /** It fills the stream's log. */
  get live(): boolean {
    return this.#ingest !== undefined;
  }

  vitals(): Vitals {
    return this.#gauge.read(this.#options.clock.nowMs());
  }

  track(track: Track): void {
    this.#tracks.set(trackId(track), track);
    if (this.#ingest !== undefined) return this.#ingest.track(track);
    this.#kept.push({ kind: "track", track });
  }

  frame(frame: IngestFrame): void {
    if (this.#revoked) return;
    const nowMs = this.#newestAtMs = this.#options.clock.nowMs();
    this.#gauge.frame(frame.track, frame.keyframe, frame.data.length, nowMs);
    if (this.#ingest === undefined) return this.#keep(frame, nowMs);
    if (this.#awaitsKeyframe && !this.#begins(frame)) return;
    this.#awaitsKeyframe = false;
    this.#ingest.frame(frame);
  }

  data(carrier: "script" | "video", name: string, payload: Uint8Array): void {
    const data = { carrier, name, payload };
    const room = this.#standing.has(name) || this.#standing.size < STANDING_DATA_MAX;
    if (isStandingData(name) && room) this.#standing.set(name, data);
    if (this.#ingest !== undefined) return this.#ingest.data(carrier, name, payload);
    this.#kept.push({ kind: "data", data });
  }

  dropped(): void {
    this.#gauge.fault(this.#options.clock.nowMs());
    this.#ingest?.dropped();
  }

  revoke(): void {
    this.#revoked = true;
    this.#armed = undefined;
    this.#ingest?.revoke();
    this.#kept.clear();
  }

  /**
   * It is to be played once it has a key frame that came after the last frame of the other one.
   *
   * @param silentMs Time since that frame, in milliseconds.
   */
  arm(silentMs: number, ready: () => void): void {
    if (this.#ingest !== undefined || this.#revoked || this.#armed !== undefined) return;
    // Two encoders are rarely in step: within half a frame interval it may be the same picture.
    const { intervalMs } = this.vitals();
    this.#armed = { afterMs: this.#options.clock.nowMs() - silentMs + intervalMs / 2, ready };
    this.#tellReady();
  }

  /** It is not to be played after all. */
  disarm(): void {
    this.#armed = undefined;
  }

  /**
   * It is played from its newest key frame on, or from its next one.
   *
   * @param seenAtMs When the newest frame of the stream came, on the monotonic clock in
   *   milliseconds, unless it was armed and knows better.
   */
  goLive(core: StreamCore, grant: Grant, seenAtMs: number): void {
    if (this.#revoked) return;
    const ingest = this.#ingest = new Ingest(core, grant, this.#options);
    const afterMs = this.#armed?.afterMs ?? seenAtMs;
    this.#armed = undefined;
    const kept = this.#kept;
    const usable = kept.keyframeAtMs !== undefined && kept.keyframeAtMs > afterMs;
    for (const track of usable ? kept.tracks : this.#tracks.values()) ingest.track(track);
    for (const { carrier, name, payload } of this.#standing.values()) {
      ingest.data(carrier, name, payload);
    }
    this.#awaitsKeyframe = !usable;
    if (usable) this.#replay(ingest);
    kept.clear();
  }

  /** Another one is played from now on. */
  standBy(): void {
    this.#ingest?.revoke();
    this.#ingest = this.#armed = undefined;
    this.#repair = this.#ownTimeline();
  }

  #replay(ingest: Ingest): void {
    this.#replays = true;
    for (const item of this.#kept.items) {
      if (item.kind === "frame") ingest.frame(item.frame);
      else if (item.kind === "track") ingest.track(item.track);
      else if (!isStandingData(item.data.name)) {
        ingest.data(item.data.carrier, item.data.name, item.data.payload);
      }
    }
    this.#replays = false;
  }

  #keep(frame: IngestFrame, nowMs: number): void {
    const { track, sourceUs, keyframe, compositionUs } = frame;
    const reorders = track.kind === "video" && !keyframe && compositionUs === 0;
    this.#repair.place(trackId(track), { sourceUs, nowMs, reorders });
    const begins = this.#begins(frame);
    if (begins) this.#kept.begin([...this.#tracks.values()], nowMs);
    this.#kept.push({ kind: "frame", frame });
    if (begins) this.#tellReady();
  }

  /** A decoder can begin here. */
  #begins({ track, keyframe }: IngestFrame): boolean {
    if (track.kind === "video") return keyframe && track.index === 0;
    return !this.#tracks.has(0);
  }

  #tellReady(): void {
    const armed = this.#armed;
    const { keyframeAtMs } = this.#kept;
    if (armed === undefined || keyframeAtMs === undefined) return;
    if (keyframeAtMs > armed.afterMs) armed.ready();
  }

  #ownTimeline(): TimelineRepair {
    const { repaired, presentationOnly } = this.#options;
    return new TimelineRepair({ repaired, presentationOnly });
  }
}
