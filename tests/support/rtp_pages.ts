/**
 * Pages of interleaved RTP for the tests.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import type { Frame } from "../../protocols/media/record.ts";
import type { Track } from "../../protocols/media/track.ts";
import { RtpPageEncoder, type RtpPageTrack } from "../../protocols/rtp/page_encoder.ts";

/** Tracks as they go out: channels by their order, numbers about to wrap, timestamps from 77. */
export function rtpPageTracks(tracks: readonly Track[]): RtpPageTrack[] {
  return tracks.map((track, at) => ({
    ...{ track, payloadType: 96 + at, channel: 2 * at, reportChannel: 2 * at + 1 },
    ...{ ssrc: 1_000 + at, sequence: 65_534, timestamp: 77 },
  }));
}

/** What an encoder writes for frames, each exactly in its place. */
export function rtpPagesOf(
  tracks: readonly Track[],
  frames: readonly Frame[],
  packetBytesMax?: number,
): Uint8Array {
  const encoder = new RtpPageEncoder({
    tracks: rtpPageTracks(tracks),
    cname: "test",
    wallOffsetUs: 0,
    packetBytesMax,
  });
  return concatBytes(...frames.map((frame) => {
    const bytes = encoder.sizeOf(frame);
    const target = new Uint8Array(bytes + 2).fill(0xee);
    encoder.write(frame, target, 1);
    if (target[0] !== 0xee || target[bytes + 1] !== 0xee) {
      throw new Error("Wrote outside its place");
    }
    return target.subarray(1, -1);
  }));
}
