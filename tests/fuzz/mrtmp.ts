/**
 * Fuzz targets over what two nodes say to each other: every reader of MRTMP.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../protocols/errors.ts";
import { readFetch, readFound, writeFetch, writeFound } from "../../protocols/mrtmp/fetch.ts";
import { readCall, readReply, readTell, writeCall } from "../../protocols/mrtmp/call.ts";
import {
  FRAME_TYPE,
  MEDIA_BODY_BYTES_MAX,
  type ReceivedFrame,
} from "../../protocols/mrtmp/frame.ts";
import { FrameReader } from "../../protocols/mrtmp/frame_reader.ts";
import { FrameWriter } from "../../protocols/mrtmp/frame_writer.ts";
import { AcceptHandshake, DialHandshake } from "../../protocols/mrtmp/handshake.ts";
import { readBye, readPulse } from "../../protocols/mrtmp/pulse.ts";
import { readRecord, type TrackTable } from "../../protocols/mrtmp/record_codec.ts";
import { readStart, writeStart } from "../../protocols/mrtmp/start.ts";
import { readCredit, readEnd, readOpen, readState } from "../../protocols/mrtmp/subscription.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { mrtmpVector, VECTOR_NAMES, VECTOR_SECRET } from "../support/mrtmp_vectors.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const RECORDS = ["track_video", "track_audio", "keyframe", "data_script", "anchor", "mark"];
const HANDSHAKE = ["hello", "welcome", "proof", "ready", "refuse"];

/** All targets. */
export const MRTMP_FUZZ_TARGETS: FuzzTarget[] = [
  {
    name: "mrtmp frames and what is in them",
    seeds: [
      concatBytes(...RECORDS.map(mrtmpVector)),
      concatBytes(...VECTOR_NAMES.map(mrtmpVector)),
      concatBytes(mrtmpVector("start"), ...["keyframe", "end_moved"].map(mrtmpVector)),
      ...VECTOR_NAMES.map(mrtmpVector),
    ],
    run: runFrames,
  },
  { name: "mrtmp handshakes", seeds: HANDSHAKE.map(mrtmpVector), run: runHandshakes },
];

/** What `action` returns, or the refusal it ended in. Anything else thrown is a defect. */
function outcome<T>(action: () => T): T | ProtocolError {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    assertEquals(error.protocol, "MRTMP");
    return error;
  }
}

/** However the input is cut, the same comes out; whatever comes out can be written again. */
function runFrames(input: Uint8Array): void {
  const whole = readAll(input, input.length);
  assertEquals(readAll(input, 1 + (input.at(-1) ?? 0)), whole);
}

function readAll(input: Uint8Array, pieceBytes: number): string[] {
  const seen: string[] = [];
  const tracks: TrackTable = [];
  const reader = new FrameReader((frame) => {
    const result = outcome(() => interpret(frame, tracks));
    seen.push(result instanceof ProtocolError ? result.message : `${frame.type} ${frame.end}`);
    // Where in its arena a frame lies depends on the cut.
    seen[seen.length - 1] = seen[seen.length - 1].replace(/ \d+$/, "");
    seen.push(frame.bytes.subarray(frame.start, frame.end).toHex());
  }, { arenaBytes: 1024, bodyBytesMax: MEDIA_BODY_BYTES_MAX });
  const end = outcome(() => {
    for (let at = 0; at < input.length; at += Math.max(1, pieceBytes)) {
      reader.feed(input.subarray(at, at + pieceBytes));
    }
  });
  if (end instanceof ProtocolError) seen.push(`${end.message} ${end.offset}`);
  return seen;
}

function interpret(frame: ReceivedFrame, tracks: TrackTable): unknown {
  switch (frame.type) {
    case FRAME_TYPE.frame:
    case FRAME_TYPE.track:
    case FRAME_TYPE.mark:
    case FRAME_TYPE.anchor:
    case FRAME_TYPE.data:
      return checkRecord(frame, tracks);
    case FRAME_TYPE.start:
      return checkStart(frame, tracks);
    case FRAME_TYPE.call:
      return writeCall(readCall(frame));
    case FRAME_TYPE.tell:
      return readTell(frame);
    case FRAME_TYPE.reply:
      return readReply(frame);
    case FRAME_TYPE.open:
      return readOpen(frame);
    case FRAME_TYPE.credit:
      return readCredit(frame);
    case FRAME_TYPE.state:
      return readState(frame);
    case FRAME_TYPE.end:
      return readEnd(frame);
    case FRAME_TYPE.fetch:
      return writeFetch(readFetch(frame));
    case FRAME_TYPE.found:
      return writeFound(readFound(frame));
    case FRAME_TYPE.ping:
    case FRAME_TYPE.pong:
      return readPulse(frame);
    case FRAME_TYPE.bye:
      return readBye(frame);
    default:
      return undefined;
  }
}

/** A record that was taken is written as the bytes that it came as, flags that mean nothing aside. */
function checkRecord(frame: ReceivedFrame, tracks: TrackTable): void {
  const record = readRecord(frame, tracks);
  assert(Number.isSafeInteger(record.seq) && record.seq >= 0);
  const writer = new FrameWriter(64);
  writer.record(frame.handle, record);
  const body = writer.taken().subarray(12).toHex();
  const expected = frame.bytes.slice(frame.start, frame.end);
  if (frame.type === FRAME_TYPE.track && expected[16] % 2 === 1) {
    expected.fill(0, 34, 42); // Audio has two numbers.
  }
  // Minus zero is written as it was read; as a sequence number it counts as zero.
  assertEquals(body, expected.toHex());
}

function checkStart(frame: ReceivedFrame, tracks: TrackTable): void {
  const message = readStart(frame, tracks);
  const body = writeStart(message);
  const again = { ...frame, bytes: body, view: new DataView(body.buffer), start: 0 };
  assertEquals(readStart({ ...again, end: body.length }, []), message);
}

function runHandshakes(input: Uint8Array): void {
  const nonce = new Uint8Array(32);
  const dial = new DialHandshake({
    secret: VECTOR_SECRET,
    hello: {
      capabilities: [],
      mesh: "test",
      node: "n1",
      incarnation: 1,
      target: "n2",
      targetIncarnation: 1_767_225_600_000_002,
      channel: "control",
      linkId: new Uint8Array(16),
      nonce,
    },
  });
  const accept = new AcceptHandshake({
    secret: VECTOR_SECRET,
    mesh: "test",
    node: "n2",
    incarnation: 1_767_225_600_000_002,
    capabilities: [],
    nonce,
    judge: () => undefined,
  });
  for (const side of [dial, accept]) {
    let done = false;
    const reader: FrameReader = new FrameReader((frame) => {
      const step = side.receive(frame);
      done ||= step.kind === "done";
      reader.stopped = step.kind !== "wait";
    }, { arenaBytes: 1024, bodyBytesMax: 4096 });
    outcome(() => reader.feed(input));
    assert(!done, "somebody got in without the secret");
  }
}
