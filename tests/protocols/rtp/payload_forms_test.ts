// Goal: forms of payloads that no program here sends are read as their specifications say, and what
// is malformed is reported.
// Method: payloads laid out by hand from the figures; sections are named at each.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { G726Decoder } from "../../../protocols/codecs/g726.ts";
import { createDepacketizer, kindOfFormat } from "../../../protocols/rtp/formats.ts";
import { RtpTsReader } from "../../../protocols/rtp/mpegts.ts";
import type { RtpPacket } from "../../../protocols/rtp/packet.ts";
import { RTP_DROP_REASON, type RtpFormat } from "../../../protocols/rtp/payload.ts";
import { assertEquals, assertMatch } from "../../support/assert.ts";
import {
  depacketize,
  packetsOf,
  RTP_FORMATS,
  rtpFile,
  rtpFormat,
} from "../../support/rtp_vectors.ts";
import { demuxTs, frameFacts, RecordingTsSink, tsFile } from "../../support/ts_vectors.ts";

const { payload, awaitingKeyframe, interleaved, configuration, unconfigured } = RTP_DROP_REASON;

function packets(...payloads: string[]): RtpPacket[] {
  return payloads.map((hex, at) => ({
    ...{ payloadType: 96, marker: at === payloads.length - 1, sequence: at, ssrc: 1 },
    ...{ timestamp: 1_000, extension: undefined },
    payload: Uint8Array.fromHex(hex.replaceAll(" ", "")),
  }));
}

function read(format: RtpFormat, ...payloads: string[]) {
  const { units, drops } = depacketize(format, packets(...payloads));
  return { units: units.map(({ data }) => data.toHex()), drops };
}

const IDR = "6588 84";
const H264_FORMS: readonly (readonly [string, string, string[], string[]])[] = [
  ["a single NAL unit (5.6)", "", [IDR], ["00000003658884"]],
  ["STAP-A (5.7.1)", "", ["78 0003 658884 0002 0102"], ["00000003658884" + "000000020102"]],
  ["STAP-B (5.7.1)", "", ["79 0007 0003 658884"], ["00000003658884"]],
  ["FU-A (5.8)", "", ["7c 85 88", "7c 05 84", "7c 45 99"], ["0000000465888499"]],
  ["FU-B (5.8)", "", ["7d 85 0007 88", "7c 45 84"], ["00000003658884"]],
  [
    "MTAP16 of two pictures (5.7.2)",
    "",
    ["7a 0007 0003 00 0000 658884 0002 01 0bb8 4188"],
    ["00000003658884", "000000024188"],
  ],
  ["MTAP24 (5.7.2)", "", ["7b 0007 0003 00 000000 658884"], ["00000003658884"]],
  ["delimiters left out", "", ["78 0002 09f0 0003 658884"], ["00000003658884"]],
];

for (const [what, , payloads, units] of H264_FORMS) {
  Deno.test(`push() reads H.264 as ${what}`, () => {
    assertEquals(read(RTP_FORMATS.h264, ...payloads), { units, drops: [] });
  });
}

const DONL = { ...RTP_FORMATS.h265, parameters: new Map(RTP_FORMATS.h265.parameters) };
DONL.parameters.set("sprop-max-don-diff", "2");
const H265_FORMS: readonly (readonly [string, RtpFormat, string[], string[]])[] = [
  ["a single NAL unit (4.4.1)", RTP_FORMATS.h265, ["2601 af05"], ["000000042601af05"]],
  ["the same with DONL", DONL, ["2601 0009 af05"], ["000000042601af05"]],
  ["an aggregation packet (4.4.2)", RTP_FORMATS.h265, [
    "6001 0004 2601af05 0003 260100",
  ], ["000000042601af05" + "00000003260100"]],
  ["the same with DONL and DOND", DONL, [
    "6001 0009 0004 2601af05 00 0003 260100",
  ], ["000000042601af05" + "00000003260100"]],
  ["fragments (4.4.3)", RTP_FORMATS.h265, ["6201 93 af", "6201 53 05"], ["000000042601af05"]],
  ["the same with DONL", DONL, ["6201 93 0009 af", "6201 53 05"], ["000000042601af05"]],
];

for (const [what, format, payloads, units] of H265_FORMS) {
  Deno.test(`push() reads H.265 as ${what}${format === DONL ? ", numbered" : ""}`, () => {
    assertEquals(read(format, ...payloads), { units, drops: [] });
  });
}

// AV1, 5.5: reduced_still_picture_header, so that a sequence header fits into some bytes; then a
// frame whose first byte says key frame, shown.
const AV1 = rtpFormat(96, "AV1", 90_000);

