// Goal: each request is obeyed in its state and refused with the right status elsewhere.
// Method: requests by hand, one wrong at a time, and what the session then says and does.
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { RtspServerUnderTest, TWO_MEDIA } from "../../support/rtsp_server.ts";
import { rtspText } from "../../support/rtsp_sessions.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { RTSP_OUTPUT_BYTES_MAX } from "../../../protocols/rtsp/server_session.ts";

const URL = "rtsp://host/live/a";
const TCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1";
const ID = "Session: aaaaaaaa";

type Stage = "init" | "announced" | "ready" | "playing" | "set up" | "recording";

/** A server whose client has come so far. */
function serverAt(stage: Stage): RtspServerUnderTest {
  const server = new RtspServerUnderTest();
  const publish = stage === "announced" || stage === "set up" || stage === "recording";
  if (publish) announce(server);
  if (stage === "ready" || stage === "playing") {
    assertEquals(server.request(`SETUP ${URL}/trackID=0 RTSP/1.0\nCSeq: 2\n${TCP}`), 200);
  }
  if (stage === "set up" || stage === "recording") {
    assertEquals(server.request(`SETUP ${URL}/streamid=0 RTSP/1.0\nCSeq: 2\n${TCP}`), 200);
  }
  const start = stage === "playing" ? "PLAY" : stage === "recording" ? "RECORD" : undefined;
  if (start !== undefined) {
    assertEquals(server.request(`${start} ${URL} RTSP/1.0\nCSeq: 3\n${ID}`), 200);
  }
  server.told.length = 0;
  return server;
}

function announce(server: RtspServerUnderTest): void {
  const fields = `CSeq: 1\nContent-Type: application/sdp\nContent-Length: ${TWO_MEDIA.length}`;
  assertEquals(server.request(`ANNOUNCE ${URL} RTSP/1.0\n${fields}`, TWO_MEDIA), 200);
}

