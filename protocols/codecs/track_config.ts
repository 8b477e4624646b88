/**
 * From a decoder configuration to a {@link Track}: the one door through which configurations of
 * publishers enter. The formats themselves are in the files next door.
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import {
  type AudioCodec,
  type AudioTrack,
  type Track,
  TRACK_CONFIG_BYTES_MAX,
  TRACKS_PER_KIND_MAX,
  type VideoCodec,
  type VideoTrack,
} from "../media/track.ts";
import { parseAudioSpecificConfig } from "./aac.ts";
import { findAv1SequenceHeader, parseAv1CodecConfigurationRecord } from "./av1.ts";
import { parseFlacStreamInfo } from "./flac.ts";
import { parseAvcDecoderConfigurationRecord, parseSps } from "./h264.ts";
import { parseG726Config } from "./g726.ts";
import {
  H265_NAL_TYPE,
  hevcUnits,
  parseHevcDecoderConfigurationRecord,
  parseHevcSps,
} from "./h265.ts";
import { OPUS_SAMPLE_RATE, parseOpusHead } from "./opus.ts";
import { parseVpCodecConfigurationRecord } from "./vp9.ts";

export { codecString } from "./codec_string.ts";

/** What the carrier says of an audio track whose codec has no configuration. */
export interface AudioHint {
  readonly sampleRate: number; // samples per second
  readonly channels: number;
}

/** Where avcC and hvcC keep lengthSizeMinusOne: the low two bits of this byte. */
const LENGTH_SIZE_OFFSET: Readonly<Partial<Record<VideoCodec, number>>> = { h264: 4, h265: 21 };

/** What a carrier leaves unsaid: the usual of each codec. */
const USUAL_AUDIO: Readonly<Record<AudioCodec, AudioHint>> = {
  aac: { sampleRate: 44_100, channels: 2 },
  opus: { sampleRate: 48_000, channels: 2 },
  mp3: { sampleRate: 44_100, channels: 2 },
  g711a: { sampleRate: 8_000, channels: 1 },
  g711u: { sampleRate: 8_000, channels: 1 },
  g726: { sampleRate: 8_000, channels: 1 },
  ac3: { sampleRate: 48_000, channels: 2 },
  eac3: { sampleRate: 48_000, channels: 2 },
  flac: { sampleRate: 44_100, channels: 2 },
};

/**
 * Makes a video track of its configuration. The track keeps a view of `config`; for h264 and h265
 * a copy with lengthSizeMinusOne 3 when it was another (see {@link nalLengthBytes}).
 *
 * @throws {ProtocolError} The configuration cannot be read or exceeds
 * {@link TRACK_CONFIG_BYTES_MAX}.
 * @throws {RangeError} `index` is no track number.
 */
export function videoTrack(codec: VideoCodec, index: number, config: Uint8Array): VideoTrack {
  checkTrack(codec, index, config);
  const picture = readPicture(codec, config);
  return { kind: "video", codec, index, config: withLength4(codec, config), ...picture };
}

/**
 * Makes an audio track of its configuration, or of `hint` where the codec has none.
 *
 * @throws {ProtocolError} The configuration cannot be read or exceeds
 * {@link TRACK_CONFIG_BYTES_MAX}.
 * @throws {RangeError} `index` is no track number.
 */
export function audioTrack(
  codec: AudioCodec,
  index: number,
  config: Uint8Array,
  hint: AudioHint = USUAL_AUDIO[codec],
): AudioTrack {
  checkTrack(codec, index, config);
  const { sampleRate, channels } = readAudio(codec, config, hint);
  return { kind: "audio", codec, index, config, sampleRate, channels: channels || hint.channels };
}

/**
 * Bytes of the length in front of each NAL unit that belongs to an avcC or hvcC, 1 to 4; 4 for
 * codecs without NAL units. `config` is one that {@link videoTrack} accepted.
 */
export function nalLengthBytes(codec: VideoCodec, config: Uint8Array): number {
  const offset = LENGTH_SIZE_OFFSET[codec];
  return offset === undefined ? 4 : (config[offset] & 3) + 1;
}

/** Whether two tracks have the same place, codec, configuration bytes and use. */
export function sameTrack(a: Track, b: Track): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind || a.codec !== b.codec || a.index !== b.index) return false;
  if (a.kind === "audio" && a.replaced !== (b as AudioTrack).replaced) return false;
  if (a.config.length !== b.config.length) return false;
  return a.config.every((byte, offset) => byte === b.config[offset]);
}

function checkTrack(codec: string, index: number, config: Uint8Array): void {
  if (!Number.isInteger(index) || index < 0 || index >= TRACKS_PER_KIND_MAX) {
    throw new RangeError(`Cannot make track: index ${index}, 0 to ${TRACKS_PER_KIND_MAX - 1} fit`);
  }
  if (config.length <= TRACK_CONFIG_BYTES_MAX) return;
  throw new ProtocolError(
    `Cannot use ${codec} configuration: ${config.length} bytes, at most ${TRACK_CONFIG_BYTES_MAX}`,
    { protocol: codec, section: "decoder configuration", offset: 0 },
  );
}

type Picture = Pick<VideoTrack, "width" | "height" | "frameRate">;

const UNKNOWN_PICTURE: Picture = { width: 0, height: 0, frameRate: 0 };

function readPicture(codec: VideoCodec, config: Uint8Array): Picture {
  switch (codec) {
    case "h264":
      return pictureOf(parseSps(parseAvcDecoderConfigurationRecord(config).sps[0]));
    case "h265": {
      const sps = hevcUnits(parseHevcDecoderConfigurationRecord(config), H265_NAL_TYPE.sps);
      return pictureOf(parseHevcSps(sps[0]));
    }
    case "av1": {
      const header = findAv1SequenceHeader(parseAv1CodecConfigurationRecord(config).obus);
      return header === undefined ? UNKNOWN_PICTURE : pictureOf(header);
    }
    case "vp8":
    case "vp9":
      // Nobody needs it to decode, so carriers may have none. It tells no size either.
      if (config.length > 0) parseVpCodecConfigurationRecord(config);
      return UNKNOWN_PICTURE;
  }
}

function pictureOf({ width, height, frameRate }: Picture): Picture {
  return { width, height, frameRate };
}

function readAudio(codec: AudioCodec, config: Uint8Array, hint: AudioHint): AudioHint {
  switch (codec) {
    case "aac":
      return parseAudioSpecificConfig(config);
    case "opus":
      // A mono or stereo decoder needs no header, and some publishers send none.
      if (config.length === 0) return { ...hint, sampleRate: OPUS_SAMPLE_RATE };
      return { sampleRate: OPUS_SAMPLE_RATE, channels: parseOpusHead(config).channels };
    case "flac":
      return parseFlacStreamInfo(config);
    case "g726":
      parseG726Config(config);
      return hint;
    default:
      return hint;
  }
}

function withLength4(codec: VideoCodec, config: Uint8Array): Uint8Array {
  if (nalLengthBytes(codec, config) === 4) return config;
  const copy = config.slice();
  copy[LENGTH_SIZE_OFFSET[codec] as number] |= 3;
  return copy;
}