Deno.test("push() reads AV1 elements with and without sizes, over packets", () => {
  const source = packetsOf("ffmpeg_h264"); // Only to have packets of another kind at hand.
  const sequence = "0a0b00000004 3c ff bc f9 98 40 20".replaceAll(" ", "");
  const element = "08" + sequence.slice(4);
  assertEquals(source.length > 0, true);
  const frame = "30 1011223344";
  // W = 2: the first with size, the last without; Y: it goes on. Then Z with W = 1.
  const first = `68 0c ${element} ${frame}`;
  const { units } = read(AV1, first, "90 556677");
  assertEquals(units, [sequence + "3208" + "1011223344556677"]);
  // W = 0: all have sizes; the temporal delimiter is left out.
  const whole = `08 01 10 0c ${element} 06 ${frame}`;
  assertEquals(read(AV1, whole).units, [sequence + "3205" + "1011223344"]);
});

Deno.test("push() drops AV1 units whose elements do not fit together", () => {
  const whole = "28 0b 080000000 43cffbcf9984020 30 1011".replaceAll(" ", "");
  const { lost } = RTP_DROP_REASON;
  // Z without anything before it, though what follows would pass for an OBU; no Z behind a Y.
  assertEquals(read(AV1, whole, "90 30 1022"), { units: [], drops: [lost] });
  assertEquals(read(AV1, `6${whole.slice(1)}`, "10 30 1022"), { units: [], drops: [lost] });
});

Deno.test("push() reads AAC-lbr and units of constant size", () => {
  const lbr = new Map(RTP_FORMATS.aac.parameters);
  for (const name of ["sizelength", "indexlength", "indexdeltalength"]) lbr.delete(name);
  lbr.set("mode", "AAC-lbr");
  const format = { ...RTP_FORMATS.aac, parameters: lbr };
  // Two headers of 6 and 2 bits: 2 bytes, 1 byte (RFC 3640, 3.3.5).
  assertEquals(read(format, "0010 08 04 aabb cc"), { units: ["aabb", "cc"], drops: [] });
  const constant = new Map([["config", "1208"], ["constantsize", "2"], ["mode", "AAC-hbr"]]);
  for (const name of ["indexlength", "indexdeltalength"]) constant.set(name, "0");
  const sized = { ...RTP_FORMATS.aac, parameters: constant };
  assertEquals(read(sized, "aabb ccdd"), { units: ["aabb", "ccdd"], drops: [] });
});

Deno.test("push() reads LATM that brings its configuration along, bits out of step", () => {
  const inBand = { ...RTP_FORMATS.latm, parameters: new Map<string, string>() };
  // useSameStreamMux 0, the StreamMuxConfig of ffmpeg's SDP (44 bits in use), then one unit.
  const bits = "0" + bitsOf("400024103fc0").slice(0, 44) + bitsOf("02" + "abcd");
  assertEquals(read(inBand, hexOf(bits)).units, ["abcd"]);
  const again = hexOf("1" + bitsOf("02" + "abcd"));
  assertEquals(read(inBand, again), { units: [], drops: [unconfigured] });
});

Deno.test("push() refuses interleaved AAC and reports configurations it cannot read", () => {
  assertEquals(read(RTP_FORMATS.aac, "0020 0010 0009 aabb cc").drops, [interleaved]);
  const broken = { ...RTP_FORMATS.aac, parameters: new Map([["config", "zz"]]) };
  assertEquals(read(broken, "0010 0010 aabb").drops, [configuration, unconfigured]);
  const h264 = rtpFormat(96, "H264", 90_000, "sprop-parameter-sets=AAAA,!!");
  assertEquals(read(h264).drops, [configuration, configuration]);
});

const MALFORMED: readonly (readonly [RtpFormat, string])[] = [
  [RTP_FORMATS.h264, "78 0004 658884"],
  [RTP_FORMATS.h264, "78 00"],
  [RTP_FORMATS.h264, "79 00"],
  [RTP_FORMATS.h264, "7a 0007 0009 00 0000 658884"],
  [RTP_FORMATS.h264, "7b 0007 0003 00 00"],
  [RTP_FORMATS.h264, "7c"],
  [RTP_FORMATS.h265, "60"],
  [RTP_FORMATS.h265, "6001 0009 2601af05"],
  [RTP_FORMATS.h265, "6201"],
  [AV1, "08 7f 10"],
  [RTP_FORMATS.aac, "0010 00"],
  [RTP_FORMATS.aac, "0020 0010 0010 aabb"],
  [RTP_FORMATS.mp3, "0000"],
  [RTP_FORMATS.mp3, "00000000 ffff"],
  [RTP_FORMATS.latm, "ff"],
];

