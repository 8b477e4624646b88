// Goal: pin packets, PES headers and sections to bytes that other programs wrote.
// Method: each vector in both directions, at another offset, and cut short at every length.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  TICKS_WRAP,
  ticksOfUs,
  TickUnwrapper,
  usOfTicks,
} from "../../../protocols/mpegts/clock.ts";
import {
  ADAPTATION_FLAG,
  PACKET_BYTES,
  type PacketHeader,
  parsePacketHeader,
  writeAdaptationField,
  writePacketHeader,
} from "../../../protocols/mpegts/packet.ts";
import {
  parsePesHeader,
  type PesHeader,
  pesHeaderBytes,
  writePesHeader,
} from "../../../protocols/mpegts/pes.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";

const PLAIN = {
  transportError: false,
  scrambled: false,
  discontinuity: false,
  randomAccess: false,
} as const;

const PACKETS: { name: string; origin: string; hex: string; header: PacketHeader; pcr?: number }[] =
  [
    {
      name: "a table",
      origin: "ffmpeg 5.1.9, PAT",
      hex: "47 4000 10 00",
      header: { ...PLAIN, pid: 0, payloadStart: true, counter: 0, payloadOffset: 4 },
    },
    {
      name: "a key frame with PCR",
      origin: "ffmpeg 5.1.9, first packet of h264_aac",
      hex: "47 4100 30 07 50 00007b0c7e00",
      header: {
        ...PLAIN,
        pid: 0x100,
        payloadStart: true,
        counter: 0,
        payloadOffset: 12,
        randomAccess: true,
        pcr: 63_000 * 300,
      },
      pcr: 63_000,
    },
    {
      name: "a PCR of 33 bits",
      origin: "GStreamer 1.22 mpegtsmux, first video packet, its 27 MHz part (0) as it is",
      hex: "47 4041 31 07 50 9a7ec8777e00",
      header: {
        ...PLAIN,
        pid: 0x41,
        payloadStart: true,
        counter: 1,
        payloadOffset: 12,
        randomAccess: true,
        pcr: 0x9a7ec877 * 2 * 300,
      },
      pcr: 0x9a7ec877 * 2,
    },
    {
      name: "stuffing only flags",
      origin: "GStreamer 1.22 mpegtsmux, PMT",
      hex: "47 4020 31 92 00" + "ff".repeat(0x91),
      header: { ...PLAIN, pid: 0x20, payloadStart: true, counter: 1, payloadOffset: 4 + 0x93 },
    },
  ];

for (const { name, hex, header, pcr } of PACKETS) {
  const start = Uint8Array.fromHex(hex.replaceAll(" ", ""));
  const wire = new Uint8Array(PACKET_BYTES).fill(0xff);
  wire.set(start);

  Deno.test(`parsePacketHeader() reads ${name}`, () => {
    assertEquals(parsePacketHeader(wire), header);
    const shifted = Uint8Array.of(0x47, ...wire, 0x47);
    assertEquals(parsePacketHeader(shifted, 1), header);
    assertEquals(parsePacketHeader(shifted.subarray(1)), header);
    for (let size = 0; size < wire.length; size++) {
      assertEquals(parsePacketHeader(wire.subarray(0, size)), undefined);
    }
  });

  Deno.test(`writePacketHeader() and writeAdaptationField() write ${name}`, () => {
    const target = new Uint8Array(PACKET_BYTES + 2).fill(0xff); // Stale bytes must not survive.
    const bytes = header.payloadOffset - 4;
    const control = bytes === 0 ? 1 : 3;
    writePacketHeader({ ...header, control }, target, 1);
    const flags = (header.randomAccess ? ADAPTATION_FLAG.randomAccess : 0) |
      (pcr === undefined ? 0 : ADAPTATION_FLAG.pcr);
    if (bytes > 0) writeAdaptationField({ bytes, flags, pcrTicks: pcr ?? 0 }, target, 5);
    assertEquals(target.subarray(1, -1), wire.fill(0xff, header.payloadOffset));
  });
}

Deno.test("parsePacketHeader() refuses what is no packet and says where", () => {
  const cases: [string, string, number][] = [
    ["46400010", "2.4.3.3", 0],
    ["47400000", "2.4.3.3", 3],
    ["47400030b8", "2.4.3.4", 4],
    ["47400020ff", "2.4.3.4", 4],
  ];
  for (const [hex, section, offset] of cases) {
    const wire = new Uint8Array(PACKET_BYTES);
    wire.set(Uint8Array.fromHex(hex));
    const error = assertThrows(() => parsePacketHeader(wire), ProtocolError);
    assertEquals([error.section, error.offset], [section, offset]);
  }
});

Deno.test("parsePacketHeader() reads errors, scrambling, discontinuity, and no payload", () => {
  const wire = new Uint8Array(PACKET_BYTES);
  wire.set(Uint8Array.fromHex("478100a5b780"));
  const header = parsePacketHeader(wire);
  assert(header?.transportError && header.scrambled && header.discontinuity);
  assertEquals(header.payloadOffset, PACKET_BYTES);
});

