// Goal: RTSP that came through HTTP is the RTSP that was sent.
// Method: both halves of tunnels recorded from ffmpeg and GStreamer, in any pieces; refusals.
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { inPieces, rtspElements, rtspVector } from "../../support/rtsp_sessions.ts";
import { concatBytes } from "../../../protocols/bytes/concat.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { parseRequestHead } from "../../../protocols/http/request_head.ts";
import {
  parseTunnelRequest,
  startsWithHttp,
  TUNNEL_HALVES_MAX,
  TunnelDecoder,
  TunnelTable,
} from "../../../protocols/rtsp/tunnel.ts";

for (const client of ["ffmpeg_5.1", "gstreamer_1.22"]) {
  Deno.test(`parseTunnelRequest() pairs the halves of ${client}`, () => {
    const halves = ["get", "post"].map((half) => {
      const bytes = rtspVector(`${client}_play_http_${half}`, "client");
      assertEquals(startsWithHttp(bytes), true);
      return parseTunnelRequest(parseRequestHead(bytes)!);
    });
    assertEquals(halves.map((half) => half?.half), ["GET", "POST"]);
    assert(halves[0]!.cookie.length >= 16);
    assertEquals(halves[0]!.cookie, halves[1]!.cookie);
  });

  Deno.test(`TunnelDecoder makes RTSP of what ${client} posted, in any pieces`, () => {
    const bytes = rtspVector(`${client}_play_http_post`, "client");
    const body = bytes.subarray(parseRequestHead(bytes)!.headBytes);
    const decode = (sizes: number[]) => {
      const decoder = new TunnelDecoder();
      const parts: Uint8Array[] = [];
      inPieces(body, sizes, (piece) => parts.push(decoder.feed(piece)));
      return concatBytes(...parts);
    };
    const whole = decode([body.length]);
    const methods = rtspElements(whole).map((text) => text.split(" ")[0]);
    assertEquals(methods.slice(0, 5), ["OPTIONS", "DESCRIBE", "SETUP", "SETUP", "PLAY"]);
    assertEquals(methods.at(-1), "TEARDOWN");
    for (const sizes of [[1], [3, 2], [64, 1]]) assertEquals(decode(sizes), whole);
  });
}

Deno.test("TunnelDecoder goes on behind padding and over lines", () => {
  const feed = (text: string) => {
    const bytes = new TunnelDecoder().feed(new TextEncoder().encode(text));
    return new TextDecoder().decode(bytes);
  };
  assertEquals(feed("TQ==TWE=TWFu\r\nTQ=="), "MMaManM");
  assertEquals(feed("T Q=\n="), "M");
});

for (const text of ["T=Q=", "TQ=T", "=", "T*", "TQ==="]) {
  Deno.test(`TunnelDecoder refuses ${text}`, () => {
    const bytes = new TextEncoder().encode(text);
    assertEquals(
      assertThrows(() => new TunnelDecoder().feed(bytes), ProtocolError).section,
      "RFC 4648, 4",
    );
  });
}

Deno.test("startsWithHttp() tells as soon as it can", () => {
  const told = (text: string) => startsWithHttp(new TextEncoder().encode(text));
  assertEquals(["", "G", "GET", "P", "POST"].map(told), Array(5).fill(undefined));
  assertEquals(["GET /", "POST /"].map(told), [true, true]);
  assertEquals(["OPTIONS", "PLAY", "$", "GET_PARAMETER", "PA"].map(told), Array(5).fill(false));
});

Deno.test("parseTunnelRequest() ignores other requests", () => {
  const request = (method: string, cookie?: string) =>
    parseTunnelRequest({
      method,
      headers: new Map(cookie === undefined ? [] : [["x-sessioncookie", cookie]]),
    });
  assertEquals(request("GET"), undefined);
  assertEquals(request("GET", ""), undefined);
  assertEquals(request("GET", "a".repeat(129)), undefined);
  assertEquals(request("PUT", "a"), undefined);
  assertEquals(request("GET", "a"), { half: "GET", cookie: "a" });
});

Deno.test("TunnelTable knows who waits, within bounds", () => {
  const table = new TunnelTable<number>();
  assert(table.offer("a", 1));
  assert(!table.offer("a", 2));
  assertEquals(table.find("a"), 1);
  assertEquals(table.find("b"), undefined);
  table.delete("a");
  assertEquals(table.find("a"), undefined);
  for (let i = 0; i < TUNNEL_HALVES_MAX; i++) assert(table.offer(`${i}`, i));
  assert(!table.offer("more", 0));
  assertEquals(table.size, TUNNEL_HALVES_MAX);
});
