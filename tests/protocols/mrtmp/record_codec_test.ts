// Goal: a record that crossed a link is the same to the bit, and nothing else is taken for one.
// Method: vectors made by Python in both directions, cut at every length, fields spoilt one by one.
import { ProtocolError } from "../../../protocols/errors.ts";
import type { LogRecord } from "../../../protocols/media/record.ts";
import type { AudioTrack, VideoTrack } from "../../../protocols/media/track.ts";
import { DERIVED_AUDIO_INDEX, TRACK_CONFIG_BYTES_MAX } from "../../../protocols/media/track.ts";
import { HEADER_BYTES } from "../../../protocols/mrtmp/frame.ts";
import { FrameWriter } from "../../../protocols/mrtmp/frame_writer.ts";
import { readRecord, type TrackTable } from "../../../protocols/mrtmp/record_codec.ts";
import {
  readStart,
  START_RECORDS_MAX,
  type StartMessage,
  writeStart,
} from "../../../protocols/mrtmp/start.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { mrtmpVector, receivedFrame, withBody } from "../../support/mrtmp_vectors.ts";

const VIDEO: VideoTrack = {
  kind: "video",
  index: 0,
  codec: "h264",
  config: Uint8Array.of(1, 2, 3),
  width: 1280,
  height: 720,
  frameRate: 29.97,
};
const AUDIO: AudioTrack = {
  kind: "audio",
  index: 0,
  codec: "aac",
  config: Uint8Array.of(0x11, 0x90),
  sampleRate: 48_000,
  channels: 2,
};
const SECOND_AUDIO: AudioTrack = { ...AUDIO, index: 1 };
const LAST: AudioTrack = {
  kind: "audio",
  index: 7,
  codec: "flac",
  config: new Uint8Array(0),
  sampleRate: 44_100,
  channels: 6,
};
const G711: AudioTrack = {
  kind: "audio",
  index: 0,
  codec: "g711a",
  config: new Uint8Array(0),
  sampleRate: 8_000,
  channels: 1,
};
const DERIVED: AudioTrack = {
  ...G711,
  index: DERIVED_AUDIO_INDEX,
  codec: "aac",
  config: Uint8Array.of(0x15, 0x88),
};
const META = {
  kind: "data",
  seq: 9,
  dtsUs: 100,
  carrier: "script",
  name: "onMetaData",
  payload: Uint8Array.fromHex("02000a6f6e4d65746144617461"),
} as const;
const ANCHOR = {
  kind: "anchor",
  seq: 5,
  dtsUs: 0,
  generation: 1_767_225_600_000,
  wallUs: 1_767_225_600_000_000.5,
  hls: { segmentUs: 2e6, partUs: 2e5, windowSegments: 6 },
} as const;

const RECORDS: Readonly<Record<string, LogRecord>> = {
  keyframe: {
    kind: "frame",
    seq: 4_294_967_301,
    track: VIDEO,
    dtsUs: 40_000,
    ptsUs: 80_000,
    keyframe: true,
    data: Uint8Array.of(0, 0, 0, 1, 0x65),
  },
  frame_negative: {
    kind: "frame",
    seq: 6,
    track: SECOND_AUDIO,
    dtsUs: -40_000,
    ptsUs: -1,
    keyframe: false,
    data: new Uint8Array(0),
  },
  frame_fraction: {
    kind: "frame",
    seq: 6,
    track: VIDEO,
    dtsUs: 0.5,
    ptsUs: Number.MAX_SAFE_INTEGER,
    keyframe: false,
    data: Uint8Array.of(0xff),
  },
  track_video: { kind: "track", seq: 1, dtsUs: 0, track: VIDEO },
  track_audio: { kind: "track", seq: 2, dtsUs: 0, track: AUDIO },
  track_last: { kind: "track", seq: 3, dtsUs: 12, track: LAST },
  track_replaced: { kind: "track", seq: 4, dtsUs: 12, track: { ...G711, replaced: true } },
  track_derived: { kind: "track", seq: 5, dtsUs: 12, track: DERIVED },
  mark: {
    kind: "mark",
    seq: 8,
    dtsUs: 2e6,
    segment: 883_612_800,
    discontinuity: false,
    discontinuities: 4,
  },
  mark_broken: {
    kind: "mark",
    seq: 8,
    dtsUs: 2e6,
    segment: 883_612_801,
    discontinuity: true,
    discontinuities: 5,
  },
  anchor: ANCHOR,
  data_script: META,
  data_video: {
    kind: "data",
    seq: 9,
    dtsUs: 100,
    carrier: "video",
    name: "couleur é😀",
    payload: Uint8Array.of(1, 2),
  },
};

