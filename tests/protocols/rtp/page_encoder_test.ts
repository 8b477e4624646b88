// Goal: pages hold whole packets of the right size, number and time, and every frame comes back.
// Method: frames of captured files through the encoder and our depacketizers, which vectors of other
// programs hold to account; tests/e2e/rtp_test.ts gives the same pages to GStreamer and ffmpeg.
import type { Frame, LogRecord } from "../../../protocols/media/record.ts";
import { type AudioTrack, type Track, trackId } from "../../../protocols/media/track.ts";
import {
  firstRtpHeader,
  forEachInterleaved,
  INTERLEAVED_HEADER_BYTES,
  reframeInterleaved,
} from "../../../protocols/rtp/interleaved.ts";
import {
  PACKET_BYTES_MAX,
  REPORT_INTERVAL_US,
  RtpPageEncoder,
} from "../../../protocols/rtp/page_encoder.ts";
import { parseRtpPacket, type RtpPacket } from "../../../protocols/rtp/packet.ts";
import { parseRtcp, type RtcpPacket, type SenderReport } from "../../../protocols/rtp/reports.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { mp4Media } from "../../support/mp4_vectors.ts";
import { rtpPagesOf, rtpPageTracks } from "../../support/rtp_pages.ts";
import { depacketize, RTP_FORMATS, rtpFormat } from "../../support/rtp_vectors.ts";

const AV1 = rtpFormat(96, "AV1", 90_000);

const ROUND_TRIPS = [
  ["h264_aac.mp4", 0, { ...RTP_FORMATS.h264, parameters: new Map() }],
  ["h264_aac.mp4", 1, RTP_FORMATS.aac],
  ["h265.mp4", 0, { ...RTP_FORMATS.h265, parameters: new Map() }],
  ["av1.mp4", 0, AV1],
  ["opus.mp4", 0, RTP_FORMATS.opus],
  ["mp3.mp4", 0, RTP_FORMATS.mp3],
  ["alaw.mov", 0, RTP_FORMATS.alaw],
] as const;

/** Pages split up again: media packets by channel, reports by channel. */
function split(pages: Uint8Array) {
  const packets: RtpPacket[][] = [];
  const reports: RtcpPacket[][] = [];
  forEachInterleaved(pages, (channel, packet) => {
    assert(packet.length <= PACKET_BYTES_MAX);
    if (channel % 2 === 1) (reports[channel] ??= []).push(...parseRtcp(packet));
    else (packets[channel] ??= []).push(parseRtpPacket(packet));
  });
  return { packets, reports };
}

/** So small that every larger unit is cut; Opus never is, and samples do not say where. */
const SMALL_BYTES = 112;

const SIZED = ROUND_TRIPS.flatMap((one) => [
  [...one, PACKET_BYTES_MAX] as const,
  [...one, /opus|alaw/.test(one[0]) ? PACKET_BYTES_MAX : SMALL_BYTES] as const,
]);

for (const [file, at, format, bytesMax] of SIZED) {
  const what = `${format.encoding} in packets of ${bytesMax} bytes`;
  Deno.test(`write() makes packets of which ${what} comes back`, () => {
    const { tracks, frames } = mp4Media(file);
    const track = tracks[at];
    const sent = frames.filter((frame) => trackId(frame.track) === trackId(track));
    const [packets] = split(rtpPagesOf([track], sent, bytesMax)).packets;
    assert(packets.every(({ payload }) => payload.length <= bytesMax - 12));
    assertEquals(
      packets.map(({ sequence }) => sequence),
      packets.map((_, i) => i + 65_534 & 0xffff),
    );
    const { units, drops } = depacketize(format, packets);
    assertEquals(drops, []);
    assertEquals(units.map(({ data }) => data.toHex()), sent.map(({ data }) => data.toHex()));
    assertEquals(units.map(({ keyframe }) => keyframe), sent.map(({ keyframe }) => keyframe));
    const us = (timestamp: number) => Math.round((timestamp - 77) * 1e6 / format.clockHz);
    units.forEach(({ timestamp }, i) => {
      assert(Math.abs(us(timestamp) - sent[i].ptsUs) * format.clockHz <= 1e6, "over a tick off");
    });
  });
}

/** A frame of `bytes` bytes made from a captured one: its first NAL unit grows. */
function grown(frame: Frame, bytes: number): Frame {
  const data = new Uint8Array(bytes).fill(0x55);
  data.set(frame.data.subarray(0, 8));
  new DataView(data.buffer).setUint32(0, bytes - 4);
  return { ...frame, data };
}

for (const [file, format] of [["h264_aac.mp4", "h264"], ["h265.mp4", "h265"]] as const) {
  Deno.test(`write() cuts ${format} units of every size around a packet's`, () => {
    const { tracks, frames } = mp4Media(file);
    const key = frames.find(({ track, keyframe }) => track.kind === "video" && keyframe)!;
    const room = PACKET_BYTES_MAX - 12;
    for (const around of [room, room + (room - 2), 3 * room]) {
      for (let bytes = around - 4; bytes <= around + 6; bytes++) {
        const frame = withIdr(grown(key, bytes + 4), format);
        const [packets] = split(rtpPagesOf([tracks[0]], [frame])).packets;
        const { units } = depacketize(RTP_FORMATS[format], packets);
        assertEquals(units.map(({ data }) => data), [frame.data]);
        assertEquals(packets.filter(({ marker }) => marker).length, 1);
        assert(packets.at(-1)!.marker);
      }
    }
  });
}

