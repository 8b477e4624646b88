/**
 * Which payload format an SDP or a track wants.
 *
 * Sources: RFC 3551, section 6; the payload formats next door. MPEG-TS is not among them: it holds
 * tracks of its own, see `mpegts.ts`.
 *
 * @module
 */
import type { AudioTrack, Track } from "../media/track.ts";
import { AacDepacketizer, AacPacketizer } from "./aac.ts";
import { Av1Depacketizer } from "./av1.ts";
import { Av1Packetizer } from "./av1_packetizer.ts";
import { CLOCK_HZ_MAX } from "./clock.ts";
import { createG711Depacketizer, createG711Packetizer } from "./g711.ts";
import { createG726Depacketizer, createG726Packetizer, g726ConfigOf } from "./g726.ts";
import { createH264Depacketizer, createH264Packetizer } from "./h264.ts";
import { createH265Depacketizer, createH265Packetizer } from "./h265.ts";
import { LatmDepacketizer } from "./latm.ts";
import { Mp3Depacketizer, Mp3Packetizer } from "./mp3.ts";
import { createOpusDepacketizer, createOpusPacketizer } from "./opus.ts";
import type { Depacketizer, DepacketizerOptions, Packetizer, RtpFormat } from "./payload.ts";

/** Most channels of samples that SDP may announce. */
const CHANNELS_MAX = 8;

/**
 * Smallest payload that packets may be limited to, in bytes: every header of a format and some
 * bytes of media.
 */
export const PAYLOAD_BYTES_MIN = 64;

/** Whether media of a format is video or audio; MPEG-TS may be both. */
export type FormatKind = "video" | "audio" | "mpegts";

/** What a format holds, or in one sentence why it is not read. */
export function kindOfFormat(format: RtpFormat): FormatKind | { readonly reason: string } {
  const { encoding, clockHz, channels } = format;
  const name = /^[\w.+-]{1,32}$/.test(encoding) ? encoding : "such an encoding";
  if (!Number.isInteger(clockHz) || clockHz < 1 || clockHz > CLOCK_HZ_MAX) {
    return { reason: `Cannot read ${name}: a clock of ${clockHz} Hz, 1 to ${CLOCK_HZ_MAX} fit` };
  }
  if (!Number.isInteger(channels) || channels < 1 || channels > CHANNELS_MAX) {
    return { reason: `Cannot read ${name}: ${channels} channels, 1 to ${CHANNELS_MAX} fit` };
  }
  switch (encoding) {
    case "H264":
    case "H265":
    case "AV1":
      return "video";
    case "MP2T":
      return "mpegts";
    case "MPEG4-GENERIC":
      return isAac(format) ? "audio" : { reason: "Cannot read MPEG4-GENERIC: its mode is not AAC" };
    case "MP4A-LATM":
    case "OPUS":
    case "MPA":
    case "PCMA":
    case "PCMU":
      return "audio";
    default:
      if (g726ConfigOf(encoding) !== undefined) return "audio";
      return { reason: `Cannot read ${name}: there is no payload format for it here` };
  }
}

/**
 * Makes the depacketizer of a format that {@link kindOfFormat} finds to be video or audio.
 *
 * @throws {RangeError} It is neither, or `index` is no track number.
 */
export function createDepacketizer(options: DepacketizerOptions): Depacketizer {
  switch (options.format.encoding) {
    case "H264":
      return createH264Depacketizer(options);
    case "H265":
      return createH265Depacketizer(options);
    case "AV1":
      return new Av1Depacketizer(options);
    case "MPEG4-GENERIC":
      return new AacDepacketizer(options);
    case "MP4A-LATM":
      return new LatmDepacketizer(options);
    case "OPUS":
      return createOpusDepacketizer(options);
    case "MPA":
      return new Mp3Depacketizer(options);
    case "PCMA":
    case "PCMU":
      return createG711Depacketizer(options);
    default:
      return createG726Depacketizer(options);
  }
}

/**
 * Makes the packetizer of a track; `undefined` when there is no payload format for it.
 *
 * @param payloadBytesMax Most bytes of a payload, at least {@link PAYLOAD_BYTES_MIN}.
 */
export function createPacketizer(track: Track, payloadBytesMax: number): Packetizer | undefined {
  switch (track.codec) {
    case "h264":
      return createH264Packetizer(payloadBytesMax);
    case "h265":
      return createH265Packetizer(payloadBytesMax);
    case "av1":
      return new Av1Packetizer(payloadBytesMax);
    case "aac":
      return new AacPacketizer(track, payloadBytesMax);
    case "opus":
      // More channels would want a mapping, for which SDP has no word.
      return track.channels <= 2 ? createOpusPacketizer(payloadBytesMax) : undefined;
    case "mp3":
      return new Mp3Packetizer(payloadBytesMax);
    case "g711a":
    case "g711u":
      return createG711Packetizer(track, payloadBytesMax);
    case "g726":
      return createG726Packetizer(track, payloadBytesMax);
    default:
      return undefined;
  }
}

/** Whether RTP carries these tracks, or in one sentence why not. */
export function rtpSupports(
  tracks: readonly Track[],
): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
  for (const track of tracks) {
    if (createPacketizer(track, PAYLOAD_BYTES_MIN) !== undefined) continue;
    return { ok: false, reason: `RTP does not carry ${nameOf(track)} here` };
  }
  return { ok: true };
}

function nameOf(track: Track): string {
  const name = track.codec.toUpperCase();
  return track.codec === "opus" ? `${name} of ${(track as AudioTrack).channels} channels` : name;
}

/** `mode` says CELP, video or AAC; without it, what has an AudioSpecificConfig is AAC. */
function isAac({ parameters }: RtpFormat): boolean {
  const mode = (parameters.get("mode") ?? "").toLowerCase();
  if (mode === "generic" || mode === "") return parameters.has("config");
  return mode.startsWith("aac-");
}
