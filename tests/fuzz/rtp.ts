/**
 * Fuzz targets of RTP: whatever datagrams come, in whatever order, they are read or reported; no
 * torn unit comes out of a video track, nothing grows beyond its bound, and what came out goes in
 * again and comes back the same.
 *
 * @module
 */
import { ProtocolError } from "../../protocols/errors.ts";
import { validateNalUnits } from "../../protocols/media/nal.ts";
import { FRAME_BYTES_MAX } from "../../protocols/media/record.ts";
import { type Track, TRACK_CONFIG_BYTES_MAX } from "../../protocols/media/track.ts";
import { createPacketizer } from "../../protocols/rtp/formats.ts";
import { parseRtpPacket, type RtpPacket } from "../../protocols/rtp/packet.ts";
import type { RtpFormat, Unit } from "../../protocols/rtp/payload.ts";
import { RtpReceiver } from "../../protocols/rtp/receiver.ts";
import { parseRtcp } from "../../protocols/rtp/reports.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { mp4Media } from "../support/mp4_vectors.ts";
import { rtpPagesOf } from "../support/rtp_pages.ts";
import {
  datagramsOf,
  depacketize,
  RTP_FORMATS,
  rtpFile,
  rtpFormat,
} from "../support/rtp_vectors.ts";

/** One format under fuzz: an input is datagrams behind 16-bit lengths. */
export interface RtpFuzzTarget {
  readonly name: string;
  readonly seeds: Uint8Array[];
  run(input: Uint8Array): void;
}

/** Datagrams of a capture that are enough: the first group of pictures begins and goes on. */
const SEED_DATAGRAMS = 20;

/** Most units that a byte may become: AAC of one byte behind a header of two, LATM of one. */
const UNITS_PER_BYTE = 1;

const LBR = { mode: "AAC-lbr", sizelength: "6", indexlength: "2", indexdeltalength: "2" };

const AV1 = rtpFormat(96, "AV1", 90_000);

const FORMATS: readonly (readonly [RtpFormat, readonly string[]])[] = [
  [RTP_FORMATS.h264, ["ffmpeg_h264", "gst_h264"]],
  [RTP_FORMATS.h265, ["ffmpeg_h265", "gst_h265"]],
  [RTP_FORMATS.aac, ["ffmpeg_aac", "gst_aac"]],
  [RTP_FORMATS.latm, ["ffmpeg_latm", "gst_latm"]],
  [{ ...RTP_FORMATS.latm, parameters: new Map() }, ["ffmpeg_latm"]],
  [RTP_FORMATS.mp3, ["ffmpeg_mp3", "ffmpeg_mp3_small"]],
  [RTP_FORMATS.opus, ["gst_opus"]],
  [rtpFormat(33, "MP2T", 90_000), ["gst_mpegts"]],
  [RTP_FORMATS.alaw, ["ffmpeg_alaw"]],
  [RTP_FORMATS.ulaw, ["gst_ulaw"]],
  [rtpFormat(97, "G726-24", 8_000), ["ffmpeg_g726_24"]],
  [rtpFormat(97, "AAL2-G726-40", 8_000), ["ffmpeg_aal2_g726_40"]],
];

/** Forms that no program here sends, laid out by hand as in `payload_forms_test.ts`. */
const FORMS: readonly (readonly [name: string, RtpFormat, payloads: readonly string[]])[] = [
  ["RTP H264 aggregates", RTP_FORMATS.h264, [
    "7900070003658884",
    "7a000700030000006588840002010bb84188",
    "7b000700030000000000658884",
    "7d85000788",
    "7c4584",
  ]],
  ["RTP H265 numbered", withParameters(RTP_FORMATS.h265, { "sprop-max-don-diff": "2" }), [
    "26010009af05",
    "6001000900042601af05000003260100",
    "6201930009af",
    "62015305",
  ]],
  ["RTP AAC-lbr", withParameters(RTP_FORMATS.aac, LBR), ["00100804aabbcc", "00080811"]],
];

export const RTP_FUZZ_TARGETS: RtpFuzzTarget[] = [
  ...FORMATS.map(([format, names], at) => ({
    name: `RTP ${format.encoding}${at === 4 ? " in band" : ""}`,
    seeds: names.map((name) => framed(datagramsOf(`${name}.rtp`).slice(0, SEED_DATAGRAMS))),
    run: (input: Uint8Array) => runFormat(format, input),
  })),
  ...FORMS.map(([name, format, payloads]) => ({
    name,
    seeds: [framed(payloads.map((payload, at) => datagramOf(payload, at)))],
    run: (input: Uint8Array) => runFormat(format, input),
  })),
  { name: "RTP AV1", seeds: [av1Seed()], run: (input) => runFormat(AV1, input) },
  { name: "RTCP", seeds: [rtpFile("ffmpeg_h264.rtcp").slice(2)], run: runReports },
];

function runFormat(format: RtpFormat, input: Uint8Array): void {
  const before = input.slice();
  const datagrams = split(input);
  for (const reorders of [false, true]) checkReceiver(format, datagrams, reorders, input.length);
  assertEquals(input, before, "the receiver wrote into its input");
  if (format.encoding === "MP2T") return;
  const { units } = depacketize(format, packetsOf(datagrams));
  for (const unit of units) checkRoundTrip(format, unit);
}

