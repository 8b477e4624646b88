// Goal: every message of the control connection, and STATE and END, is read and written as
// specified, and what is malformed is refused.
// Method: bodies packed by Python's msgpack in both directions, cut at every length, fields of
// other types.
import { Buffer } from "node:buffer";
import { encode } from "@msgpack/msgpack";
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  readCall,
  readReply,
  readTell,
  writeCall,
  writeReply,
  writeTell,
} from "../../../protocols/mrtmp/call.ts";
import {
  FETCHED_BYTES_MAX,
  readFetch,
  readFound,
  writeFetch,
  writeFound,
} from "../../../protocols/mrtmp/fetch.ts";
import {
  CONTROL_BODY_BYTES_MAX,
  HEADER_BYTES,
  type ReceivedFrame,
} from "../../../protocols/mrtmp/frame.ts";
import { pack, PACKED_DEPTH_MAX, unpack } from "../../../protocols/mrtmp/packed.ts";
import { readBye, readPulse, writeBye, writePulse } from "../../../protocols/mrtmp/pulse.ts";
import {
  CREDIT_BYTES_MAX,
  readCredit,
  readEnd,
  readOpen,
  readState,
  writeCredit,
  writeEnd,
  writeOpen,
  writeState,
} from "../../../protocols/mrtmp/subscription.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { mrtmpVector, receivedFrame, withBody } from "../../support/mrtmp_vectors.ts";

interface Case {
  readonly vector: string;
  readonly value: unknown;
  readonly read: (frame: ReceivedFrame) => unknown;
  readonly write: () => Uint8Array;
}

function message<T>(
  vector: string,
  value: T,
  read: (frame: ReceivedFrame) => T,
  write: (value: T) => Uint8Array,
): Case {
  return { vector, value, read, write: () => write(value) };
}

const CALL = {
  kind: "stream",
  key: "live/x",
  name: "publish",
  req: { a: [1, -2, null, 2.5], b: Uint8Array.of(0, 1), c: {} },
  token: "t1",
  timeoutMs: 5_000,
};

const CASES: readonly Case[] = [
  message(
    "state",
    {
      state: "live",
      epoch: 1_767_225_600_000_003,
      generation: 1_767_225_600_004,
      owner: "n1",
      ingest: "n2",
      startedAtMs: 1_767_225_600_004.25,
      replicas: ["n3", "n1"],
    },
    readState,
    writeState,
  ),
  message("end_ended", { reason: "ended" }, readEnd, writeEnd),
  message("end_refused", { reason: "refused", owner: "n9" }, readEnd, writeEnd),
  message("end_moved", { reason: "moved", owner: "n9", epoch: 12, seq: 345 }, readEnd, writeEnd),
  message(
    "open",
    { app: "live", name: "café {a}:*", mode: "edge", epoch: 12 },
    readOpen,
    writeOpen,
  ),
  message(
    "open_from",
    { app: "-", name: "x", mode: "any", epoch: 0, fromSeq: 345 },
    readOpen,
    writeOpen,
  ),
  message(
    "fetch",
    {
      ...{ app: "live", name: "café/1", epoch: 12, file: "1767225600004-883612800.m4s" },
      ...{ query: "", carry: "" },
    },
    readFetch,
    writeFetch,
  ),
  message(
    "fetch_playlist",
    {
      ...{ app: "live", name: "x", epoch: 0, file: "index.m3u8" },
      ...{ query: "_HLS_skip=YES", carry: "token=a%20b" },
    },
    readFetch,
    writeFetch,
  ),
  message(
    "found",
    {
      ...{ status: 200, type: "video/mp4", bytes: 5, maxAge: 31_536_000 },
      ...{ retryAfter: 0, ended: false },
    },
    readFound,
    writeFound,
  ),
  message(
    "found_refusal",
    {
      ...{ status: 503, type: "text/plain", bytes: 0, maxAge: 0 },
      ...{ retryAfter: 1, ended: true },
    },
    readFound,
    writeFound,
  ),
  message("credit", 1_048_576, readCredit, writeCredit),
  message("ping", { t: 1234.5, view: 17, redisOk: true, lagMs: 0.25 }, readPulse, writePulse),
  message("bye", "idle", readBye, writeBye),
  message("call", CALL, readCall, writeCall),
  message(
    "call_empty",
    { kind: "stream", key: "live/x", name: "describe", req: undefined, timeoutMs: 1 },
    readCall,
    writeCall,
  ),
  message(
    "tell",
    { kind: "node", key: "n1", name: "hint", req: "x".repeat(40) },
    readTell,
    writeTell,
  ),
  message("reply", { ok: true, value: [true, false, "é"] }, readReply, writeReply),
  message("reply_void", { ok: true, value: undefined }, readReply, writeReply),
  message("reply_failed", { ok: false, error: "busy" }, readReply, writeReply),
  message("reply_moved", { ok: false, error: "not-owner", owner: "n3" }, readReply, writeReply),
] as readonly Case[];

