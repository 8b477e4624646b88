// Goal: a connection's bytes are taken apart alike however they arrive, and never without bound.
// Method: recorded connections of other programs, whole, in odd pieces, cut short everywhere.
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import {
  inPieces,
  RTSP_CONNECTIONS,
  rtspElements,
  rtspText,
  rtspVector,
} from "../../support/rtsp_sessions.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import {
  RTSP_BODY_BYTES_MAX,
  RTSP_BODY_TOO_LARGE,
  RTSP_FIELDS_MAX,
  RTSP_HEAD_BYTES_MAX,
  RTSP_HEAD_TOO_LONG,
} from "../../../protocols/rtsp/message.ts";
import {
  ELEMENT_BYTES_MAX,
  HELD_BYTES_MAX,
  RtspMessageReader,
} from "../../../protocols/rtsp/message_reader.ts";

const SIDES = ["client", "server"] as const;
const REQUEST = "OPTIONS * RTSP/1.0\nCSeq: 1";

for (const name of RTSP_CONNECTIONS) {
  Deno.test(`RtspMessageReader reads ${name} alike in any pieces`, () => {
    for (const side of SIDES) {
      const bytes = rtspVector(name, side);
      const whole = rtspElements(bytes);
      assert(whole.length >= 2 && whole.every((text) => text !== ""));
      for (const sizes of [[1], [2, 3, 5, 7], [1, 4096], [63, 1, 1500]]) {
        assertEquals(rtspElements(bytes, sizes), whole, `${side} in pieces of ${sizes}`);
      }
    }
  });
}

Deno.test("RtspMessageReader reads requests between interleaved packets", () => {
  const elements = rtspElements(rtspVector("ffmpeg_5.1_publish_tcp", "client"));
  const methods = elements.filter((text) => !text.startsWith("$")).map((text) =>
    text.split(" ")[0]
  );
  assertEquals(methods, ["OPTIONS", "ANNOUNCE", "SETUP", "SETUP", "RECORD", "TEARDOWN"]);
  const packets = elements.filter((text) => text.startsWith("$"));
  assert(packets.length > 20 && packets.every((text) => /^\$[0-3] 8[01]/.test(text)));
  assertMatch(elements.at(-1)!, /^TEARDOWN /);
});

Deno.test("RtspMessageReader waits for the rest of an element, wherever it was cut", () => {
  const bytes = rtspVector("gstreamer_1.22_publish_tcp", "client").subarray(0, 3000);
  const whole = rtspElements(bytes);
  for (let size = 0; size < bytes.length; size++) {
    const part = rtspElements(bytes.subarray(0, size));
    assertEquals(part, whole.slice(0, part.length), `${size} bytes`);
  }
});

Deno.test("RtspMessageReader hands out views into what it was given", () => {
  const bytes = rtspVector("ffmpeg_5.1_publish_tcp", "client");
  let packets = 0;
  const reader = new RtspMessageReader({
    message: () => {},
    interleaved: (_channel, packet) => {
      packets++;
      assert(packet.buffer === bytes.buffer);
    },
  });
  reader.feed(bytes);
  assert(packets > 20);
});

const SLOPPY: { what: string; text: string }[] = [
  { what: "bare line feeds", text: "OPTIONS * RTSP/1.0\nCSeq: 1\n\n" },
  { what: "empty lines in front", text: "\r\n\r\n\nOPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" },
  { what: "no space behind a colon", text: "OPTIONS * RTSP/1.0\r\nCSeq:1\r\n\r\n" },
  { what: "spaces around a value", text: "OPTIONS * RTSP/1.0 \r\nCSeq :  1 \r\n\r\n" },
  { what: "a folded field", text: "OPTIONS * RTSP/1.0\r\nCSeq:\r\n 1\r\n\r\n" },
];

for (const { what, text } of SLOPPY) {
  Deno.test(`RtspMessageReader takes ${what}`, () => {
    const seen = rtspElements(new TextEncoder().encode(text));
    assertEquals(seen, ["OPTIONS * {cseq=1} "]);
  });
}

