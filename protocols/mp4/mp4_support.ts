/**
 * Which tracks our MP4 carries, and why it does not carry the others.
 *
 * @module
 */
import { PICTURE_SIDE_MAX } from "../codecs/picture.ts";
import type { AudioTrack, Track, VideoTrack } from "../media/track.ts";

/** Tracks that can be carried, or one sentence that says why they cannot. */
export type Mp4Support = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Largest sample rate that fits, in samples per second: FLAC's is 2^20 - 1. */
const SAMPLE_RATE_MAX = 0xffffff;

/** Size of the smallest "dac3" and "dec3" (ETSI TS 102 366, F.4 and F.6), in bytes. */
const DAC3_BYTES = 3;
const DEC3_BYTES_MIN = 5;

/** Whether an init segment of these tracks can be written; at least one is needed. */
export function mp4Supports(tracks: readonly Track[]): Mp4Support {
  if (tracks.length === 0) return refuse("there is no track");
  for (const track of tracks) {
    const fault = faultOfTrack(track);
    if (fault !== undefined) return refuse(fault);
  }
  return { ok: true };
}

/** Why a track cannot be carried, or `undefined`. */
export function faultOfTrack(track: Track): string | undefined {
  return track.kind === "video" ? faultOfVideo(track) : faultOfAudio(track);
}

function faultOfVideo(track: VideoTrack): string | undefined {
  const { codec, config, width, height } = track;
  if (codec === "vp8") return "VP8 has no place in it; H.264, H.265, AV1 and VP9 do";
  if (config.length === 0) return `${codec} without configuration`;
  if (Math.max(width, height) > PICTURE_SIDE_MAX) {
    return `a picture of ${width}x${height}, sides of at most ${PICTURE_SIDE_MAX} fit`;
  }
  return undefined;
}

function faultOfAudio(track: AudioTrack): string | undefined {
  const { codec, config, sampleRate, channels } = track;
  if (!Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate > SAMPLE_RATE_MAX) {
    return `${codec} of ${sampleRate} Hz, 1 to ${SAMPLE_RATE_MAX} fit`;
  }
  if (channels < 1) return `${codec} of ${channels} channels`;
  const without = `${codec} without configuration`;
  switch (codec) {
    case "aac":
    case "flac":
      return config.length === 0 ? without : undefined;
    case "opus":
      // One or two channels need no mapping, so a header can be made up.
      return config.length === 0 && channels > 2 ? `${without} of ${channels} channels` : undefined;
    case "ac3":
      return config.length < DAC3_BYTES ? without : undefined;
    case "eac3":
      return config.length < DEC3_BYTES_MIN ? without : undefined;
    case "g726":
      return "G.726 has no place in it; G.711 and AAC do";
    default:
      return undefined;
  }
}

function refuse(fault: string): Mp4Support {
  return { ok: false, reason: `Cannot make MP4: ${fault}` };
}
