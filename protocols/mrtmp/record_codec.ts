/**
 * Log records on a media connection: FRAME, TRACK, MARK, ANCHOR and DATA.
 *
 * Source: README.md beside this file, section 5. Every number of a record crosses as a 64-bit
 * float, which is what it is in memory, so that both logs are alike to the bit.
 *
 * @module
 */
import {
  type AnchorRecord,
  DATA_BYTES_MAX,
  type DataRecord,
  type Frame,
  type LogRecord,
  type MarkRecord,
  type TrackRecord,
} from "../media/record.ts";
import {
  DERIVED_AUDIO_INDEX,
  type Track,
  TRACK_CONFIG_BYTES_MAX,
  trackId,
  TRACKS_PER_KIND_MAX,
} from "../media/track.ts";
import {
  FLAG_DISCONTINUITY,
  FLAG_KEYFRAME,
  FLAG_REPLACED,
  FLAG_VIDEO_DATA,
  FRAME_TYPE,
  HEADER_BYTES,
  malformed,
  type ReceivedFrame,
  requireBody,
  writeHeader,
} from "./frame.ts";

/** seq and dtsUs, in front of every record. */
const BASE_BYTES = 16;

/** Base, ptsUs, track. */
const FRAME_HEAD_BYTES = BASE_BYTES + 9;

/** Base, track, codec, three numbers. */
const TRACK_HEAD_BYTES = BASE_BYTES + 26;

/** Base, segment, discontinuities. */
const MARK_BYTES = BASE_BYTES + 16;

/** Base, generation, wallUs, segmentUs, partUs, windowSegments. */
const ANCHOR_BYTES = BASE_BYTES + 40;

/** Base, length of the name. */
const DATA_HEAD_BYTES = BASE_BYTES + 2;

/** Numbers of the tracks that publishers send are below this. */
export const TRACK_IDS_END = 2 * TRACKS_PER_KIND_MAX;

/** Number of the derived track, which no publisher sent. */
const DERIVED_TRACK_ID = trackId({ kind: "audio", index: DERIVED_AUDIO_INDEX });

/** Codecs by their number on the wire (section 5.2); never renumbered. */
const VIDEO_CODECS = ["h264", "h265", "av1", "vp8", "vp9"] as const;
const AUDIO_CODECS = [
  ...["aac", "opus", "mp3", "g711a", "g711u", "ac3", "eac3", "flac"] as const,
  "g726",
] as const;

/** Audio codecs are numbered from here on. */
const AUDIO_CODECS_FROM = 0x40;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes of a record's body. */
export function recordBodyBytes(record: LogRecord): number {
  switch (record.kind) {
    case "frame":
      return FRAME_HEAD_BYTES + record.data.length;
    case "track":
      return TRACK_HEAD_BYTES + record.track.config.length;
    case "mark":
      return MARK_BYTES;
    case "anchor":
      return ANCHOR_BYTES;
    case "data":
      return DATA_HEAD_BYTES + encoder.encode(record.name).length + record.payload.length;
  }
}

/** Writes a record as a frame, header first, at `offset`; there is room for it. */
export function writeRecord(
  record: LogRecord,
  handle: number,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
): void {
  const at = offset + HEADER_BYTES;
  view.setFloat64(at, record.seq);
  view.setFloat64(at + 8, record.dtsUs);
  switch (record.kind) {
    case "frame": {
      const flags = record.keyframe ? FLAG_KEYFRAME : 0;
      const bodyBytes = FRAME_HEAD_BYTES + record.data.length;
      writeHeader(view, offset, { type: FRAME_TYPE.frame, flags, handle }, bodyBytes);
      view.setFloat64(at + 16, record.ptsUs);
      view.setUint8(at + 24, trackId(record.track));
      bytes.set(record.data, at + FRAME_HEAD_BYTES);
      return;
    }
    case "track":
      return writeTrack(record.track, handle, bytes, view, offset);
    case "mark": {
      const flags = record.discontinuity ? FLAG_DISCONTINUITY : 0;
      writeHeader(view, offset, { type: FRAME_TYPE.mark, flags, handle }, MARK_BYTES);
      view.setFloat64(at + 16, record.segment);
      view.setFloat64(at + 24, record.discontinuities);
      return;
    }
    case "anchor":
      return writeAnchor(record, handle, view, offset);
    case "data":
      return writeData(record, handle, bytes, view, offset);
  }
}

function writeTrack(
  track: Track,
  handle: number,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
): void {
  const bodyBytes = TRACK_HEAD_BYTES + track.config.length;
  const video = track.kind === "video";
  const flags = !video && track.replaced ? FLAG_REPLACED : 0;
  writeHeader(view, offset, { type: FRAME_TYPE.track, flags, handle }, bodyBytes);
  const at = offset + HEADER_BYTES;
  view.setUint8(at + 16, trackId(track));
  view.setUint8(
    at + 17,
    video
      ? VIDEO_CODECS.indexOf(track.codec)
      : AUDIO_CODECS_FROM + AUDIO_CODECS.indexOf(track.codec),
  );
  view.setFloat64(at + 18, video ? track.width : track.sampleRate);
  view.setFloat64(at + 26, video ? track.height : track.channels);
  view.setFloat64(at + 34, video ? track.frameRate : 0);
  bytes.set(track.config, at + TRACK_HEAD_BYTES);
}

