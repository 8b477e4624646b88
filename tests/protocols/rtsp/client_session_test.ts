// Goal: the client plays from and publishes to other people's servers, with passwords and detours.
// Method: the servers' sides of recorded connections; a server of our own in the same process.
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { RtspServerUnderTest, TWO_MEDIA } from "../../support/rtsp_server.ts";
import { inPieces, rtspElements, rtspText, rtspVector } from "../../support/rtsp_sessions.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import {
  type RtspClientEvents,
  type RtspClientOptions,
  RtspClientSession,
} from "../../../protocols/rtsp/client_session.ts";
import type { SdpSession } from "../../../protocols/rtsp/sdp.ts";
import type { TransportRequest } from "../../../protocols/rtsp/transport.ts";

const CNONCE = "0123456789abcdef";
const AGENT = { cnonce: CNONCE, userAgent: "test" };

/** A client that sets up everything, by TCP or UDP. */
class Player implements RtspClientEvents {
  readonly session: RtspClientSession;
  readonly told: string[] = [];
  readonly sent: string[] = [];
  packets = 0;
  readonly #udp: boolean;

  constructor(options: Partial<RtspClientOptions>, { udp = false } = {}) {
    this.#udp = udp;
    this.session = new RtspClientSession(this, {
      ...{ uri: "rtsp://h/live/av", role: "play", ...AGENT },
      ...options,
    });
  }

  /** Everything it has to say, as text; also noted by its first words. */
  output(): Uint8Array {
    const bytes = this.session.takeOutput() ?? new Uint8Array(0);
    for (const text of rtspElements(bytes)) this.sent.push(text.split(" {")[0]);
    return bytes;
  }

