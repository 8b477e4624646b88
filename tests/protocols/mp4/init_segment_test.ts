// Goal: pin init segments to the boxes that other programs write for the same tracks.
// Method: read the tracks of their files, write our own, compare box by box; then every
// configuration of the codec tests there and back.
import { audioTrack, videoTrack } from "../../../protocols/codecs/track_config.ts";
import { writeVpCodecConfigurationRecord } from "../../../protocols/codecs/vp9.ts";
import { type Track, trackId } from "../../../protocols/media/track.ts";
import { boxesIn, findBox, parseBox } from "../../../protocols/mp4/box_reader.ts";
import { parseInitSegment } from "../../../protocols/mp4/init_parser.ts";
import { writeInitSegment } from "../../../protocols/mp4/init_segment.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { MP4_FACTS, mp4File, mp4Media } from "../../support/mp4_vectors.ts";
import { AUDIO_VECTORS, VIDEO_VECTORS } from "../../vectors/codec_configs.ts";

const NO_CONFIG = new Uint8Array(0);

/** Boxes that must be the same for the same track, whoever wrote them. */
const SAME = [
  ...["trak/mdia/hdlr", "trak/mdia/minf/vmhd", "trak/mdia/minf/smhd", "trak/mdia/minf/dinf"],
  ...["trak/mdia/minf/stbl/stts", "trak/mdia/minf/stbl/stsc", "trak/mdia/minf/stbl/stsz"],
  ...["trak/mdia/minf/stbl/stco"],
];

/** Boxes of a codec within its sample entry. */
const CONFIGURATIONS = ["avcC", "hvcC", "av1C", "vpcC", "dOps", "dfLa", "dac3", "dec3"];

/** Bytes of a sample entry in front of its boxes. */
const ENTRY_BYTES = { video: 78, audio: 28 } as const;

for (const name of Object.keys(MP4_FACTS)) {
  const { init } = mp4File(name);
  const { tracks } = mp4Media(name);
  const ours = writeInitSegment(tracks);

  // GStreamer writes tables in another order and names its handlers otherwise.
  if (name.endsWith(".mp4") && !name.startsWith("gst")) {
    Deno.test(`writeInitSegment() writes the boxes of ${name}`, () => {
      for (const path of SAME) assertEquals(boxAt(ours, path), boxAt(init, path), path);
      // Version and flags, track_ID, which ffmpeg counts and we derive, then the defaults.
      const defaults = (bytes: Uint8Array) =>
        boxAt(bytes, "mvex/trex").map((content) => content.slice(0, 8) + content.slice(16));
      assertEquals(defaults(ours), defaults(init));
    });
  }

  Deno.test(`writeInitSegment() configures the codecs of ${name}`, () => {
    const found = configurations(init, tracks);
    assertEquals(configurations(ours, tracks), found);
  });

  Deno.test(`parseInitSegment() reads what was written for ${name}`, () => {
    const segment = parseInitSegment(ours);
    assertEquals(segment?.tracks.map(({ track }) => track), tracks);
    assertEquals(segment?.end, ours.length);
  });
}

Deno.test("writeInitSegment() writes tkhd and mvhd as ffmpeg does", () => {
  const { init } = mp4File("h264_aac.mp4");
  const ours = writeInitSegment(mp4Media("h264_aac.mp4").tracks);
  // ffmpeg makes no use of next_track_ID; ours says which is free.
  const headers = (bytes: Uint8Array) => boxAt(bytes, "mvhd")[0].slice(0, -8);
  assertEquals(headers(ours), headers(init));
  assertEquals(boxAt(ours, "mvhd")[0].slice(-8), "00000003");
  assertEquals(boxAt(ours, "trak/tkhd")[0], boxAt(init, "trak/tkhd")[0]);
});

