// Goal: requests for what is to come are held, and only those that soon can be answered.
// Method: one moment of a stream, every request around it; then time passes.
import {
  decidePart,
  decidePlaylist,
  decideSegment,
  type DeliveryDirectives,
  parseDeliveryDirectives,
} from "../../../protocols/hls/blocking.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { segmenterFrom, StreamWriter } from "../../support/hls_streams.ts";
import { VIDEO } from "../../support/stream_records.ts";

/** Two frames a part, four parts a segment; two segments and two parts are there. */
function moment(toUs = 2.1e6, intervalUs = 100_000) {
  const writer = new StreamWriter({ segmentUs: 800_000, partUs: 200_000, windowSegments: 3 });
  const options = { gop: 4, intervalUs: () => intervalUs, audio: null };
  const segmenter = segmenterFrom(writer.start(0).track(VIDEO).video(0, toUs, options).records);
  return { segmenter, last: segmenter.listed.at(-1)!.number };
}

function ask(segment?: number, part?: number): DeliveryDirectives {
  return { segment, part, skip: false };
}

Deno.test("parseDeliveryDirectives() reads what is there and says what is wrong", () => {
  const read = (query: string) => parseDeliveryDirectives(new URLSearchParams(query));
  const nothing = { segment: undefined, part: undefined, skip: false };
  assertEquals(read("token=a"), { ok: true, directives: nothing });
  assertEquals(read("_HLS_msn=7&_HLS_part=0&_HLS_skip=YES"), {
    ok: true,
    directives: { segment: 7, part: 0, skip: true },
  });
  assertEquals(read("_HLS_skip=v2"), { ok: true, directives: { ...nothing, skip: true } });
  assertEquals(read("_HLS_skip=maybe"), { ok: true, directives: nothing });
  for (const value of ["", "-1", "1.5", "0x1", "1e3", " 1", "99999999999999999"]) {
    const reason = "Cannot block: _HLS_msn is no decimal integer";
    assertEquals(read(`_HLS_msn=${encodeURIComponent(value)}`), { ok: false, reason });
    const other = "Cannot block: _HLS_part is no decimal integer";
    assertEquals(read(`_HLS_msn=1&_HLS_part=${encodeURIComponent(value)}`), {
      ok: false,
      reason: other,
    });
  }
  const alone = "Cannot block: _HLS_part needs _HLS_msn beside it";
  assertEquals(read("_HLS_part=1"), { ok: false, reason: alone });
});

Deno.test("decidePlaylist() answers, holds or refuses by distance", () => {
  const { segmenter, last } = moment();
  assertEquals(segmenter.open?.parts.length, 2);
  const decide = (segment?: number, part?: number) =>
    decidePlaylist(segmenter, ask(segment, part)).kind;
  const table: [number | undefined, number | undefined, string][] = [
    [undefined, undefined, "ready"],
    [0, undefined, "ready"],
    [last - 1, 99, "ready"],
    [last, undefined, "ready"],
    [last, 3, "ready"],
    [last, 4, "ready"], // No such part: the first of the next segment, which is there.
    [last + 1, undefined, "wait"],
    [last + 1, 0, "ready"],
    [last + 1, 1, "ready"],
    [last + 1, 2, "wait"],
    [last + 1, 16, "wait"],
    [last + 1, 17, "refuse"], // 15 parts are 3 s; the last one listed has number 1.
    [last + 2, undefined, "wait"],
    [last + 2, 0, "wait"],
    [last + 2, 15, "refuse"],
    [last + 3, undefined, "refuse"],
    [last + 3, 0, "refuse"],
  ];
  assertEquals(table.map(([segment, part]) => decide(segment, part)), table.map((row) => row[2]));
  const refused = decidePlaylist(segmenter, ask(last + 3));
  const reason = `Cannot block: _HLS_msn ${last + 3} is more than 2 ahead of ${last}`;
  assertEquals(refused, { kind: "refuse", reason });
});

Deno.test("decidePlaylist() takes a part beyond a segment for the next segment's first", () => {
  const { segmenter, last } = moment(1.8e6);
  assertEquals(segmenter.open?.parts.length, 0);
  assertEquals(decidePlaylist(segmenter, ask(last, 4)), { kind: "wait" });
  assertEquals(decidePlaylist(segmenter, ask(last, 3)), { kind: "ready" });
});

Deno.test("decidePlaylist() answers with the segment where parts are too long to list", () => {
  const { segmenter, last } = moment(2e6, 400_000);
  assert(segmenter.open !== undefined);
  assertEquals(decidePlaylist(segmenter, ask(last + 1, 0)), { kind: "wait" });
  assertEquals(decidePlaylist(segmenter, ask(last, 0)), { kind: "ready" });
});

Deno.test("decidePlaylist() never holds a request for a stream that is over", () => {
  const { segmenter, last } = moment();
  segmenter.end();
  assertEquals(decidePlaylist(segmenter, ask(last + 50, 3)), { kind: "ready" });
  assertEquals(decidePlaylist(segmenterFrom([]), ask(5)), { kind: "wait" });
});

Deno.test("decidePart() and decideSegment() wait for what is due", () => {
  const { segmenter, last } = moment();
  const part = (segment: number, index: number, generation = 1) =>
    decidePart(segmenter, { generation, segment, part: index });
  assertEquals([part(last, 3), part(last, 4), part(last - 9, 0)], ["ready", "absent", "absent"]);
  assertEquals([part(last + 1, 1), part(last + 1, 2)], ["ready", "wait"]);
  assertEquals([part(last + 1, 16), part(last + 1, 17)], ["wait", "absent"]);
  // Nodes that are ahead of us have listed them already: as many as a playlist holds, 3 here.
  const ahead = [part(last + 2, 0), part(last + 2, 0, 2), part(last + 4, 14), part(last + 5, 0)];
  assertEquals(ahead, ["wait", "wait", "wait", "absent"]);
  assertEquals(part(last + 4, 15), "absent");
  assertEquals([part(last + 2, 0, 0), part(last + 1, 0, 2)], ["absent", "absent"]);
  const segment = (number: number) => decideSegment(segmenter, { generation: 1, segment: number });
  assertEquals([segment(last), segment(last + 1), segment(last + 4), segment(last + 5)], [
    ...["ready", "wait", "wait", "absent"] as const,
  ]);
  segmenter.end();
  assertEquals([segment(last + 1), segment(last + 2), part(last + 1, 2), part(last + 1, 3)], [
    ...["ready", "absent", "ready", "absent"] as const,
  ]);
  const empty = segmenterFrom([]);
  assertEquals(decidePart(empty, { generation: 1, segment: 1, part: 0 }), "absent");
  assertEquals(decideSegment(empty, { generation: 1, segment: 1 }), "absent");
});
