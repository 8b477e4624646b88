// Goal: frames that straddle PES packets, limits, and versions that no captured file shows.
// Method: the parts of the demuxer on their own, fed with frames of captured files.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { audioTrack } from "../../../protocols/codecs/track_config.ts";
import { AudioReader } from "../../../protocols/mpegts/audio_reader.ts";
import { TsDemuxer } from "../../../protocols/mpegts/demuxer.ts";
import { PesAssembler } from "../../../protocols/mpegts/pes_assembler.ts";
import { ProgramTables } from "../../../protocols/mpegts/program_tables.ts";
import { parsePmtSection } from "../../../protocols/mpegts/psi.ts";
import type { FrameSink } from "../../../protocols/mpegts/stream_reader.ts";
import { TS_DROP_REASON } from "../../../protocols/mpegts/ts_sink.ts";
import type { Track } from "../../../protocols/media/track.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { checkTs } from "../../support/ts_checks.ts";
import { RecordingTsSink, streamOf, tsFile } from "../../support/ts_vectors.ts";

const HINT = { sampleRate: 48_000, channels: 2 };

/** What a reader gives out, as text. */
class Notes implements FrameSink {
  readonly lines: string[] = [];

  track(track: Track): void {
    this.lines.push(`track ${track.codec}`);
  }

  frame(_track: Track, times: { ptsUs: number }, _keyframe: boolean, data: Uint8Array): void {
    this.lines.push(`${times.ptsUs} ${data.length}`);
  }

  dropped(reason: string): void {
    this.lines.push(reason);
  }
}

function at(timeUs: number) {
  return { ptsUs: timeUs, dtsUs: timeUs };
}

/** Three ADTS frames by ffmpeg, 44.1 kHz: 23,220 us each. */
function adtsFrames(): Uint8Array[] {
  const pes = checkTs(tsFile("ffmpeg_h264_aac")).pes.get(0x101) ?? [];
  const bytes = Uint8Array.from(pes[0].payload);
  const frames: Uint8Array[] = [];
  for (let offset = 0; frames.length < 3;) {
    const size = (bytes[offset + 3] & 3) << 11 | bytes[offset + 4] << 3 | bytes[offset + 5] >>> 5;
    frames.push(bytes.subarray(offset, offset + size));
    offset += size;
  }
  return frames;
}

Deno.test("AudioReader.payload() times a frame by the PES packet that it begins in", () => {
  const frames = adtsFrames();
  const all = concatBytes(...frames);
  const [first, second, third] = frames.map(({ length }) => length);
  for (let cut = 1; cut < all.length; cut++) {
    const notes = new Notes();
    const reader = new AudioReader("aac", 0, HINT, notes);
    reader.payload(all.subarray(0, cut), at(1_000_000));
    reader.payload(all.subarray(cut), at(5_000_000));
    // The first that begins at or behind the cut has the second packet's time.
    const starts = [0, first, first + second];
    const next = starts.findIndex((start) => start >= cut);
    const times = starts.map((_start, index) =>
      next === -1 || index < next
        ? 1_000_000 + Math.round(index * 23_220)
        : 5_000_000 + (index - next) * 23_220
    );
    const sizes = [first, second, third];
    assertEquals(notes.lines, [
      "track aac",
      ...times.map((timeUs, index) => `${timeUs} ${sizes[index] - 7}`),
    ]);
  }
});

Deno.test("AudioReader.lost() forgets the frame that is half there", () => {
  const [first, second] = adtsFrames();
  const notes = new Notes();
  const reader = new AudioReader("aac", 0, HINT, notes);
  reader.payload(first.subarray(0, 50), at(0));
  reader.lost();
  reader.payload(second, at(9));
  assertEquals(notes.lines, ["track aac", `9 ${second.length - 7}`]);
});

Deno.test("AudioReader.payload() looks for the next frame behind what is none", () => {
  const [first] = adtsFrames();
  const notes = new Notes();
  const reader = new AudioReader("aac", 0, HINT, notes);
  reader.payload(concatBytes(Uint8Array.of(1, 2, 0xff, 3), first), at(7));
  assertEquals(notes.lines, [TS_DROP_REASON.framing, "track aac", `7 ${first.length - 7}`]);
});

Deno.test("AudioReader.payload() keeps no endless frame and leaves untimed ones out", () => {
  const notes = new Notes();
  const reader = new AudioReader("opus", 0, HINT, notes);
  reader.payload(Uint8Array.of(0x7f, 0xe0, ...new Uint8Array(20_000).fill(0xff)), at(0));
  assertEquals(notes.lines, [TS_DROP_REASON.frameBytes]);
  reader.payload(Uint8Array.of(0x7f, 0xe0, 1, 0), undefined);
  assertEquals(notes.lines.slice(1), [TS_DROP_REASON.untimed]);
});

