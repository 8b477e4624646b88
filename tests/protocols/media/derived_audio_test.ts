// Goal: most players see the derived track where the original was, RTSP players only the original.
// Method: records of a stream with both, read through the view, and an encoder that notes its calls.
import {
  isDerived,
  originalTracks,
  PlayablePageEncoder,
  playableTracks,
  PlayableView,
} from "../../../protocols/media/derived_audio.ts";
import type { Frame, LogRecord } from "../../../protocols/media/record.ts";
import { type AudioTrack, DERIVED_AUDIO_INDEX } from "../../../protocols/media/track.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { trackRecord, VIDEO, videoFrame } from "../../support/stream_records.ts";

const ORIGINAL: AudioTrack = {
  ...{ kind: "audio", codec: "g711a", index: 0, config: new Uint8Array(0) },
  ...{ sampleRate: 8_000, channels: 1, replaced: true },
};
const DERIVED: AudioTrack = {
  ...{ kind: "audio", codec: "aac", index: DERIVED_AUDIO_INDEX, config: Uint8Array.of(0x15, 0x88) },
  ...{ sampleRate: 8_000, channels: 1 },
};
const SHOWN = { ...DERIVED, index: 0 };

function audioFrame(seq: number, track: AudioTrack): Frame {
  const data = Uint8Array.of(seq);
  return { kind: "frame", seq, track, dtsUs: seq, ptsUs: seq, keyframe: true, data };
}

Deno.test("playableTracks() puts the derived track in the original's place", () => {
  assertEquals(playableTracks([VIDEO, ORIGINAL, DERIVED]), [VIDEO, SHOWN]);
  const usual = [VIDEO, SHOWN];
  assert(playableTracks(usual) === usual);
});

Deno.test("originalTracks() leaves out what was made", () => {
  assertEquals(originalTracks([VIDEO, ORIGINAL, DERIVED]), [VIDEO, ORIGINAL]);
  assertEquals([VIDEO, ORIGINAL, DERIVED].filter(isDerived), [DERIVED]);
});

Deno.test("PlayableView.record() hides the original and shows the derived track, always the same", () => {
  const view = new PlayableView();
  const shownOf = (record: LogRecord) => view.record(record);
  const video = videoFrame(1, { dtsUs: 0 });
  assert(shownOf(video) === video);
  assertEquals(shownOf(audioFrame(2, ORIGINAL)), undefined);
  assertEquals(shownOf(trackRecord(3, ORIGINAL)), undefined);
  assertEquals(shownOf(trackRecord(4, DERIVED)), trackRecord(4, SHOWN));
  const first = shownOf(audioFrame(5, DERIVED)) as Frame;
  const second = shownOf(audioFrame(6, DERIVED)) as Frame;
  assertEquals(first, { ...audioFrame(5, DERIVED), track: SHOWN });
  assert(first.track === second.track);
});

Deno.test("PlayablePageEncoder writes what most players get", () => {
  const seen: unknown[] = [];
  const encoder = new PlayablePageEncoder({
    opening: (head) => (seen.push(head.tracks), new Uint8Array(1)),
    preface: (head) => (seen.push(head.tracks), new Uint8Array(2)),
    sizeOf: (record) => (seen.push(record), 3),
    write: (record) => void seen.push(record),
    closing: () => new Uint8Array(4),
  });
  const head = { tracks: [VIDEO, ORIGINAL, DERIVED], data: [] };
  assertEquals([encoder.opening(head).length, encoder.preface(head, 0).length], [1, 2]);
  assertEquals(encoder.sizeOf(audioFrame(1, ORIGINAL)), 0);
  assertEquals(encoder.sizeOf(audioFrame(2, DERIVED)), 3);
  encoder.write(audioFrame(2, DERIVED), new Uint8Array(3), 0);
  assertEquals(encoder.closing().length, 4);
  const frame = { ...audioFrame(2, DERIVED), track: SHOWN };
  assertEquals(seen, [[VIDEO, SHOWN], [VIDEO, SHOWN], frame, frame]);
});
