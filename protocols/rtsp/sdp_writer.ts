/**
 * Session descriptions of our streams, as players expect them.
 *
 * Source: RFC 8866; RFC 2326, appendix C; the payload formats named at each codec. Which payload
 * type and control a track gets depends on its place alone, so every node describes a stream alike.
 *
 * @module
 */
import { parseAvcDecoderConfigurationRecord } from "../codecs/h264.ts";
import { H265_NAL_TYPE, hevcUnits, parseHevcDecoderConfigurationRecord } from "../codecs/h265.ts";
import { parseAv1CodecConfigurationRecord } from "../codecs/av1.ts";
import { originalTracks } from "../media/derived_audio.ts";
import type { AudioTrack, Track, VideoTrack } from "../media/track.ts";
import { g726Encoding } from "../rtp/g726.ts";
import type { RtpFormat } from "./sdp.ts";
import { controlOf } from "./uri.ts";

/** First payload type that has no fixed meaning (RFC 3551, section 6). */
const PAYLOAD_TYPE_DYNAMIC = 96;

/** A track that RTP can carry, and how. */
export interface DescribedTrack {
  readonly track: Track;
  readonly format: RtpFormat;
}

/** What a description is made of. */
export interface SdpOptions {
  /** Numeric id of the session, fixed as long as its tracks are. */
  readonly sessionId: number;
  /** Name of the stream; control characters are left out. */
  readonly name: string;
  /** Address of the node, for o=: a peer that reads it is not ours. */
  readonly address: string;
  readonly tracks: readonly DescribedTrack[];
}

/** The tracks that RTP can carry, with payload types by their place; the others are left out. */
export function describeTracks(all: readonly Track[]): DescribedTrack[] {
  const tracks = originalTracks(all);
  return tracks.flatMap((track) => {
    const format = formatOfTrack(track, PAYLOAD_TYPE_DYNAMIC + tracks.indexOf(track));
    return format === undefined ? [] : [{ track, format }];
  });
}

/**
 * How RTP carries a track.
 *
 * @param payloadType Used unless the encoding has one of its own.
 * @returns `undefined` when we have no payload format for its codec.
 * @throws {ProtocolError} Its configuration is none.
 */
export function formatOfTrack(track: Track, payloadType: number): RtpFormat | undefined {
  return track.kind === "video" ? videoFormat(track, payloadType) : audioFormat(track, payloadType);
}

/** Writes a description; lines end with CR LF. */
export function writeSdp({ sessionId, name, address, tracks }: SdpOptions): string {
  const family = address.includes(":") ? "IP6" : "IP4";
  return [
    "v=0",
    `o=- ${sessionId} 1 IN ${family} ${address}`,
    `s=${name.replace(/\p{Cc}/gu, "") || " "}`,
    `c=IN ${family} ${family === "IP6" ? "::" : "0.0.0.0"}`,
    "t=0 0",
    "a=control:*",
    "a=range:npt=now-",
    ...tracks.flatMap(mediaLines),
    "",
  ].join("\r\n");
}

function mediaLines({ track, format }: DescribedTrack, index: number): string[] {
  const { payloadType, encoding, clockHz, channels, parameters } = format;
  const fmtp = [...parameters].map(([name, value]) => `${name}=${value}`).join(";");
  const map = `${encoding}/${clockHz}` + (track.kind === "audio" ? `/${channels}` : "");
  return [
    `m=${track.kind} 0 RTP/AVP ${payloadType}`,
    `a=rtpmap:${payloadType} ${map}`,
    ...(fmtp === "" ? [] : [`a=fmtp:${payloadType} ${fmtp}`]),
    ...(track.kind === "video" && track.frameRate > 0 ? [`a=framerate:${track.frameRate}`] : []),
    `a=control:${controlOf(index)}`,
  ];
}

function videoFormat(track: VideoTrack, payloadType: number): RtpFormat | undefined {
  const parameters = videoParameters(track);
  if (parameters === undefined) return undefined;
  const encoding = track.codec.toUpperCase();
  return { payloadType, encoding, clockHz: 90_000, channels: 1, parameters };
}

/** `undefined` when there is no payload format for the codec. */
function videoParameters({ codec, config }: VideoTrack): ReadonlyMap<string, string> | undefined {
  switch (codec) {
    case "h264": { // RFC 6184, section 8.1
      const { profile, compatibility, level, sps, pps } = parseAvcDecoderConfigurationRecord(
        config,
      );
      return new Map([
        ["packetization-mode", "1"],
        ["profile-level-id", Uint8Array.of(profile, compatibility, level).toHex().toUpperCase()],
        ["sprop-parameter-sets", base64List([...sps, ...pps])],
      ]);
    }
    case "h265": { // RFC 7798, section 7.1
      const hevc = parseHevcDecoderConfigurationRecord(config);
      return new Map([
        ["sprop-vps", base64List(hevcUnits(hevc, H265_NAL_TYPE.vps))],
        ["sprop-sps", base64List(hevcUnits(hevc, H265_NAL_TYPE.sps))],
        ["sprop-pps", base64List(hevcUnits(hevc, H265_NAL_TYPE.pps))],
      ]);
    }
    case "av1": { // RTP Payload Format for AV1, section 7.2
      const { profile, level, tier } = parseAv1CodecConfigurationRecord(config);
      return new Map([["profile", profile], ["level-idx", level], ["tier", tier]]
        .map(([name, value]) => [`${name}`, `${value}`]));
    }
    default:
      return undefined;
  }
}

function audioFormat(track: AudioTrack, payloadType: number): RtpFormat | undefined {
  const { codec, sampleRate, channels, config } = track;
  const plain = { payloadType, clockHz: sampleRate, channels, parameters: new Map() };
  switch (codec) {
    case "aac": // RFC 3640, section 3.3.6
      return { ...plain, encoding: "MPEG4-GENERIC", parameters: aacParameters(config) };
    case "opus": // RFC 7587, section 7: always 48000/2, but no more than that inside.
      return channels > 2 ? undefined : {
        ...plain,
        encoding: "OPUS",
        clockHz: 48_000,
        channels: 2,
        parameters: new Map([["sprop-stereo", channels > 1 ? "1" : "0"]]),
      };
    case "g726": // RFC 3551, section 4.5.4
      return { ...plain, encoding: g726Encoding(track) };
    case "mp3": // RFC 2250, section 3; RFC 3551, table 4
      return { ...plain, payloadType: 14, encoding: "MPA", clockHz: 90_000 };
    case "g711u": // RFC 3551, section 4.5.14
    case "g711a": {
      const encoding = codec === "g711u" ? "PCMU" : "PCMA";
      if (sampleRate !== 8000 || channels !== 1) return { ...plain, encoding };
      return { ...plain, encoding, payloadType: codec === "g711u" ? 0 : 8 };
    }
    default:
      return undefined;
  }
}

function aacParameters(config: Uint8Array): ReadonlyMap<string, string> {
  return new Map([
    ["streamtype", "5"],
    ["profile-level-id", "1"],
    ["mode", "AAC-hbr"],
    ["sizelength", "13"],
    ["indexlength", "3"],
    ["indexdeltalength", "3"],
    ["config", config.toHex().toUpperCase()],
  ]);
}

function base64List(units: readonly Uint8Array[]): string {
  return units.map((unit) => unit.toBase64()).join(",");
}
