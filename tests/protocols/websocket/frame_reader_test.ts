// Goal: a client's frames in whatever pieces they come, in an order that RFC 6455 allows.
// Method: what Chromium 156 sent on loopback, in pieces of every size; fragments by hand from 5.4.
import { ProtocolError } from "../../../protocols/errors.ts";
import type { ClientFrame } from "../../../protocols/websocket/frame.ts";
import { ClientFrameReader } from "../../../protocols/websocket/frame_reader.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

/** A pong, a text, 200 zeros, a Close: masked by Chromium. */
const CHROMIUM = Uint8Array.fromHex(
  `8a82da4965a6b2208182041f64286c7682fe00c8d310f089${
    "d310f089".repeat(50)
  }8886e04f2f95e3a74bfa8e2a`,
);
const FRAMES = ["10 6869", "1 6869", `2 ${"00".repeat(200)}`, "8 03e8646f6e65"];

Deno.test("ClientFrameReader reads the same in pieces of every size", () => {
  for (let size = 1; size <= CHROMIUM.length; size++) {
    const pieces = [];
    for (let at = 0; at < CHROMIUM.length; at += size) {
      pieces.push(CHROMIUM.slice(at, at + size));
    }
    assertEquals(read(...pieces), FRAMES);
  }
});

Deno.test("ClientFrameReader does not keep the caller's bytes", () => {
  const frames: ClientFrame[] = [];
  const reader = new ClientFrameReader((frame) => frames.push(frame));
  const first = CHROMIUM.slice(0, 7);
  reader.feed(first);
  first.fill(0);
  reader.feed(CHROMIUM.subarray(7, 8));
  assertEquals(frames[0].payload.toHex(), "6869");
});

Deno.test("ClientFrameReader lets a ping into a fragmented message", () => {
  assertEquals(read(frame("01", "68"), frame("89", "aa"), frame("00", "65"), frame("80", "6c")), [
    "1 68",
    "9 aa",
    "0 65",
    "0 6c",
  ]);
});

Deno.test("ClientFrameReader ignores what follows a Close", () => {
  assertEquals(read(Uint8Array.of(...frame("88", ""), ...frame("81", "68")), frame("ff", "68")), [
    "8 ",
  ]);
});

const REFUSED = [
  { name: "a continuation of nothing", pieces: [frame("80", "68")], section: "5.4" },
  {
    name: "a message inside another",
    pieces: [frame("01", "68"), frame("81", "68")],
    section: "5.4",
  },
  { name: "half a status code", pieces: [frame("88", "03")], section: "5.5.1" },
];

for (const { name, pieces, section } of REFUSED) {
  Deno.test(`ClientFrameReader refuses ${name}`, () => {
    const error = assertThrows(() => read(...pieces), ProtocolError);
    assertEquals([error.protocol, error.section], ["WebSocket", section]);
  });
}

/** A short frame under a mask of zeros. */
function frame(first: string, payload: string): Uint8Array {
  const length = (0x80 | payload.length / 2).toString(16);
  return Uint8Array.fromHex(first + length + "00000000" + payload);
}

function read(...pieces: Uint8Array[]): string[] {
  const frames: string[] = [];
  const reader = new ClientFrameReader(({ opcode, payload }) => {
    frames.push(`${opcode} ${payload.toHex()}`);
  });
  for (const piece of pieces) reader.feed(piece);
  return frames;
}
