// Goal: segments begin at key frames where these come in time, never last longer than the target
//   allows, and their numbers never repeat.
// Method: streams of every kind, their marks compared with times worked out by hand.
import { firstSegment, SegmentMarker } from "../../../protocols/hls/marker.ts";
import { HLS_SETTINGS, segmentUsMax } from "../../../protocols/hls/settings.ts";
import type { Frame, MarkRecord } from "../../../protocols/media/record.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { AUDIO_INTERVAL_US, StreamWriter, WALL_US } from "../../support/hls_streams.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";

const SECOND_US = 1_000_000;

/** Each mark with the frame behind it. */
function cuts(writer: StreamWriter): { mark: MarkRecord; frame: Frame }[] {
  return writer.records.flatMap((mark, at) => {
    if (mark.kind !== "mark") return [];
    const frame = writer.records[at + 1] as Frame;
    assertEquals([frame.kind, frame.dtsUs], ["frame", mark.dtsUs]);
    return [{ mark, frame }];
  });
}

const times = (writer: StreamWriter) => cuts(writer).map(({ mark }) => mark.dtsUs / SECOND_US);

function begin(): StreamWriter {
  return new StreamWriter().start(0).track(VIDEO, AUDIO);
}

Deno.test("SegmentMarker.marks() cuts at the key frame that reaches the length", () => {
  assertEquals(times(begin().video(0, 7e6, { gop: 25 })), [0, 2, 4, 6]);
  // Every frame a key frame.
  assertEquals(times(begin().video(0, 7e6, { gop: 1 })), [0, 2, 4, 6]);
  // 1.6 s: two of them would last too long.
  assertEquals(times(begin().video(0, 7e6, { gop: 40 })), [0, 1.6, 3.2, 4.8, 6.4]);
  // 2.4 s rounds to 2.
  assertEquals(times(begin().video(0, 7e6, { gop: 60 })), [0, 2.4, 4.8]);
});

Deno.test("SegmentMarker.marks() cuts within groups of pictures that are too long", () => {
  const writer = begin().video(0, 31e6, { gop: 250 });
  const first = [0, 2.48, 4.96, 7.44, 9.92, 10]; // Nobody knows yet how long the first one gets.
  assertEquals(times(writer), [...first, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]);
  const key = cuts(writer).filter(({ frame }) => frame.keyframe).map(({ mark }) =>
    mark.dtsUs / 1e6
  );
  assertEquals(key, [0, 10, 20, 30]);
});

Deno.test("SegmentMarker.marks() cuts audio alone at the frame that reaches the length", () => {
  const writer = new StreamWriter().start(0).track(AUDIO).audio(0, 8e6);
  const [first, second, third] = cuts(writer).map(({ mark }) => mark.dtsUs);
  assert(first >= SECOND_US && first < SECOND_US + AUDIO_INTERVAL_US, "video had its time");
  for (const lengthUs of [second - first, third - second]) {
    assert(lengthUs >= 2 * SECOND_US && lengthUs < 2 * SECOND_US + AUDIO_INTERVAL_US);
  }
});

Deno.test("SegmentMarker.marks() waits for the first key frame of a video stream", () => {
  const writer = begin().frame(AUDIO, 0).frame(VIDEO, 0, false).frame(AUDIO, 21_333);
  writer.frame(VIDEO, 40_000, false).frame(VIDEO, 80_000, true);
  assertEquals(times(writer), [0.08]);
});

Deno.test("SegmentMarker.marks() counts a changed configuration, not a repeated one", () => {
  const writer = begin().video(0, 3e6);
  writer.track({ ...VIDEO, config: VIDEO.config.slice() }).video(3e6, 4e6);
  const other = { ...VIDEO, config: Uint8Array.of(9, 9, 9) };
  writer.track(other).video(4e6, 5e6, { video: other }).track({
    ...AUDIO,
    config: Uint8Array.of(7),
  });
  writer.video(5e6, 6e6, { video: other });
  const seen = cuts(writer).map(({ mark }) => [
    mark.dtsUs / SECOND_US,
    mark.discontinuity,
    mark.discontinuities,
  ]);
  assertEquals(seen, [[0, false, 0], [2, false, 0], [4, true, 1], [5, true, 2]]);
});

