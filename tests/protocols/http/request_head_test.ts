// Goal: read the heads that real clients send, and nothing that two readers may take differently.
// Method: recorded heads, cut short at every length; a table of refusals with their section.
import {
  FIELDS_MAX,
  HEAD_BYTES_MAX,
  HEAD_TOO_LONG,
  parseRequestHead,
} from "../../../protocols/http/request_head.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

const TARGET = "/live/a%20b.flv?token=x";

/** Recorded from the programs named, with only the port changed. */
const VECTORS = [
  {
    origin: "curl 7.88.1",
    text: `GET ${TARGET} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\n` +
      "Accept: */*\r\n\r\n",
    userAgent: "curl/7.88.1",
    keepAlive: true,
  },
  {
    origin: "ffmpeg 5.1.9",
    text: `GET ${TARGET} HTTP/1.1\r\nUser-Agent: Lavf/59.27.100\r\nAccept: */*\r\n` +
      "Range: bytes=0-\r\nConnection: close\r\nHost: 127.0.0.1:8080\r\nIcy-MetaData: 1\r\n\r\n",
    userAgent: "Lavf/59.27.100",
    keepAlive: false,
  },
  {
    origin: "GStreamer 1.22.0 souphttpsrc",
    text: `GET ${TARGET} HTTP/1.1\r\nUser-Agent: GStreamer souphttpsrc 1.22.0 libsoup/3.2.3\r\n` +
      "Accept-Encoding: identity\r\nConnection: Keep-Alive\r\nHost: 127.0.0.1:8080\r\n" +
      "icy-metadata: 1\r\n\r\n",
    userAgent: "GStreamer souphttpsrc 1.22.0 libsoup/3.2.3",
    keepAlive: true,
  },
  {
    origin: "VLC 3.0.24, second attempt",
    text: `GET ${TARGET} HTTP/1.0\r\nHost: 127.0.0.1:8080\r\n` +
      "User-Agent: VLC/3.0.24 LibVLC/3.0.24\r\nIcy-MetaData: 1\r\n\r\n",
    userAgent: "VLC/3.0.24 LibVLC/3.0.24",
    keepAlive: false,
  },
];

const bytesOf = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

for (const { origin, text, userAgent, keepAlive } of VECTORS) {
  Deno.test(`parseRequestHead() reads what ${origin} sends, at every length`, () => {
    const bytes = bytesOf(text + "rest");
    for (let size = 0; size < text.length; size++) {
      assertEquals(parseRequestHead(bytes.subarray(0, size)), undefined);
    }
    const head = parseRequestHead(bytes)!;
    assertEquals([head.method, head.target, head.headBytes], ["GET", TARGET, text.length]);
    assertEquals(head.headers.get("user-agent"), userAgent);
    assertEquals(head.headers.get("host"), "127.0.0.1:8080");
    assertEquals([head.keepAlive, head.bodyBytes], [keepAlive, 0]);
  });
}

Deno.test("parseRequestHead() reads lengths, joined fields and the absolute form", () => {
  const text = "POST http://proxy.example/api?x=1 HTTP/1.1\r\nContent-Length: 12\r\n" +
    "Accept: a \r\nAccept:\tb\r\nConnection: x, Close\r\n\r\n";
  const head = parseRequestHead(bytesOf(text))!;
  assertEquals([head.method, head.target, head.bodyBytes], ["POST", "/api?x=1", 12]);
  assertEquals([head.headers.get("accept"), head.keepAlive], ["a, b", false]);
});

const line = "GET / HTTP/1.1\r\n";
const REFUSALS: [name: string, text: string, section: string][] = [
  ["a bare line feed", `${line}Host: x\nA: b\r\n\r\n`, "5"],
  ["a folded field", `${line}A: b\r\n c\r\n\r\n`, "5"],
  ["a space before the colon", `${line}A : b\r\n\r\n`, "5"],
  ["a field without a name", `${line}: b\r\n\r\n`, "5"],
  ["NUL in a value", `${line}A: \0\r\n\r\n`, "5"],
  ["NUL in the target", "GET /\0 HTTP/1.1\r\n\r\n", "3"],
  ["a space in the target", "GET /a b HTTP/1.1\r\n\r\n", "3"],
  ["HTTP/2.0", "GET / HTTP/2.0\r\n\r\n", "3"],
  ["no version", "GET /\r\n\r\n", "3"],
  ["an empty first line", "\r\nGET / HTTP/1.1\r\n\r\n", "3"],
  ["a relative target", "GET a HTTP/1.1\r\n\r\n", "3"],
  ["two hosts", `${line}Host: a\r\nHost: a\r\n\r\n`, "5.2"],
  ["two lengths", `${line}Content-Length: 1\r\nContent-Length: 1\r\n\r\n`, "5.2"],
  ["a negative length", `${line}Content-Length: -1\r\n\r\n`, "6.2"],
  ["a length in a list", `${line}Content-Length: 1, 1\r\n\r\n`, "6.2"],
  ["a length beyond numbers", `${line}Content-Length: ${"9".repeat(20)}\r\n\r\n`, "6.2"],
  ["a chunked body", `${line}Transfer-Encoding: chunked\r\n\r\n`, "6.1"],
  ["too many fields", line + "A: b\r\n".repeat(FIELDS_MAX + 1) + "\r\n", "5"],
  ["a head too long", line + `A: ${"b".repeat(HEAD_BYTES_MAX)}\r\n\r\n`, HEAD_TOO_LONG],
  ["a head without an end", "G".repeat(HEAD_BYTES_MAX), HEAD_TOO_LONG],
];

for (const [name, text, section] of REFUSALS) {
  Deno.test(`parseRequestHead() refuses ${name}`, () => {
    const error = assertThrows(() => parseRequestHead(bytesOf(text)), ProtocolError);
    assertEquals(error.section, section.startsWith("RFC") ? section : `RFC 9112, ${section}`);
    assert(error.message.startsWith("Cannot read request: "));
  });
}
