/**
 * The segmenter: the log's records as HLS segments and parts, alike on every node.
 *
 * It is a cursor into the log that may start at any MARK: what it serves depends on the records
 * from there on, and on the anchor and tracks in force there. It decides nothing; where segments
 * begin was decided by the marker. Bytes are made when somebody asks for them, once.
 *
 * @module
 */
import { sameTrack } from "../codecs/track_config.ts";
import { PlayableView } from "../media/derived_audio.ts";
import type { AnchorRecord, Frame, LogRecord, MarkRecord } from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { type HlsContainers, hlsTracks } from "./containers.ts";
import { HlsInit, HlsSegment, type HlsSegmentView } from "./segment.ts";
import { partTargetUs, sameHlsSettings, segmentUsMax } from "./settings.ts";
import type { HlsContainer } from "./uri.ts";

/** Most bytes of one stream's segments, frames and what was made of them: as much as two logs. */
export const SEGMENTER_BYTES_MAX = 128 * 1024 * 1024;

/** Most bytes of frames in the segment that is being filled: 100 Mbit/s for 2.5 s, twice. */
const OPEN_SEGMENT_BYTES_MAX = 64 * 1024 * 1024;

/** Where to start: what a joiner must know of the log before its first MARK. */
export interface SegmenterStart {
  readonly anchor: AnchorRecord;
  readonly tracks: readonly Track[];
}

export interface SegmenterOptions {
  readonly containers: HlsContainers;
  /** Left out at the head of a log, where these records are still to come. */
  readonly start?: SegmenterStart;
}

/** What playlists are made of. */
export interface SegmenterView {
  /** Settings in force, generation and wall clock; `undefined` before the first anchor. */
  readonly anchor: AnchorRecord | undefined;
  /** Complete segments that a playlist lists, oldest first, numbered without a gap. */
  readonly listed: readonly HlsSegmentView[];
  /** The segment that is being filled. */
  readonly open: HlsSegmentView | undefined;
  /** The stream is over: nothing follows. */
  readonly ended: boolean;
}

export class Segmenter implements SegmenterView {
  readonly #containers: HlsContainers;
  /** Complete segments, oldest first. */
  readonly #segments: HlsSegment[] = [];
  #open: HlsSegment | undefined;
  #anchor: AnchorRecord | undefined;
  #tracks: readonly Track[];
  #init: HlsInit | undefined;
  readonly #view = new PlayableView();
  /** Number the next record should have. */
  #nextSeq: number | undefined;
  ended = false;
  /** Rises whenever a playlist changes. */
  revision = 0;

  constructor({ containers, start }: SegmenterOptions) {
    this.#containers = containers;
    this.#anchor = start?.anchor;
    this.#tracks = hlsTracks(start?.tracks ?? []);
  }

  get anchor(): AnchorRecord | undefined {
    return this.#anchor;
  }

  get open(): HlsSegment | undefined {
    return this.#open;
  }

  /** A playlist has a complete segment to list. */
  get hasSegment(): boolean {
    return this.#segments.length > 0;
  }

  get listed(): readonly HlsSegment[] {
    const window = this.#anchor?.hls.windowSegments ?? 0;
    return this.#segments.slice(Math.max(0, this.#segments.length - window));
  }