const REFUSED: { what: string; bytes: Uint8Array; section: string }[] = [
  {
    what: "a head of 1 MB",
    bytes: rtspText(`${REQUEST}\nX: ${"y".repeat(1024 * 1024)}`),
    section: RTSP_HEAD_TOO_LONG,
  },
  {
    what: "10,000 fields",
    bytes: rtspText(REQUEST + "\na:b".repeat(10_000)),
    section: RTSP_HEAD_TOO_LONG,
  },
  {
    what: "one field too many",
    bytes: rtspText(REQUEST + "\na:b".repeat(RTSP_FIELDS_MAX)),
    section: RTSP_HEAD_TOO_LONG,
  },
  {
    what: "a negative length",
    bytes: rtspText(`${REQUEST}\nContent-Length: -1`),
    section: "RFC 2326, 12.14",
  },
  {
    what: "a length that is too large",
    bytes: rtspText(`${REQUEST}\nContent-Length: ${RTSP_BODY_BYTES_MAX + 1}`),
    section: RTSP_BODY_TOO_LARGE,
  },
  {
    what: "two lengths",
    bytes: rtspText(`${REQUEST}\nContent-Length: 1\nContent-Length: 1`),
    section: "RFC 7826, 5.2",
  },
  {
    what: "a field without a colon",
    bytes: rtspText(`${REQUEST}\nnonsense`),
    section: "RFC 2326, 12",
  },
  {
    what: "a control character",
    bytes: rtspText(`${REQUEST}\nX: a\x01b`),
    section: "RFC 2326, 12",
  },
  { what: "HTTP", bytes: rtspText("GET / HTTP/1.1\nHost: h"), section: "RFC 2326, 6.1" },
  {
    what: "a carriage return in a URL",
    bytes: rtspText("OPTIONS rtsp://h/a\rb RTSP/1.0\nCSeq: 1"),
    section: "RFC 2326, 6.1",
  },
];

for (const { what, bytes, section } of REFUSED) {
  Deno.test(`RtspMessageReader refuses ${what}`, () => {
    const error = assertThrows(() => rtspElements(bytes), ProtocolError);
    assertEquals([error.protocol, error.section], ["RTSP", section]);
    assertThrows(() => rtspElements(bytes, [1, 100]), ProtocolError);
  });
}

Deno.test("RtspMessageReader takes the largest head and body there may be", () => {
  const start = `${REQUEST}\nContent-Length: ${RTSP_BODY_BYTES_MAX}\nX: `;
  const filler = RTSP_HEAD_BYTES_MAX - rtspText(`${start}x`).length + 1;
  const bytes = rtspText(start + "x".repeat(filler), "b".repeat(RTSP_BODY_BYTES_MAX));
  assertEquals(bytes.length, RTSP_HEAD_BYTES_MAX + RTSP_BODY_BYTES_MAX);
  assertEquals(rtspElements(bytes).length, 1);
  const reader = new RtspMessageReader({ message: () => {}, interleaved: () => {} });
  let pendingMax = 0;
  inPieces(bytes.subarray(0, -1), [1000], (piece) => {
    reader.feed(piece);
    pendingMax = Math.max(pendingMax, reader.pendingBytes);
  });
  assert(pendingMax <= ELEMENT_BYTES_MAX);
});

Deno.test("RtspMessageReader keeps what comes while it is held, within bounds", () => {
  const seen: string[] = [];
  const reader = new RtspMessageReader({
    message: (message) => {
      seen.push(message.kind === "request" ? message.method : "");
      reader.held = true;
    },
    interleaved: (channel) => seen.push(`$${channel}`),
  });
  const packet = Uint8Array.of(0x24, 7, 0, 1, 0xff);
  reader.feed(concatBytes(rtspText(REQUEST), packet, rtspText(REQUEST)));
  reader.feed(packet);
  assertEquals(seen, ["OPTIONS"]);
  reader.held = false;
  reader.feed(new Uint8Array(0));
  assertEquals(seen, ["OPTIONS", "$7", "OPTIONS"]);
  reader.held = false;
  reader.feed(new Uint8Array(0));
  assertEquals(seen.length, 4);
  reader.held = true;
  const error = assertThrows(() => {
    for (let i = 0; i < HELD_BYTES_MAX; i++) reader.feed(new Uint8Array(1024));
  }, ProtocolError);
  assertEquals(error.section, "RFC 2326, 9.1");
});