const STATUSES: { what: string; stage?: Stage; head: string; body?: string; status: number }[] = [
  { what: "OPTIONS", head: "OPTIONS * RTSP/1.0\nCSeq: 1", status: 200 },
  { what: "another version", head: "OPTIONS * RTSP/2.0\nCSeq: 1", status: 505 },
  { what: "no CSeq", head: "OPTIONS * RTSP/1.0\nX: 1", status: 400 },
  { what: "a CSeq that is none", head: "OPTIONS * RTSP/1.0\nCSeq: a", status: 400 },
  {
    what: "a CSeq with a control character",
    head: "OPTIONS * RTSP/1.0\nCSeq: \u009a1",
    status: 400,
  },
  {
    what: "an option of control characters",
    head: "OPTIONS * RTSP/1.0\nCSeq: 1\nRequire: a\tb, \u009a",
    status: 551,
  },
  { what: "an unknown method", head: "DANCE * RTSP/1.0\nCSeq: 1", status: 501 },
  { what: "a server's method", head: `REDIRECT ${URL} RTSP/1.0\nCSeq: 1`, status: 405 },
  { what: "an option we lack", head: `PLAY ${URL} RTSP/1.0\nCSeq: 1\nRequire: x`, status: 551 },
  { what: "somebody else's session", head: `OPTIONS * RTSP/1.0\nCSeq: 1\n${ID}`, status: 454 },
  {
    what: "another's session",
    stage: "ready",
    head: `PLAY ${URL} RTSP/1.0\nCSeq: 4\nSession: bbbbbbbb`,
    status: 454,
  },
  {
    what: "PLAY without a session",
    stage: "ready",
    head: `PLAY ${URL} RTSP/1.0\nCSeq: 4`,
    status: 454,
  },
  { what: "TEARDOWN of nothing", head: `TEARDOWN ${URL} RTSP/1.0\nCSeq: 4`, status: 454 },
  { what: "no RTSP URL", head: "DESCRIBE http://h/a/b RTSP/1.0\nCSeq: 1", status: 400 },
  { what: "a URL without a path", head: "DESCRIBE rtsp://h RTSP/1.0\nCSeq: 1", status: 404 },
  { what: "a path traversal", head: "DESCRIBE rtsp://h/a/../b RTSP/1.0\nCSeq: 1", status: 404 },
  {
    what: "an encoded path traversal",
    head: "DESCRIBE rtsp://h/a/%2e%2e/b RTSP/1.0\nCSeq: 1",
    status: 404,
  },
  { what: "a reserved name", head: "DESCRIBE rtsp://h/api/b RTSP/1.0\nCSeq: 1", status: 404 },
  {
    what: "encoded line ends",
    head: "DESCRIBE rtsp://h/a/%0d%0aX:b RTSP/1.0\nCSeq: 1",
    status: 404,
  },
  {
    what: "another form of description",
    head: `DESCRIBE ${URL} RTSP/1.0\nCSeq: 1\nAccept: text/plain`,
    status: 406,
  },
  {
    what: "an ANNOUNCE of something else",
    head: `ANNOUNCE ${URL} RTSP/1.0\nCSeq: 1\nContent-Type: text/plain\nContent-Length: 1`,
    body: "a",
    status: 415,
  },
  {
    what: "an ANNOUNCE without media",
    head: `ANNOUNCE ${URL} RTSP/1.0\nCSeq: 1\nContent-Length: 3`,
    body: "v=0",
    status: 400,
  },
  {
    what: "ANNOUNCE while playing",
    stage: "playing",
    head: `ANNOUNCE ${URL} RTSP/1.0\nCSeq: 1`,
    status: 455,
  },
  { what: "SETUP without Transport", head: `SETUP ${URL} RTSP/1.0\nCSeq: 1`, status: 400 },
  {
    what: "an unknown Transport",
    head: `SETUP ${URL} RTSP/1.0\nCSeq: 1\nTransport: RTP/AVP;multicast`,
    status: 461,
  },
  {
    what: "SETUP to record what was not announced",
    head: `SETUP ${URL} RTSP/1.0\nCSeq: 1\n${TCP};mode=record`,
    status: 455,
  },
  {
    what: "SETUP to play what was announced",
    stage: "announced",
    head: `SETUP ${URL}/streamid=0 RTSP/1.0\nCSeq: 1\n${TCP};mode=play`,
    status: 455,
  },
  {
    what: "SETUP of the whole",
    stage: "announced",
    head: `SETUP ${URL} RTSP/1.0\nCSeq: 1\n${TCP}`,
    status: 459,
  },
  {
    what: "SETUP of a medium that was not announced",
    stage: "announced",
    head: `SETUP ${URL}/streamid=7 RTSP/1.0\nCSeq: 1\n${TCP}`,
    status: 404,
  },
  {
    what: "SETUP of another stream in the same session",
    stage: "ready",
    head: `SETUP rtsp://h/live/b/trackID=0 RTSP/1.0\nCSeq: 1\n${TCP}\n${ID}`,
    status: 459,
  },
  {
    what: "SETUP while playing",
    stage: "playing",
    head: `SETUP ${URL}/trackID=1 RTSP/1.0\nCSeq: 1\n${TCP}\n${ID}`,
    status: 455,
  },
  {
    what: "PLAY of another stream",
    stage: "ready",
    head: `PLAY rtsp://h/live/b RTSP/1.0\nCSeq: 4\n${ID}`,
    status: 404,
  },
  {
    what: "a range that is none",
    stage: "ready",
    head: `PLAY ${URL} RTSP/1.0\nCSeq: 4\n${ID}\nRange: npt=soon`,
    status: 457,
  },
  {
    what: "PLAY of what is published",
    stage: "set up",
    head: `PLAY ${URL} RTSP/1.0\nCSeq: 4\n${ID}`,
    status: 455,
  },
  {
    what: "RECORD of what is played",
    stage: "ready",
    head: `RECORD ${URL} RTSP/1.0\nCSeq: 4\n${ID}`,
    status: 455,
  },
  {
    what: "a parameter",
    stage: "playing",
    head: `GET_PARAMETER ${URL} RTSP/1.0\nCSeq: 4\n${ID}\nContent-Length: 6`,
    body: "jitter",
    status: 451,
  },
  {
    what: "a keep-alive",
    stage: "playing",
    head: `GET_PARAMETER ${URL} RTSP/1.0\nCSeq: 4\n${ID}\nContent-Length: 2`,
    body: "\r\n",
    status: 200,
  },
  {
    what: "a range of RFC 2326",
    stage: "ready",
    head:
      `PLAY ${URL} RTSP/1.0\nCSeq: 4\n${ID}\nRange: clock=19961108T142300Z-;time=19970123T143720Z`,
    status: 200,
  },
];