function tracks(): TrackTable {
  return [VIDEO, AUDIO, undefined, SECOND_AUDIO];
}

/** Byte arrays of any kind compare by what they hold. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.toHex();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

for (const [name, record] of Object.entries(RECORDS)) {
  const wire = mrtmpVector(name);

  Deno.test(`readRecord() reads ${name}`, () => {
    assertEquals(plain(readRecord(receivedFrame(wire), tracks())), plain(record));
  });

  Deno.test(`FrameWriter writes ${name}`, () => {
    const writer = new FrameWriter(8);
    assertEquals(writer.record(7, record), wire.length);
    assertEquals(writer.taken(), wire);
    writer.clear();
    writer.record(1, RECORDS.track_video); // Stale bytes must not survive, nor offsets matter.
    const before = writer.length;
    writer.record(7, record);
    assertEquals(writer.taken().subarray(before), wire);
  });

  Deno.test(`readRecord() refuses ${name} cut at every length, or takes less payload`, () => {
    const body = wire.subarray(HEADER_BYTES);
    for (let size = 0; size < body.length; size++) {
      try {
        const cut = readRecord(withBody(wire, body.subarray(0, size)), tracks());
        assert(payloadBytes(cut) < payloadBytes(record), `${size} bytes`);
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
        assertEquals(error.protocol, "MRTMP");
      }
    }
  });
}

function payloadBytes(record: LogRecord): number {
  if (record.kind === "frame") return record.data.length;
  if (record.kind === "data") return record.payload.length;
  return record.kind === "track" ? record.track.config.length : 0;
}

/** A vector with some bytes of its body replaced. */
function spoilt(name: string, offset: number, hex: string): () => unknown {
  const wire = mrtmpVector(name);
  wire.set(Uint8Array.fromHex(hex), HEADER_BYTES + offset);
  return () => readRecord(receivedFrame(wire), tracks());
}

const NAN = "7ff8000000000000";
const HALF = "3fe0000000000000";
const MINUS_ONE = "bff0000000000000";
const TWO_TO_53 = "4340000000000000";

const REFUSALS: readonly [what: string, section: string, read: () => unknown][] = [
  ["a number that is none", "5.1", spoilt("keyframe", 0, NAN)],
  ["half a number", "5.1", spoilt("keyframe", 0, HALF)],
  ["a number below zero", "5.1", spoilt("keyframe", 0, MINUS_ONE)],
  ["a number beyond 2^53", "5.1", spoilt("keyframe", 0, TWO_TO_53)],
  ["a time that is none", "5.1", spoilt("keyframe", 8, NAN)],
  ["a presentation time beyond 2^53", "5.1", spoilt("keyframe", 16, TWO_TO_53)],
  ["a frame of a track never told", "5.1", spoilt("keyframe", 24, "02")],
  ["a frame of a track that cannot be", "5.1", spoilt("keyframe", 24, "ff")],
  ["track 16", "5.2", spoilt("track_video", 16, "10")],
  ["an audio codec on a video track", "5.2", spoilt("track_video", 17, "40")],
  ["a video codec on an audio track", "5.2", spoilt("track_audio", 17, "00")],
  ["an unknown codec", "5.2", spoilt("track_audio", 17, "49")],
  ["a width below zero", "5.2", spoilt("track_video", 18, MINUS_ONE)],
  ["a frame rate that is no number", "5.2", spoilt("track_video", 34, NAN)],
  ["half a segment number", "5.3", spoilt("mark", 16, HALF)],
  ["a negative generation", "5.4", spoilt("anchor", 16, MINUS_ONE)],
  ["a part that is no number", "5.4", spoilt("anchor", 40, NAN)],
  ["a name longer than the body", "5.5", spoilt("data_script", 16, "ffff")],
  ["a name that is not UTF-8", "5.5", spoilt("data_script", 18, "ff")],
  ["a record type that is none", "5", () => readRecord(receivedFrame(mrtmpVector("call")), [])],
  ["a mark that is too long", "5.3", () => {
    return readRecord(withBody(mrtmpVector("mark"), new Uint8Array(33)), []);
  }],
  ["a configuration beyond its maximum", "5.2", () => {
    const body = new Uint8Array(42 + TRACK_CONFIG_BYTES_MAX + 1);
    return readRecord(withBody(mrtmpVector("track_video"), body), []);
  }],
];

