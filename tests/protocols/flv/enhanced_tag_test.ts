// Goal: read every shape of enhanced header, and nothing beyond its body.
// Method: heads by FFmpeg 8.1 where it writes them; ModEx and bodies of several tracks by hand from
// the text of Enhanced RTMP v2; every truncation; each refusal with its place.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  ENHANCED_AUDIO,
  ENHANCED_VIDEO,
  type EnhancedHeader,
  type EnhancedKind,
  forEachEnhancedTrack,
  fourCc,
  MODEX_PACKETS_MAX,
  parseEnhancedHeader,
} from "../../../protocols/flv/enhanced_tag.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

/** FourCC, track number, data in hexadecimal. */
type Visited = [string, number, string];

interface Vector {
  name: string;
  origin: string;
  kind: EnhancedKind;
  hex: string;
  header: Omit<EnhancedHeader, "offset">;
  tracks: Visited[];
}

const FFMPEG = "FFmpeg 8.1, tests/vectors/flv_small";
const BY_HAND = "by hand from Enhanced RTMP v2";

const VECTORS: Vector[] = [
  {
    name: "one track",
    origin: `${FFMPEG}/enhanced_hevc_opus.flv, a frame without composition time`,
    kind: ENHANCED_VIDEO,
    hex: "a3 68766331 0000000b",
    header: { packetType: 3, multitrack: undefined, nanoOffset: 0 },
    tracks: [["hvc1", 0, "0000000b"]],
  },
  {
    name: "audio with nothing behind its FourCC",
    origin: `${FFMPEG}/enhanced_vp9_ac3.flv, sequence start`,
    kind: ENHANCED_AUDIO,
    hex: "90 61632d33",
    header: { packetType: 0, multitrack: undefined, nanoOffset: 0 },
    tracks: [["ac-3", 0, ""]],
  },
  {
    name: "one numbered video track",
    origin: `${FFMPEG}/tracks_hevc_h264_opus_aac.flv`,
    kind: ENHANCED_VIDEO,
    hex: "a6 01 61766331 01 0000c8",
    header: { packetType: 1, multitrack: 0, nanoOffset: 0 },
    tracks: [["avc1", 1, "0000c8"]],
  },
  {
    name: "one numbered audio track",
    origin: `${FFMPEG}/tracks_hevc_h264_opus_aac.flv`,
    kind: ENHANCED_AUDIO,
    hex: "95 00 6d703461 01 118856e500",
    header: { packetType: 0, multitrack: 0, nanoOffset: 0 },
    tracks: [["mp4a", 1, "118856e500"]],
  },
  {
    name: "many tracks of one codec",
    origin: BY_HAND,
    kind: ENHANCED_VIDEO,
    hex: "96 11 61763031 00 000002 aabb 01 000000 07 000001 cc",
    header: { packetType: 1, multitrack: 1, nanoOffset: 0 },
    tracks: [["av01", 0, "aabb"], ["av01", 1, ""], ["av01", 7, "cc"]],
  },
  {
    name: "many tracks of many codecs",
    origin: BY_HAND,
    kind: ENHANCED_AUDIO,
    hex: "95 21 4f707573 00 000002 aabb 6d703461 01 000001 cc",
    header: { packetType: 1, multitrack: 2, nanoOffset: 0 },
    tracks: [["Opus", 0, "aabb"], ["mp4a", 1, "cc"]],
  },
  {
    name: "a nanosecond offset",
    origin: BY_HAND,
    kind: ENHANCED_VIDEO,
    hex: "97 02 0f423f 03 68766331 aa",
    header: { packetType: 3, multitrack: undefined, nanoOffset: 999_999 },
    tracks: [["hvc1", 0, "aa"]],
  },
  {
    name: "an unknown modifier, then a nanosecond offset, then many tracks",
    origin: BY_HAND,
    kind: ENHANCED_AUDIO,
    hex: "97 00 ee 17 03 000102ff 05 11 4f707573 01 000001 aa",
    header: { packetType: 1, multitrack: 1, nanoOffset: 258 },
    tracks: [["Opus", 1, "aa"]],
  },
  {
    name: "a modifier with a size of 16 bits",
    origin: BY_HAND,
    kind: ENHANCED_VIDEO,
    hex: `97 ff 0100 ${"00".repeat(257)} 11 61763031 aa`,
    header: { packetType: 1, multitrack: undefined, nanoOffset: 0 },
    tracks: [["av01", 0, "aa"]],
  },
];

