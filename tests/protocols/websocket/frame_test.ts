// Goal: frames as RFC 6455 and browsers write them, and nothing else.
// Method: the examples of RFC 6455, section 5.7, and bytes captured from Chromium 156 on loopback, at
// an offset and cut short; each refusal with its section.
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  CLIENT_PAYLOAD_BYTES_MAX,
  closeFrame,
  OPCODE,
  type Opcode,
  parseClientFrame,
  serverFrame,
  serverFrameHeaderBytes,
} from "../../../protocols/websocket/frame.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const HELLO = new TextEncoder().encode("Hello");

const CLIENT: { name: string; origin: string; hex: string; opcode: Opcode; payload: string }[] = [
  {
    name: "a masked text",
    origin: "RFC 6455, 5.7",
    hex: "818537fa213d7f9f4d5158",
    opcode: OPCODE.text,
    payload: HELLO.toHex(),
  },
  {
    name: "a masked pong",
    origin: "RFC 6455, 5.7",
    hex: "8a8537fa213d7f9f4d5158",
    opcode: OPCODE.pong,
    payload: HELLO.toHex(),
  },
  {
    name: "an answer to our ping",
    origin: "Chromium 156, to a ping that said hi",
    hex: "8a82da4965a6b220",
    opcode: OPCODE.pong,
    payload: "6869",
  },
  {
    name: "200 bytes, counted in 16 bits",
    origin: "Chromium 156, send(new Uint8Array(200))",
    hex: `82fe00c8d310f089${"d310f089".repeat(50)}`,
    opcode: OPCODE.binary,
    payload: "00".repeat(200),
  },
  {
    name: "a Close with a reason",
    origin: 'Chromium 156, close(1000, "done")',
    hex: "8886e04f2f95e3a74bfa8e2a",
    opcode: OPCODE.close,
    payload: "03e8646f6e65",
  },
];

for (const { name, hex, opcode, payload } of CLIENT) {
  const wire = Uint8Array.fromHex(hex);

  Deno.test(`parseClientFrame() reads ${name}`, () => {
    const shifted = Uint8Array.of(1, ...wire, 1);
    for (const frame of [parseClientFrame(wire), parseClientFrame(shifted, 1)]) {
      assertEquals([frame?.opcode, frame?.fin, frame?.frameBytes], [opcode, true, wire.length]);
      assertEquals(frame?.payload.toHex(), payload);
    }
    assertEquals(wire.toHex(), hex); // Unmasking is not done in place.
  });

  Deno.test(`parseClientFrame() waits for the rest of ${name}`, () => {
    for (let size = 0; size < wire.length; size++) {
      assertEquals(parseClientFrame(wire.subarray(0, size)), undefined);
    }
  });
}

const REFUSED = [
  { name: "an unmasked frame", hex: "810548656c6c6f", section: "5.1", offset: 1 },
  { name: "a reserved bit", hex: "c18537fa213d7f9f4d5158", section: "5.2", offset: 0 },
  { name: "an opcode of the future", hex: "838537fa213d7f9f4d5158", section: "5.2", offset: 0 },
  { name: "a control opcode of the future", hex: "8b80", section: "5.2", offset: 0 },
  { name: "a fragmented ping", hex: "098037fa213d", section: "5.5", offset: 0 },
  { name: "a ping of 126 bytes", hex: "89fe007e37fa213d", section: "5.5", offset: 1 },
  { name: "5 bytes counted in 16 bits", hex: "82fe000537fa213d", section: "5.2", offset: 1 },
  {
    name: "65,535 bytes counted in 64 bits",
    hex: "82ff000000000000ffff",
    section: "5.2",
    offset: 1,
  },
  { name: "more bytes than the limit", hex: "82fe1001", section: "10.4", offset: 1 },
  { name: "2^63 bytes", hex: "82ffffffffffffffffff", section: "10.4", offset: 1 },
];

for (const { name, hex, section, offset } of REFUSED) {
  Deno.test(`parseClientFrame() refuses ${name}`, () => {
    const error = assertThrows(() => parseClientFrame(Uint8Array.fromHex(hex)), ProtocolError);
    assertEquals([error.protocol, error.section, error.offset], ["WebSocket", section, offset]);
  });
}

Deno.test("parseClientFrame() takes the largest frame that fits its limit", () => {
  const head = Uint8Array.fromHex("82fe100000000000");
  const wire = new Uint8Array(head.length + CLIENT_PAYLOAD_BYTES_MAX);
  wire.set(head);
  assertEquals(parseClientFrame(wire)?.payload.length, CLIENT_PAYLOAD_BYTES_MAX);
});

const SERVER: { name: string; opcode: Opcode; payload: Uint8Array; head: string }[] = [
  { name: "a text", opcode: OPCODE.text, payload: HELLO, head: "8105" },
  { name: "a ping", opcode: OPCODE.ping, payload: HELLO, head: "8905" },
  { name: "256 bytes", opcode: OPCODE.binary, payload: new Uint8Array(256), head: "827e0100" },
  {
    name: "64 KiB",
    opcode: OPCODE.binary,
    payload: new Uint8Array(65_536),
    head: "827f0000000000010000",
  },
];

for (const { name, opcode, payload, head } of SERVER) {
  Deno.test(`serverFrame() writes ${name} as RFC 6455, 5.7, does`, () => {
    const frame = serverFrame(opcode, payload);
    assertEquals(frame.subarray(0, head.length / 2).toHex(), head);
    assertEquals(frame.subarray(head.length / 2), payload);
  });
}

Deno.test("serverFrameHeaderBytes() changes where the length's form does", () => {
  const sizes = [0, 125, 126, 65_535, 65_536].map(serverFrameHeaderBytes);
  assertEquals(sizes, [2, 2, 4, 4, 10]);
});

Deno.test("serverFrame() refuses a control frame that is too long", () => {
  assertThrows(() => serverFrame(OPCODE.ping, new Uint8Array(126)), RangeError);
});

Deno.test("closeFrame() is a Close frame with a status", () => {
  assertEquals(closeFrame(1000).toHex(), "880203e8");
});
