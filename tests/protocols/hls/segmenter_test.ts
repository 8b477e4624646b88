// Goal: segments, parts and playlists are a function of the log: whoever joins, whenever, serves
//   the same bytes under the same names.
// Method: sources of every kind; a segmenter that read everything is compared, record by record,
//   with others that joined at later marks. Containers in words make every argument visible.
import { parseHlsName } from "../../../protocols/hls/uri.ts";
import { mediaPlaylist } from "../../../protocols/hls/media_playlist.ts";
import { multivariantPlaylist } from "../../../protocols/hls/multivariant_playlist.ts";
import { Segmenter, SEGMENTER_BYTES_MAX } from "../../../protocols/hls/segmenter.ts";
import { HLS_SETTINGS } from "../../../protocols/hls/settings.ts";
import type { LogRecord } from "../../../protocols/media/record.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import {
  AUDIO_INTERVAL_US,
  segmenterFrom,
  startAt,
  StreamWriter,
  WORDY_CONTAINERS,
} from "../../support/hls_streams.ts";
import { readPlaylist } from "../../support/m3u8.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { AUDIO, VIDEO } from "../../support/stream_records.ts";

const LARGER = { ...VIDEO, config: Uint8Array.of(8, 8), width: 128 };

function begin(): StreamWriter {
  return new StreamWriter().start(0).track(VIDEO, AUDIO);
}

/** Distances of frames between 5 ms and a quarter of a second. */
function jitter(seed: number): (count: number) => number {
  const random = seededRandom(seed);
  return () => 5_000 + randomInteger(random, random.next() < 0.05 ? 245_000 : 60_000);
}

const SOURCES: Readonly<Record<string, () => LogRecord[]>> = {
  "key frames each second": () => begin().video(0, 40e6).records,
  "a group of pictures of 10 s": () => begin().video(0, 45e6, { gop: 250 }).records,
  "key frames only": () => begin().video(0, 40e6, { gop: 1 }).records,
  "audio only": () => new StreamWriter().start(0).track(AUDIO).audio(0, 40e6).records,
  "video only, 24 Hz in milliseconds": () => {
    const intervalUs = (at: number) =>
      1000 * (Math.round((at + 1) * 1000 / 24) - Math.round(at * 1000 / 24));
    return begin().video(0, 40e6, { gop: 48, intervalUs, audio: null }).records;
  },
  "two frames a second": () =>
    begin().video(0, 40e6, { gop: 4, intervalUs: () => 500_000 }).records,
  "a variable frame rate": () => begin().video(0, 40e6, { gop: 30, intervalUs: jitter(7) }).records,
  "another resolution midway": () =>
    begin().video(0, 21e6).track(LARGER).video(21e6, 40e6, { video: LARGER }).records,
  "a new publisher": () =>
    begin().video(0, 21.3e6).start(30e6).track(VIDEO, AUDIO).video(30e6, 50e6).records,
  "a new publisher without audio": () =>
    begin().video(0, 21.3e6).start(30e6).track(VIDEO).video(30e6, 50e6, { audio: null }).records,
  "video that falls silent": () =>
    begin().video(0, 15e6).audio(15e6, 27e6).video(27e6, 40e6).records,
};

/** Everything a segmenter serves now, by name; the last words of the playlists are theirs. */
function served(segmenter: Segmenter): Map<string, string> {
  const all = new Map<string, string>();
  for (const segment of [...segmenter.listed, ...(segmenter.open ? [segmenter.open] : [])]) {
    const { generation, number } = segment;
    const name = `${generation}-${number}`;
    for (const { index } of segment.parts) {
      all.set(`${name}.${index}.m4s`, segmenter.partBytes(generation, number, index)!.toHex());
    }
    if (segment.complete) {
      all.set(`${name}.m4s`, segmenter.segmentBytes(generation, number, "fmp4")!.toHex());
      all.set(`${name}.ts`, segmenter.segmentBytes(generation, number, "ts")!.toHex());
    }
    const { hash } = segment.init;
    all.set(`init-${hash}.mp4`, segmenter.initBytes(hash)!.toHex());
  }
  return all;
}