function writeAnchor(record: AnchorRecord, handle: number, view: DataView, offset: number): void {
  writeHeader(view, offset, { type: FRAME_TYPE.anchor, flags: 0, handle }, ANCHOR_BYTES);
  const at = offset + HEADER_BYTES;
  view.setFloat64(at + 16, record.generation);
  view.setFloat64(at + 24, record.wallUs);
  view.setFloat64(at + 32, record.hls.segmentUs);
  view.setFloat64(at + 40, record.hls.partUs);
  view.setFloat64(at + 48, record.hls.windowSegments);
}

function writeData(
  record: DataRecord,
  handle: number,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
): void {
  const name = encoder.encode(record.name);
  if (name.length > DATA_BYTES_MAX - 1) {
    throw new RangeError(
      `Cannot write DATA: its name has ${name.length} bytes, at most ${DATA_BYTES_MAX - 1} fit`,
    );
  }
  const flags = record.carrier === "video" ? FLAG_VIDEO_DATA : 0;
  const bodyBytes = DATA_HEAD_BYTES + name.length + record.payload.length;
  writeHeader(view, offset, { type: FRAME_TYPE.data, flags, handle }, bodyBytes);
  const at = offset + HEADER_BYTES;
  view.setUint16(at + 16, name.length);
  bytes.set(name, at + DATA_HEAD_BYTES);
  bytes.set(record.payload, at + DATA_HEAD_BYTES + name.length);
}

/** Tracks of one subscription as they are now, by their number. */
export type TrackTable = (Track | undefined)[];

/**
 * Reads a record; its payload is a view of the frame's body. A TRACK is also put into `tracks`,
 * and all FRAMEs that follow refer to that one object.
 *
 * @throws {ProtocolError} The body is too short or too long, a number is out of range, a FRAME's
 * track was never told, or the frame is no record.
 */
export function readRecord(frame: ReceivedFrame, tracks: TrackTable): LogRecord {
  switch (frame.type) {
    case FRAME_TYPE.frame:
      return readFrame(frame, tracks);
    case FRAME_TYPE.track: {
      const record = readTrack(frame);
      tracks[trackId(record.track)] = record.track;
      return record;
    }
    case FRAME_TYPE.mark:
      return readMark(frame);
    case FRAME_TYPE.anchor:
      return readAnchor(frame);
    case FRAME_TYPE.data:
      return readData(frame);
    default:
      throw malformed(`Cannot read record: frame type ${frame.type} is none`, "5");
  }
}

function readFrame(frame: ReceivedFrame, tracks: TrackTable): Frame {
  const { view, start } = frame;
  const seq = readSeq(frame, FRAME_HEAD_BYTES, "5.1");
  const track = tracks[view.getUint8(start + 24)];
  if (track === undefined) {
    throw malformed(
      `Cannot read FRAME: track ${view.getUint8(start + 24)} was not told`,
      "5.1",
      24,
    );
  }
  return {
    kind: "frame",
    seq,
    track,
    dtsUs: readTime(frame, 8, "5.1"),
    ptsUs: readTime(frame, 16, "5.1"),
    keyframe: (frame.flags & FLAG_KEYFRAME) !== 0,
    data: frame.bytes.subarray(start + FRAME_HEAD_BYTES, frame.end),
  };
}

function readTrack(frame: ReceivedFrame): TrackRecord {
  const { view, start, end } = frame;
  const seq = readSeq(frame, TRACK_HEAD_BYTES, "5.2");
  const configBytes = end - start - TRACK_HEAD_BYTES;
  if (configBytes > TRACK_CONFIG_BYTES_MAX) {
    throw malformed(
      `Cannot read TRACK: configuration of ${configBytes} bytes, ` +
        `at most ${TRACK_CONFIG_BYTES_MAX} are allowed`,
      "5.2",
      TRACK_HEAD_BYTES,
    );
  }
  const id = view.getUint8(start + 16);
  if (id >= TRACK_IDS_END && id !== DERIVED_TRACK_ID) {
    const allowed = `0 to ${TRACK_IDS_END - 1} and ${DERIVED_TRACK_ID} are allowed`;
    throw malformed(`Cannot read TRACK: number ${id}, ${allowed}`, "5.2", 16);
  }
  // The configuration outlives the arena by far, so it is the one payload that is copied.
  const config = frame.bytes.slice(start + TRACK_HEAD_BYTES, end);
  const base = { index: id >> 1, config };
  const track = id % 2 === 0 ? videoTrack(frame, base) : audioTrack(frame, base);
  return { kind: "track", seq, dtsUs: readTime(frame, 8, "5.2"), track };
}

