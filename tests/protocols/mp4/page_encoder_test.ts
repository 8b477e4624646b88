// Goal: a live body holds every frame of the log, each due when the log says, wherever it starts.
// Method: records of captured FLV files; what was written is read back, cut at every record.
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import type { Frame, LogRecord } from "../../../protocols/media/record.ts";
import { type Track, trackId } from "../../../protocols/media/track.ts";
import { demuxFragments } from "../../../protocols/mp4/demuxer.ts";
import { faultOfTrack } from "../../../protocols/mp4/mp4_support.ts";
import { Mp4PageEncoder } from "../../../protocols/mp4/page_encoder.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { demuxFlv, flvFile, framesOf, SMALL_FLV } from "../../support/flv_vectors.ts";

/** The bytes of each record, framed by a canary on both sides. */
function pages(encoder: Mp4PageEncoder, records: readonly LogRecord[]): Uint8Array[] {
  return records.map((record) => {
    const bytes = encoder.sizeOf(record);
    const target = new Uint8Array(bytes + 2).fill(0xee);
    if (bytes > 0) encoder.write(record, target, 1);
    assertEquals([target[0], target[bytes + 1]], [0xee, 0xee]);
    return target.subarray(1, -1);
  });
}

/** The latest configuration of each track, in the order of numbers. */
function headOf(tracks: readonly Track[]) {
  const latest = new Map(tracks.map((track) => [trackId(track), track]));
  return { tracks: [...latest.values()].sort((a, b) => trackId(a) - trackId(b)), data: [] };
}

function facts({ track, dtsUs, ptsUs, keyframe, data }: Frame) {
  return [trackId(track), dtsUs, ptsUs, keyframe, data.toHex()];
}

for (const name of SMALL_FLV) {
  Deno.test(`Mp4PageEncoder carries what it can of ${name}`, () => {
    const sink = demuxFlv(flvFile(name));
    const head = headOf(sink.tracks);
    const encoder = new Mp4PageEncoder();
    const written = pages(encoder, sink.records);
    const carried = framesOf(sink).filter(({ track }) => faultOfTrack(track) === undefined);
    const opening = encoder.opening(head);
    assertEquals(opening.length === 0, carried.length === 0);
    if (opening.length === 0) return assert(written.every(({ length }) => length === 0));

    const toleranceUs = 1_000_000 / 8_000 / 2;
    const back = demuxFragments(opening, concatBytes(...written));
    assertEquals(back.length, carried.length);
    for (const [index, frame] of back.entries()) {
      const source = carried[index];
      const late = [frame.dtsUs - source.dtsUs, frame.ptsUs - source.ptsUs];
      assert(late.every((us) => Math.abs(us) <= toleranceUs), `off by ${late} us`);
      const { dtsUs, ptsUs } = source;
      assertEquals(facts({ ...frame, dtsUs, ptsUs }), facts(source));
    }
  });
}

Deno.test("a body may start at any record", () => {
  const sink = demuxFlv(flvFile("h264_aac"));
  const head = headOf(sink.tracks);
  const encoder = new Mp4PageEncoder();
  const written = pages(encoder, sink.records);
  for (let start = 0; start < written.length; start++) {
    const tail = concatBytes(encoder.preface(head, 0), ...written.slice(start));
    const frames = demuxFragments(encoder.opening(head), tail);
    const expected = framesOf(sink).filter(({ seq }) => seq > start);
    assertEquals(frames.map(({ data }) => data.length), expected.map(({ data }) => data.length));
  }
});

const [FIRST] = framesOf(demuxFlv(flvFile("h264_aac"))).filter(({ track }) =>
  track.kind === "video"
);

/** sequence_number and the duration of a fragment of one picture. */
function numbers(page: Uint8Array): [number, number] {
  const view = new DataView(page.buffer, page.byteOffset);
  return [view.getUint32(20), view.getUint32(24 + 8 + 16 + 20 + 20)];
}

Deno.test("Mp4PageEncoder numbers fragments without a gap and lets pictures last as the one before", () => {
  const times = [0, 20_000, 60_000, 10_060_000, 10_100_000];
  const records = times.map((dtsUs, index) => ({
    ...FIRST,
    track: { ...FIRST.track, frameRate: 25 } as Track,
    dtsUs,
    ptsUs: dtsUs,
    seq: 7 + 2 * index, // Marks and other records lie between them.
  }));
  const { track } = records[0];
  const written = pages(new Mp4PageEncoder(), records.map((record) => ({ ...record, track })));
  // The ten seconds were a pause: nobody expects another.
  assertEquals(written.map(numbers), [
    [1, 3_600],
    [2, 1_800],
    [3, 3_600],
    [4, 3_600],
    [5, 3_600],
  ]);
});

Deno.test("Mp4PageEncoder writes nothing but frames", () => {
  const encoder = new Mp4PageEncoder();
  const { track } = FIRST;
  const records: LogRecord[] = [
    { kind: "track", seq: 1, dtsUs: 0, track },
    { kind: "data", seq: 4, dtsUs: 0, carrier: "script", name: "a", payload: new Uint8Array(3) },
  ];
  assertEquals(records.map((record) => encoder.sizeOf(record)), [0, 0]);
  assertEquals(encoder.preface({ tracks: [track], data: [] }, 0).length, 0);
  assertEquals(encoder.closing().length, 0);
});