  described({ media }: SdpSession): void {
    this.told.push(`described ${media.map(({ kind }) => kind)}`);
    this.session.setup(media.map((_, index) => ({ media: index, transport: this.#way(index) })));
  }

  setUp(media: number): void {
    this.told.push(`set up ${media}`);
  }

  ready(): void {
    this.told.push("ready");
  }

  interleaved(): void {
    this.packets++;
  }

  redirected(location: string): void {
    this.told.push(`redirected ${location}`);
  }

  ended(status: number, reason: string): void {
    this.told.push(`ended ${status} ${reason}`);
  }

  #way(media: number): TransportRequest {
    const mode = undefined;
    if (this.#udp) return { kind: "udp", clientPorts: [5000 + 2 * media, 5001 + 2 * media], mode };
    return { kind: "tcp", channels: [2 * media, 2 * media + 1], mode };
  }
}

/** A server's answers but the first, which was to OPTIONS, numbered as our requests are. */
function answersOf(name: string): Uint8Array {
  let cseq = 0;
  const latin1 = Array.from(rtspVector(name, "server"), (byte) => String.fromCharCode(byte)).join(
    "",
  )
    .replace(/^[\s\S]*?\r\n\r\n/, "").replaceAll(/^CSeq: \d+/gim, () => `CSeq: ${++cseq}`);
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}

const PLAYS: { name: string; uri: string; udp?: true; told: string[]; sent: string[] }[] = [
  {
    name: "gstreamer_1.22_play_tcp",
    uri: "rtsp://127.0.0.1:18555/live/av",
    told: ["described video,audio", "set up 0", "set up 1", "ready"],
    sent: [
      "DESCRIBE rtsp://127.0.0.1:18555/live/av",
      "SETUP rtsp://127.0.0.1:18555/live/av/stream=0",
      "SETUP rtsp://127.0.0.1:18555/live/av/stream=1",
      "PLAY rtsp://127.0.0.1:18555/live/av/",
    ],
  },
  {
    name: "vlc_3.0_play_udp",
    uri: "rtsp://127.0.0.1:18561/live/av",
    udp: true,
    told: ["described audio,video", "set up 0", "set up 1", "ready"],
    sent: [
      "DESCRIBE rtsp://127.0.0.1:18561/live/av",
      "SETUP rtsp://127.0.0.1:18560/live/av/trackID=0",
      "SETUP rtsp://127.0.0.1:18560/live/av/trackID=1",
      "PLAY rtsp://127.0.0.1:18560/live/av",
    ],
  },
];

for (const { name, uri, udp, told, sent } of PLAYS) {
  Deno.test(`RtspClientSession plays from the server of ${name}`, () => {
    for (const size of [1, 100]) {
      const player = new Player({ uri }, { udp });
      // Answers are fed one by one, each when its request is out.
      const answers = answersOf(name);
      inPieces(answers, [size], (piece) => {
        player.output();
        player.session.feed(piece);
      });
      player.output();
      assertEquals(player.told, told);
      assertEquals(player.sent.slice(0, sent.length), sent);
      assertEquals(player.packets > 10, udp === undefined);
    }
  });
}

/** Lets a client and a server of ours talk until both are silent. */
function converse(client: RtspClientSession, server: RtspServerUnderTest): void {
  while (true) {
    const asked = client.takeOutput();
    if (asked !== undefined) server.session.feed(asked);
    const answered = server.session.takeOutput();
    if (answered !== undefined) client.feed(answered);
    if (asked === undefined && answered === undefined) return;
  }
}

Deno.test("RtspClientSession publishes to our server and says goodbye", () => {
  const player = new Player({ role: "publish", sdp: TWO_MEDIA });
  const server = new RtspServerUnderTest();
  converse(player.session, server);
  assertEquals(player.told, ["described video,audio", "set up 0", "set up 1", "ready"]);
  assert(player.session.sendInterleaved(2, Uint8Array.of(1, 2, 3)));
  player.session.keepAlive();
  player.session.close();
  assert(!player.session.sendInterleaved(2, Uint8Array.of(1)));
  converse(player.session, server);
  assertEquals(server.packets, [[2, Uint8Array.of(1, 2, 3)]]);
  assertEquals(server.told.at(-1), "ended");
});

Deno.test("RtspClientSession plays from our server", () => {
  const player = new Player({});
  const server = new RtspServerUnderTest();
  converse(player.session, server);
  assertEquals(player.told.at(-1), "ready");
  server.session.redirect("rtsp://other/live/av");
  converse(player.session, server);
  assertEquals(player.told.at(-1), "redirected rtsp://other/live/av");
  assertEquals([player.session.state, server.told.at(-1)], ["over", "ended"]); // It said goodbye.
});

Deno.test("RtspClientSession answers a challenge once, and a stale one again", () => {
  const challenge = (cseq: number, stale: string) =>
    rtspText(
      `RTSP/1.0 401 Unauthorized\nCSeq: ${cseq}\n` +
        `WWW-Authenticate: Basic realm="r"\nWWW-Authenticate: Digest realm="r", nonce="n"${stale}`,
    );
  const player = new Player({ user: "u", pass: "p" });
  player.output();
  player.session.feed(challenge(1, ""));
  assertMatch(new TextDecoder().decode(player.output()), /\r\nAuthorization: Digest username="u"/);
  player.session.feed(challenge(2, ", stale=true"));
  assertMatch(new TextDecoder().decode(player.output()), /\r\nCSeq: 3\r\n[\s\S]*Authorization/);
  player.session.feed(challenge(3, ", stale=true"));
  assertEquals(player.told, ["ended 401 Unauthorized"]);

  const wrong = new Player({ user: "u", pass: "p" });
  wrong.session.feed(challenge(1, ""));
  wrong.session.feed(challenge(2, ""));
  assertEquals(wrong.told, ["ended 401 Unauthorized"]);
  const nobody = new Player({});
  nobody.session.feed(challenge(1, ""));
  assertEquals(nobody.told, ["ended 401 Unauthorized"]);
});

Deno.test("RtspClientSession follows no redirect itself, and tells refusals", () => {
  const moved = new Player({});
  moved.session.feed(rtspText("RTSP/1.0 302 Found\nCSeq: 1\nLocation: rtsp://b/c"));
  assertEquals(moved.told, ["redirected rtsp://b/c"]);
  const refused = new Player({});
  refused.session.feed(rtspText("RTSP/1.0 404 Not Found\nCSeq: 1"));
  refused.session.feed(rtspText("RTSP/1.0 200 OK\nCSeq: 1"));
  assertEquals(refused.told, ["ended 404 Not Found"]);
  const empty = new Player({});
  empty.session.feed(rtspText("RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: 3", "v=0"));
  assertEquals(empty.told, ["ended 0 the description has no media"]);
});

Deno.test("RtspClientSession learns the session's time and ignores what it did not ask", () => {
  const player = new Player({});
  player.session.feed(rtspText("RTSP/1.0 200 OK\nCSeq: 77"));
  player.session.feed(rtspText("RTSP/1.0 100 Continue\nCSeq: 1"));
  player.session.feed(rtspText("GET_PARAMETER * RTSP/1.0\nCSeq: 9"));
  assertMatch(
    new TextDecoder().decode(player.session.takeOutput()!),
    /RTSP\/1\.0 501 .*\r\nCSeq: 9/,
  );
  const sdp = "m=video 0 RTP/AVP 96\r\n";
  player.session.feed(rtspText(`RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: ${sdp.length}`, sdp));
  player.session.feed(
    rtspText(
      "RTSP/1.0 200 OK\nCSeq: 2\nSession: abc;timeout=15\nTransport: RTP/AVP/TCP;interleaved=0-1",
    ),
  );
  assertEquals([player.session.timeoutSeconds, player.session.state], [15, "starting"]);
});

Deno.test("RtspClientSession refuses a control that is no URL, and a medium that is not there", () => {
  const player = new Player({});
  const sdp = "m=video 0 RTP/AVP 96\r\na=control:a b\r\n";
  const answer = rtspText(`RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: ${sdp.length}`, sdp);
  assertEquals(
    assertThrows(() => player.session.feed(answer), ProtocolError).section,
    "RFC 2326, C.1.1",
  );
  const idle: RtspClientEvents = {
    ...{ described: () => {}, setUp: () => {}, ready: () => {}, interleaved: () => {} },
    ...{ redirected: () => {}, ended: () => {} },
  };
  const session = new RtspClientSession(idle, { uri: "rtsp://h/a", role: "play", ...AGENT });
  const good = "m=video 0 RTP/AVP 96\r\n";
  session.feed(rtspText(`RTSP/1.0 200 OK\nCSeq: 1\nContent-Length: ${good.length}`, good));
  const tcp: TransportRequest = { kind: "tcp", channels: [0, 1], mode: undefined };
  assertThrows(() => session.setup([{ media: 1, transport: tcp }]), RangeError);
  assertThrows(() => session.setup([]), RangeError);
});
