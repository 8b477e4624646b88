/**
 * Header of an audio tag's body: the flags of the legacy form, and the names of the enhanced one.
 *
 * Sources: Adobe FLV and F4V 10.1, annex E.4.2.1; Enhanced RTMP v2, section Enhanced Audio. What
 * follows an enhanced header is read by `enhanced_tag.ts`. RTMP audio messages have the same body.
 *
 * @module
 */
import type { AudioCodec } from "../media/track.ts";
import { fourCc } from "./enhanced_tag.ts";

/** SoundFormat values (E.4.2.1). */
export const SOUND_FORMAT = {
  pcmPlatformEndian: 0,
  adpcm: 1,
  mp3: 2,
  pcmLittleEndian: 3,
  nellymoser16kHz: 4,
  nellymoser8kHz: 5,
  nellymoser: 6,
  g711a: 7,
  g711u: 8,
  enhanced: 9, // Enhanced RTMP v2: what follows is an ExAudioTagHeader.
  aac: 10,
  speex: 11,
  mp3At8kHz: 14,
  deviceSpecific: 15,
} as const;

/** AACPacketType values (E.4.2.1). */
export const AAC_PACKET_TYPE = { sequenceHeader: 0, raw: 1 } as const;

/** AudioPacketType values of the enhanced form. */
export const AUDIO_PACKET_TYPE = {
  sequenceStart: 0,
  codedFrames: 1,
  sequenceEnd: 2,
  multichannelConfig: 4,
  multitrack: 5,
  modEx: 7,
} as const;

/** FourCC of the audio codecs that have one; G.711 and G.726 have none. */
export const AUDIO_FOURCC: Readonly<Partial<Record<AudioCodec, number>>> = {
  aac: fourCc("mp4a"),
  opus: fourCc("Opus"),
  mp3: fourCc(".mp3"),
  ac3: fourCc("ac-3"),
  eac3: fourCc("ec-3"),
  flac: fourCc("fLaC"),
};

/** Flags of every AAC tag: 44 kHz, 16 bit, stereo, whatever the configuration says (E.4.2.1). */
export const AAC_FLAGS = 0xaf;

const SIZE_16_BIT = 0x02; // SoundSize; compressed audio always states 16 bits.
const TYPE_STEREO = 0x01; // SoundType

/** SoundRate values in samples per second; 0 stands for 5.5 kHz. */
const SOUND_RATES_HZ = [5_512, 11_025, 22_050, 44_100] as const;

/** What the flags of a legacy tag tell of its audio. */
export interface SoundFlags {
  readonly format: number; // SoundFormat
  readonly sampleRate: number; // SoundRate, in samples per second; a bound more than a value
  readonly channels: number; // 1 or 2
}

/** The codec behind a FourCC; `undefined` when we do not know it. */
export function audioCodecOfFourCc(value: number): AudioCodec | undefined {
  for (const codec of CODECS_WITH_FOURCC) if (AUDIO_FOURCC[codec] === value) return codec;
  return undefined;
}

const CODECS_WITH_FOURCC = Object.keys(AUDIO_FOURCC) as AudioCodec[];

/** Reads the first byte of a legacy audio tag. Every value has a meaning. */
export function parseSoundFlags(flags: number): SoundFlags {
  return {
    format: flags >>> 4,
    sampleRate: SOUND_RATES_HZ[(flags >>> 2) & 3],
    channels: (flags & TYPE_STEREO) + 1,
  };
}

/** The flags of an MP3 tag: 8 kHz has a format of its own, else the nearest rate's bits. */
export function mp3Flags(sampleRate: number, channels: number): number {
  const format = sampleRate === 8_000 ? SOUND_FORMAT.mp3At8kHz : SOUND_FORMAT.mp3;
  return (format << 4) | (mp3RateBits(sampleRate) << 2) | SIZE_16_BIT | stereoBit(channels);
}

/** The flags of a G.711 tag: rate 0, as ffmpeg and GStreamer write 8 kHz. */
export function g711Flags(codec: "g711a" | "g711u", channels: number): number {
  return (SOUND_FORMAT[codec] << 4) | SIZE_16_BIT | stereoBit(channels);
}

/** MPEG-1 rates (32 kHz and up) share the bits of 44.1 kHz, MPEG-2 rates those of 22.05 kHz. */
function mp3RateBits(sampleRate: number): number {
  if (sampleRate >= 32_000) return 3;
  if (sampleRate >= 16_000) return 2;
  return sampleRate >= 11_025 ? 1 : 0;
}

function stereoBit(channels: number): number {
  return channels > 1 ? TYPE_STEREO : 0;
}
