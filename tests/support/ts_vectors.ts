/**
 * Transport streams for the tests: a sink, frames of captured files, and a strict reader that
 * looks at packets with code of its own.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { TsDemuxer, type TsDropReason, type TsSink } from "../../protocols/mpegts/demuxer.ts";
import type { TsPageEncoder } from "../../protocols/mpegts/page_encoder.ts";
import type { Frame, LogRecord, StreamHead } from "../../protocols/media/record.ts";
import { type Track, trackId } from "../../protocols/media/track.ts";
import { demuxFlv, flvFile } from "./flv_vectors.ts";
import { REPOSITORY } from "./paths.ts";

/** Keeps what a demuxer reports. */
export class RecordingTsSink implements TsSink {
  readonly tracks: Track[] = [];
  readonly frames: Frame[] = [];
  readonly drops: TsDropReason[] = [];

  track(track: Track): void {
    this.tracks.push(track);
  }

  frame(track: Track, dtsUs: number, ptsUs: number, keyframe: boolean, data: Uint8Array): void {
    const seq = this.frames.length;
    this.frames.push({ kind: "frame", seq, track, dtsUs, ptsUs, keyframe, data });
  }

  dropped(reason: TsDropReason): void {
    this.drops.push(reason);
  }
}

/** Demuxes `bytes`, given in pieces of `pieceBytes`. */
export function demuxTs(bytes: Uint8Array, pieceBytes = bytes.length): RecordingTsSink {
  const sink = new RecordingTsSink();
  const demuxer = new TsDemuxer(sink);
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    demuxer.feed(bytes.subarray(at, at + pieceBytes));
  }
  demuxer.flush();
  return sink;
}

/** A captured transport stream of tests/vectors/mpegts; the README there says what it holds. */
export function tsFile(name: string): Uint8Array {
  return Deno.readFileSync(`${REPOSITORY}/tests/vectors/mpegts/${name}.mpegts`);
}

/** A stream as a log holds it. */
export interface TestStream {
  readonly head: StreamHead;
  readonly records: readonly LogRecord[];
  readonly frames: readonly Frame[];
}

/** Start of the timeline of test streams; the house's own starts there too. */
const START_US = 1_000_000;

/** A captured FLV file as a stream, moved to where timelines start. */
export function streamOf(flv: string | Uint8Array): TestStream {
  const sink = demuxFlv(typeof flv === "string" ? flvFile(flv) : flv);
  const records = sink.records.map((record) =>
    record.kind === "frame"
      ? { ...record, dtsUs: record.dtsUs + START_US, ptsUs: record.ptsUs + START_US }
      : { ...record, dtsUs: record.dtsUs + START_US }
  );
  const tracks = new Map(sink.tracks.map((track) => [trackId(track), track]));
  const sorted = [...tracks.values()].sort((a, b) => trackId(a) - trackId(b));
  const frames = records.filter((record) => record.kind === "frame");
  return { head: { tracks: sorted, data: [] }, records, frames };
}

/** What a viewer gets who joins at the first record. */
export function pageOf(encoder: TsPageEncoder, stream: TestStream): Uint8Array {
  const parts = [encoder.preface(stream.head)];
  for (const record of stream.records) {
    const bytes = encoder.sizeOf(record);
    if (bytes === 0) continue;
    const part = new Uint8Array(bytes + 2).fill(0xee); // Stale bytes must not survive.
    encoder.write(record, part, 1);
    if (part[0] !== 0xee || part[bytes + 1] !== 0xee) throw new Error("Wrote outside its place");
    parts.push(part.subarray(1, -1));
  }
  return concatBytes(...parts);
}

/** What {@link frameFacts} compares: all of a frame but its number and track object. */
export interface FrameFacts {
  readonly track: number;
  readonly codec: string;
  readonly dtsUs: number;
  readonly ptsUs: number;
  readonly keyframe: boolean;
  readonly data: string;
}

/** Frames of each track in order, times as 90 kHz carries them. */
export function frameFacts(frames: readonly Frame[]): FrameFacts[] {
  const rounded = (timeUs: number) => Math.round(Math.round(timeUs * 9 / 100) * 100 / 9);
  return frames.map(({ track, dtsUs, ptsUs, keyframe, data }) => ({
    track: trackId(track),
    codec: track.codec,
    dtsUs: rounded(dtsUs),
    ptsUs: rounded(ptsUs),
    keyframe,
    data: data.toHex(),
  })).sort((a, b) => a.track - b.track);
}