for (const { vector, value, read, write } of CASES) {
  const wire = mrtmpVector(vector);
  const body = wire.subarray(HEADER_BYTES);

  Deno.test(`the reader of ${vector} reads what Python packed`, () => {
    assertEquals(read(receivedFrame(wire)), value);
  });

  Deno.test(`the writer of ${vector} packs what Python packed`, () => assertEquals(write(), body));

  Deno.test(`the reader of ${vector} refuses it cut at every length, and with more behind`, () => {
    for (let size = 0; size < body.length; size++) {
      const error = assertThrows(() => read(withBody(wire, body.subarray(0, size))), ProtocolError);
      assert(error.offset >= 0 && error.offset <= size);
    }
    const longer = Uint8Array.of(...body, 0xc0);
    assertThrows(() => read(withBody(wire, longer)), ProtocolError);
  });
}

/** The refusal of a body with some fields changed. */
function refusal(
  read: (frame: ReceivedFrame) => unknown,
  vector: string,
  change: Record<string, unknown>,
): ProtocolError {
  const frame = receivedFrame(mrtmpVector(vector));
  const fields = { ...unpack(frame, "") as Record<string, unknown>, ...change };
  return assertThrows(() => read(withBody(mrtmpVector(vector), encode(fields))), ProtocolError);
}

const BROKEN: readonly [string, (frame: ReceivedFrame) => unknown, Record<string, unknown>][] = [
  ["open", readOpen, { app: 1 }],
  ["open", readOpen, { app: "" }],
  ["open", readOpen, { app: "a/b" }],
  ["open", readOpen, { name: "n".repeat(513) }],
  ["open", readOpen, { mode: "all" }],
  ["open", readOpen, { epoch: -1 }],
  ["open", readOpen, { epoch: 1.5 }],
  ["open", readOpen, { from: 2 ** 53 }],
  ["open", readOpen, { from: null }],
  ["fetch", readFetch, { app: "a/b" }],
  ["fetch", readFetch, { app: "" }],
  ["fetch", readFetch, { epoch: -1 }],
  ["fetch", readFetch, { file: "f".repeat(65) }],
  ["fetch", readFetch, { query: "q".repeat(65) }],
  ["fetch", readFetch, { carry: "c".repeat(8_193) }],
  ["found", readFound, { status: 199 }],
  ["found", readFound, { status: 600 }],
  ["found", readFound, { bytes: FETCHED_BYTES_MAX + 1 }],
  ["found", readFound, { type: "t".repeat(129) }],
  ["found", readFound, { ended: 0 }],
  ["state", readState, { state: "idle" }],
  ["state", readState, { replicas: "n1" }],
  ["state", readState, { replicas: [1] }],
  ["state", readState, { replicas: new Array(17).fill("n") }],
  ["state", readState, { startedAtMs: NaN }],
  ["state", readState, { owner: "n".repeat(129) }],
  ["end_moved", readEnd, { reason: "gone" }],
  ["end_moved", readEnd, { seq: null }],
  ["ping", readPulse, { redisOk: 1 }],
  ["ping", readPulse, { t: Infinity }],
  ["ping", readPulse, { lagMs: -1 }],
  ["call", readCall, { timeoutMs: "1" }],
  ["call", readCall, { kind: "k".repeat(65) }],
  ["call", readCall, { key: "k".repeat(2049) }],
  ["call", readCall, { token: 5 }],
  ["reply_failed", readReply, { ok: 0 }],
  ["reply_failed", readReply, { error: "whatever" }],
];