/** ffmpeg and GStreamer leave data_alignment_indicator out, we do not: byte 6 is 80 there. */
const PES: { name: string; origin: string; hex: string; header: PesHeader; dtsTicks: number }[] = [
  {
    name: "video with both times and no length",
    origin: "ffmpeg 5.1.9, first video PES packet of h264_aac",
    hex: "000001e0 0000 80c00a 31000910a1 110007d861",
    header: {
      streamId: 0xe0,
      packetBytes: 0,
      headerBytes: 19,
      ptsTicks: 133_200,
      dtsTicks: 126_000,
    },
    dtsTicks: 126_000,
  },
  {
    name: "audio",
    origin: "ffmpeg 5.1.9, first audio PES packet of h264_aac",
    hex: "000001c0 0678 808005 2100090075",
    header: { streamId: 0xc0, packetBytes: 0x67e, headerBytes: 14, ptsTicks: 131_130 },
    dtsTicks: 131_130,
  },
  {
    name: "AC-3 as private stream",
    origin: "ffmpeg 5.1.9, first PES packet of ac3_eac3",
    hex: "000001bd 09d4 808005 210007d861",
    header: { streamId: 0xbd, packetBytes: 0x9da, headerBytes: 14, ptsTicks: 126_000 },
    dtsTicks: 126_000,
  },
  {
    name: "video with times of 33 bits",
    origin: "GStreamer 1.22 mpegtsmux, first video PES packet",
    hex: "000001e0 03e2 81c00a 314d3fb201 114d3f79c1",
    header: {
      streamId: 0xe0,
      packetBytes: 0x3e8,
      headerBytes: 19,
      ptsTicks: 324_000_000,
      dtsTicks: 323_992_800,
    },
    dtsTicks: 323_992_800,
  },
];

for (const { name, hex, header, dtsTicks } of PES) {
  const wire = Uint8Array.fromHex(hex.replaceAll(" ", ""));

  Deno.test(`parsePesHeader() reads ${name}`, () => {
    assertEquals(parsePesHeader(wire), header);
    assertEquals(parsePesHeader(Uint8Array.of(0, 0, ...wire, 1), 2), header);
    for (let size = 0; size < wire.length; size++) {
      assertEquals(parsePesHeader(wire.subarray(0, size)), undefined);
    }
  });

  Deno.test(`writePesHeader() writes ${name}`, () => {
    const { streamId, headerBytes, packetBytes, ptsTicks = 0 } = header;
    const payloadBytes = packetBytes === 0 ? 0x10000 : packetBytes - headerBytes;
    const fields = { streamId, payloadBytes, ptsTicks, dtsTicks, stuffingBytes: 0 };
    assertEquals(pesHeaderBytes(fields), headerBytes);
    const target = new Uint8Array(headerBytes + 2).fill(0xff);
    writePesHeader({ ...fields, ptsTicks: ptsTicks + TICKS_WRAP }, target.subarray(1), 0);
    const expected = wire.slice();
    expected[6] = 0x84;
    // A whole turn more is the same time.
    if (dtsTicks === ptsTicks) writePesHeader(fields, target, 1);
    assertEquals(target.subarray(1, -1), expected);
    const stuffed = new Uint8Array(headerBytes + 5);
    writePesHeader({ ...fields, stuffingBytes: 5 }, stuffed, 0);
    assertEquals(stuffed.subarray(headerBytes).toHex(), "ff".repeat(5));
    assertEquals(parsePesHeader(stuffed)?.headerBytes, headerBytes + 5);
  });
}

Deno.test("parsePesHeader() refuses what is no header and says where", () => {
  const cases: [string, number][] = [
    ["000002e00000808005", 0],
    ["000001e00000008005", 6],
    ["000001e00000804005", 7],
    ["000001e00000808004", 8],
    ["000001e0000080c009", 8],
    ["000001e00007808005", 4],
  ];
  for (const [hex, offset] of cases) {
    const wire = Uint8Array.fromHex(hex + "00".repeat(20));
    const error = assertThrows(() => parsePesHeader(wire), ProtocolError);
    assertEquals([error.section, error.offset], ["2.4.3.7", offset]);
  }
});

Deno.test("parsePesHeader() reads packets that have no header of their own", () => {
  const padding = Uint8Array.fromHex("000001be0010");
  assertEquals(parsePesHeader(padding), { streamId: 0xbe, packetBytes: 22, headerBytes: 6 });
});

Deno.test("ticksOfUs() gives back the very ticks that usOfTicks() was given", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 10_000; round++) {
    const ticks = randomInteger(random, TICKS_WRAP * 100);
    assertEquals(ticksOfUs(usOfTicks(ticks)), ticks);
    const ms = randomInteger(random, 1e9);
    assertEquals(usOfTicks(ticksOfUs(ms * 1000)), ms * 1000); // 1 ms is 90 ticks.
  }
  assertEquals(ticksOfUs(5), 0);
  assertEquals(ticksOfUs(6), 1);
});

Deno.test("TickUnwrapper.unwrap() goes on over the wrap, in both directions", () => {
  const clock = new TickUnwrapper();
  const given = [5, TICKS_WRAP - 10, 20, TICKS_WRAP / 2, TICKS_WRAP - 1, 3, TICKS_WRAP - 2, 8];
  assertEquals(given.map((ticks) => clock.unwrap(ticks)), [
    ...[5, -10, 20, TICKS_WRAP / 2, TICKS_WRAP - 1],
    ...[TICKS_WRAP + 3, TICKS_WRAP - 2, TICKS_WRAP + 8],
  ]);
});