Deno.test("SegmentMarker.marks() lets audio lead while video is silent", () => {
  const writer = begin().video(0, 3e6).audio(3e6, 12e6).video(12e6, 16e6);
  const seen = cuts(writer).map(({ mark, frame }) => [frame.track.kind, mark.discontinuity]);
  const audio = seen.filter(([kind]) => kind === "audio");
  assert(audio.length >= 3, "audio went on");
  assertEquals(audio.map(([, discontinuity]) => discontinuity).slice(0, 2), [true, false]);
  assertEquals(seen.slice(0, 2), [["video", false], ["video", false]]);
  assertEquals(cuts(writer).find(({ mark }) => mark.dtsUs === 12e6)?.mark.discontinuity, true);
});

Deno.test("SegmentMarker.marks() calls a gap in the media a discontinuity", () => {
  const writer = begin().video(0, 3e6, { audio: null }).video(9e6, 12e6, { audio: null });
  const seen = cuts(writer).map(({ mark }) => [mark.dtsUs / 1e6, mark.discontinuity]);
  assertEquals(seen, [[0, false], [2, false], [9, true], [11, false]]);
});

Deno.test("SegmentMarker continues the numbers of the generation before", () => {
  const writer = begin().video(0, 5e6).start(60e6).track(VIDEO).video(60e6, 63e6, { audio: null });
  const first = firstSegment(HLS_SETTINGS, WALL_US);
  assertEquals(writer.marks.map(({ segment }) => segment - first), [0, 1, 2, 3, 4]);
  assertEquals(writer.marks.map((mark) => mark.discontinuity), [false, false, false, true, false]);
  assertEquals(writer.marks.at(-1)?.discontinuities, 1);
});

Deno.test("SegmentMarker never goes back, whatever an owner forgot", () => {
  for (const gop of [1, 10, 24, 25, 32, 33, 40, 55, 62, 100]) {
    for (const segmentUs of [500_000, 1_500_000, 2_000_000]) {
      const settings = { ...HLS_SETTINGS, segmentUs };
      const writer = new StreamWriter(settings);
      for (let at = 0; at < 3; at++) {
        writer.start(at * 20e6, { forgetful: true }).track(VIDEO);
        writer.video(at * 20e6, at * 20e6 + 20e6, { gop, audio: null });
      }
      const numbers = writer.marks.map(({ segment }) => segment);
      const rising = numbers.every((number, at) => at === 0 || number > numbers[at - 1]);
      assert(rising, `groups of ${gop} frames, segments of ${segmentUs} us`);
    }
  }
});

Deno.test("SegmentMarker never lets a segment outlast the target, at any frame rate", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const writer = begin();
    const slow = 20_000 + randomInteger(random, 200_000);
    for (let dtsUs = 0; dtsUs < 60e6; dtsUs += 10_000 + randomInteger(random, slow)) {
      writer.frame(VIDEO, dtsUs, random.next() < 0.03 || dtsUs === 0);
    }
    const marks = cuts(writer);
    marks.slice(1).forEach(({ mark }, at) => {
      const lengthUs = mark.dtsUs - marks[at].mark.dtsUs;
      const fits = lengthUs <= segmentUsMax(HLS_SETTINGS);
      assertEquals(fits, !mark.discontinuity, `seed ${seed}: ${lengthUs} us`);
    });
  }
});

Deno.test("firstSegment() stays a number that every player can count with", () => {
  assertEquals(firstSegment(HLS_SETTINGS, 1_767_225_600_900_000), 1_767_225_600);
});

Deno.test("SegmentMarker.marks() has no eyes for further tracks", () => {
  const marker = new SegmentMarker({ settings: HLS_SETTINGS, wallUs: WALL_US });
  const second = { ...VIDEO, index: 1 };
  marker.track(VIDEO);
  marker.track(second);
  assertEquals(marker.marks({ track: second, dtsUs: 0, keyframe: true }), undefined);
  assert(marker.marks({ track: VIDEO, dtsUs: 0, keyframe: true }) !== undefined);
});
