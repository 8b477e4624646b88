// Goal: cursors see every byte once, in order, from a key frame; the late jump, the rest lose
//   nothing; classes and memory stay bounded.
// Method: a stream in memory with a test format whose bytes tell the frame's number.
import { ENCODING_CLASSES_MAX, UNUSUAL_CLASSES_MAX } from "../../../actors/stream/encodings.ts";
import { Flusher } from "../../../actors/stream/flusher.ts";
import { MediaBudget } from "../../../actors/stream/media_budget.ts";
import { StreamCore } from "../../../actors/stream/stream_core.ts";
import { Viewer } from "../../../actors/stream/viewer.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import {
  AUDIO,
  audioFrame,
  frameNumbers,
  TEST_CLASS,
  TestEncoder,
  trackRecord,
  VIDEO,
  videoFrame,
} from "../../support/stream_records.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

function newStream() {
  const ports = new VirtualPorts();
  const flusher = new Flusher<StreamCore>({
    ...ports,
    window: 20,
    latenessMs: () => 0,
    failed: (_stream, error) => {
      throw error;
    },
  });
  const budget = new MediaBudget(1 << 30);
  const core = new StreamCore({ app: "live", name: "a" }, {
    budget,
    flusher,
    windowUs: 5_000_000,
  });
  return { core, budget, flusher, ports };
}

/** A video and an audio track, then `count` frames, 10 ms apart, a key frame every `gop`. */
function feed(core: StreamCore, count: number, options: { gop?: number; bytes?: number } = {}) {
  const { gop = 10, bytes = 100 } = options;
  if (core.log.nextSeq === 0) {
    core.append(trackRecord(0, VIDEO));
    core.append(trackRecord(1, AUDIO));
  }
  const end = core.log.nextSeq + count;
  for (let seq = core.log.nextSeq; seq < end; seq++) {
    core.append(videoFrame(seq, { dtsUs: seq * 10_000, keyframe: (seq - 2) % gop === 0, bytes }));
  }
}

const quiet = { joined: () => {}, wake: () => {} };

/** Everything the viewer has to say now. */
function drain(viewer: Viewer): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let part = viewer.next(); part !== undefined; part = viewer.next()) parts.push(part);
  return parts;
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("Viewer.next() starts with opening and preface, then the newest key frame", () => {
  const { core } = newStream();
  feed(core, 25);
  let joined = 0;
  const viewer = new Viewer(core, TEST_CLASS, { joined: () => joined++, wake: () => {} });
  const [head, ...media] = drain(viewer);
  assertEquals(text(head), "OPENP\x02");
  assertEquals(media.flatMap((bytes) => frameNumbers(bytes)), [22, 23, 24, 25, 26]);
  assertEquals(joined, 1);
  core.flush();
  assertEquals(viewer.next(), undefined);
});

Deno.test("Viewer.next() starts behind a key frame where the format has no pictures", () => {
  const { core } = newStream();
  const soundOnly = {
    key: "sound",
    createEncoder: () => {
      const encoder = new TestEncoder();
      const sizeOf = encoder.sizeOf.bind(encoder);
      encoder.sizeOf = (record) =>
        record.kind === "frame" && record.track.kind === "video" ? 0 : sizeOf(record);
      return encoder;
    },
  };
  const viewer = new Viewer(core, soundOnly, quiet);
  feed(core, 3);
  for (let seq = 5; seq < 8; seq++) core.append(audioFrame(seq, seq * 10_000));
  core.flush();
  const media = drain(viewer).slice(1);
  assertEquals(media.flatMap((bytes) => frameNumbers(bytes, 20)), [5, 6, 7]);
});

Deno.test("Viewer.next() hands viewers in step the very same bytes", () => {
  const { core } = newStream();
  feed(core, 5);
  const [one, two] = [1, 2].map(() => new Viewer(core, TEST_CLASS, quiet));
  drain(one);
  drain(two);
  feed(core, 3);
  core.flush();
  const bytes = one.next()!;
  assertEquals(frameNumbers(bytes), [7, 8, 9]);
  assert(bytes === two.next());
});

Deno.test("Viewer.next() joins pages of one flush into one write", () => {
  const { core } = newStream();
  feed(core, 8);
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  drain(viewer);
  feed(core, 6); // A key frame, and so a page, begins within.
  core.flush();
  assertEquals(drain(viewer).map((bytes) => frameNumbers(bytes)), [[10, 11, 12, 13, 14, 15]]);
});

Deno.test("Viewer.next() waits for a key frame and then starts with it", () => {
  const { core } = newStream();
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  assertEquals(viewer.next(), undefined);
  core.append(trackRecord(0, VIDEO));
  core.append(trackRecord(1, AUDIO));
  core.append(videoFrame(2, { dtsUs: 0 }));
  core.flush();
  assertEquals(viewer.next(), undefined);
  core.append(videoFrame(3, { dtsUs: 10_000, keyframe: true }));
  core.flush();
  assertEquals(drain(viewer).slice(1).flatMap((bytes) => frameNumbers(bytes)), [3]);
});

Deno.test("Viewer.next() of audio alone starts at the live end once the stream has settled", () => {
  const { core } = newStream();
  core.append(trackRecord(0, AUDIO));
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  for (let seq = 1; seq <= 49; seq++) core.append(audioFrame(seq, seq * 20_000, 100));
  core.flush();
  assertEquals(viewer.next(), undefined); // Video may still appear.
  for (let seq = 50; seq <= 60; seq++) core.append(audioFrame(seq, seq * 20_000, 100));
  core.flush();
  const numbers = drain(viewer).slice(1).flatMap((bytes) => frameNumbers(bytes));
  assertEquals([numbers[0], numbers.at(-1)], [51, 60]); // The page opened a second in.
});