Deno.test("writeInitSegment() writes an audio entry with esds as ffmpeg does", () => {
  const entry = hex(
    "6d703461 000000000000 0001 0000000000000000 0002 0010 0000 0000 ac440000" +
      "00000036 65736473 00000000 0380808025 0002 00 0480808017 40 15 000000 00007d00 00007d00" +
      "0580808005 120856e500 0680808001 02",
  );
  assert(mp4File("h264_aac.mp4").init.toHex().includes(entry), "not what ffmpeg wrote");
  const expected = entry
    .replace(hex("0002 0010"), hex("0001 0010")) // Channels: ffmpeg says 2 whatever there is.
    .replace(hex("25 0002 00"), hex("25 0000 00")) // ES_ID, 0 in a file (14496-14, 3.1.2).
    .replace(hex("00007d00 00007d00"), hex("00000000 00000000")); // Bit rates, not known live.
  const audio = mp4Media("h264_aac.mp4").tracks.filter(({ kind }) => kind === "audio");
  assert(writeInitSegment(audio).toHex().includes(expected), "no such entry");
});

for (const { name, codec, config, sampleAspectRatio: [x, y], width, height } of VIDEO_VECTORS) {
  Deno.test(`an init segment of ${name} comes back`, () => {
    const track = videoTrack(codec, 3, config);
    const written = writeInitSegment([track]);
    const [entry] = parseInitSegment(written)!.tracks;
    assertEquals(entry.track, track);
    assertEquals([entry.id, entry.timescale], [trackId(track) + 1, 90_000]);
    const aspect = x === y ? [] : [(x * 0x100000000 + y).toString(16).padStart(16, "0")];
    assertEquals(children(written, "video", "pasp"), aspect);
    const size = [Math.round(width * x / y) * 0x10000, height * 0x10000];
    const shown = size.map((value) => value.toString(16).padStart(8, "0")).join("");
    assert(boxAt(written, "trak/tkhd")[0].endsWith(shown), "displayed size");
  });
}

for (const { name, codec, config } of AUDIO_VECTORS) {
  Deno.test(`an init segment of ${name} comes back`, () => {
    const track = audioTrack(codec, 1, config);
    const [entry] = parseInitSegment(writeInitSegment([track]))!.tracks;
    const bare = codec === "flac" ? { ...track, config: config.subarray(-34) } : track;
    assertEquals(entry.track, bare);
    assertEquals([entry.id, entry.timescale], [4, track.sampleRate]);
  });
}

Deno.test("an init segment of many tracks keeps their numbers", () => {
  const record = { profile: 0, level: 10, bitDepth: 8, chromaSubsampling: 1, fullRange: false };
  const colour = { colourPrimaries: 2, transferCharacteristics: 2, matrixCoefficients: 2 };
  const vp9 = writeVpCodecConfigurationRecord({ ...record, ...colour });
  const tracks: Track[] = [
    audioTrack("g711u", 5, NO_CONFIG, { sampleRate: 16_000, channels: 2 }),
    { ...videoTrack("vp9", 7, vp9), width: 640, height: 360 },
    audioTrack("mp3", 0, NO_CONFIG, { sampleRate: 22_050, channels: 1 }),
    audioTrack("ac3", 2, Uint8Array.of(0x10, 0x3d, 0xc0), { sampleRate: 48_000, channels: 6 }),
  ];
  const segment = parseInitSegment(writeInitSegment(tracks))!;
  assertEquals(segment.tracks.map(({ track }) => track), tracks);
  assertEquals(segment.tracks.map(({ id }) => id), [12, 15, 2, 6]);
});

Deno.test("writeInitSegment() takes FLAC and VP9 configurations in every form of a carrier", () => {
  const { config } = AUDIO_VECTORS.find(({ codec }) => codec === "flac")!;
  const info = config.subarray(-34);
  const block = Uint8Array.of(0x80, 0, 0, 34, ...info);
  const marked = Uint8Array.of(0x66, 0x4c, 0x61, 0x43, ...block);
  const written = [info, block, marked].map((form) =>
    writeInitSegment([audioTrack("flac", 0, form)])
  );
  assertEquals(written[1], written[0]);
  assertEquals(written[2], written[0]);

  const [{ config: bare }] = mp4Media("vp9.mp4").tracks;
  const full = Uint8Array.of(1, 0, 0, 0, ...bare);
  const [a, b] = [bare, full].map((form) => writeInitSegment([videoTrack("vp9", 0, form)]));
  assertEquals(b, a);
});

