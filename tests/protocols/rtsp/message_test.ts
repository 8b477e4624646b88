// Goal: we write messages as other programs do, and nothing a peer sent can end one of our lines.
// Method: what others sent is read, and written again to the same bytes.
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { rtspVector } from "../../support/rtsp_sessions.ts";
import {
  parseRtspHead,
  reasonOf,
  writeRtspRequest,
  writeRtspResponse,
} from "../../../protocols/rtsp/message.ts";

/** The first message of a recorded side, without a body. */
function firstHead(name: string, side: "client" | "server"): Uint8Array {
  const bytes = rtspVector(name, side);
  const end = new TextDecoder("latin1").decode(bytes).indexOf("\r\n\r\n") + 4;
  return bytes.subarray(0, end);
}

Deno.test("writeRtspRequest() writes what ffmpeg 5.1.9 wrote", () => {
  assertEquals(
    writeRtspRequest("OPTIONS", "rtsp://127.0.0.1:18555/live/av", {
      CSeq: 1,
      "User-Agent": "Lavf59.27.100",
      Session: undefined,
    }),
    firstHead("ffmpeg_5.1_play_tcp", "client"),
  );
});

Deno.test("writeRtspResponse() writes what gst-rtsp-server 1.22 wrote", () => {
  const wire = firstHead("ffmpeg_5.1_publish_tcp", "server");
  const { message } = parseRtspHead(wire);
  assertEquals(message.kind === "response" && message.status, 200);
  const [publicMethods, date] = ["public", "date"].map((name) => message.fields.get(name)![0]);
  assertEquals(
    writeRtspResponse(200, {
      CSeq: "1",
      Public: publicMethods,
      Server: "GStreamer RTSP server",
      Date: date,
    }),
    wire,
  );
});

Deno.test("writeRtspResponse() counts a body in bytes and repeats a field for a list", () => {
  const text = new TextDecoder().decode(
    writeRtspResponse(401, { CSeq: 2, "WWW-Authenticate": ["a", "b"] }, "é"),
  );
  assertEquals(
    text,
    "RTSP/1.0 401 Unauthorized\r\nCSeq: 2\r\nWWW-Authenticate: a\r\nWWW-Authenticate: b\r\n" +
      "Content-Length: 2\r\n\r\né",
  );
});

Deno.test("writeRtspResponse() refuses a line within a value", () => {
  for (const value of ["a\r\nSession: b", "a\nb", "a\0b", "a\u0085b"]) {
    assertThrows(() => writeRtspResponse(302, { Location: value }), RangeError);
  }
});

Deno.test("parseRtspHead() reads a response whose reason is missing or odd", () => {
  for (const [line, reason] of [["RTSP/1.0 200", ""], ["RTSP/1.0 404 Né pas", "Né pas"]]) {
    const bytes = Uint8Array.from(`${line}\r\nCSeq: 1`, (letter) => letter.charCodeAt(0));
    const { message } = parseRtspHead(bytes);
    assertEquals(message.kind === "response" && message.reason, reason);
  }
});

Deno.test("reasonOf() has a word for every status that we send", () => {
  for (
    const status of [400, 401, 404, 405, 413, 431, 451, 454, 455, 457, 459, 461, 501, 505, 551]
  ) {
    assertEquals(reasonOf(status) === "Status", false, `${status}`);
  }
});