/** Makes the first NAL unit one of a picture where decoding starts. */
function withIdr(frame: Frame, codec: "h264" | "h265"): Frame {
  frame.data[4] = codec === "h264" ? 0x65 : 19 << 1;
  frame.data[5] = codec === "h264" ? 0x88 : 1;
  return frame;
}

Deno.test("write() cuts samples between codes and tells the time of each piece", () => {
  const [track] = mp4Media("alaw.mov").tracks as AudioTrack[];
  const data = Uint8Array.from({ length: 3_000 }, (_, at) => at % 251);
  const frame: Frame = {
    ...{ kind: "frame", seq: 0, track, dtsUs: 1_000_000, ptsUs: 1_000_000, keyframe: true },
    data,
  };
  const [packets] = split(rtpPagesOf([track], [frame])).packets;
  assertEquals(packets.map(({ payload }) => payload.length), [1388, 1388, 224]);
  assertEquals(packets.map(({ timestamp }) => timestamp - 77 - 8_000), [0, 1388, 2776]);
});

Deno.test("sizeOf() is 0 for what RTP does not carry", () => {
  const { tracks, frames } = mp4Media("h264_aac.mp4");
  const encoder = new RtpPageEncoder({
    tracks: rtpPageTracks(tracks.slice(0, 1)),
    cname: "a",
    wallOffsetUs: 0,
  });
  const sizes = frames.map((frame) => [frame.track.kind, encoder.sizeOf(frame) > 0] as const);
  for (const [kind, carried] of sizes) assertEquals(carried, kind === "video");
  const changed = { ...frames[0], track: { ...frames[0].track, codec: "vp9" } as Track };
  assertEquals(encoder.sizeOf(changed), 0);
  const torn = frames.find(({ track }) => track.kind === "video")!;
  assertEquals(encoder.sizeOf({ ...torn, data: torn.data.subarray(0, -1) }), 0);
  const mark = { kind: "mark", seq: 0, dtsUs: 0, segment: 1, discontinuity: false } as const;
  assertEquals(encoder.sizeOf({ ...mark, discontinuities: 0 } as LogRecord), 0);
});

Deno.test("preface() and pages report the same clock for all tracks", () => {
  const { tracks, frames } = mp4Media("h264_aac.mp4");
  const options = { tracks: rtpPageTracks(tracks), cname: "node@mesh", wallOffsetUs: 1.7e15 };
  const encoder = new RtpPageEncoder(options);
  const before = split(encoder.preface({ tracks, data: [] }, 2_000_000)).reports;
  for (const [channel, clockHz] of [[1, 90_000], [3, 44_100]] as const) {
    const [report, description] = before[channel] as [SenderReport, RtcpPacket];
    assertEquals(report.ntpUs, 1.7e15 + 2_000_000);
    assertEquals(report.timestamp, 77 + 2 * clockHz);
    assertEquals([report.packets, report.octets], [0, 0]);
    assertEquals(description, { kind: "description", ssrc: report.ssrc, cname: "node@mesh" });
  }

  const long = Array.from({ length: 12 }, (_, second) => {
    const first = frames.find(({ track }) => track.kind === "audio")!;
    const timeUs = 1_000_000 * second;
    return { ...first, dtsUs: timeUs, ptsUs: timeUs };
  });
  const { reports, packets } = split(rtpPagesOf(tracks, long));
  const sent = reports[3].filter((report) => report.kind === "sender-report");
  assertEquals(sent.map(({ ntpUs }) => ntpUs), [REPORT_INTERVAL_US, 2 * REPORT_INTERVAL_US]);
  assertEquals(sent.map(({ packets }) => packets), [5, 10]);
  const octets = packets[2].slice(0, 5).reduce((sum, { payload }) => sum + payload.length, 0);
  assertEquals(sent[0].octets, octets);
});

Deno.test("closing() says goodbye for each track that was sent", () => {
  const { tracks, frames } = mp4Media("h264_aac.mp4");
  const options = { tracks: rtpPageTracks(tracks), cname: "a", wallOffsetUs: 0 };
  const encoder = new RtpPageEncoder(options);
  assertEquals(encoder.closing().length, 0);
  const audio = frames.find(({ track }) => track.kind === "audio")!;
  encoder.write(audio, new Uint8Array(encoder.sizeOf(audio)), 0);
  const { reports } = split(encoder.closing());
  assertEquals(reports[1], undefined);
  assertEquals(reports[3].map(({ kind }) => kind), ["sender-report", "description", "goodbye"]);
});

Deno.test("reframeInterleaved() moves channels and leaves out the rest", () => {
  const { tracks, frames } = mp4Media("h264_aac.mp4");
  const pages = rtpPagesOf(tracks, frames);
  const before = pages.slice();
  const audio = reframeInterleaved(pages, [undefined, undefined, 6, 7]);
  assertEquals(pages, before);
  const { packets } = split(audio);
  assertEquals(packets.length, 7);
  assertEquals(packets[6].length, split(pages).packets[2].length);
  assertEquals(firstRtpHeader(audio, 0), undefined);
  assertEquals(firstRtpHeader(audio, 6)?.sequence, 65_534);
});

Deno.test("forEachInterleaved() refuses what is no whole packet of ours", () => {
  const { tracks, frames } = mp4Media("opus.mp4");
  const pages = rtpPagesOf(tracks, frames.slice(0, 1));
  for (let size = 1; size < pages.length; size++) {
    assertThrows(() => forEachInterleaved(pages.subarray(0, size), () => {}), TypeError);
  }
  assertEquals(pages.length > INTERLEAVED_HEADER_BYTES, true);
});
