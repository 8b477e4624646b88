/**
 * A track: one elementary stream of a live stream, and what a decoder must know before it.
 *
 * A track is immutable; when its configuration changes, a new object replaces it as a whole.
 *
 * @module
 */

/** Video codecs the media core carries. */
export type VideoCodec = "h264" | "h265" | "av1" | "vp8" | "vp9";

/** Audio codecs the media core carries. */
export type AudioCodec =
  | "aac"
  | "opus"
  | "mp3"
  | "g711a"
  | "g711u"
  | "g726"
  | "ac3"
  | "eac3"
  | "flac";

export type Codec = VideoCodec | AudioCodec;

/** Most tracks of one kind in a stream; an 8-camera or 8-language feed is the largest in use. */
export const TRACKS_PER_KIND_MAX = 8;

/** Largest decoder configuration, in bytes: a dozen parameter sets of a few kilobytes each. */
export const TRACK_CONFIG_BYTES_MAX = 64 * 1024;

/** Position of the track that was made of the default audio track: behind all a publisher has. */
export const DERIVED_AUDIO_INDEX = TRACKS_PER_KIND_MAX;

interface TrackBase {
  /**
   * Position among the tracks of its kind, 0 to {@link TRACKS_PER_KIND_MAX} - 1; 0 is the default.
   * {@link DERIVED_AUDIO_INDEX} for a track that no publisher sent.
   */
  readonly index: number;
  /**
   * Decoder configuration, in the form ISO 14496 and its kin give it: avcC (h264), hvcC (h265),
   * av1C (av1), vpcC (vp8, vp9), AudioSpecificConfig (aac), OpusHead (opus), STREAMINFO (flac);
   * for g726 what `codecs/g726.ts` writes; empty where the codec has none. For h264 and h265 lengthSizeMinusOne is always 3.
   */
  readonly config: Uint8Array;
}

export interface VideoTrack extends TrackBase {
  readonly kind: "video";
  readonly codec: VideoCodec;
  /** Displayed size in pixels; 0 when the configuration does not tell. */
  readonly width: number;
  readonly height: number;
  /** Frames per second the configuration announces; 0 when it does not. */
  readonly frameRate: number;
}

export interface AudioTrack extends TrackBase {
  readonly kind: "audio";
  readonly codec: AudioCodec;
  /** Samples per second. */
  readonly sampleRate: number;
  readonly channels: number;
  /** Players that cannot have it get the derived track in its place. */
  readonly replaced?: true;
}

export type Track = VideoTrack | AudioTrack;

/** The number of a track within its stream: even for video, odd for audio, unique per stream. */
export function trackId(track: Pick<Track, "kind" | "index">): number {
  return track.index * 2 + (track.kind === "audio" ? 1 : 0);
}