function playlists(segmenter: Segmenter): (string | undefined)[] {
  return [
    mediaPlaylist(segmenter, { container: "fmp4", query: "k=v" }),
    mediaPlaylist(segmenter, { container: "fmp4", skip: true }),
    mediaPlaylist(segmenter, { container: "ts" }),
    multivariantPlaylist(segmenter, { name: "a", container: "fmp4" }),
    multivariantPlaylist(segmenter, { name: "a", container: "ts" }),
  ];
}

/** What both serve must be equal; with the same window, playlists too. Returns names compared. */
function compare(whole: Segmenter, joined: Segmenter): number {
  const [all, some] = [served(whole), served(joined)];
  let compared = 0;
  for (const [name, bytes] of some) {
    assertEquals(bytes, all.get(name), name);
    compared++;
  }
  if (whole.listed[0]?.number === joined.listed[0]?.number) {
    assertEquals(playlists(joined), playlists(whole));
  }
  return compared;
}

for (const [name, make] of Object.entries(SOURCES)) {
  const records = make();

  Deno.test(`Segmenter serves the same of ${name}, wherever it joined`, () => {
    const marks = records.flatMap(({ kind }, at) => kind === "mark" ? [at] : []);
    const random = seededRandom(marks.length);
    let [compared, windows] = [0, 0];
    for (let round = 0; round < 6; round++) {
      const from = marks[randomInteger(random, marks.length)];
      const whole = segmenterFrom(records.slice(0, from));
      const joined = new Segmenter({
        containers: WORDY_CONTAINERS,
        start: startAt(records, from),
      });
      for (const record of records.slice(from)) {
        whole.push(record);
        joined.push(record);
        if (random.next() < 0.01) compared += compare(whole, joined);
      }
      whole.end();
      joined.end();
      compared += compare(whole, joined);
      if (whole.listed[0].number === joined.listed[0].number) windows++;
    }
    assert(compared > 50 && windows > 0, `${compared} names and ${windows} windows compared`);
  });

  Deno.test(`Segmenter never changes what a name of ${name} stands for`, () => {
    const known = new Map<string, string>();
    const segmenter = segmenterFrom([]);
    for (const [at, record] of records.entries()) {
      segmenter.push(record);
      if (at % 50 !== 0) continue;
      for (const [uri, bytes] of served(segmenter)) {
        assert(parseHlsName(uri) !== undefined);
        assertEquals(known.get(uri) ?? bytes, bytes, uri);
        known.set(uri, bytes);
      }
    }
    assert(known.size > 100);
  });

  Deno.test(`mediaPlaylist() of ${name} is valid at every moment`, () => {
    const segmenter = segmenterFrom([]);
    const numbers = new Map<string, string>();
    let [revision, sequence, hinted] = [-1, 0, undefined as string | undefined];
    for (const record of [...records, undefined]) {
      if (record === undefined) segmenter.end();
      else segmenter.push(record);
      if (segmenter.revision === revision) continue;
      revision = segmenter.revision;
      for (const container of ["fmp4", "ts"] as const) {
        const text = mediaPlaylist(segmenter, { container });
        if (text === undefined) continue;
        const playlist = readPlaylist(text);
        assertEquals([playlist.target, playlist.ended], [2, record === undefined]);
        assert(playlist.sequence >= sequence);
        for (const { uri, ...segment } of playlist.segments) {
          if (uri === undefined) continue;
          const fixed = `${segment.number} ${segment.discontinuities} ${segment.seconds} ` +
            `${segment.dateTime} ${segment.map}`;
          assertEquals(numbers.get(uri) ?? fixed, fixed, uri);
          numbers.set(uri, fixed);
          const number = parseHlsName(uri);
          assertEquals(number?.kind === "segment" && number.segment, segment.number);
        }
        if (container === "ts") continue;
        sequence = playlist.sequence;
        if (hinted !== undefined && hinted !== playlist.hint) {
          const part = parseHlsName(hinted);
          assert(part?.kind === "part", hinted);
          const bytes = segmenter.partBytes(part.generation, part.segment, part.part);
          assert(bytes !== undefined, `${hinted} was promised and did not come`);
        }
        hinted = playlist.hint;
      }
    }
    assert(numbers.size > 10);
  });

  Deno.test(`Segmenter times of ${name} are those of its media`, () => {
    const segmenter = segmenterFrom(records);
    segmenter.end();
    const { listed } = segmenter;
    for (const [at, segment] of listed.entries()) {
      const lead = segment.frames[0].track;
      const own = segment.frames.filter(({ track }) => track === lead).map(({ dtsUs }) => dtsUs);
      assertEquals(own[0], segment.startUs);
      const next = listed[at + 1];
      const follows = next !== undefined && !next.discontinuity;
      const endUs = follows ? next.startUs : own.at(-1)! + (own.at(-1)! - (own.at(-2) ?? own[0]));
      const changed = next?.discontinuity === true && next.generation === segment.generation;
      if (!changed) assertEquals(segment.startUs + segment.durationUs, endUs);
      const sumUs = segment.parts.reduce((sum, { durationUs }) => sum + durationUs, 0);
      assertEquals(sumUs, segment.durationUs);
      assertEquals(segment.parts.at(-1)?.end, segment.frames.length);
    }
  });
}

