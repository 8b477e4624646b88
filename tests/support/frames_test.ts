// Goal: the comparison that calls a delivery exact sees every way in which it is not.
// Method: a small source, deliveries with one fault each.
import { assertEquals, assertMatch } from "./assert.ts";
import { compareFrames, type FrameDigest, type Frames, parseFrameMd5 } from "./frames.ts";

const SOURCE: Frames = {
  video: [0, 1, 2, 3, 4, 5].map((i) => frame(`v${i}`, i * 40_000, i % 3 === 0)),
  audio: [0, 1, 2, 3, 4, 5].map((i) => frame(`a${i}`, i * 40_000 + 5_000)),
};

Deno.test("compareFrames() accepts a run from a key frame, moved by one offset", () => {
  assertEquals(compareFrames(SOURCE, SOURCE), undefined);
  const late = { video: SOURCE.video.slice(3), audio: SOURCE.audio.slice(2) };
  assertEquals(compareFrames(SOURCE, moved(late, 7_000, 7_000)), undefined);
});

const FAULTY: { name: string; got: Frames; fault: RegExp }[] = [
  { name: "no frames", got: { ...SOURCE, audio: [] }, fault: /audio: none of 6/ },
  { name: "a lost frame", got: without(2), fault: /video: a frame out of order at 2/ },
  { name: "a doubled frame", got: doubled(2), fault: /video: a frame out of order at 3/ },
  { name: "changed bytes", got: changed(4), fault: /not in the source at 4/ },
  {
    name: "a start between key frames",
    got: { ...SOURCE, video: SOURCE.video.slice(1) },
    fault: /source frame 1, no key frame/,
  },
  {
    name: "a missing end",
    got: { ...SOURCE, audio: SOURCE.audio.slice(0, 4) },
    fault: /last 2 frames are missing/,
  },
  { name: "sound beside the picture", got: moved(SOURCE, 0, 1_000), fault: /drift by 1000 us/ },
  { name: "a moved frame", got: shifted(3), fault: /drift by 1000 us/ },
];

for (const { name, got, fault } of FAULTY) {
  Deno.test(`compareFrames() sees ${name}`, () => {
    assertMatch(compareFrames(SOURCE, got) ?? "exact", fault);
  });
}

Deno.test("compareFrames() asks for enough frames and allows what it is told to", () => {
  assertMatch(compareFrames(SOURCE, SOURCE, { framesMin: 7 }) ?? "exact", /only 6 frames/);
  const cut = { ...SOURCE, audio: SOURCE.audio.slice(0, 5) };
  assertEquals(compareFrames(SOURCE, cut, { tailMax: 1 }), undefined);
  assertEquals(compareFrames(SOURCE, moved(SOURCE, 0, 900), { toleranceUs: 900 }), undefined);
  assertEquals(compareFrames(SOURCE, shifted(3), { untimedHead: 4 }), undefined);
});

Deno.test("parseFrameMd5() reads what ffmpeg 5.1 writes", () => {
  const text = [
    "#format: frame checksums",
    "#tb 0: 1/1000",
    "#media_type 0: video",
    "#tb 1: 1/1000",
    "#media_type 1: audio",
    "#stream#, dts,        pts, duration,     size, hash",
    "0,        -80,          0,       40,     4714, 9f7416a28034756e24ac71603a636d1e",
    "1,          0,          0,       23,      209, 2f7416a28034756e24ac71603a636d1f",
  ].join("\n");
  assertEquals(parseFrameMd5(text), {
    video: [{ ...frame("9f7416a28034756e24ac71603a636d1e", -80_000), ptsUs: 0, bytes: 4714 }],
    audio: [{ ...frame("2f7416a28034756e24ac71603a636d1f", 0), bytes: 209 }],
  });
});

function frame(digest: string, timeUs: number, keyframe?: boolean): FrameDigest {
  const times = { dtsUs: timeUs, ptsUs: timeUs, bytes: 1, digest };
  return keyframe === undefined ? times : { ...times, keyframe };
}

function moved(frames: Frames, videoUs: number, audioUs: number): Frames {
  const move = (list: readonly FrameDigest[], byUs: number) =>
    list.map((one) => ({ ...one, dtsUs: one.dtsUs + byUs, ptsUs: one.ptsUs + byUs }));
  return { video: move(frames.video, videoUs), audio: move(frames.audio, audioUs) };
}

function without(index: number): Frames {
  return { ...SOURCE, video: SOURCE.video.toSpliced(index, 1) };
}

function doubled(index: number): Frames {
  return { ...SOURCE, video: SOURCE.video.toSpliced(index, 0, SOURCE.video[index]) };
}

function changed(index: number): Frames {
  return { ...SOURCE, video: SOURCE.video.with(index, frame("other", index * 40_000)) };
}

function shifted(index: number): Frames {
  const one = SOURCE.video[index];
  return { ...SOURCE, video: SOURCE.video.with(index, { ...one, ptsUs: one.ptsUs + 1_000 }) };
}
