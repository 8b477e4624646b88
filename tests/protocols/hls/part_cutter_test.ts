// Goal: parts keep to the target whatever the distances of frames, and their bytes do not depend
//   on when somebody asks.
// Method: distances worked out by hand; containers in words tell what their writers were given.
import { PartCutter } from "../../../protocols/hls/part_cutter.ts";
import { mediaPlaylist } from "../../../protocols/hls/media_playlist.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { segmenterFrom, StreamWriter, WALL_US } from "../../support/hls_streams.ts";
import { readPlaylist } from "../../support/m3u8.ts";
import { AUDIO, VIDEO, videoFrame } from "../../support/stream_records.ts";

/** Durations of the parts of frames at these milliseconds, the media going on at the last one. */
function partsMs(timesMs: readonly number[], nextMs: number): number[] {
  const cutter = new PartCutter(210_000);
  timesMs.forEach((ms, seq) => cutter.push(videoFrame(seq, { dtsUs: ms * 1000 })));
  cutter.finish(nextMs * 1000);
  return cutter.parts.map(({ durationUs }) => durationUs / 1000);
}

Deno.test("PartCutter cuts in front of a frame that lasted longer than its predecessor", () => {
  assertEquals(partsMs([0, 40, 80, 120, 160, 360], 400), [160, 200, 40]);
  assertEquals(partsMs([0, 40, 80, 120, 160], 360), [160, 200]);
  assertEquals(partsMs([0, 300, 600], 900), [300, 300, 300]); // Nothing to cut between.
});

Deno.test("PartCutter waits rather than cutting a short part for an outlier", () => {
  assertEquals(partsMs([0, 20, 140, 160, 200], 240), [200, 40]);
});

Deno.test("PartCutter.finish() takes the usual distance where the media does not go on", () => {
  assertEquals(partsMs([0, 40, 80], 60), [120]);
  const cutter = new PartCutter(210_000);
  assertEquals(cutter.finish(1), undefined);
  cutter.push(videoFrame(0, { dtsUs: 5 }));
  assertEquals(cutter.finish(undefined), 40_005);
});

/** Sequence number and known ends of each part of a segment. */
function writerArguments(segment: { parts: readonly { index: number }[] }, of: {
  partBytes(index: number): Uint8Array | undefined;
}): [number, (number | null)[]][] {
  return segment.parts.map(({ index }) => {
    const [line] = new TextDecoder().decode(of.partBytes(index)).split("\n");
    const [, sequence, ends] = JSON.parse(line);
    return [sequence, ends];
  });
}

Deno.test("Segmenter tells the fragment writer its number and where the leading track goes on", () => {
  const writer = new StreamWriter().start(0).track(VIDEO, AUDIO).video(0, 5e6);
  writer.start(60e6).track(VIDEO, AUDIO).video(60e6, 63e6);
  const { listed } = segmenterFrom(writer.records);
  const told = listed.map((segment) => writerArguments(segment, segment));
  listed[0].parts.forEach(({ startUs, durationUs }, at) => {
    assertEquals(told[0][at][1], [startUs + durationUs, null]);
  });
  assertEquals(told[0].at(-1)?.[1], [listed[1].startUs, null]);
  // The last segment of a publisher: nobody knows how long its last frame is.
  assertEquals(told[2].at(-1)?.[1], [null, null]);
  const numbers = told.flat().map(([number]) => number);
  assert(numbers.every((number) => number >= 1 && number < 2 ** 32));
  assertEquals(new Set(numbers).size, numbers.length);
  assertEquals(told[0].map(([number]) => number - told[0][0][0]), told[0].map((_, at) => at));
});

Deno.test("Segmenter shares initialization while tracks stay, and takes the new publisher's", () => {
  const writer = new StreamWriter().start(5e6).track(VIDEO, AUDIO).video(5e6, 8e6);
  writer.track({ ...VIDEO, config: VIDEO.config.slice() }).video(8e6, 10e6);
  writer.start(60e6).track(VIDEO).video(60e6, 60.04e6, { audio: null });
  const segmenter = segmenterFrom(writer.records);
  const [first, second, third] = segmenter.listed;
  assert(first.init === second.init && second.init === third.init);
  assertEquals(first.init.tracks, [VIDEO, AUDIO]);
  assertEquals(segmenter.open!.init.tracks, [VIDEO]);
  assertEquals([first.wallUs, second.wallUs], [WALL_US + 5e6, WALL_US + 7e6]);
  // The discontinuity and the initialization stand in front of the hint.
  const text = mediaPlaylist(segmenter, { container: "fmp4" })!;
  const [, tail] = text.split(`${third.number}.m4s\n`);
  assertEquals(tail.match(/^#EXT-X-(DISCONTINUITY|MAP|PRELOAD-HINT)/gm)!.length, 3);
  assertEquals(readPlaylist(text).hint, `2-${segmenter.open!.number}.0.m4s`);
});

Deno.test("Segmenter.revision rises whenever a playlist changes", () => {
  const { records } = new StreamWriter().start(0).track(VIDEO, AUDIO).video(0, 9e6);
  const segmenter = segmenterFrom([]);
  let [text, changes] = [mediaPlaylist(segmenter, { container: "fmp4" }), 0];
  for (const record of records) {
    const { revision } = segmenter;
    segmenter.push(record);
    const now = mediaPlaylist(segmenter, { container: "fmp4" });
    if (now !== text) changes++;
    assert(now === text || segmenter.revision > revision);
    text = now;
  }
  assert(changes > 40);
});

Deno.test("mediaPlaylist() hints at no part that it would not list", () => {
  const writer = new StreamWriter().start(0).track(VIDEO);
  const slow = { gop: 4, intervalUs: () => 500_000, audio: null };
  const segmenter = segmenterFrom(writer.video(0, 5e6, slow).records);
  assert(segmenter.open!.parts.length > 0);
  const { hint, segments } = readPlaylist(mediaPlaylist(segmenter, { container: "fmp4" })!);
  assertEquals([hint, segments.flatMap(({ parts }) => parts)], [undefined, []]);
});