for (const { name, kind, hex, header, tracks } of VECTORS) {
  const wire = Uint8Array.fromHex(hex.replaceAll(" ", ""));

  Deno.test(`parseEnhancedHeader() and forEachEnhancedTrack() read ${name}`, () => {
    const shifted = Uint8Array.of(0xff, ...wire, 0xff).subarray(1, -1);
    for (const body of [wire, shifted]) assertEquals(read(body, kind), { header, tracks });
  });

  Deno.test(`forEachEnhancedTrack() refuses ${name} when it is cut short`, () => {
    for (let size = 1; size < wire.length; size++) {
      let found;
      try {
        found = read(wire.subarray(0, size), kind);
      } catch (error) {
        assert(error instanceof ProtocolError, `at ${size} bytes: ${error}`);
        assertEquals(error.section, kind.section);
        assert(error.offset <= size);
        continue;
      }
      // Data without a size of its own, and tracks that end where the body does, may be shorter.
      for (const [index, [code, track, data]] of found.tracks.entries()) {
        const [wholeCode, wholeTrack, whole] = tracks[index];
        assertEquals([code, track], [wholeCode, wholeTrack]);
        assert(whole.startsWith(data));
      }
    }
  });
}

const REFUSED = [
  { name: "multitrack inside multitrack", kind: ENHANCED_VIDEO, hex: "96 06 61763031 00", at: 1 },
  { name: "a modifier inside multitrack", kind: ENHANCED_AUDIO, hex: "95 07 4f707573 00", at: 1 },
  { name: "an unknown AvMultitrackType", kind: ENHANCED_VIDEO, hex: "96 31 61763031 00", at: 1 },
  {
    name: "a track beyond the end",
    kind: ENHANCED_VIDEO,
    hex: "96 11 61763031 00 000002 aa",
    at: 10,
  },
  { name: "a million nanoseconds", kind: ENHANCED_VIDEO, hex: "97 02 0f4240 01 61763031", at: 2 },
  { name: "nanoseconds in two bytes", kind: ENHANCED_VIDEO, hex: "97 01 0001 01 61763031", at: 2 },
  {
    name: "modifiers without end",
    kind: ENHANCED_VIDEO,
    hex: `97 ${"00ee17".repeat(MODEX_PACKETS_MAX + 1)}`,
    at: 1 + 3 * MODEX_PACKETS_MAX,
  },
];

for (const { name, kind, hex, at } of REFUSED) {
  Deno.test(`parseEnhancedHeader() or forEachEnhancedTrack() refuses ${name}`, () => {
    const body = Uint8Array.fromHex(hex.replaceAll(" ", ""));
    const error = assertThrows(() => read(body, kind), ProtocolError);
    assertEquals([error.protocol, error.section, error.offset], [
      "Enhanced RTMP",
      kind.section,
      at,
    ]);
  });
}

Deno.test("fourCc() is the big-endian number of the specification's example", () => {
  assertEquals([fourCc("av01"), fourCc("Opus")], [1_635_135_537, 1_332_770_163]);
});

function read(body: Uint8Array, kind: EnhancedKind) {
  const { packetType, multitrack, nanoOffset, offset } = parseEnhancedHeader(body, kind);
  const tracks: Visited[] = [];
  const header = { packetType, multitrack, nanoOffset };
  forEachEnhancedTrack(body, { ...header, offset }, kind, (code, index, data) => {
    const name = String.fromCharCode(...Uint8Array.of(code >>> 24, code >>> 16, code >>> 8, code));
    tracks.push([name, index, data.toHex()]);
  });
  return { header, tracks };
}
