/**
 * One stream that an RTMP connection publishes: message bodies in, ingest frames out.
 *
 * @module
 */
import { TagDemuxer, type TagSink } from "../../protocols/flv/tag_demuxer.ts";
import { MESSAGE_TYPE } from "../../protocols/rtmp/message.ts";
import type { MediaTypeId } from "../../protocols/rtmp/server_events.ts";
import type { Track } from "../../protocols/media/track.ts";
import type { FrameIntake } from "../stream/intake.ts";

export class RtmpPublisher implements TagSink {
  readonly ingest: FrameIntake;
  readonly #demuxer = new TagDemuxer(this);
  readonly #dropped: (reason: string) => void;
  #hasVideo = false;
  /** Called instead of taking the next frame at which a session could begin elsewhere. */
  boundary: (() => void) | undefined;
  /** The newest timestamp with its wraps undone, in milliseconds; exact up to 2^53. */
  #unwrappedMs: number | undefined;

  /** @param dropped Told why something was left out; may be called for every message. */
  constructor(ingest: FrameIntake, dropped: (reason: string) => void) {
    this.ingest = ingest;
    this.#dropped = dropped;
  }

  /**
   * Takes one media message.
   *
   * @throws {ProtocolError} Its body breaks the rules of FLV.
   */
  media(typeId: MediaTypeId, timestampMs: number, body: Uint8Array): void {
    if (typeId === MESSAGE_TYPE.video) this.#demuxer.video(body, timestampMs);
    else if (typeId === MESSAGE_TYPE.audio) this.#demuxer.audio(body, timestampMs);
    else this.#demuxer.script(body, timestampMs);
  }

  track(track: Track): void {
    if (track.kind === "video") this.#hasVideo = true;
    this.ingest.track(track);
  }

  frame(
    track: Track,
    timestampMs: number,
    nanoOffset: number,
    compositionUs: number,
    keyframe: boolean,
    data: Uint8Array,
  ): void {
    if (this.boundary !== undefined && keyframe && (track.kind === "video" || !this.#hasVideo)) {
      return this.boundary();
    }
    const sourceUs = this.#unwrap(timestampMs) * 1000 + Math.round(nanoOffset / 1000);
    this.ingest.frame({ track, sourceUs, compositionUs, keyframe, data });
  }

  data(carrier: "script" | "video", name: string, payload: Uint8Array): void {
    this.ingest.data(carrier, name, payload);
  }

  dropped(reason: string): void {
    this.ingest.dropped();
    this.#dropped(reason);
  }

  /** Timestamps wrap at 2^32 ms: the shorter way round is the true one. */
  #unwrap(timestampMs: number): number {
    const former = this.#unwrappedMs;
    const unwrappedMs = former === undefined ? timestampMs : former + ((timestampMs - former) | 0);
    return this.#unwrappedMs = unwrappedMs;
  }
}