Deno.test("Segmenter cuts parts of 85 % of the target or more where the frame rate allows", () => {
  for (
    const name of ["key frames each second", "video only, 24 Hz in milliseconds", "audio only"]
  ) {
    const segmenter = segmenterFrom(SOURCES[name]());
    let parts = 0;
    for (const segment of segmenter.listed) {
      for (const { durationUs } of segment.parts.slice(0, -1)) {
        assert(durationUs <= 210_000 && durationUs >= 0.85 * 210_000, `${name}: ${durationUs}`);
        parts++;
      }
    }
    assert(parts > 30);
  }
});

Deno.test("Segmenter completes a part as its successor's first frame comes", () => {
  const segmenter = segmenterFrom(begin().records);
  const counts: number[] = [];
  for (const record of begin().video(0, 0.6e6, { audio: null }).records) {
    segmenter.push(record);
    if (record.kind === "frame") counts.push(segmenter.open!.parts.length);
  }
  assertEquals(counts, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]);
});

Deno.test("Segmenter leaves frames out that its initialization does not describe", () => {
  const writer = begin().video(0, 1e6).track({ ...AUDIO, config: Uint8Array.of(7) });
  const strange = { ...AUDIO, config: Uint8Array.of(7) };
  writer.frame(strange, 1e6).frame({ ...AUDIO, index: 1 }, 1e6).video(1e6, 1.1e6, { audio: null });
  const segmenter = segmenterFrom(writer.records);
  assertEquals(segmenter.listed[0].frames.filter(({ track }) => track === strange).length, 0);
  const tracks = segmenter.open!.init.tracks.map(({ config }) => [...config]);
  assertEquals(tracks, [[1, 2, 3], [7]]);
});

Deno.test("Segmenter joins the parts of a segment, and keeps them once", () => {
  const segmenter = segmenterFrom(begin().video(0, 5e6).records);
  const [{ generation, number, parts }] = segmenter.listed;
  const before = segmenter.bytes;
  const first = segmenter.partBytes(generation, number, 0)!;
  const whole = segmenter.segmentBytes(generation, number, "fmp4")!;
  assertEquals(segmenter.bytes - before, whole.length);
  assert(segmenter.segmentBytes(generation, number, "fmp4") === whole);
  let at = 0;
  for (const { index } of parts) {
    const part = segmenter.partBytes(generation, number, index)!;
    assertEquals(part, whole.subarray(at, at += part.length));
    assert(part.buffer === whole.buffer);
  }
  assertEquals(first, segmenter.partBytes(generation, number, 0)!);
  assertEquals(at, whole.length);
});

Deno.test("Segmenter has no bytes of what is not there", () => {
  const segmenter = segmenterFrom(begin().video(0, 5e6).records);
  const { generation, number, parts } = segmenter.open!;
  assertEquals(segmenter.segmentBytes(generation, number, "ts"), undefined);
  assertEquals(segmenter.segmentBytes(generation + 1, number - 1, "ts"), undefined);
  assertEquals(segmenter.partBytes(generation, number, parts.length), undefined);
  assertEquals(segmenter.initBytes("0".repeat(16)), undefined);
});

