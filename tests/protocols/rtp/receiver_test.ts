// Goal: a sender's media come out as tracks and frames on one timeline, and it hears how it is
// received.
// Method: captures of two media fed side by side, with reports laid between.
import type { Track } from "../../../protocols/media/track.ts";
import { rtpSupports } from "../../../protocols/rtp/formats.ts";
import { RTP_DROP_REASON, type RtpFormat } from "../../../protocols/rtp/payload.ts";
import { RECEIVER_MEDIA_MAX, RtpReceiver } from "../../../protocols/rtp/receiver.ts";
import { parseRtcp, senderReportBytes, writeSenderReport } from "../../../protocols/rtp/reports.ts";
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { mp4Media } from "../../support/mp4_vectors.ts";
import { datagramsOf, packetsOf, RTP_FORMATS, rtpFormat } from "../../support/rtp_vectors.ts";

function receiver(formats: readonly RtpFormat[], reorders = false) {
  const log: { tracks: Track[]; frames: [string, number][]; drops: string[]; lost: number } = {
    ...{ tracks: [], frames: [], drops: [], lost: 0 },
  };
  const receiver = new RtpReceiver({
    track: (track) => log.tracks.push(track),
    frame: (track, ptsUs) => log.frames.push([track.codec, ptsUs]),
    dropped: (reason) => log.drops.push(reason),
    lost: (packets) => log.lost += packets,
  }, { formats, reorders, ssrc: 9, cname: "us" });
  return { receiver, log };
}

Deno.test("RtpReceiver tells of the tracks that SDP describes before any packet", () => {
  const { log } = receiver([RTP_FORMATS.h264, RTP_FORMATS.aac, RTP_FORMATS.opus]);
  const told = log.tracks.map(({ codec, index }) => `${codec} ${index}`);
  assertEquals(told, ["h264 0", "aac 0"]); // Opus tells itself.
});

Deno.test("packet() numbers tracks of a kind in the order of their media", () => {
  const { log } = receiver([RTP_FORMATS.alaw, RTP_FORMATS.ulaw]);
  assertEquals(log.tracks.map(({ codec, index }) => `${codec} ${index}`), ["g711a 0", "g711u 1"]);
});

Deno.test("packet() leaves out what was not agreed on and what is none", () => {
  const { receiver: one, log } = receiver([RTP_FORMATS.h264]);
  one.packet(0, datagramsOf("ffmpeg_alaw.rtp")[0], 0);
  one.packet(0, new Uint8Array(3), 0);
  one.reports(0, new Uint8Array(3), 0);
  const { payloadType, packet, reports } = RTP_DROP_REASON;
  assertEquals(log.drops, [payloadType, packet, reports]);
  assertEquals(log.frames, []);
});

Deno.test("reports() brings sound and picture together that arrive apart", () => {
  const { receiver: one, log } = receiver([RTP_FORMATS.h264, RTP_FORMATS.alaw]);
  const video = packetsOf("ffmpeg_h264")[0].timestamp;
  const audio = packetsOf("ffmpeg_alaw")[0].timestamp;
  const report = (medium: number, timestamp: number) => {
    const bytes = new Uint8Array(senderReportBytes());
    const fields = { ssrc: 0x12345678, ntpUs: 1.7e15, timestamp, packets: 0, octets: 0 };
    writeSenderReport(fields, bytes, 0);
    one.reports(medium, bytes, 0);
  };
  report(0, video);
  report(1, audio);
  // As fast as they play, sound a quarter of a second late.
  datagramsOf("ffmpeg_h264.rtp").forEach((bytes, at) =>
    one.packet(0, bytes, 1_000_000 + Math.max(0, at - 12) * 30_000)
  );
  datagramsOf("ffmpeg_alaw.rtp").forEach((bytes, at) =>
    one.packet(1, bytes, 1_250_000 + at * 22_000)
  );
  const firstOf = (codec: string) => log.frames.find(([name]) => name === codec)![1];
  assert(Math.abs(firstOf("g711a") - firstOf("h264")) <= 1);
  assertEquals(one.distrusted, 0);
});

Deno.test("expire() goes on without a packet that never comes", () => {
  const { receiver: one, log } = receiver([RTP_FORMATS.alaw], true);
  const datagrams = datagramsOf("ffmpeg_alaw.rtp");
  one.packet(0, datagrams[0], 0);
  one.packet(0, datagrams[2], 1_000);
  assertEquals([log.frames.length, log.lost], [1, 0]);
  one.expire(one.dueUs!);
  assertEquals([log.frames.length, log.lost, one.dueUs], [2, 1, undefined]);
});

Deno.test("report() tells the sender what was lost", () => {
  const { receiver: one } = receiver([RTP_FORMATS.alaw]);
  assertEquals(parseRtcp(one.report(0, 0))[0], { kind: "receiver-report", ssrc: 9, blocks: [] });
  datagramsOf("ffmpeg_alaw.rtp").toSpliced(3, 1).forEach((bytes) => one.packet(0, bytes, 0));
  const [report, description] = parseRtcp(one.report(0, 0));
  assert(report.kind === "receiver-report");
  assertEquals([report.blocks[0].ssrc, report.blocks[0].lost], [0x12345678, 1]);
  assertEquals(description, { kind: "description", ssrc: 9, cname: "us" });
});

Deno.test("RtpReceiver refuses formats that it does not read, and too many", () => {
  assertThrows(() => receiver([rtpFormat(0, "L16", 44_100)]), RangeError);
  assertThrows(
    () => receiver(new Array(RECEIVER_MEDIA_MAX + 1).fill(RTP_FORMATS.alaw)),
    RangeError,
  );
});

Deno.test("rtpSupports() says which tracks RTP does not carry", () => {
  assertEquals(rtpSupports(mp4Media("h264_aac.mp4").tracks), { ok: true });
  for (
    const [file, reason] of [["vp9.mp4", /VP9/], ["opus_5_1.mp4", /OPUS of 6 channels/]] as const
  ) {
    const support = rtpSupports(mp4Media(file).tracks);
    assert(!support.ok);
    assertMatch(support.reason, reason);
  }
});
