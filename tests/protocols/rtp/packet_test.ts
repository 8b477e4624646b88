// Goal: pin the RTP header to bytes of other programs and to the figures of RFC 3550.
// Method: captured packets and one made by hand, in both directions, cut short at every length.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  isRtcp,
  parseRtpPacket,
  RTP_HEADER_BYTES,
  type RtpPacket,
  writeRtpHeader,
} from "../../../protocols/rtp/packet.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { datagramsOf } from "../../support/rtp_vectors.ts";

type Fields = Omit<RtpPacket, "payload">;

const VECTORS: { name: string; origin: string; wire: Uint8Array; fields: Fields }[] = [
  {
    name: "the first packet of a fragmented picture",
    origin: "ffmpeg 5.1.9, ffmpeg_h264.rtp",
    wire: datagramsOf("ffmpeg_h264.rtp")[0],
    fields: {
      ...{ payloadType: 96, marker: false, sequence: 65_530, ssrc: 0x12345678 },
      ...{ timestamp: 0x7b3b4017, extension: undefined },
    },
  },
  {
    name: "a marked packet",
    origin: "GStreamer 1.22, gst_h264.rtp",
    wire: datagramsOf("gst_h264.rtp")[12],
    fields: {
      ...{ payloadType: 96, marker: true, sequence: 6, ssrc: 0x12345678 },
      ...{ timestamp: 4_294_900_000, extension: undefined },
    },
  },
];

for (const { name, wire, fields } of VECTORS) {
  const payload = wire.subarray(RTP_HEADER_BYTES);

  Deno.test(`parseRtpPacket() reads ${name}`, () => {
    assertEquals({ ...parseRtpPacket(wire) }, { ...fields, payload });
    const shifted = Uint8Array.of(0xff, ...wire).subarray(1);
    assertEquals(parseRtpPacket(shifted).payload, payload);
  });

  Deno.test(`writeRtpHeader() writes ${name}`, () => {
    const target = new Uint8Array(wire.length + 1).fill(0xee);
    writeRtpHeader(fields, target, 1);
    target.set(payload, 1 + RTP_HEADER_BYTES);
    assertEquals(target.subarray(1), wire);
  });

  Deno.test(`parseRtpPacket() refuses ${name} without a whole header`, () => {
    for (let size = 0; size < RTP_HEADER_BYTES; size++) {
      const error = assertThrows(() => parseRtpPacket(wire.subarray(0, size)), ProtocolError);
      assertEquals(error.section, "RFC 3550 5.1");
    }
  });
}

// By RFC 3550, figures in 5.1 and 5.3.1: two sources, an extension of one word, padding of three.
const FULL = Uint8Array.fromHex(
  "b2e0000100000002000000030000000400000005" + "bede000101020304" + "aabbcc" + "000003",
);

Deno.test("parseRtpPacket() passes over sources, extension and padding", () => {
  const { payload, extension, payloadType, marker } = parseRtpPacket(FULL);
  assertEquals(payload.toHex(), "aabbcc");
  assertEquals(extension?.profile, 0xbede);
  assertEquals(extension?.data.toHex(), "01020304");
  assertEquals([payloadType, marker], [96, true]);
});

Deno.test("parseRtpPacket() refuses what its lengths do not fit", () => {
  const refuse = (bytes: Uint8Array) =>
    assertThrows(() => parseRtpPacket(bytes), ProtocolError).section;
  for (let size = 0; size < 28; size++) refuse(FULL.subarray(0, size));
  assertEquals(refuse(Uint8Array.of(0x40, ...FULL.subarray(1))), "RFC 3550 5.1"); // version 1
  assertEquals(refuse(FULL.subarray(0, 24)), "RFC 3550 5.3.1"); // extension
  assertEquals(refuse(FULL.with(FULL.length - 1, 7)), "RFC 3550 5.1"); // padding
  assertEquals(refuse(FULL.with(FULL.length - 1, 0)), "RFC 3550 5.1");
});

Deno.test("isRtcp() tells reports from packets on one port", () => {
  assertEquals(isRtcp(datagramsOf("ffmpeg_h264.rtcp")[0]), true);
  assertEquals(isRtcp(datagramsOf("gst_h264.rtp")[12]), false);
  assertEquals(isRtcp(new Uint8Array(0)), false);
});
