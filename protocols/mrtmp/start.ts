/**
 * START: where in the log a subscription begins, and what is in force there.
 *
 * Source: README.md beside this file, section 6.1. The tracks, standing data, anchor and mark in
 * force are nested record frames, so that they have one form only.
 *
 * @module
 */
import type {
  AnchorRecord,
  DataRecord,
  LogRecord,
  SegmentMark,
  StreamHead,
} from "../media/record.ts";
import { type Track, trackId } from "../media/track.ts";
import { HEADER_BYTES, malformed, type ReceivedFrame } from "./frame.ts";
import { FrameWriter } from "./frame_writer.ts";
import { readInteger, readRecord, TRACK_IDS_END, type TrackTable } from "./record_codec.ts";

/** seq and caughtUpSeq. */
const HEAD_BYTES = 16;

/** Most nested records: all tracks, as much standing data, an anchor and a mark, with a reserve. */
export const START_RECORDS_MAX = 2 * TRACK_IDS_END + 8;

/** What a START says. Same shape as a log's start in `actors/stream`. */
export interface StartMessage {
  readonly start: {
    readonly seq: number;
    readonly head: StreamHead;
    readonly anchor: AnchorRecord | undefined;
    readonly lastMark: SegmentMark | undefined;
  };
  /** The first record that is not of the past. */
  readonly caughtUpSeq: number;
}

/** The body of a START; the caller owns it. */
export function writeStart({ start, caughtUpSeq }: StartMessage): Uint8Array {
  const nested = new FrameWriter(1024);
  const { seq, head, anchor, lastMark } = start;
  for (const track of head.tracks) nested.record(0, { kind: "track", seq, dtsUs: 0, track });
  for (const data of head.data) nested.record(0, data);
  if (anchor !== undefined) nested.record(0, anchor);
  if (lastMark !== undefined) nested.record(0, { ...lastMark, kind: "mark", seq, dtsUs: 0 });
  const body = new Uint8Array(HEAD_BYTES + nested.length);
  const view = new DataView(body.buffer);
  view.setFloat64(0, seq);
  view.setFloat64(8, caughtUpSeq);
  body.set(nested.taken(), HEAD_BYTES);
  return body;
}

/**
 * Reads a START; its tracks become `tracks`, whatever was in there.
 *
 * @throws {ProtocolError} It is cut, a nested record is malformed, or there are too many.
 */
export function readStart(frame: ReceivedFrame, tracks: TrackTable): StartMessage {
  if (frame.end - frame.start < HEAD_BYTES) {
    throw malformed(
      `Cannot read START: ${frame.end - frame.start} bytes, at least ${HEAD_BYTES} are needed`,
      "6.1",
    );
  }
  tracks.fill(undefined);
  const data: DataRecord[] = [];
  let anchor: AnchorRecord | undefined;
  let lastMark: SegmentMark | undefined;
  for (const record of nestedRecords(frame, tracks)) {
    if (record.kind === "data") data.push(record);
    else if (record.kind === "anchor") anchor = record;
    else if (record.kind === "mark") lastMark = markOf(record);
    else if (record.kind === "frame") throw malformed("Cannot read START: it holds a FRAME", "6.1");
  }
  const seq = readInteger(frame, 0, "6.1");
  const head = { tracks: inOrder(tracks), data };
  return {
    start: { seq, head, anchor, lastMark },
    caughtUpSeq: readInteger(frame, 8, "6.1"),
  };
}

function nestedRecords(frame: ReceivedFrame, tracks: TrackTable): LogRecord[] {
  const { bytes, view, end } = frame;
  const records: LogRecord[] = [];
  for (let at = frame.start + HEAD_BYTES; at < end;) {
    const bodyStart = at + HEADER_BYTES;
    const bodyEnd = bodyStart <= end ? bodyStart + view.getUint32(at + 8) : Infinity;
    if (bodyEnd > end) {
      throw malformed("Cannot read START: it ends inside a record", "6.1", at - frame.start);
    }
    if (records.length === START_RECORDS_MAX) {
      throw malformed(`Cannot read START: more than ${START_RECORDS_MAX} records`, "6.1");
    }
    const type = view.getUint8(at);
    const flags = view.getUint8(at + 1);
    const nested = { type, flags, handle: 0, bytes, view, start: bodyStart, end: bodyEnd };
    records.push(readRecord(nested, tracks));
    at = bodyEnd;
  }
  return records;
}

function markOf({ segment, discontinuity, discontinuities }: SegmentMark): SegmentMark {
  return { segment, discontinuity, discontinuities };
}

function inOrder(tracks: TrackTable): Track[] {
  return tracks.filter((track) => track !== undefined).sort((a, b) => trackId(a) - trackId(b));
}