for (const { what, stage = "init", head, body, status } of STATUSES) {
  Deno.test(`RtspServerSession answers ${what} with ${status}`, () => {
    const server = serverAt(stage);
    assertEquals(server.request(head, body), status);
    assertMatch(server.output, /^RTSP\/1\.0 /);
    // It goes on behind each of them.
    assertEquals(server.request("OPTIONS * RTSP/1.0\nCSeq: 99"), 200);
    assertMatch(server.output, /\r\nCSeq: 99\r\n/);
  });
}

Deno.test("RtspServerSession describes with the base that controls belong to", () => {
  const server = new RtspServerUnderTest();
  server.request("DESCRIBE rtsp://host:554/live/a?token=x RTSP/1.0\nCSeq: 5");
  assertMatch(server.output, /\r\nContent-Base: rtsp:\/\/host:554\/live\/a\/\r\n/);
  assertMatch(server.output, /\r\n\r\nv=0\r\n/);
  assertEquals(server.told, ["describe live/a"]);
});

Deno.test("RtspServerSession plays /NAME, names with .sdp and query in any place", () => {
  for (
    const [uri, told] of [
      ["rtsp://h/test.sdp/trackID=1", "setup play 1 tcp 0-1 -/test.sdp"],
      ["rtsp://h/test.sdp", "setup play undefined tcp 0-1 -/test.sdp"],
      ["rtsp://h/a/b/c/trackID=1?token=t", "setup play 1 tcp 0-1 a/b/c"],
      ["rtsp://h/a/b?token=t/trackID=1", "setup play 1 tcp 0-1 a/b"],
      ["/a/b/trackID=0", "setup play 0 tcp 0-1 a/b"],
      ["rtsp://user:pass@[::1]:554/a/b/trackID=0/", "setup play 0 tcp 0-1 a/b"],
    ]
  ) {
    const server = new RtspServerUnderTest();
    assertEquals(server.request(`SETUP ${uri} RTSP/1.0\nCSeq: 1\n${TCP}`), 200, uri);
    assertEquals(server.told, [told]);
  }
});

Deno.test("RtspServerSession gives channels of their own", () => {
  const server = new RtspServerUnderTest();
  const setup = (media: number, transport: string) =>
    server.request(`SETUP ${URL}/trackID=${media} RTSP/1.0\nCSeq: 1\nTransport: ${transport}`);
  assertEquals(setup(0, "RTP/AVP/TCP;interleaved=2-3"), 200);
  assertEquals(setup(1, "RTP/AVP/TCP;interleaved=3-4"), 200); // 3 is taken.
  assertEquals(setup(2, "RTP/AVP/TCP"), 200);
  assertEquals(setup(0, "RTP/AVP/TCP;interleaved=2-3"), 200); // Its own once more.
  const ways = [...server.session.media.values()].map(({ transport }) => transport);
  assertEquals(ways, [
    { kind: "tcp", channels: [2, 3] },
    { kind: "tcp", channels: [0, 1] },
    { kind: "tcp", channels: [4, 5] },
  ]);
});

Deno.test("RtspServerSession says where a medium begins", () => {
  const server = serverAt("ready");
  server.request(`PLAY ${URL} RTSP/1.0\nCSeq: 4\n${ID}`);
  assertMatch(
    server.output,
    /\r\nRTP-Info: url=rtsp:\/\/host\/live\/a\/trackID=0;seq=1;rtptime=2\r\n/,
  );
  assertMatch(server.output, /\r\nSession: aaaaaaaa\r\n/);
  assertEquals(server.session.state, "playing");
});

Deno.test("RtspServerSession pauses and goes on, and ends for good", () => {
  for (const [stage, start] of [["playing", "PLAY"], ["recording", "RECORD"]] as const) {
    const server = serverAt(stage);
    const request = (method: string) => server.request(`${method} ${URL} RTSP/1.0\nCSeq: 4\n${ID}`);
    assertEquals(["PAUSE", "PAUSE", start, start, "TEARDOWN"].map(request), Array(5).fill(200));
    assertEquals(server.told, ["paused", `${start.toLowerCase()} live/a`, "ended"]);
    assertEquals([request(start), request("TEARDOWN")], [454, 454]);
    // The connection is good for another session, with an id of its own.
    assertEquals(server.request(`SETUP ${URL}/trackID=0 RTSP/1.0\nCSeq: 5\n${TCP}`), 200);
    assertMatch(server.output, /\r\nSession: bbbbbbbb;timeout=60\r\n/);
  }
});

