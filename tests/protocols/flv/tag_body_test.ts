// Goal: the heads of bodies where captured files do not reach: times between milliseconds, bounds,
// tracks without a place.
// Method: heads worked out from FLV 10.1, E.4, and Enhanced RTMP v2. Whole captured files are compared
// in page_encoder_test.ts.
import { FlvPageEncoder } from "../../../protocols/flv/page_encoder.ts";
import {
  BODY_HEAD_BYTES_MAX,
  frameBodyHeadBytes,
  sequenceStartBody,
  timestampMsOf,
  writeFrameBodyHead,
} from "../../../protocols/flv/tag_body.ts";
import type { Frame } from "../../../protocols/media/record.ts";
import type { AudioCodec, Track, VideoCodec } from "../../../protocols/media/track.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { demuxFlv, flvFile, framesOf } from "../../support/flv_vectors.ts";

const CONFIG = Uint8Array.of(0xc0, 0xff);
const MULTITRACK = { multitrack: true };

function video(codec: VideoCodec, index = 0): Track {
  return { kind: "video", codec, index, config: CONFIG, width: 0, height: 0, frameRate: 0 };
}

function audio(codec: AudioCodec, index = 0, sampleRate = 44_100, channels = 2): Track {
  return { kind: "audio", codec, index, config: CONFIG, sampleRate, channels };
}

function frame(track: Track, compositionUs = 0, keyframe = false): Frame {
  const data = new Uint8Array(1);
  return { kind: "frame", seq: 1, dtsUs: 500, ptsUs: 500 + compositionUs, track, keyframe, data };
}

/** The head as hexadecimal, checked against the size promised for it. */
function head(of: Frame, options = MULTITRACK): string {
  const target = new Uint8Array(BODY_HEAD_BYTES_MAX + 2).fill(0xee);
  const end = writeFrameBodyHead(of, target, 1, options);
  assertEquals(end - 1, frameBodyHeadBytes(of, options));
  assert(end - 1 <= BODY_HEAD_BYTES_MAX);
  assertEquals([target[0], target[end]], [0xee, 0xee]);
  return target.subarray(1, end).toHex();
}

Deno.test("writeFrameBodyHead() rounds composition times to the nearest millisecond", () => {
  const rows = [[40_000, "000028"], [40_499, "000028"], [40_500, "000029"], [-40_000, "ffffd8"]];
  for (const [compositionUs, si24] of rows) {
    assertEquals(head(frame(video("h264"), compositionUs as number)), `2701${si24}`);
  }
});

Deno.test("writeFrameBodyHead() bounds composition times by what 24 bits say", () => {
  assertEquals(head(frame(video("h264"), 9e9)), "27017fffff");
  assertEquals(head(frame(video("h264"), -9e9)), "2701800000");
});

Deno.test("writeFrameBodyHead() leaves composition times below half a millisecond out", () => {
  assertEquals(head(frame(video("h265"), 400)), "a368766331");
  assertEquals(head(frame(video("h265"), 600)), "a168766331000001");
  assertEquals(head(frame(video("h264", 3), 400, true)), "96036176633103");
});

Deno.test("writeFrameBodyHead() never writes composition times of codecs without B-frames", () => {
  assertEquals(head(frame(video("vp8"), 40_000, true)), "9176703038");
  assertEquals(head(frame(video("av1", 1), 40_000)), "a6016176303101");
});

Deno.test("writeFrameBodyHead() writes MP3's flags by rate and channels", () => {
  const rows = [
    [48_000, 2, "2f"],
    [44_100, 1, "2e"],
    [32_000, 1, "2e"],
    [24_000, 1, "2a"],
    [16_000, 1, "2a"],
    [12_000, 1, "26"],
    [11_025, 2, "27"],
    [8_000, 1, "e2"],
  ] as const;
  for (const [sampleRate, channels, flags] of rows) {
    assertEquals(head(frame(audio("mp3", 0, sampleRate, channels))), flags);
  }
});

Deno.test("frameBodyHeadBytes() is 0 for tracks without a place, and nothing is written", () => {
  assertEquals(head(frame(audio("g711a", 1))), ""); // G.711 has no FourCC.
  assertEquals(sequenceStartBody(audio("g711u", 1), MULTITRACK), undefined);
  for (const track of [video("h264", 1), audio("aac", 1)]) {
    assertEquals(head(frame(track), { multitrack: false }), "");
    assertEquals(sequenceStartBody(track, { multitrack: false }), undefined);
  }
});

Deno.test("sequenceStartBody() has none for the legacy codecs that need none", () => {
  for (const codec of ["mp3", "g711a", "g711u"] as const) {
    assertEquals(sequenceStartBody(audio(codec), MULTITRACK), undefined);
  }
  assertEquals(sequenceStartBody(video("vp8"), MULTITRACK)?.toHex(), "9076703038c0ff");
});

Deno.test("timestampMsOf() rounds down, also below zero, and wraps", () => {
  assertEquals([0, 999, 1_000, -1, 2 ** 32 * 1000].map(timestampMsOf), [0, 0, 1, 2 ** 32 - 1, 0]);
});

Deno.test("FlvPageEncoder knows the codec that metadata is of from frames alone", () => {
  // An encoding that starts in the middle of a log sees no TRACK record.
  const sink = demuxFlv(flvFile("enhanced_hevc_opus"));
  const colour = sink.records.find((record) =>
    record.kind === "data" && record.carrier === "video"
  );
  assert(colour !== undefined);
  const encoder = new FlvPageEncoder();
  assertEquals(encoder.sizeOf(colour), 0);
  encoder.sizeOf(framesOf(sink)[0]);
  const target = new Uint8Array(encoder.sizeOf(colour));
  encoder.write(colour, target, 0);
  assertEquals(target.subarray(11, 16).toHex(), "d468766331");
});