for (const [vector, read, change] of BROKEN) {
  const text = Object.keys(change)[0];
  Deno.test(`the reader of ${vector} refuses ${text} = ${String(change[text]).slice(0, 20)}`, () => {
    assertEquals(refusal(read, vector, change).protocol, "MRTMP");
  });
}

Deno.test("readers pass over fields that they do not know", () => {
  const frame = receivedFrame(mrtmpVector("end_ended"));
  const fields = { ...unpack(frame, "") as Record<string, unknown>, later: [1, { a: 2 }] };
  assertEquals(readEnd(withBody(mrtmpVector("end_ended"), encode(fields))), { reason: "ended" });
});

Deno.test("readCredit() refuses none and too much", () => {
  for (const bytes of [0, CREDIT_BYTES_MAX + 1, 0xffffffff]) {
    const body = new Uint8Array(4);
    new DataView(body.buffer).setUint32(0, bytes);
    assertThrows(() => readCredit(withBody(mrtmpVector("credit"), body)), ProtocolError);
  }
});

/** The refusal of a body. */
function unpackRefusal(hex: string): string {
  const frame = withBody(mrtmpVector("tell"), Uint8Array.fromHex(hex.replaceAll(" ", "")));
  return assertThrows(() => unpack(frame, "3"), ProtocolError).message;
}

Deno.test("unpack() refuses arrays that announce more than there is", () => {
  // Each level announces 65,535 elements: a decoder that believes it allocates half a megabyte.
  for (const head of ["dcffff", "ddffffffff", "deffff", "dfffffffff"]) {
    assertEquals(unpackRefusal(head.repeat(20)), "Cannot unpack value: the body ends inside it");
  }
  assertEquals(unpackRefusal("c6ffffffff 00"), "Cannot unpack value: the body ends inside it");
  assertEquals(unpackRefusal("dbffffffff 00"), "Cannot unpack value: the body ends inside it");
});

Deno.test("unpack() refuses what is too deep, extension types and keys that are no texts", () => {
  const deep = (levels: number) => Uint8Array.fromHex("91".repeat(levels) + "c0");
  const tell = mrtmpVector("tell");
  unpack(withBody(tell, deep(PACKED_DEPTH_MAX)), "3");
  assertThrows(() => unpack(withBody(tell, deep(PACKED_DEPTH_MAX + 1)), "3"), ProtocolError);
  unpackRefusal("d6ff 00000000"); // A timestamp.
  unpackRefusal("c70c ff 000000000000000000000000");
  unpackRefusal("c1");
  unpackRefusal("8190c0"); // A map whose key is an array.
  unpackRefusal("81 a9 5f5f70726f746f5f5f c0"); // __proto__
});

Deno.test("pack() takes plain data only, within its limits", () => {
  class Point {
    x = 1;
  }
  for (const value of [new Date(), new Map(), new Set(), new Point(), /a/, 1n, () => 1]) {
    assertThrows(() => pack({ value }), TypeError);
  }
  const circle: unknown[] = [];
  circle.push(circle);
  assertThrows(() => pack(circle), TypeError);
  assertThrows(() => pack(new Uint8Array(CONTROL_BODY_BYTES_MAX)), RangeError);
  assertEquals(pack({ a: undefined, b: Buffer.of(1) }).toHex(), "81a162c40101");
  assertEquals(pack(Object.freeze([1])).toHex(), "9101");
});
