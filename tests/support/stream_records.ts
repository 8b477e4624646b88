/**
 * Records for tests of the log and what reads it: a stream whose every byte is known.
 *
 * @module
 */
import type { PageEncoder } from "../../protocols/media/page_encoder.ts";
import { HLS_SETTINGS } from "../../protocols/hls/settings.ts";
import type {
  AnchorRecord,
  Frame,
  LogRecord,
  MarkRecord,
  StreamHead,
  TrackRecord,
} from "../../protocols/media/record.ts";
import type { AudioTrack, VideoTrack } from "../../protocols/media/track.ts";
import type { EncodingClass } from "../../actors/stream/encodings.ts";

export const VIDEO: VideoTrack = {
  kind: "video",
  index: 0,
  codec: "h264",
  config: Uint8Array.of(1, 2, 3),
  width: 64,
  height: 64,
  frameRate: 25,
};

export const AUDIO: AudioTrack = {
  kind: "audio",
  index: 0,
  codec: "aac",
  config: Uint8Array.of(4, 5),
  sampleRate: 48_000,
  channels: 2,
};

export function trackRecord(seq: number, track: VideoTrack | AudioTrack, dtsUs = 0): TrackRecord {
  return { kind: "track", seq, dtsUs, track };
}

/** The first mark or a later one that continues it. */
export function markRecord(seq: number, segment: number, dtsUs = 0): MarkRecord {
  return { kind: "mark", seq, dtsUs, segment, discontinuity: false, discontinuities: 0 };
}

/** An anchor with the default settings: time zero is 2026-01-01. */
export function anchorRecord(seq: number, generation = 1, dtsUs = 0): AnchorRecord {
  const wallUs = 1_767_225_600_000_000 + dtsUs;
  return { kind: "anchor", seq, dtsUs, generation, wallUs, hls: HLS_SETTINGS };
}

export interface FrameOptions {
  readonly dtsUs: number;
  readonly keyframe?: boolean;
  readonly bytes?: number;
}

/** A video frame filled with the low byte of its number. */
export function videoFrame(seq: number, options: FrameOptions): Frame {
  const { dtsUs, keyframe = false, bytes = 100 } = options;
  const data = new Uint8Array(bytes).fill(seq & 0xff);
  return { kind: "frame", seq, track: VIDEO, dtsUs, ptsUs: dtsUs, keyframe, data };
}

export function audioFrame(seq: number, dtsUs: number, bytes = 20): Frame {
  const data = new Uint8Array(bytes).fill(seq & 0xff);
  return { kind: "frame", seq, track: AUDIO, dtsUs, ptsUs: dtsUs, keyframe: true, data };
}

/** Size of the header the test format puts before each frame. */
export const TEST_HEADER_BYTES = 5;

/**
 * A wire format for tests: a frame is a 4-byte number, a key flag and its payload; a preface is
 * the letter P and the number of tracks; an opening is "OPEN"; a closing "END".
 */
export class TestEncoder implements PageEncoder {
  opening(): Uint8Array {
    return new TextEncoder().encode("OPEN");
  }

  preface(head: StreamHead): Uint8Array {
    return Uint8Array.of(0x50, head.tracks.length);
  }

  sizeOf(record: LogRecord): number {
    return record.kind === "frame" ? TEST_HEADER_BYTES + record.data.length : 0;
  }

  write(record: LogRecord, target: Uint8Array, offset: number): void {
    if (record.kind !== "frame") throw new TypeError("Cannot write: only frames have bytes");
    new DataView(target.buffer, target.byteOffset).setUint32(offset, record.seq);
    target[offset + 4] = record.keyframe && record.track.kind === "video" ? 1 : 0;
    target.set(record.data, offset + TEST_HEADER_BYTES);
  }

  closing(): Uint8Array {
    return new TextEncoder().encode("END");
  }
}

export const TEST_CLASS: EncodingClass = { key: "test", createEncoder: () => new TestEncoder() };

/** Numbers of the frames in bytes that {@link TestEncoder} wrote, each `payloadBytes` long. */
export function frameNumbers(bytes: Uint8Array, payloadBytes = 100): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; at += TEST_HEADER_BYTES + payloadBytes) {
    numbers.push(view.getUint32(at));
  }
  return numbers;
}