Deno.test("Segmenter lists its window and keeps as much again for slow clients", () => {
  const segmenter = segmenterFrom(begin().video(0, 60e6).records);
  const last = segmenter.open!.number - 1;
  assertEquals(segmenter.listed.map(({ number }) => last - number), [5, 4, 3, 2, 1, 0]);
  assert(segmenter.segmentBytes(1, last - 12, "fmp4") !== undefined);
  assertEquals(segmenter.segmentBytes(1, last - 13, "fmp4"), undefined);
});

Deno.test("Segmenter starts its window anew where numbers leap or settings change", () => {
  const forgetful = begin().video(0, 9e6).start(60e6, { forgetful: true }).track(VIDEO);
  const leapt = segmenterFrom(forgetful.video(60e6, 65e6, { audio: null }).records);
  assertEquals(leapt.listed.map(({ generation }) => generation), [2, 2]);

  const settings = { ...HLS_SETTINGS, segmentUs: 4_000_000 };
  const other = begin().video(0, 9e6).start(60e6, { settings }).track(VIDEO);
  const changed = segmenterFrom(other.video(60e6, 73e6, { audio: null }).records);
  assertEquals(changed.listed.map(({ durationUs }) => durationUs), [4e6, 4e6, 4e6]);
  assertEquals(readPlaylist(mediaPlaylist(changed, { container: "fmp4" })!).target, 4);
});

Deno.test("Segmenter.resume() goes on at the next mark behind records that were missed", () => {
  const { records } = begin().video(0, 20e6);
  const marks = records.flatMap(({ kind }, at) => kind === "mark" ? [at] : []);
  const whole = segmenterFrom(records);
  const segmenter = segmenterFrom(records.slice(0, marks[5] + 20));
  const fifth = segmenter.open!.number;
  segmenter.push(records[marks[5] + 22]); // One is missing: nobody may see a segment with a hole.
  assertEquals([segmenter.open, segmenter.listed.at(-1)?.number], [undefined, fifth - 1]);

  segmenter.resume(startAt(records, marks[6] + 30)!);
  for (const record of records.slice(marks[6] + 30)) segmenter.push(record);
  // Segments are lost, and the window with them: a playlist has no holes.
  assertEquals(segmenter.listed.map(({ number }) => number - fifth), [2, 3]);
  assert(compare(whole, segmenter) > 20);

  const lucky = segmenterFrom(records.slice(0, marks[5]));
  lucky.resume(startAt(records, marks[5])!);
  for (const record of records.slice(marks[5])) lucky.push(record);
  assertEquals(lucky.listed.map(({ number }) => number - fifth), [0, 1, 2, 3]);
});

Deno.test("Segmenter.bytes stays within its bound", () => {
  const writer = new StreamWriter().start(0).track(VIDEO);
  const data = new Uint8Array(1 << 20);
  const segmenter = segmenterFrom(writer.records);
  const fill = (dtsUs: number, mebibytes: number) => {
    const from = writer.records.length;
    for (let i = 0; i < mebibytes; i++) {
      writer.media({ track: VIDEO, dtsUs: dtsUs + i, ptsUs: dtsUs, keyframe: i === 0, data });
    }
    for (const record of writer.records.slice(from)) segmenter.push(record);
  };
  for (let second = 0; second <= 20; second += 2) {
    fill(second * 1e6, 30);
    assert(segmenter.bytes <= SEGMENTER_BYTES_MAX + 31 * data.length);
  }
  assertEquals(segmenter.listed.length, 4);
  fill(22e6, 65);
  assertEquals([segmenter.open, segmenter.listed.length], [undefined, 4]);
  fill(24e6, 1);
  assertEquals(segmenter.listed.length, 0); // A number is missing.
});

Deno.test("Segmenter is silent before its first anchor and mark, and after the end", () => {
  const { records } = begin().video(0, 3e6, { intervalUs: () => AUDIO_INTERVAL_US });
  const late = segmenterFrom(records.slice(5));
  assertEquals([late.open, late.listed.length, late.anchor], [undefined, 0, undefined]);
  const ended = segmenterFrom(records);
  ended.end();
  const { revision } = ended;
  for (const record of records) ended.push(record);
  ended.end();
  assertEquals([ended.open, ended.revision], [undefined, revision]);
});
