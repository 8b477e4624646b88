// Goal: pin RTCP to bytes of other programs, and reception reports to the appendices of RFC 3550.
// Method: vectors both ways, cut short at every length; sums done by hand.
import { ProtocolError } from "../../../protocols/errors.ts";
import { ReceptionStatistics } from "../../../protocols/rtp/reception.ts";
import type { RtpPacket } from "../../../protocols/rtp/packet.ts";
import {
  descriptionBytes,
  GOODBYE_BYTES,
  parseRtcp,
  receiverReportBytes,
  type ReportBlock,
  type RtcpPacket,
  type SenderReport,
  senderReportBytes,
  writeDescription,
  writeGoodbye,
  writeReceiverReport,
  writeSenderReport,
} from "../../../protocols/rtp/reports.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { datagramsOf } from "../../support/rtp_vectors.ts";

// GStreamer 1.22, rtpbin, which received PCMA of ffmpeg's: its first compound packet.
const GST_RECEIVER = "81c90007 b60a988f 12345678 00000000 00010060 0000001d a8d5a5e3 00026277" +
  "81ca000c b60a988f 011c 757365723230383039383335383640686f73742d6163333964393936" +
  "0609 4753747265616d6572 000000";

const GST_CNAME = "user2080983586@host-ac39d996";

Deno.test("parseRtcp() reads a sender report of ffmpeg", () => {
  const [wire] = datagramsOf("ffmpeg_h264.rtcp");
  const [report] = parseRtcp(wire) as SenderReport[];
  const { ntpUs, ...rest } = report;
  assertEquals(rest, {
    ...{ kind: "sender-report", ssrc: 0x12345678, ntpMiddle: 0xa789c666 },
    ...{ timestamp: 0x7b3b3261, packets: 0, octets: 0, blocks: [] },
  });
  const seconds = 0xeeaba789 - 2_208_988_800;
  assertEquals(ntpUs, seconds * 1_000_000 + Math.round(0xc6666666 * 1e6 / 2 ** 32));
});

Deno.test("writeSenderReport() writes the sender report of ffmpeg", () => {
  const [wire] = datagramsOf("ffmpeg_h264.rtcp");
  const [report] = parseRtcp(wire) as SenderReport[];
  const target = new Uint8Array(senderReportBytes() + 2).fill(0xee);
  assertEquals(writeSenderReport({ ...report, ntpUs: report.ntpUs! }, target, 1), wire.length + 1);
  // Microseconds are coarser than what NTP's fraction can say.
  const rounded = target.slice(1, -1);
  rounded.set(wire.subarray(12, 16), 12);
  assertEquals(rounded, wire);
  assertEquals(parseRtcp(target.subarray(1, -1)), [{ ...report }]);
});

Deno.test("parseRtcp() reads and the writers write a receiver's compound packet", () => {
  const wire = Uint8Array.fromHex(GST_RECEIVER.replaceAll(" ", ""));
  const block: ReportBlock = {
    ...{ ssrc: 0x12345678, fractionLost: 0, lost: 0, highestSequence: 0x10060, jitter: 29 },
    ...{ lastReport: 0xa8d5a5e3, lastReportDelay: 0x26277 },
  };
  const ssrc = 0xb60a988f;
  const expected: RtcpPacket[] = [
    { kind: "receiver-report", ssrc, blocks: [block] },
    { kind: "description", ssrc, cname: GST_CNAME },
  ];
  assertEquals(parseRtcp(wire), expected);
  assertEquals(parseRtcp(Uint8Array.of(0xff, ...wire).subarray(1)), expected);

  const target = new Uint8Array(receiverReportBytes(1) + descriptionBytes(GST_CNAME)).fill(0xee);
  const end = writeReceiverReport(ssrc, [block], target, 0);
  assertEquals(target.subarray(0, end), wire.subarray(0, end));
  assertEquals(writeDescription(ssrc, GST_CNAME, target, end), target.length);
  // Ours ends behind the CNAME, where GStreamer's goes on with its name.
  assertEquals(target.subarray(end + 4, -2), wire.subarray(end + 4, target.length - 2));
  assertEquals(parseRtcp(target), expected);
  for (let size = 1; size < wire.length; size++) {
    if (size === receiverReportBytes(1)) continue;
    assertThrows(() => parseRtcp(wire.subarray(0, size)), ProtocolError);
  }
});