/** A receiver with packets and reports of the same bytes. */
function checkReceiver(
  format: RtpFormat,
  datagrams: readonly Uint8Array[],
  reorders: boolean,
  inputBytes: number,
): void {
  let frames = 0;
  const told = new Set<Track>();
  const receiver = new RtpReceiver({
    track: (track) => void told.add(track),
    frame: (track, ptsUs, _compositionUs, _keyframe, data) => {
      frames++;
      assert(told.has(track), "a frame of a track that nobody told of");
      assert(Number.isSafeInteger(ptsUs), `a time of ${ptsUs}`);
      assert(data.length > 0 && data.length <= FRAME_BYTES_MAX);
      assert(track.config.length <= TRACK_CONFIG_BYTES_MAX);
      if (track.codec === "h264" || track.codec === "h265") validateNalUnits(data);
    },
    dropped: () => {},
    lost: (packets) => assert(packets > 0 && packets < 65_536),
  }, {
    formats: [{ ...format, payloadType: payloadTypeOf(datagrams) }],
    reorders,
    ssrc: 1,
    cname: "a",
  });
  datagrams.forEach((datagram, at) => {
    receiver.packet(0, datagram, at * 1_000);
    if (at % 4 === 3) receiver.reports(0, datagram, at * 1_000);
    receiver.report(0, at * 1_000);
  });
  receiver.flush();
  assert(frames <= inputBytes * UNITS_PER_BYTE, `${frames} frames of ${inputBytes} bytes`);
}

/** What came out can be sent, and comes back. */
function checkRoundTrip(format: RtpFormat, { track, data, keyframe, timestamp }: Unit): void {
  const packetizer = createPacketizer(track, 200);
  // Ours do not number their NAL units.
  if (packetizer === undefined || format.parameters.has("sprop-max-don-diff")) return;
  const times = { dtsUs: 0, ptsUs: 0, keyframe: true };
  const packets = packetizer.plan({ kind: "frame", seq: 0, track, ...times, data });
  const target = new Uint8Array(packetizer.payloadBytes + packets);
  const made: RtpPacket[] = [];
  for (let at = 0, offset = 0; at < packets; at++) {
    const bytes = packetizer.write(target, offset);
    assert(bytes <= 200 && offset + bytes <= packetizer.payloadBytes);
    const payload = target.subarray(offset, offset + bytes);
    const rest = { payloadType: 96, sequence: at, ssrc: 1, extension: undefined };
    made.push({ ...rest, timestamp, marker: packetizer.marker, payload });
    offset += bytes;
  }
  if (packets === 0 || format.encoding === "MP4A-LATM") return;
  const { units } = depacketize(format, made);
  if (track.kind === "audio" || !keyframe) return;
  assertEquals(units.length, 1);
  // AV1 may have got a sequence header in front; parameter sets are taken out again.
  assert(units[0].data.toHex().endsWith(data.toHex()), "another unit came back");
}

function runReports(input: Uint8Array): void {
  const before = input.slice();
  try {
    for (const report of parseRtcp(input)) {
      if (report.kind === "sender-report") assert(report.blocks.length <= 31);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  assertEquals(input, before);
}

function packetsOf(datagrams: readonly Uint8Array[]): RtpPacket[] {
  return datagrams.flatMap((datagram) => {
    try {
      return [parseRtpPacket(datagram)];
    } catch (error) {
      if (error instanceof ProtocolError) return [];
      throw error;
    }
  });
}

/** So that mutations of the type do not make all the rest idle. */
function payloadTypeOf(datagrams: readonly Uint8Array[]): number {
  return (datagrams[0]?.[1] ?? 0) & 0x7f;
}

function split(input: Uint8Array): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  for (let at = 0; at + 2 <= input.length && datagrams.length < 1_000;) {
    const end = at + 2 + (input[at] << 8 | input[at + 1]);
    datagrams.push(input.subarray(at + 2, end));
    at = end;
  }
  return datagrams;
}

function framed(datagrams: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    datagrams.flatMap((one) => [one.length >>> 8, one.length & 0xff, ...one]),
  );
}

function withParameters(format: RtpFormat, more: Readonly<Record<string, string>>): RtpFormat {
  return { ...format, parameters: new Map([...format.parameters, ...Object.entries(more)]) };
}

/** All of one picture, the last with the marker. */
function datagramOf(payload: string, at: number): Uint8Array {
  const head = [0x80, 0xe0, 0, at, 0, 0, at, 0, 0, 0, 0, 1];
  return Uint8Array.of(...head, ...Uint8Array.fromHex(payload));
}

/** Nobody here sends AV1, so the seed is our own. */
function av1Seed(): Uint8Array {
  const { tracks, frames } = mp4Media("av1.mp4");
  const pages = rtpPagesOf([tracks[0]], frames.slice(0, 4), 300);
  // An interleaved header is two bytes and the length.
  const bytes: number[] = [];
  for (let at = 0; at < pages.length;) {
    const end = at + 4 + (pages[at + 2] << 8 | pages[at + 3]);
    bytes.push(...pages.subarray(at + 2, end));
    at = end;
  }
  return Uint8Array.from(bytes);
}