Deno.test("AudioReader.payload() knows how long an Opus packet is", () => {
  // TOC bytes by RFC 6716, table 2 and section 3.2; durations in microseconds.
  const cases: [number[], number][] = [
    [[0x00], 10_000], // SILK, 10 ms
    [[0x18], 60_000], // SILK, 60 ms
    [[0x60], 10_000], // hybrid, 10 ms
    [[0x68], 20_000], // hybrid, 20 ms
    [[0x80], 2_500], // CELT, 2.5 ms
    [[0xf8], 20_000], // CELT, 20 ms
    [[0xf9], 40_000], // two frames of equal size
    [[0xfa, 0], 40_000], // two frames of two sizes
    [[0xfb, 0x03], 60_000], // three frames
    [[0xfb, 0x3f], 120_000], // 63 frames: more than a packet may last
  ];
  for (const [packet, durationUs] of cases) {
    const notes = new Notes();
    const reader = new AudioReader("opus", 0, HINT, notes);
    const unit = [0x7f, 0xe0, packet.length, ...packet];
    const trimmed = [0x7f, 0xfc, packet.length, 1, 2, 3, 4, 1, 9, ...packet]; // All options.
    reader.payload(Uint8Array.from([...unit, ...trimmed, ...unit]), at(0));
    assertEquals(notes.lines.slice(1), [0, 1, 2].map((n) => `${n * durationUs} ${packet.length}`));
  }
});

Deno.test("PesAssembler.push() drops a packet beyond its limit and goes on with the next", () => {
  const notes: string[] = [];
  const assembler = new PesAssembler(1_000, {
    packet: (pes) => notes.push(`${pes.length}`),
    tooLarge: () => notes.push("too large"),
  });
  const start = new Uint8Array(184);
  start.set([0, 0, 1, 0xe0, 0, 0]);
  const more = new Uint8Array(184);
  assembler.push(more, false, false); // Before any start.
  for (let packet = 0; packet < 100; packet++) assembler.push(more, packet === 0, false);
  assembler.push(start, true, false);
  assembler.push(more, false, false);
  assembler.flush();
  assertEquals(notes, ["too large", "368"]);
});

Deno.test("TsDemuxer.feed() may be given the same array again and again", () => {
  const file = tsFile("ffmpeg_h264_aac");
  const sink = new RecordingTsSink();
  const demuxer = new TsDemuxer(sink);
  const buffer = new Uint8Array(100);
  for (let offset = 0; offset < file.length; offset += buffer.length) {
    const part = file.subarray(offset, offset + buffer.length);
    buffer.set(part);
    demuxer.feed(buffer.subarray(0, part.length));
  }
  demuxer.flush();
  assertEquals([sink.frames.length, sink.drops], [83, []]);
});

Deno.test("ProgramTables have another version whenever one track comes, goes or changes", () => {
  const [video, aac] = streamOf("h264_aac").head.tracks;
  const [hevc] = streamOf("enhanced_hevc_opus").head.tracks;
  const none = new Uint8Array(0);
  const sounds = [
    aac,
    audioTrack("mp3", 0, none, { sampleRate: 44_100, channels: 2 }),
    audioTrack("mp3", 0, none, { sampleRate: 22_050, channels: 2 }),
    audioTrack("ac3", 0, none),
    audioTrack("eac3", 0, none),
    audioTrack("g711a", 0, none),
    audioTrack("g711u", 0, none),
    ...[1, 2, 3, 8].map((channels) =>
      audioTrack("opus", 0, none, { sampleRate: 48_000, channels })
    ),
  ];
  for (const picture of [video, hevc, undefined]) {
    const sets = [undefined, ...sounds].map((sound) =>
      [picture, sound].filter((track) => track !== undefined)
    );
    const versions = sets.map(versionOf);
    assertEquals(new Set(versions).size, sets.length);
  }
  assert(versionOf([video]) !== versionOf([hevc]));
  assertEquals(versionOf([video, aac]), versionOf([video, { ...aac }]));
});

function versionOf(tracks: readonly Track[]): number {
  const tables = new ProgramTables(tracks, false);
  const bytes = new Uint8Array(tables.bytes);
  tables.write({ pat: 15, pmt: 15 }, bytes, 0);
  return parsePmtSection(bytes.subarray(188 + 5)).version;
}
