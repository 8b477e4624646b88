/**
 * Captured RTP of tests/vectors/rtp, and what is in it by other programs' account.
 *
 * @module
 */
import { parseRtpPacket, type RtpPacket } from "../../protocols/rtp/packet.ts";
import { createDepacketizer } from "../../protocols/rtp/formats.ts";
import type { RtpDropReason, RtpFormat, Unit } from "../../protocols/rtp/payload.ts";
import { MP4_FACTS } from "./mp4_vectors.ts";
import { REPOSITORY } from "./paths.ts";

/** A capture, the SDP of its sender, and the file that was sent. */
export interface RtpVector {
  readonly name: string;
  readonly format: RtpFormat;
  /** MD5 of all units in a row, as ffmpeg gives it for the file that was sent. */
  readonly md5: string;
  readonly units: number;
}

/** A format as SDP tells it. */
export function rtpFormat(
  payloadType: number,
  encoding: string,
  clockHz: number,
  fmtp = "",
  channels = 1,
): RtpFormat {
  const pairs = fmtp.split(";").filter((part) => part !== "").map((part) => {
    const mark = part.indexOf("=");
    return [part.slice(0, mark).trim(), part.slice(mark + 1).trim()] as const;
  });
  return { payloadType, encoding, clockHz, channels, parameters: new Map(pairs) };
}

/** What ffmpeg wrote into the SDP of each capture. */
export const RTP_FORMATS = {
  h264: rtpFormat(
    96,
    "H264",
    90_000,
    "packetization-mode=1; sprop-parameter-sets=Z2QACqzZRCbARAAAAwAEAAADAMg8SJZY,aOvjyyLA; " +
      "profile-level-id=64000A",
  ),
  h265: rtpFormat(
    96,
    "H265",
    90_000,
    "sprop-vps=QAEMAf//AWAAAAMAkAAAAwAAAwAelZgJ; " +
      "sprop-sps=QgEBAWAAAAMAkAAAAwAAAwAeoCCBBZZWaSTK8BaAgAAAAwCAAAAMhA==; " +
      "sprop-pps=RAHBcrQiQA==",
  ),
  aac: rtpFormat(
    97,
    "MPEG4-GENERIC",
    44_100,
    "profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3; " +
      "config=120856E500",
  ),
  latm: rtpFormat(97, "MP4A-LATM", 44_100, "profile-level-id=41;cpresent=0;config=400024103fc0"),
  opus: rtpFormat(97, "OPUS", 48_000, "", 2),
  mp3: rtpFormat(14, "MPA", 90_000),
  alaw: rtpFormat(8, "PCMA", 8_000),
  ulaw: rtpFormat(0, "PCMU", 8_000),
} as const;

function vector(
  name: string,
  format: keyof typeof RTP_FORMATS,
  file: string,
  md5?: string,
  units?: number,
): RtpVector {
  const track = MP4_FACTS[file][file === "h264_aac.mp4" && format !== "h264" ? 1 : 0];
  return {
    name,
    format: RTP_FORMATS[format],
    md5: md5 ?? track.md5,
    units: units ?? track.frames,
  };
}

/** Captures of files in tests/vectors/mp4_small; G.711 comes in other pieces than it went. */
export const RTP_VECTORS: readonly RtpVector[] = [
  vector("ffmpeg_h264", "h264", "h264_aac.mp4"),
  vector("gst_h264", "h264", "h264_aac.mp4"),
  vector("ffmpeg_h265", "h265", "h265.mp4"),
  vector("gst_h265", "h265", "h265.mp4"),
  // Some of the last frames ffmpeg keeps to itself; the digests are of so many (-frames:a).
  vector("ffmpeg_aac", "aac", "h264_aac.mp4", "ebf60a4a5fb799fecca3b1b5783a0073", 33),
  vector("ffmpeg_aac_small", "aac", "h264_aac.mp4", "7528476bfd10045b3e67e777e8801645", 44),
  vector("gst_aac", "aac", "h264_aac.mp4"),
  vector("ffmpeg_latm", "latm", "h264_aac.mp4"),
  vector("gst_latm", "latm", "h264_aac.mp4"),
  vector("ffmpeg_opus", "opus", "opus.mp4"),
  vector("gst_opus", "opus", "opus.mp4"),
  vector("ffmpeg_mp3", "mp3", "mp3.mp4", "28007518c0b27b57c84f45b0c10c36de", 33),
  vector("ffmpeg_mp3_small", "mp3", "mp3.mp4"),
  vector("gst_mp3", "mp3", "mp3.mp4"),
  vector("ffmpeg_alaw", "alaw", "alaw.mov"),
  vector("gst_alaw", "alaw", "alaw.mov"),
  vector("ffmpeg_ulaw", "ulaw", "ulaw.mov"),
  vector("gst_ulaw", "ulaw", "ulaw.mov"),
];

/** The bytes of a file of tests/vectors/rtp. */
export function rtpFile(file: string): Uint8Array {
  return Deno.readFileSync(`${REPOSITORY}/tests/vectors/rtp/${file}`);
}

/** The datagrams of a capture, each behind a 16-bit length in its file (RFC 4571). */
export function datagramsOf(file: string): Uint8Array[] {
  const bytes = rtpFile(file);
  const datagrams: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 2 + (bytes[at] << 8 | bytes[at + 1]);
    datagrams.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return datagrams;
}

/** The packets of a capture. */
export function packetsOf(name: string): RtpPacket[] {
  return datagramsOf(`${name}.rtp`).map((datagram) => parseRtpPacket(datagram));
}

/** What a depacketizer made of packets. */
export interface Depacketized {
  readonly units: Unit[];
  readonly drops: RtpDropReason[];
}

/** Feeds packets to a fresh depacketizer; `undefined` among them stands for a gap. */
export function depacketize(
  format: RtpFormat,
  packets: Iterable<RtpPacket | undefined>,
): Depacketized {
  const drops: RtpDropReason[] = [];
  const depacketizer = createDepacketizer({ format, index: 0, dropped: (r) => drops.push(r) });
  const units: Unit[] = [];
  for (const packet of packets) {
    if (packet === undefined) depacketizer.lost();
    else units.push(...depacketizer.push(packet));
  }
  units.push(...depacketizer.flush());
  return { units, drops };
}