function videoTrack(frame: ReceivedFrame, base: { index: number; config: Uint8Array }): Track {
  const code = frame.view.getUint8(frame.start + 17);
  const codec = VIDEO_CODECS[code];
  if (codec === undefined) throw malformed(`Cannot read TRACK: video codec ${code}`, "5.2", 17);
  return {
    kind: "video",
    ...base,
    codec,
    width: readCount(frame, 18, "5.2"),
    height: readCount(frame, 26, "5.2"),
    frameRate: readCount(frame, 34, "5.2"),
  };
}

function audioTrack(frame: ReceivedFrame, base: { index: number; config: Uint8Array }): Track {
  const code = frame.view.getUint8(frame.start + 17);
  const codec = AUDIO_CODECS[code - AUDIO_CODECS_FROM];
  if (codec === undefined) throw malformed(`Cannot read TRACK: audio codec ${code}`, "5.2", 17);
  return {
    kind: "audio",
    ...base,
    codec,
    sampleRate: readCount(frame, 18, "5.2"),
    channels: readCount(frame, 26, "5.2"),
    ...((frame.flags & FLAG_REPLACED) !== 0 ? { replaced: true } : {}),
  };
}

function readMark(frame: ReceivedFrame): MarkRecord {
  requireBody(frame, MARK_BYTES, "5.3");
  return {
    kind: "mark",
    seq: readSeq(frame, MARK_BYTES, "5.3"),
    dtsUs: readTime(frame, 8, "5.3"),
    segment: readInteger(frame, 16, "5.3"),
    discontinuity: (frame.flags & FLAG_DISCONTINUITY) !== 0,
    discontinuities: readInteger(frame, 24, "5.3"),
  };
}

function readAnchor(frame: ReceivedFrame): AnchorRecord {
  requireBody(frame, ANCHOR_BYTES, "5.4");
  return {
    kind: "anchor",
    seq: readSeq(frame, ANCHOR_BYTES, "5.4"),
    dtsUs: readTime(frame, 8, "5.4"),
    generation: readInteger(frame, 16, "5.4"),
    wallUs: readTime(frame, 24, "5.4"),
    hls: {
      segmentUs: readCount(frame, 32, "5.4"),
      partUs: readCount(frame, 40, "5.4"),
      windowSegments: readCount(frame, 48, "5.4"),
    },
  };
}

function readData(frame: ReceivedFrame): DataRecord {
  const { view, bytes, start, end } = frame;
  const seq = readSeq(frame, DATA_HEAD_BYTES, "5.5");
  const nameBytes = view.getUint16(start + 16);
  const from = start + DATA_HEAD_BYTES;
  const payloadBytes = end - from - nameBytes;
  if (payloadBytes < 0 || payloadBytes > DATA_BYTES_MAX) {
    throw malformed(
      `Cannot read DATA: a name of ${nameBytes} bytes leaves ${payloadBytes} for the payload, ` +
        `0 to ${DATA_BYTES_MAX} are allowed`,
      "5.5",
      16,
    );
  }
  let name: string;
  try {
    name = decoder.decode(bytes.subarray(from, from + nameBytes));
  } catch {
    throw malformed("Cannot read DATA: its name is not UTF-8", "5.5", DATA_HEAD_BYTES);
  }
  return {
    kind: "data",
    seq,
    dtsUs: readTime(frame, 8, "5.5"),
    carrier: (frame.flags & FLAG_VIDEO_DATA) !== 0 ? "video" : "script",
    name,
    payload: bytes.subarray(from + nameBytes, end),
  };
}

/** The record's number, after a look whether its fixed part is there. */
function readSeq(frame: ReceivedFrame, headBytes: number, section: string): number {
  const found = frame.end - frame.start;
  if (found < headBytes) {
    throw malformed(
      `Cannot read record: ${found} bytes, at least ${headBytes} are needed`,
      section,
      found,
    );
  }
  return readInteger(frame, 0, section);
}

/** A whole number from 0 to 2^53 - 1. */
export function readInteger(frame: ReceivedFrame, offset: number, section: string): number {
  const value = frame.view.getFloat64(frame.start + offset);
  if (value >= 0 && Number.isSafeInteger(value)) return value;
  throw malformed(`Cannot read number: ${value} is no whole number from 0 on`, section, offset);
}

/** A time of either sign, at most 2^53 - 1 microseconds. */
function readTime(frame: ReceivedFrame, offset: number, section: string): number {
  const value = frame.view.getFloat64(frame.start + offset);
  // Written so that NaN is refused.
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  throw malformed(`Cannot read time: ${value} us`, section, offset);
}

/** A size, rate or duration. */
function readCount(frame: ReceivedFrame, offset: number, section: string): number {
  const value = frame.view.getFloat64(frame.start + offset);
  if (value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value;
  throw malformed(`Cannot read number: ${value} is out of range`, section, offset);
}