  /** Memory held: frames (shared with the log while they are in it) and bytes made of them. */
  get bytes(): number {
    let bytes = this.#open === undefined ? 0 : this.#open.frameBytes + this.#open.madeBytes;
    for (const { frameBytes, madeBytes } of this.#segments) bytes += frameBytes + madeBytes;
    return bytes;
  }

  /**
   * Takes the log's next record. What comes before the first MARK with an anchor is passed over.
   * When records were missed, the open segment is forgotten; see {@link resume}.
   */
  push(record: LogRecord): void {
    if (this.#nextSeq !== undefined && record.seq !== this.#nextSeq) this.#forgetOpen();
    this.#nextSeq = record.seq + 1;
    const shown = this.#view.record(record);
    switch (shown?.kind) {
      case "frame":
        return this.#frame(shown);
      case "mark":
        return this.#mark(shown);
      case "track":
        return this.#track(shown.track);
      case "anchor":
        return this.#startGeneration(shown);
    }
  }

  /**
   * Goes on behind records that were missed, at the next MARK: `start` is what the log knows of
   * the record pushed next. Complete segments stay listed if their numbers go on.
   */
  resume(start: SegmenterStart): void {
    this.#forgetOpen();
    this.#nextSeq = undefined;
    this.#setAnchor(start.anchor);
    this.#tracks = hlsTracks(start.tracks);
  }

  /** The stream is over for good. */
  end(): void {
    if (this.ended) return;
    this.#close(undefined);
    this.ended = true;
    this.revision++;
  }

  /** A segment still kept, complete or open. */
  find(generation: number, segment: number): HlsSegment | undefined {
    const fits = ({ number, generation: own }: HlsSegment) =>
      number === segment && own === generation;
    if (this.#open !== undefined && fits(this.#open)) return this.#open;
    return this.#segments.find(fits);
  }

  /** Bytes of a complete segment, `undefined` when it is not there. Never write to them. */
  segmentBytes(
    generation: number,
    segment: number,
    container: HlsContainer,
  ): Uint8Array | undefined {
    return this.find(generation, segment)?.bytes(container);
  }

  /** Bytes of a complete part, `undefined` when it is not there. Never write to them. */
  partBytes(generation: number, segment: number, part: number): Uint8Array | undefined {
    return this.find(generation, segment)?.partBytes(part);
  }

  /** Bytes of the initialization segment named `hash`, `undefined` when no segment needs it. */
  initBytes(hash: string): Uint8Array | undefined {
    if (this.#open?.init.hash === hash) return this.#open.init.bytes;
    return this.#segments.find(({ init }) => init.hash === hash)?.init.bytes;
  }

  #frame(frame: Frame): void {
    const open = this.#open;
    if (open === undefined) return;
    if (open.push(frame)) this.revision++;
    // No encoder does this; what is left out shows as a new window at the next MARK.
    if (open.frameBytes > OPEN_SEGMENT_BYTES_MAX) this.#forgetOpen();
  }

  #forgetOpen(): void {
    if (this.#open === undefined) return;
    this.#open = undefined;
    this.revision++;
  }

  #mark(mark: MarkRecord): void {
    this.#close(mark);
    if (this.#anchor === undefined || this.ended) return;
    // Numbers are positions in the playlist: with a hole in them, it starts anew.
    const last = this.#segments.at(-1);
    if (last !== undefined && mark.segment !== last.number + 1) this.#segments.length = 0;
    this.#init ??= new HlsInit(this.#tracks, this.#containers);
    const { generation, wallUs, dtsUs, hls } = this.#anchor;
    this.#open = new HlsSegment({
      number: mark.segment,
      generation,
      startUs: mark.dtsUs,
      wallUs: wallUs + mark.dtsUs - dtsUs,
      discontinuity: mark.discontinuity,
      discontinuities: mark.discontinuities,
      init: this.#init,
    }, { partTargetUs: partTargetUs(hls), containers: this.#containers });
    this.revision++;
  }

  /** Completes the open segment; `next` opens another one in the same generation. */
  #close(next: MarkRecord | undefined): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    // Beyond the longest segment there is a gap, and the media does not go on at the next MARK.
    const limitUs = segmentUsMax(this.#anchor!.hls);
    const goesOn = next !== undefined && next.dtsUs - open.startUs <= limitUs;
    if (!open.finish(goesOn ? next.dtsUs : undefined)) return;
    this.#segments.push(open);
    this.revision++;
    this.#trim();
  }

  #track(track: Track): void {
    const id = trackId(track);
    const known = this.#tracks.find((other) => trackId(other) === id);
    if (known !== undefined && sameTrack(known, track)) return;
    this.#tracks = hlsTracks([...this.#tracks.filter((other) => other !== known), track]);
    this.#init = undefined;
  }

  #startGeneration(anchor: AnchorRecord): void {
    this.#close(undefined);
    this.#setAnchor(anchor);
    this.#tracks = [];
  }

  #setAnchor(anchor: AnchorRecord): void {
    const { hls } = this.#anchor ?? anchor;
    // Another target duration cannot be announced within a playlist (RFC 8216, section 6.2.1).
    if (!sameHlsSettings(hls, anchor.hls)) this.#segments.length = 0;
    this.#anchor = anchor;
    this.#init = undefined;
  }

  /**
   * Segments stay for as long as a playlist listed them, and once more (RFC 8216, section 6.2.2),
   * unless that takes more memory than one stream may have.
   */
  #trim(): void {
    const keep = 2 * this.#anchor!.hls.windowSegments + 1;
    const surplus = Math.max(0, this.#segments.length - keep);
    this.#segments.splice(0, surplus);
    while (this.#segments.length > 1 && this.bytes > SEGMENTER_BYTES_MAX) this.#segments.shift();
  }
}
