// Goal: the server understands whole connections of other programs, however their bytes arrive.
// Method: the clients' sides of recorded connections, with the session ids that we gave instead.
import { assert, assertEquals } from "../../support/assert.ts";
import { RtspServerUnderTest, SESSION_IDS } from "../../support/rtsp_server.ts";
import { inPieces, rtspVector } from "../../support/rtsp_sessions.ts";

/** Names of media in gst-rtsp-server's description, which those players asked for, and ours. */
function asIfOurs(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const latin1 = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")
    .replaceAll(/^Session: .*$/gm, `Session: ${SESSION_IDS[0]}`)
    .replaceAll(/^(SETUP .*\/live\/av\/)stream=(\d)/gm, "$1trackID=$2");
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}

const CONNECTIONS: { name: string; told: string[]; packets?: true }[] = [
  {
    name: "ffmpeg_5.1_play_tcp",
    told: [
      "describe live/av",
      "setup play 0 tcp 0-1 live/av",
      "setup play 1 tcp 2-3 live/av",
      "play live/av",
      "ended",
    ],
  },
  {
    name: "ffmpeg_5.1_play_udp",
    told: [
      "describe live/av",
      "setup play 0 udp PORTS live/av",
      "setup play 1 udp PORTS live/av",
      "play live/av",
      "ended",
    ],
  },
  {
    name: "gstreamer_1.22_play_tcp",
    told: [
      "describe live/av",
      "setup play 0 tcp 0-1 live/av",
      "setup play 1 tcp 2-3 live/av",
      "play live/av",
      "paused",
      "ended",
    ],
  },
  {
    name: "gstreamer_1.22_play_udp",
    told: [
      "describe live/av",
      "setup play 0 udp PORTS live/av",
      "setup play 1 udp PORTS live/av",
      "play live/av",
      "paused",
      "ended",
    ],
  },
  {
    name: "ffmpeg_5.1_publish_tcp",
    told: [
      "announce rec/av",
      "setup record 0 tcp 0-1 rec/av",
      "setup record 1 tcp 2-3 rec/av",
      "record rec/av",
      "ended",
    ],
    packets: true,
  },
  {
    name: "ffmpeg_5.1_publish_udp",
    told: [
      "announce rec/av",
      "setup record 0 udp PORTS rec/av",
      "setup record 1 udp PORTS rec/av",
      "record rec/av",
      "ended",
    ],
  },
  {
    name: "gstreamer_1.22_publish_tcp",
    told: [
      "announce rec/av",
      "setup record 0 tcp 0-1 rec/av",
      "setup record 1 tcp 2-3 rec/av",
      "record rec/av",
      "paused", // It closes its socket then.
    ],
    packets: true,
  },
  {
    name: "gstreamer_1.22_publish_udp",
    told: [
      "announce rec/v",
      "setup record 0 udp PORTS rec/v",
      "record rec/v",
      "paused",
      "ended",
    ],
  },
];

for (const { name, told, packets } of CONNECTIONS) {
  Deno.test(`RtspServerSession serves ${name}`, () => {
    const bytes = asIfOurs(rtspVector(name, "client"));
    for (
      const [atOnce, sizes] of [[true, [bytes.length]], [true, [1]], [false, [7, 300]]] as const
    ) {
      const server = new RtspServerUnderTest({ atOnce });
      const statuses: number[] = [];
      inPieces(bytes, sizes, (piece) => {
        server.session.feed(piece);
        while (server.session.waiting) server.decide();
        statuses.push(...server.answers());
      });
      assertEquals(server.told.map((line) => line.replace(/udp \d+-\d+/, "udp PORTS")), told);
      assert(statuses.length >= told.length && statuses.every((status) => status === 200));
      assertEquals(server.packets.length > 20, packets === true);
      assertEquals(server.session.state, told.at(-1) === "ended" ? "init" : "ready");
    }
  });
}

Deno.test("RtspServerSession tells who the client is", () => {
  const server = new RtspServerUnderTest();
  server.session.feed(asIfOurs(rtspVector("gstreamer_1.22_play_udp", "client")));
  assertEquals([server.session.userAgent, server.session.requests], ["GStreamer/1.22.0", 7]);
});