Deno.test("RtspServerSession answers pipelined requests in their order, however late", () => {
  const server = new RtspServerUnderTest({ atOnce: false });
  server.session.feed(rtspText(`DESCRIBE ${URL} RTSP/1.0\nCSeq: 1`));
  server.session.feed(rtspText(`SETUP ${URL}/trackID=0 RTSP/1.0\nCSeq: 2\n${TCP}`));
  server.session.feed(rtspText(`OPTIONS ${URL} RTSP/1.0\nCSeq: 3`));
  assertEquals([server.told, server.answers()], [["describe live/a"], []]);
  server.decide();
  assertEquals(server.answers(), [200]);
  assert(server.session.waiting);
  server.decide();
  assertEquals(server.answers(), [200, 200]);
  assert(!server.session.waiting);
});

Deno.test("RtspServerSession refuses with what the owner says", () => {
  const server = new RtspServerUnderTest({ atOnce: false });
  server.session.feed(rtspText(`DESCRIBE ${URL} RTSP/1.0\nCSeq: 7`));
  assert(!server.session.acceptPlay([]) && !server.session.acceptRecord());
  assert(server.session.refuse(401, { "WWW-Authenticate": ["Digest a", "Basic b"] }));
  assert(!server.session.refuse(404));
  assertEquals(server.answers(), [401]);
  assertMatch(
    server.output,
    /^RTSP\/1\.0 401 Unauthorized\r\nCSeq: 7\r\nServer: test\r\nWWW-Auth.*a\r\nWWW-Auth.*b\r\n\r\n$/,
  );
});

Deno.test("RtspServerSession sends REDIRECT and takes its answer", () => {
  const server = serverAt("playing");
  assert(server.session.redirect("rtsp://other/live/a"));
  server.answers();
  assertEquals(
    server.output,
    "REDIRECT rtsp://host/live/a RTSP/1.0\r\nCSeq: 1\r\nLocation: rtsp://other/live/a\r\n" +
      "Session: aaaaaaaa\r\n\r\n",
  );
  assertEquals(server.request("RTSP/1.0 200 OK\nCSeq: 1"), 0);
  assert(!new RtspServerUnderTest().session.redirect("rtsp://other"));
});

Deno.test("RtspServerSession answers what it cannot read, once, and is done", () => {
  for (
    const [head, status] of [
      ["NONSENSE", 400],
      [`OPTIONS * RTSP/1.0\nCSeq: 1\nContent-Length: 99999999`, 413],
      [`OPTIONS * RTSP/1.0\nX: ${"x".repeat(20_000)}`, 431],
      [`OPTIONS * RTSP/1.0\nCSeq: 1\nContent-Length: -1`, 400],
    ] as const
  ) {
    const server = new RtspServerUnderTest();
    assertThrows(() => server.session.feed(rtspText(head)), ProtocolError);
    assertEquals([server.answers(), server.session.state], [[status], "failed"]);
    assertEquals(server.request("OPTIONS * RTSP/1.0\nCSeq: 2"), 0);
  }
});

Deno.test("RtspServerSession repeats nothing of a request that could be a line of its own", () => {
  const server = new RtspServerUnderTest();
  server.request("DESCRIBE rtsp://h/a/b%0d%0aSet-Cookie:x?c=%0d%0a RTSP/1.0\nCSeq: 1");
  assert(!server.output.includes("Set-Cookie"));
  server.request("SETUP rtsp://h/a;b,c/trackID=0 RTSP/1.0\nCSeq: 2\n" + TCP);
  server.request(`PLAY rtsp://h/a;b,c RTSP/1.0\nCSeq: 3\n${ID}`);
  assertMatch(server.output, /RTP-Info: url=rtsp:\/\/h\/a%3Bb%2Cc\/trackID=0;seq=1;rtptime=2\r\n/);
});

Deno.test("RtspServerSession ends a client that asks and does not read", () => {
  const server = new RtspServerUnderTest();
  const error = assertThrows(() => {
    for (let i = 0; i < RTSP_OUTPUT_BYTES_MAX / 100; i++) {
      server.session.feed(rtspText("OPTIONS * RTSP/1.0\nCSeq: 1"));
    }
  }, ProtocolError);
  assertMatch(error.message, /unread/);
});
