/**
 * What MP4, HLS and browsers call a codec.
 *
 * Sources: RFC 6381; ISO/IEC 14496-15, annex E; AV1-ISOBMFF, section 5; VP Codec ISO Media File
 * Format Binding, section "Codecs Parameter String".
 *
 * @module
 */
import type { Track } from "../media/track.ts";
import { parseAudioSpecificConfig } from "./aac.ts";
import { parseAv1CodecConfigurationRecord } from "./av1.ts";
import { type HevcConfig, parseHevcDecoderConfigurationRecord } from "./h265.ts";
import { parseVpCodecConfigurationRecord } from "./vp9.ts";

/**
 * Names the codec of a track: "avc1.64001f", "hvc1.1.6.L93.B0", "av01.0.04M.08", "vp09.00.10.08",
 * "mp4a.40.2", "mp4a.6b", "opus", "fLaC", "ac-3", "ec-3", "alaw", "ulaw", "g726". VP8 and VP9 without
 * configuration are plain "vp8" and "vp9".
 */
export function codecString(track: Track): string {
  switch (track.codec) {
    case "h264":
      return `avc1.${track.config.subarray(1, 4).toHex()}`; // profile, constraints, level
    case "h265":
      return hevcString(parseHevcDecoderConfigurationRecord(track.config));
    case "av1":
      return av1String(track.config);
    case "vp8":
    case "vp9":
      return vpString(track.codec, track.config);
    case "aac":
      return aacString(track.config);
    case "mp3":
      // 6b is MPEG-1 audio; the rates below 32 kHz exist in MPEG-2 only, which is 69.
      return track.sampleRate < 32_000 ? "mp4a.69" : "mp4a.6b";
    case "opus":
      return "opus";
    case "flac":
      return "fLaC";
    case "ac3":
      return "ac-3";
    case "eac3":
      return "ec-3";
    case "g711a":
      return "alaw";
    case "g711u":
      return "ulaw";
    case "g726":
      return "g726"; // Nobody has registered a name.
  }
}

function hevcString(config: HevcConfig): string {
  const space = ["", "A", "B", "C"][config.profileSpace];
  const constraints = [...config.constraints];
  while (constraints.at(-1) === 0) constraints.pop(); // Trailing zero bytes are left out.
  return [
    "hvc1",
    `${space}${config.profile}`,
    hex(reversedBits(config.compatibility)),
    `${config.tier === 0 ? "L" : "H"}${config.level}`,
    ...constraints.map(hex),
  ].join(".");
}

function av1String(bytes: Uint8Array): string {
  const { profile, level, tier, bitDepth } = parseAv1CodecConfigurationRecord(bytes);
  return `av01.${profile}.${two(level)}${tier === 0 ? "M" : "H"}.${two(bitDepth)}`;
}

function vpString(codec: "vp8" | "vp9", bytes: Uint8Array): string {
  if (bytes.length === 0) return codec;
  const { profile, level, bitDepth } = parseVpCodecConfigurationRecord(bytes);
  return `${codec === "vp8" ? "vp08" : "vp09"}.${two(profile)}.${two(level)}.${two(bitDepth)}`;
}

function aacString(bytes: Uint8Array): string {
  const { objectType, sbr, ps } = parseAudioSpecificConfig(bytes);
  return `mp4a.40.${ps ? 29 : sbr ? 5 : objectType}`;
}

function two(value: number): string {
  return value.toString().padStart(2, "0");
}

function hex(value: number): string {
  return value.toString(16).toUpperCase();
}

/** The 32 bits of `value` in reverse, as annex E wants the compatibility flags. */
function reversedBits(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = reversed * 2 + ((value >>> bit) & 1);
  return reversed;
}
