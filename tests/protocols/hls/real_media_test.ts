// Goal: what the segments carry is the stream, frame for frame, whichever node made them.
// Method: captured media looped into a log; segments by the real writers, taken apart again.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { HLS_CONTAINERS } from "../../../protocols/hls/container_writers.ts";
import { hlsSupports } from "../../../protocols/hls/containers.ts";
import { mediaPlaylist } from "../../../protocols/hls/media_playlist.ts";
import { multivariantPlaylist } from "../../../protocols/hls/multivariant_playlist.ts";
import type { Frame, LogRecord } from "../../../protocols/media/record.ts";
import { demuxFragments } from "../../../protocols/mp4/demuxer.ts";
import { TsDemuxer } from "../../../protocols/mpegts/demuxer.ts";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { demuxFlv, flvFile } from "../../support/flv_vectors.ts";
import { segmenterFrom, StreamWriter } from "../../support/hls_streams.ts";
import { readPlaylist } from "../../support/m3u8.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";

/** A captured file over and over, `loops` times. */
function looped(file: string, loops: number, periodUs: number): LogRecord[] {
  const { tracks, records } = demuxFlv(flvFile(file));
  const writer = new StreamWriter().start(0).track(...tracks);
  const frames = records.filter((record) => record.kind === "frame");
  for (let loop = 0; loop < loops; loop++) {
    const shiftUs = loop * periodUs + 1_000_000;
    for (const frame of frames) {
      writer.media({
        ...frame,
        dtsUs: frame.dtsUs + shiftUs,
        ptsUs: frame.ptsUs + shiftUs,
      });
    }
  }
  return writer.records;
}

const H264 = looped("h264_aac", 10, 1_300_000);

/** How far a time may be off once it went through ticks of 44,100 Hz and up, in microseconds. */
const TICK_US = 23;

function summary(frames: readonly Pick<Frame, "track" | "data" | "keyframe">[], kind: string) {
  return frames.filter(({ track }) => track.kind === kind)
    .map(({ data, keyframe }) => `${keyframe} ${data.toHex()}`);
}

for (
  const [name, records] of [
    ["h264_aac", H264],
    ["h265_aac", looped("flv/h265_aac_ffmpeg_7.0.2.flv", 2, 5_100_000)],
  ] as const
) {
  Deno.test(`Segmenter carries every frame of ${name} in fragmented MP4`, () => {
    const segmenter = segmenterFrom(records, 0, HLS_CONTAINERS);
    segmenter.end();
    const source = segmenter.listed.flatMap(({ frames }) => frames);
    assert(source.length > 400);
    const init = segmenter.initBytes(segmenter.listed[0].init.hash)!;
    const media = segmenter.listed.map((segment) => segment.bytes("fmp4")!);
    const got = demuxFragments(init, concatBytes(...media));
    for (const kind of ["video", "audio"] as const) {
      assertEquals(summary(got, kind), summary(source, kind));
      const [own, theirs] = [source, got].map((all) =>
        all.filter(({ track }) => track.kind === kind)
      );
      own.forEach(({ dtsUs, ptsUs }, at) => {
        assert(Math.abs(theirs[at].dtsUs - dtsUs) <= TICK_US);
        assert(Math.abs(theirs[at].ptsUs - ptsUs) <= 2 * TICK_US);
      });
    }
  });
}

Deno.test("Segmenter carries every frame of h264_aac in MPEG-TS", () => {
  const segmenter = segmenterFrom(H264, 0, HLS_CONTAINERS);
  segmenter.end();
  const frames: Pick<Frame, "track" | "data" | "keyframe">[] = [];
  const drops: string[] = [];
  const demuxer = new TsDemuxer({
    track: () => {},
    frame: (track, _dtsUs, _ptsUs, keyframe, data) => frames.push({ track, keyframe, data }),
    dropped: (reason) => drops.push(reason),
  });
  for (const segment of segmenter.listed) demuxer.feed(segment.bytes("ts")!);
  demuxer.flush();
  const source = segmenter.listed.flatMap((segment) => segment.frames);
  assertEquals(drops, []);
  assertEquals(summary(frames, "audio"), summary(source, "audio"));
  assertEquals(summary(frames, "video").length, summary(source, "video").length);
});

Deno.test("Segmenter makes the same bytes with the real writers, wherever it joined", () => {
  const marks = H264.flatMap(({ kind }, at) => kind === "mark" ? [at] : []);
  const whole = segmenterFrom(H264, 0, HLS_CONTAINERS);
  // Asked at every moment; the other one only at the end.
  const eager = segmenterFrom(H264.slice(0, marks[2]), marks[1], HLS_CONTAINERS);
  for (const record of H264.slice(marks[2])) {
    eager.push(record);
    eager.open?.partBytes(eager.open.parts.length - 1);
  }
  let compared = 0;
  for (const { generation, number, parts } of eager.listed) {
    for (const { index } of parts) {
      const bytes = whole.partBytes(generation, number, index)!;
      assertEquals(eager.partBytes(generation, number, index)!, bytes);
    }
    for (const container of ["fmp4", "ts"] as const) {
      const bytes = whole.segmentBytes(generation, number, container)!;
      assertEquals(eager.segmentBytes(generation, number, container)!, bytes);
      compared++;
    }
  }
  assert(compared >= 6);
});

Deno.test("playlists of real media name its codecs", () => {
  const segmenter = segmenterFrom(H264, 0, HLS_CONTAINERS);
  const text = multivariantPlaylist(segmenter, { name: "a", container: "fmp4" })!;
  assertMatch(
    text,
    /CODECS="avc1\.[0-9a-f]{6},mp4a\.40\.2",RESOLUTION=\d+x\d+,FRAME-RATE=\d+\.\d{3}\n/,
  );
  readPlaylist(mediaPlaylist(segmenter, { container: "fmp4" })!);
});

Deno.test("hlsSupports() keeps H.265, AV1 and their like out of MPEG-TS and says so", () => {
  const h264 = { ...VIDEO, config: Uint8Array.fromHex("0164001fffe1000467640000010003680000") };
  const aac = { ...AUDIO, config: Uint8Array.fromHex("1190") };
  assertEquals(hlsSupports(HLS_CONTAINERS, "ts", [h264, aac]), { ok: true });
  assertEquals(hlsSupports(HLS_CONTAINERS, "fmp4", [h264, aac]), { ok: true });
  for (const codec of ["h265", "av1"] as const) {
    const reason = `Cannot serve MPEG-TS: HLS carries ${codec} in fragmented MP4 only`;
    assertEquals(hlsSupports(HLS_CONTAINERS, "ts", [{ ...h264, codec }]), { ok: false, reason });
    // A further track is not carried at all.
    const further = { ...h264, codec, index: 1 };
    assertEquals(hlsSupports(HLS_CONTAINERS, "ts", [h264, further]), { ok: true });
  }
});