Deno.test("writeInitSegment() makes a header for Opus that came without", () => {
  const track = audioTrack("opus", 0, NO_CONFIG, { sampleRate: 48_000, channels: 2 });
  const bytes = writeInitSegment([track]);
  assertEquals(children(bytes, "audio", "dOps"), ["0002" + "0000" + "0000bb80" + "0000" + "00"]);
});

Deno.test("writeInitSegment() states a sample rate that fits, halved until it does", () => {
  const track = audioTrack("g711a", 0, NO_CONFIG, { sampleRate: 192_000, channels: 1 });
  const hex = writeInitSegment([track]).toHex();
  assert(
    hex.includes("616c6177" + "0000000000000001" + "0000000000000000" + "0001001000000000bb80"),
  );
  assertEquals(parseInitSegment(writeInitSegment([track]))!.tracks[0].timescale, 192_000);
});

Deno.test("writeInitSegment() names the brands that its tracks call for", () => {
  const brands = (names: string[]) => {
    const tracks = names.flatMap((name) => mp4Media(name).tracks);
    return parseInitSegment(writeInitSegment(tracks))!.brands.join(" ");
  };
  assertEquals(brands(["h265.mp4"]), "iso6 iso6 cmfc mp41");
  assertEquals(brands(["h264_aac.mp4"]), "iso6 iso6 mp41");
  assertEquals(brands(["av1.mp4"]), "iso6 iso6 cmfc av01 mp41");
});

Deno.test("writeInitSegment() refuses what cannot be carried", () => {
  assertThrows(() => writeInitSegment([]), RangeError);
  assertThrows(() => writeInitSegment([videoTrack("vp8", 0, NO_CONFIG)]), RangeError);
});

/** All boxes at a path below "moov", as hexadecimal content. */
function boxAt(bytes: Uint8Array, path: string): string[] {
  let found = [moov(bytes)];
  for (const type of path.split("/")) {
    found = found.flatMap((parent) => [...boxesIn(bytes, parent)].filter((b) => b.type === type));
  }
  return found.map((box) => bytes.subarray(box.contentStart, box.end).toHex());
}

function configurations(bytes: Uint8Array, tracks: readonly Track[]): string[] {
  const kinds = new Set(tracks.map(({ kind }) => kind));
  return [...kinds].flatMap((kind) =>
    CONFIGURATIONS.flatMap((type) =>
      children(bytes, kind, type).map((content) => `${type} ${content}`)
    )
  );
}

/** Contents of the boxes of `type` in the sample entries of a kind. */
function children(bytes: Uint8Array, kind: Track["kind"], type: string): string[] {
  const contents: string[] = [];
  for (const trak of boxesIn(bytes, moov(bytes))) {
    if (trak.type !== "trak") continue;
    const minf = findBox(bytes, findBox(bytes, trak, "mdia"), "minf");
    if (findBox(bytes, minf, kind === "video" ? "vmhd" : "smhd") === undefined) continue;
    const stsd = findBox(bytes, findBox(bytes, minf, "stbl"), "stsd")!;
    const [entry] = boxesIn(bytes, stsd, 8);
    const box = findBox(bytes, entry, type, ENTRY_BYTES[kind]);
    if (box !== undefined) contents.push(bytes.subarray(box.contentStart, box.end).toHex());
  }
  return contents;
}

function moov(bytes: Uint8Array) {
  const first = parseBox(bytes)!;
  return first.type === "moov" ? first : parseBox(bytes, first.end)!;
}

function hex(spaced: string): string {
  return spaced.replaceAll(" ", "");
}
