// Goal: pin the bodies of protocol control and user control messages.
// Method: vectors of other programs where they send the message, else from the specification's
// layout; both directions, views, every truncation, each refusal.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  MESSAGE_TYPE,
  parseAbort,
  parseAcknowledgement,
  parseSetChunkSize,
  parseSetPeerBandwidth,
  parseUserControl,
  parseWindowAcknowledgementSize,
  writeAbort,
  writeAcknowledgement,
  writeSetChunkSize,
  writeSetPeerBandwidth,
  writeUserControl,
  writeWindowAcknowledgementSize,
} from "../../../protocols/rtmp/message.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { hex } from "../../support/rtmp_wire.ts";

interface Vector {
  readonly name: string;
  readonly origin: string;
  readonly wire: string;
  readonly section: string;
  parse(body: Uint8Array): unknown;
  write(): Uint8Array;
  readonly value: unknown;
}

/** A vector whose types agree, seen without them. */
function vector<T>(options: {
  name: string;
  origin: string;
  wire: string;
  section: string;
  value: T;
  parse(body: Uint8Array): T;
  write(value: T): Uint8Array;
}): Vector {
  return { ...options, write: () => options.write(options.value) };
}

const NGINX = "nginx-rtmp 1.2.2 answering connect";
const DUMP = "rtmpdump 2.4 playing";
const BY_HAND = "Adobe RTMP 1.0, by hand";

const userControl = { section: "7.1.7", parse: parseUserControl, write: writeUserControl };

const VECTORS: Vector[] = [
  vector({
    name: "Set Chunk Size",
    origin: NGINX,
    wire: "00000080",
    section: "5.4.1",
    value: 128,
    parse: parseSetChunkSize,
    write: writeSetChunkSize,
  }),
  vector({
    name: "Abort Message",
    origin: BY_HAND,
    wire: "0001003f",
    section: "5.4.2",
    value: 65_599,
    parse: parseAbort,
    write: writeAbort,
  }),
  vector({
    name: "Acknowledgement",
    origin: BY_HAND,
    wire: "fffffffe",
    section: "5.4.3",
    value: 0xfffffffe,
    parse: parseAcknowledgement,
    write: writeAcknowledgement,
  }),
  vector({
    name: "Window Acknowledgement Size",
    origin: NGINX,
    wire: "004c4b40",
    section: "5.4.4",
    value: 5_000_000,
    parse: parseWindowAcknowledgementSize,
    write: writeWindowAcknowledgementSize,
  }),
  vector({
    name: "Set Peer Bandwidth",
    origin: NGINX,
    wire: "004c4b4002",
    section: "5.4.5",
    value: { windowBytes: 5_000_000, limit: "dynamic" },
    parse: parseSetPeerBandwidth,
    write: writeSetPeerBandwidth,
  }),
  vector({
    name: "Stream Begin",
    origin: NGINX,
    wire: "000000000001",
    value: { event: "streamBegin", streamId: 1 },
    ...userControl,
  }),
  vector({
    name: "Set Buffer Length",
    origin: DUMP,
    wire: "0003000000010225 5100",
    value: { event: "setBufferLength", streamId: 1, bufferMs: 36_000_000 },
    ...userControl,
  }),
  vector({
    name: "Stream EOF",
    origin: BY_HAND,
    wire: "000100000002",
    value: { event: "streamEof", streamId: 2 },
    ...userControl,
  }),
  vector({
    name: "Stream Dry",
    origin: BY_HAND,
    wire: "000200000003",
    value: { event: "streamDry", streamId: 3 },
    ...userControl,
  }),
  vector({
    name: "StreamIs Recorded",
    origin: BY_HAND,
    wire: "0004fffffffd",
    value: { event: "streamIsRecorded", streamId: 0xfffffffd },
    ...userControl,
  }),
  vector({
    name: "Ping Request",
    origin: BY_HAND,
    wire: "0006ffffffff",
    value: { event: "pingRequest", timestampMs: 0xffffffff },
    ...userControl,
  }),
  vector({
    name: "Ping Response",
    origin: BY_HAND,
    wire: "000700000010",
    value: { event: "pingResponse", timestampMs: 16 },
    ...userControl,
  }),
];

for (const { name, origin, wire, section, value, parse, write } of VECTORS) {
  const body = hex(wire);

  Deno.test(`${name} is read and written (${origin})`, () => {
    assertEquals(parse(body), value);
    assertEquals(parse(Uint8Array.of(0xff, ...body, 0xff).subarray(1, -1)), value);
    assertEquals(parse(Uint8Array.of(...body, 0xff)), value, "bytes behind it do not matter");
    assertEquals(write(), body);
  });

  Deno.test(`${name} cut short is refused`, () => {
    for (let size = 0; size < body.length; size++) {
      const error = assertThrows(() => parse(body.subarray(0, size)), ProtocolError);
      const expected = section === "7.1.7" && size < 2 ? "6.2" : section;
      assertEquals([error.section, error.offset], [expected, size]);
    }
  });
}

Deno.test("parseSetPeerBandwidth() knows all limit types and refuses others", () => {
  const limits = ["00", "01", "02"].map((byte) => parseSetPeerBandwidth(hex(`000000ff${byte}`)));
  assertEquals(limits.map(({ limit }) => limit), ["hard", "soft", "dynamic"]);
  assertEquals(limits.map(writeSetPeerBandwidth).map((body) => body[4]), [0, 1, 2]);
  const error = assertThrows(() => parseSetPeerBandwidth(hex("000000ff03")), ProtocolError);
  assertEquals([error.section, error.offset], ["5.4.5", 4]);
});

Deno.test("parseUserControl() passes events by that it does not know", () => {
  // 26 is SWF verification, 31 and 32 tell of buffers; 5 was never given out.
  for (const code of [5, 8, 26, 31, 32, 0xffff]) {
    const body = Uint8Array.of(code >> 8, code);
    assertEquals(parseUserControl(body), { event: "unknown", code });
    assertEquals(writeUserControl({ event: "unknown", code }), body);
  }
});

Deno.test("parseSetChunkSize() and writeSetChunkSize() have the same bounds", () => {
  for (const chunkBytes of [1, 65_536, 0xffffff]) {
    assertEquals(parseSetChunkSize(writeSetChunkSize(chunkBytes)), chunkBytes);
  }
  for (const wire of ["00000000", "01000000", "7fffffff", "80000001"]) {
    assertEquals(assertThrows(() => parseSetChunkSize(hex(wire)), ProtocolError).section, "5.4.1");
  }
  for (const chunkBytes of [0, -1, 0x1000000, NaN]) {
    assertThrows(() => writeSetChunkSize(chunkBytes), RangeError);
  }
});

Deno.test("writeAcknowledgement() counts modulo 2^32", () => {
  assertEquals(writeAcknowledgement(0x1_0000_0005), hex("00000005"));
});

Deno.test("MESSAGE_TYPE has each number once", () => {
  assertEquals(new Set(Object.values(MESSAGE_TYPE)).size, Object.keys(MESSAGE_TYPE).length);
});