Deno.test("parseRtcp() reads a loss below zero, as duplicates make it", () => {
  const bytes = new Uint8Array(receiverReportBytes(1));
  const block = { ssrc: 1, fractionLost: 200, lost: -2, highestSequence: 3, jitter: 4 };
  const blocks = [{ ...block, lastReport: 5, lastReportDelay: 6 }];
  writeReceiverReport(9, blocks, bytes, 0);
  assertEquals(bytes.subarray(12, 16).toHex(), "c8fffffe");
  assertEquals(parseRtcp(bytes), [{ kind: "receiver-report", ssrc: 9, blocks }]);
});

Deno.test("parseRtcp() reads goodbyes and passes over what it does not know", () => {
  const bytes = new Uint8Array(8 + GOODBYE_BYTES);
  bytes.set([0x80, 204, 0, 1, 1, 2, 3, 4]); // APP
  writeGoodbye(0xfffffffe, bytes, 8);
  assertEquals(parseRtcp(bytes), [{ kind: "goodbye", ssrcs: [0xfffffffe] }]);
  assertEquals(parseRtcp(new Uint8Array(0)), []);
});

Deno.test("parseRtcp() takes an NTP time of zero for none", () => {
  const bytes = new Uint8Array(senderReportBytes());
  writeSenderReport({ ssrc: 1, ntpUs: 0, timestamp: 2, packets: 3, octets: 4 }, bytes, 0);
  bytes.fill(0, 8, 16);
  assertEquals((parseRtcp(bytes)[0] as SenderReport).ntpUs, undefined);
});

Deno.test("parseRtcp() refuses counts that their packet does not hold", () => {
  const section = (hex: string) =>
    assertThrows(() => parseRtcp(Uint8Array.fromHex(hex)), ProtocolError).section;
  assertEquals(section("00c80000"), "RFC 3550 6.4.1"); // version 0
  assertEquals(section("9fc9000100000001"), "RFC 3550 6.4.1"); // 31 blocks
  assertEquals(section("80c9000000000000"), "RFC 3550 6.4.2");
  assertEquals(section("82ca000100000001"), "RFC 3550 6.5");
  assertEquals(section("81ca00020000000101ff0000"), "RFC 3550 6.5");
  assertEquals(section("83cb000100000001"), "RFC 3550 6.6");
});

Deno.test("the writers refuse what has no place", () => {
  const target = new Uint8Array(2_000);
  const block = { ssrc: 1, fractionLost: 0, lost: 0, highestSequence: 0, jitter: 0 };
  const blocks = new Array(32).fill({ ...block, lastReport: 0, lastReportDelay: 0 });
  assertThrows(() => writeReceiverReport(1, blocks, target, 0), RangeError);
  for (const cname of ["", "a".repeat(256), "a\0", "é"]) {
    assertThrows(() => writeDescription(1, cname, target, 0), RangeError);
  }
});

function packet(sequence: number, timestamp: number, ssrc = 9): RtpPacket {
  const rest = { payloadType: 96, marker: false, ssrc, payload: new Uint8Array(1) };
  return { ...rest, sequence, timestamp: timestamp >>> 0, extension: undefined };
}

Deno.test("block() counts loss and the cycles of the numbers", () => {
  const statistics = new ReceptionStatistics(8_000);
  assertEquals(statistics.block(0), undefined);
  for (const sequence of [65_533, 65_534, 0, 1]) statistics.packet(packet(sequence, 0), 0);
  const first = statistics.block(0)!;
  assertEquals([first.lost, first.fractionLost], [1, 51]); // 1 of 5, times 256
  assertEquals(first.highestSequence, 0x10001);
  statistics.packet(packet(65_535, 0), 0); // Late, but here.
  statistics.packet(packet(2, 0), 0);
  const second = statistics.block(0)!;
  assertEquals([second.lost, second.fractionLost], [0, 0]);
});

Deno.test("block() tells the jitter and how long ago the last report was", () => {
  const statistics = new ReceptionStatistics(8_000);
  const report = { kind: "sender-report", ssrc: 9, ntpUs: 1, ntpMiddle: 77 } as const;
  statistics.report({ ...report, timestamp: 0, packets: 0, octets: 0, blocks: [] }, 1_000_000);
  // Each packet is 160 ticks after the one before; the third comes 40 ticks late.
  statistics.packet(packet(1, -160), 1_000_000);
  statistics.packet(packet(2, 0), 1_020_000);
  statistics.packet(packet(3, 160), 1_045_000);
  const block = statistics.block(1_500_000)!;
  assertEquals(block.jitter, 2); // 40 / 16
  assertEquals([block.lastReport, block.lastReportDelay], [77, 32_768]);
  statistics.packet(packet(1, 0, 10), 2_000_000); // Another source has sent no report.
  assertEquals(statistics.block(2_000_000)!.lastReport, 0);
});