for (const [what, section, read] of REFUSALS) {
  Deno.test(`readRecord() refuses ${what}`, () => {
    assertEquals(assertThrows(read, ProtocolError).section, section);
  });
}

Deno.test("readRecord() keeps one track object for all frames that follow", () => {
  const table: TrackTable = [];
  const told = readRecord(receivedFrame(mrtmpVector("track_video")), table);
  const frame = readRecord(receivedFrame(mrtmpVector("keyframe")), table);
  assert(told.kind === "track" && frame.kind === "frame" && frame.track === told.track);
});

Deno.test("readRecord() gives payloads as views", () => {
  const frame = receivedFrame(mrtmpVector("keyframe"));
  const record = readRecord(frame, tracks());
  assert(record.kind === "frame" && record.data.buffer === frame.bytes.buffer);
});

const START: StartMessage = {
  start: {
    seq: 100,
    head: { tracks: [VIDEO, AUDIO], data: [META] },
    anchor: ANCHOR,
    lastMark: { segment: 17, discontinuity: false, discontinuities: 1 },
  },
  caughtUpSeq: 900,
};
const START_EMPTY: StartMessage = {
  start: { seq: 0, head: { tracks: [], data: [] }, anchor: undefined, lastMark: undefined },
  caughtUpSeq: 0,
};

for (const [name, message] of [["start", START], ["start_empty", START_EMPTY]] as const) {
  const wire = mrtmpVector(name);

  Deno.test(`readStart() reads ${name}, and forgets the tracks before it`, () => {
    const table: TrackTable = [undefined, undefined, undefined, SECOND_AUDIO];
    assertEquals(plain(readStart(receivedFrame(wire), table)), plain(message));
    assertEquals(table[3], undefined);
    assert(table[0] === undefined || message === START);
  });

  Deno.test(`writeStart() writes ${name}`, () => {
    assertEquals(writeStart(message), wire.subarray(HEADER_BYTES));
  });

  Deno.test(`readStart() takes ${name} cut at records only`, () => {
    const body = wire.subarray(HEADER_BYTES);
    let taken = 0;
    for (let size = 0; size < body.length; size++) {
      try {
        readStart(withBody(wire, body.subarray(0, size)), []);
        taken++;
      } catch (error) {
        assert(error instanceof ProtocolError, String(error));
      }
    }
    assertEquals(taken, message === START ? 5 : 0);
  });
}

Deno.test("readStart() refuses a FRAME and too many records", () => {
  const head = new Uint8Array(16);
  const join = (part: Uint8Array, times: number) => {
    const body = new Uint8Array(16 + part.length * times);
    body.set(head);
    for (let i = 0; i < times; i++) body.set(part, 16 + i * part.length);
    return withBody(mrtmpVector("start"), body);
  };
  const track = mrtmpVector("track_video");
  assertThrows(() => readStart(join(mrtmpVector("start"), 1), []), ProtocolError);
  const frame = () =>
    readStart(
      withBody(
        track,
        Uint8Array.of(...head, ...track, ...mrtmpVector("keyframe")),
      ),
      [],
    );
  assertEquals(assertThrows(frame, ProtocolError).section, "6.1");
  readStart(join(track, START_RECORDS_MAX), []);
  assertThrows(() => readStart(join(track, START_RECORDS_MAX + 1), []), ProtocolError);
});