Deno.test("Viewer.next() jumps to the newest key frame when it is late by bytes", () => {
  const { core } = newStream();
  feed(core, 5);
  const late = new Viewer(core, TEST_CLASS, quiet);
  const punctual = new Viewer(core, TEST_CLASS, quiet);
  drain(late);
  drain(punctual);
  const seen: number[] = [];
  for (let i = 0; i < 60; i++) {
    feed(core, 1, { bytes: 100_000 });
    core.flush();
    for (const bytes of drain(punctual)) seen.push(...frameNumbers(bytes, 100_000));
  }
  assertEquals(seen, Array.from({ length: 60 }, (_, i) => 7 + i));
  const numbers = drain(late).flatMap((bytes) => frameNumbers(bytes, 100_000));
  assertEquals(numbers, [62, 63, 64, 65, 66]);
  assertEquals([late.jumps, punctual.jumps, core.counters.jumps], [1, 0, 1]);
});

Deno.test("Viewer.next() does not hold the catching up after a join against a viewer", () => {
  const { core } = newStream();
  feed(core, 60, { gop: 1_000, bytes: 100_000 }); // Six megabytes since the key frame.
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  const head = viewer.next();
  assertEquals(text(head!), "OPENP\x02");
  feed(core, 10, { gop: 1_000, bytes: 100_000 });
  core.flush();
  const numbers = drain(viewer).flatMap((bytes) => frameNumbers(bytes, 100_000));
  assertEquals([numbers[0], numbers.length, viewer.jumps], [2, 70, 0]);
});

Deno.test("Viewer.next() jumps after a stall, and tells new tracks on the way", () => {
  const { core } = newStream();
  feed(core, 12);
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  drain(viewer);
  core.append(trackRecord(14, { ...VIDEO, config: Uint8Array.of(7) }));
  for (let seq = 15; seq < 30; seq++) {
    core.append(videoFrame(seq, { dtsUs: seq * 10_000, keyframe: seq === 20 }));
  }
  core.flush();
  viewer.stall();
  const [preface, media] = drain(viewer);
  assertEquals(text(preface), "P\x02");
  assertEquals(frameNumbers(media)[0], 20);
});

Deno.test("Viewer.next() moves on when the pages it wanted are gone", () => {
  const { core } = newStream();
  feed(core, 5);
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  drain(viewer);
  for (let i = 0; i < 100; i++) { // Ten seconds pass it by, little by little.
    feed(core, 10);
    core.flush();
  }
  const numbers = drain(viewer).flatMap((bytes) => frameNumbers(bytes));
  assertEquals(numbers[0], 1002);
  assertEquals(viewer.jumps, 1);
});

Deno.test("Viewer.resume() joins again at a key frame", () => {
  const { core } = newStream();
  feed(core, 5);
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  drain(viewer);
  viewer.pause();
  feed(core, 10);
  core.flush();
  assertEquals(viewer.next(), undefined);
  viewer.resume();
  assertEquals(drain(viewer).flatMap((bytes) => frameNumbers(bytes)), [12, 13, 14, 15, 16]);
});

Deno.test("Viewer is over once it has the last byte of a stream that ended", () => {
  const { core, budget } = newStream();
  feed(core, 5);
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  drain(viewer);
  feed(core, 2);
  core.end();
  const [media, closing] = drain(viewer);
  assertEquals(frameNumbers(media), [7, 8]);
  assertEquals(text(closing), "END");
  assert(viewer.over);
  viewer.close();
  assertEquals(budget.usedBytes, 0);
});

Deno.test("Viewer.close() takes the encoding's memory along with the last viewer", () => {
  const { core, budget, flusher } = newStream();
  feed(core, 5);
  const viewers = [1, 2].map(() => new Viewer(core, TEST_CLASS, quiet));
  viewers[0].close();
  viewers[0].close();
  assertEquals([core.viewers.length, flusher.viewers, core.encodings.size], [1, 1, 1]);
  viewers[1].close();
  assertEquals([core.viewers.length, core.encodings.size], [0, 0]);
  assertEquals(budget.usedBytes, core.log.bytes);
});

Deno.test("Encodings.acquire() re-frames for viewers beyond the bound", () => {
  const { core } = newStream();
  feed(core, 5);
  const unusual = (i: number) => ({
    key: `test/${i}`,
    createEncoder: () => new TestEncoder(),
    fallback: { usual: TEST_CLASS, reframe: (bytes: Uint8Array) => bytes.slice().fill(i) },
  });
  const viewers = Array.from({ length: 20 }, (_, i) => new Viewer(core, unusual(i), quiet));
  assertEquals(core.encodings.size, UNUSUAL_CLASSES_MAX + 1);
  assert(core.encodings.size <= ENCODING_CLASSES_MAX);
  const [, media] = drain(viewers[19]);
  assertEquals(new Set(media), new Set([19]));
  for (const viewer of viewers) viewer.close();
  assertEquals(core.encodings.size, 0);
});

Deno.test("StreamCore.fail() ends every viewer", () => {
  const { core } = newStream();
  feed(core, 5);
  const viewer = new Viewer(core, TEST_CLASS, quiet);
  drain(viewer);
  core.fail();
  assert(viewer.over);
});