for (const [format, hex] of MALFORMED) {
  Deno.test(`push() reports malformed ${format.encoding} ${hex}`, () => {
    const { units, drops } = read(format, hex);
    assertEquals(units, []);
    assertEquals(drops[0], payload);
    assertEquals(drops.includes(awaitingKeyframe), false);
  });
}

for (const name of ["24", "32"]) {
  Deno.test(`push() reads G726-${name} of ffmpeg`, () => {
    const format = rtpFormat(97, `G726-${name}`, 8_000);
    const { units } = depacketize(format, packetsOf(`ffmpeg_g726_${name}`));
    const source = Deno.readFileSync(
      new URL(`../../vectors/g726/rfc3551_${name}.codes`, import.meta.url),
    );
    const data = concatBytes(...units.map(({ data }) => data));
    assertEquals(data, source.subarray(0, data.length));
    assertEquals(units[0].track.config.toHex(), `0${Number(name) / 8}00`);
  });
}

Deno.test("push() keeps the packing in which G.726 came", () => {
  const [wire] = depacketize(rtpFormat(96, "G726-32", 8_000), packetsOf("gst_g726_32")).units;
  const decoded = (packing: "rfc3551" | "aal2", bytes: Uint8Array) => {
    const samples = new Int16Array(2 * bytes.length);
    new G726Decoder({ codeBits: 4, packing }).decode(bytes, samples);
    return [...samples];
  };
  const sent = rtpFile("gst_g726_32.raw").subarray(0, wire.data.length);
  assertEquals(decoded("rfc3551", wire.data), decoded("aal2", sent));
  const aal2 = depacketize(rtpFormat(97, "AAL2-G726-40", 8_000), packetsOf("ffmpeg_aal2_g726_40"));
  assertEquals(aal2.units[0].track.config.toHex(), "0501");
});

for (const name of ["ffmpeg", "gst"]) {
  Deno.test(`RtpTsReader reads the MPEG-TS of ${name}`, () => {
    const sink = new RecordingTsSink();
    const reader = new RtpTsReader(sink);
    for (const packet of packetsOf(`${name}_mpegts`)) reader.push(packet);
    reader.flush();
    const sent = demuxTs(tsFile(`${name}_h264_aac`));
    const dataOf = (frames: typeof sink.frames) =>
      frameFacts(frames).filter(({ codec }) => codec === "h264").map(({ data }) => data);
    // ffmpeg muxes anew and keeps the last packets; what it sends is what it was given.
    assertEquals(dataOf(sink.frames), dataOf(sent.frames).slice(0, dataOf(sink.frames).length));
    assertEquals(dataOf(sink.frames).length > 10, true);
    if (name === "gst") assertEquals(sink.drops, sent.drops);
  });
}

Deno.test("kindOfFormat() refuses with a reason what cannot be read", () => {
  const reason = (format: RtpFormat) => {
    const kind = kindOfFormat(format);
    return typeof kind === "string" ? kind : kind.reason;
  };
  assertEquals(reason(RTP_FORMATS.h264), "video");
  assertEquals(reason(rtpFormat(33, "MP2T", 90_000)), "mpegts");
  assertMatch(reason(rtpFormat(0, "G723", 8_000)), /G723: there is no payload format/);
  assertMatch(reason(rtpFormat(0, "H264", 0)), /clock of 0 Hz/);
  assertMatch(reason(rtpFormat(0, "PCMU", 8_000, "", 99)), /99 channels/);
  assertMatch(reason(rtpFormat(0, "MPEG4-GENERIC", 90_000, "mode=CELP-cbr")), /mode is not AAC/);
  assertMatch(reason(rtpFormat(0, "<script>\r\n", 8_000)), /^Cannot read such an encoding: /);
  const refused = { format: rtpFormat(0, "L16", 44_100), index: 0, dropped: () => {} };
  let thrown: unknown;
  try {
    createDepacketizer(refused);
  } catch (error) {
    thrown = error;
  }
  assertEquals(thrown instanceof RangeError, true);
});

function bitsOf(hex: string): string {
  return [...Uint8Array.fromHex(hex)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
}

function hexOf(bits: string): string {
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "0");
  return padded.match(/.{8}/g)!.map((byte) => parseInt(byte, 2).toString(16).padStart(2, "0"))
    .join("");
}
