/**
 * What a stream's log holds: numbered, immutable records, frames above all.
 *
 * Times are integer microseconds on the stream's own timeline, which starts near zero, never
 * repeats and survives the publisher. Numbers (`seq`) rise by one from record to record.
 *
 * @module
 */
import type { Track } from "./track.ts";

/** Largest frame anywhere, in bytes: a 4K intra frame at high quality is about half of it. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

/** Largest script data record, in bytes; onMetaData with a long index stays below it. */
export const DATA_BYTES_MAX = 64 * 1024;

interface RecordBase {
  /** Position in the stream's log. */
  readonly seq: number;
  /** Decode time in microseconds. */
  readonly dtsUs: number;
}

/** One access unit or audio frame; the one media unit of the house. */
export interface Frame extends RecordBase {
  readonly kind: "frame";
  readonly track: Track;
  /** Presentation time in microseconds. */
  readonly ptsUs: number;
  /** Decoding can start here. True for every audio frame. */
  readonly keyframe: boolean;
  /**
   * One form per codec: h264 and h265 as 4-byte length-prefixed NAL units, av1 as low-overhead
   * OBUs, aac as a raw access unit, the others as their raw frame. At most
   * {@link FRAME_BYTES_MAX} bytes, never written to after the record was appended.
   */
  readonly data: Uint8Array;
}

/** A track appeared or its configuration changed. */
export interface TrackRecord extends RecordBase {
  readonly kind: "track";
  readonly track: Track;
}

/** Script data, or a video track's metadata such as HDR colour information, as AMF0 bytes. */
export interface DataRecord extends RecordBase {
  readonly kind: "data";
  /** "script": FLV script data ("onMetaData", ...); "video": enhanced RTMP video metadata. */
  readonly carrier: "script" | "video";
  /** First AMF0 string of the payload: "onMetaData", "onCuePoint", "colorInfo", ... */
  readonly name: string;
  /** The AMF0 values, name first, without "@setDataFrame". At most {@link DATA_BYTES_MAX}. */
  readonly payload: Uint8Array;
}

/** What a MARK says of the segment that it opens. */
export interface SegmentMark {
  /** The segment's number, never used twice in a stream. */
  readonly segment: number;
  /** Its media does not continue the segment before: a publish session, configuration or gap. */
  readonly discontinuity: boolean;
  /** Discontinuities of the stream so far, this one included. */
  readonly discontinuities: number;
}

/** The next frame opens an HLS segment; stands right in front of it, with its decode time. */
export interface MarkRecord extends RecordBase, SegmentMark {
  readonly kind: "mark";
}

/** How a stream is cut for HLS; travels in the log, so that every node cuts alike. */
export interface HlsSettings {
  /** Wanted length of a segment, in microseconds. */
  readonly segmentUs: number;
  /** Wanted length of a part, in microseconds; at most `segmentUs`. */
  readonly partUs: number;
  /** Complete segments in a playlist. */
  readonly windowSegments: number;
}

/** Binds the timeline to the wall clock; opens every generation. */
export interface AnchorRecord extends RecordBase {
  readonly kind: "anchor";
  /** Publish session this and the following records belong to; rises from one to the next. */
  readonly generation: number;
  /** Wall clock at `dtsUs`, in microseconds since 1970. */
  readonly wallUs: number;
  /** In force for the whole generation. */
  readonly hls: HlsSettings;
}

export type LogRecord = Frame | TrackRecord | DataRecord | MarkRecord | AnchorRecord;

/**
 * What somebody who joins must know first: every track as now configured, and standing metadata.
 * Immutable; replaced as a whole, so identity tells whether anything changed.
 */
export interface StreamHead {
  /** Ordered by track number. */
  readonly tracks: readonly Track[];
  /** Latest standing data per (carrier, name): onMetaData, colorInfo. */
  readonly data: readonly DataRecord[];
}

/** The head of a stream of which nothing is known yet. */
export const EMPTY_HEAD: StreamHead = { tracks: [], data: [] };
