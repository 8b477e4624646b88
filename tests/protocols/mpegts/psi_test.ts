// Goal: pin the tables to sections that ffmpeg wrote.
// Method: both directions, every truncation, every single bit turned.
import { ProtocolError } from "../../../protocols/errors.ts";
import { crc32Mpeg2 } from "../../../protocols/mpegts/crc32.ts";
import {
  parsePatSection,
  parsePmtSection,
  sectionBytes,
  writePatSection,
  writePmtSection,
} from "../../../protocols/mpegts/psi.ts";
import { SectionAssembler } from "../../../protocols/mpegts/section_assembler.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

/** ffmpeg 5.1.9: of every file; of h264_aac; of ac3_eac3. */
const PAT = Uint8Array.fromHex("00b00d0001c100000001f0002ab104b2");
const PMTS = [
  "02b0170001c10000e100f0001be100f0000fe101f0002f44b99b",
  "02b0230001c10000e100f00081e100f006050441432d3387e101f006050445414333d50a0927",
].map((hex) => Uint8Array.fromHex(hex));

Deno.test("parsePatSection() and writePatSection() agree with ffmpeg", () => {
  const table = { transportStreamId: 1, version: 0, programs: [{ number: 1, pid: 0x1000 }] };
  assertEquals(parsePatSection(PAT), table);
  assertEquals(writePatSection(table), PAT);
});

Deno.test("parsePmtSection() and writePmtSection() agree with ffmpeg", () => {
  const [first, second] = PMTS.map((section) => parsePmtSection(section));
  assertEquals(first.streams.map(({ streamType, pid }) => [streamType, pid]), [
    [0x1b, 0x100],
    [0x0f, 0x101],
  ]);
  assertEquals([first.pcrPid, first.programNumber, first.version], [0x100, 1, 0]);
  assertEquals(second.streams.map(({ descriptors }) => descriptors.toHex()), [
    "050441432d33",
    "050445414333",
  ]);
  assertEquals(writePmtSection(first), PMTS[0]);
  assertEquals(writePmtSection(second), PMTS[1]);
});

Deno.test("parsePatSection() and parsePmtSection() refuse every truncation and every wrong bit", () => {
  for (const [section, parse] of [[PAT, parsePatSection], [PMTS[1], parsePmtSection]] as const) {
    for (let size = 0; size < section.length; size++) {
      assertThrows(() => parse(section.subarray(0, size)), ProtocolError);
    }
    for (let bit = 0; bit < section.length * 8; bit++) {
      const wrong = section.slice();
      wrong[bit >>> 3] ^= 0x80 >>> (bit & 7);
      assertThrows(() => parse(wrong), ProtocolError);
    }
  }
});

Deno.test("parsePmtSection() refuses tables of the future and lengths that lie", () => {
  const cases: [(section: Uint8Array) => void, number][] = [
    [(section) => section[5] &= 0xfe, 5], // current_next_indicator
    [(section) => section[11] = 0x0f, 10], // program_info_length
    [(section) => section[16] = 0x20, 15], // ES_info_length
    [(section) => section[0] = 0, 0], // table_id
  ];
  for (const [spoil, offset] of cases) {
    const section = PMTS[0].slice();
    spoil(section);
    const view = new DataView(section.buffer);
    view.setUint32(section.length - 4, crc32Mpeg2(section, 0, section.length - 4));
    const error = assertThrows(() => parsePmtSection(section), ProtocolError);
    assertEquals([error.section, error.offset], ["2.4.4.8", offset]);
  }
});

Deno.test("writePmtSection() refuses more than a section holds", () => {
  const streams = Array.from({ length: 210 }, (_, pid) => ({
    streamType: 0x1b,
    pid: 0x100 + pid,
    descriptors: new Uint8Array(0),
  }));
  const table = { ...parsePmtSection(PMTS[0]), streams };
  assertThrows(() => writePmtSection(table), RangeError);
});

Deno.test("SectionAssembler.push() finds sections however they lie in packets", () => {
  const both = Uint8Array.of(...PMTS[0], ...PMTS[1]);
  for (let cut = 1; cut < both.length; cut++) {
    const found: string[] = [];
    const assembler = new SectionAssembler((section) => found.push(section.toHex()));
    assembler.push(both, false); // Before any start: passed over.
    assembler.push(Uint8Array.of(0, ...both.subarray(0, cut)), true);
    assembler.push(Uint8Array.of(...both.subarray(cut), 0xff, 0xff), false);
    assembler.push(PMTS[0], false); // Behind stuffing there is nothing.
    assertEquals(found, PMTS.map((section) => section.toHex()));
  }
});

Deno.test("SectionAssembler.push() ends a section where pointer_field says", () => {
  const found: string[] = [];
  const assembler = new SectionAssembler((section) => found.push(section.toHex()));
  assembler.push(Uint8Array.of(0, ...PMTS[0].subarray(0, 9)), true);
  const rest = PMTS[0].subarray(9);
  assembler.push(Uint8Array.of(rest.length, ...rest, ...PAT), true);
  assembler.push(Uint8Array.of(200, 1, 2, 3), true); // It points beyond the packet.
  assembler.push(Uint8Array.of(0, 2, 0xbf, 0xff, ...PAT), true); // Longer than any table.
  assertEquals(found, [PMTS[0].toHex(), PAT.toHex()]);
});

Deno.test("sectionBytes() knows a section's size after three bytes", () => {
  assertEquals(sectionBytes(PAT.subarray(0, 2)), undefined);
  assertEquals(sectionBytes(Uint8Array.of(9, ...PAT), 1), PAT.length);
});

Deno.test("crc32Mpeg2() gives the check value of its definition", () => {
  assertEquals(crc32Mpeg2(new TextEncoder().encode("123456789")), 0x0376e6e7);
});
