// Goal: what real clients send leads to the right events and answers, however it is cut.
// Method: whole connections of other programs, recorded, fed to a session with a policy in the
// owner's place.
import { assert, assertEquals } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { connectCommand, PLAIN_HANDSHAKE, ServerBench } from "../../support/rtmp_session.ts";

const VECTORS = new URL("../../vectors/rtmp_sessions/", import.meta.url);

const CAPTURES: { file: string; events: string[]; mediaCount: number; mediaBytes: number }[] = [
  {
    file: "ffmpeg_5.1_publish.bin",
    events: [
      "connect app=live tcUrl=rtmp://127.0.0.1:21941/live " +
      "flashVer=FMLE/3.0 (compatible; Lavf59.27.100)",
      "publish 1 live|cam|user=u live",
      "media 1 18 0 309",
      "media 1 9 0 48",
      "media 1 8 0 7",
      "ended 1 FCUnpublish",
    ],
    mediaCount: 25,
    mediaBytes: 3798,
  },
  {
    file: "gstreamer_1.22_rtmp2sink_publish.bin",
    events: [
      "connect app=live tcUrl=rtmp://127.0.0.1:21944/live flashVer=LNX 10,0,32,18",
      "publish 1 live|g2| live",
      "media 1 18 0 308",
      "media 1 9 0 44",
      "media 1 9 0 972",
      "ended 1 FCUnpublish",
    ],
    mediaCount: 8,
    mediaBytes: 1880,
  },
  {
    file: "gstreamer_1.22_rtmpsink_publish.bin",
    events: [
      "connect app=live tcUrl=rtmp://127.0.0.1:21943/live flashVer=",
      "publish 1 live|g1| live",
      "media 1 18 0 308",
      "media 1 9 0 44",
      "media 1 9 0 972",
      "ended 1 FCUnpublish",
    ],
    mediaCount: 8,
    mediaBytes: 1880,
  },
  {
    file: "ffmpeg_5.1_play.bin",
    events: [
      "connect app=live tcUrl=rtmp://127.0.0.1:21942/live flashVer=LNX 9,0,124,2",
      "play 1 live|cam| -2000 -1 true av",
      "ended 1 deleteStream",
    ],
    mediaCount: 0,
    mediaBytes: 0,
  },
  {
    file: "rtmpdump_2.4_play.bin",
    events: [
      "connect app=live tcUrl=rtmp://127.0.0.1:21945/live flashVer=LNX 10,0,32,18",
      "play 1 live|cam| -1000 1000 true av",
      "ended 1 deleteStream",
    ],
    mediaCount: 0,
    mediaBytes: 0,
  },
  {
    file: "gstreamer_1.22_rtmp2src_play.bin",
    events: [
      "connect app=live tcUrl=rtmp://127.0.0.1:21946/live flashVer=LNX 10,0,32,18",
      "play 1 live|cam| -2 -1 true av",
    ],
    mediaCount: 0,
    mediaBytes: 0,
  },
];

/** The first three media events and all others. */
function withoutMostMedia(events: readonly string[]): string[] {
  let seen = 0;
  return events.filter((event) => !event.startsWith("media") || ++seen <= 3);
}

function mediaOf(bench: ServerBench): { count: number; bytes: number } {
  const bodies = [...bench.bodies.values()];
  return { count: bodies.length, bytes: bodies.reduce((sum, body) => sum + body.length, 0) };
}

for (const { file, events, mediaCount, mediaBytes } of CAPTURES) {
  const wire = Deno.readFileSync(new URL(file, VECTORS));

  Deno.test(`ServerSession understands ${file}`, () => {
    const bench = new ServerBench();
    bench.feed(wire);
    assertEquals(withoutMostMedia(bench.events), events);
    assertEquals(mediaOf(bench), { count: mediaCount, bytes: mediaBytes });
    assertEquals([bench.session.droppedMessages, bench.session.bytesReceived], [0, wire.length]);
  });

  Deno.test(`ServerSession understands ${file} in pieces of any size`, () => {
    const whole = new ServerBench();
    whole.feed(wire);
    const wholeReplies = whole.replies();
    const random = seededRandom(wire.length);
    for (let round = 0; round < 8; round++) {
      const pieceMax = round === 0 ? 1 : 1 + randomInteger(random, 700);
      const cuts: number[] = [];
      for (let at = 0; (at += 1 + randomInteger(random, pieceMax)) < wire.length;) cuts.push(at);
      const bench = new ServerBench();
      bench.feed(wire, cuts);
      assertEquals(bench.events, whole.events, `pieces up to ${pieceMax}`);
      assertEquals(bench.replies(), wholeReplies, `pieces up to ${pieceMax}`);
      for (const [line, body] of whole.bodies) assertEquals(bench.bodies.get(line), body);
    }
  });

  Deno.test(`ServerSession loses nothing of ${file} when decisions come later`, () => {
    const whole = new ServerBench();
    whole.feed(wire);
    const bench = new ServerBench({ connect: "later", publish: "later", play: "accept" });
    bench.feed(wire); // In one read, as a client may send it.
    assertEquals([bench.session.waiting, bench.events.length], [true, 1]);
    assertEquals(bench.session.state, "connecting");
    assertEquals(bench.session.acceptConnect(), true);
    assertEquals(bench.events.length, 1); // Nothing happens within the decision itself.
    bench.session.resume();
    if (bench.session.waiting) {
      assertEquals(bench.session.acceptPublish(1), true);
      bench.session.resume();
    }
    assertEquals(bench.events, whole.events);
    assertEquals(bench.replies(), whole.replies());
    for (const [line, body] of whole.bodies) assertEquals(bench.bodies.get(line), body);
    assertEquals(bench.session.bytesReceived, wire.length);
  });
}

Deno.test("ServerSession answers ffmpeg's publish in order, on the right chunk streams", () => {
  const bench = new ServerBench();
  bench.feed(Deno.readFileSync(new URL("ffmpeg_5.1_publish.bin", VECTORS)));
  assertEquals(bench.replies(), [
    "2/0 type5 002625a0",
    "2/0 type6 002625a002",
    // Set Chunk Size (65,536) goes here; the reader obeys it without a word.
    '2/0 {"event":"streamBegin","streamId":0}',
    "3/0 _result 1 {fmsVer:FMS/3,5,7,7009,capabilities:31} {level:status," +
    "code:NetConnection.Connect.Success,description:Connection succeeded.,objectEncoding:0}",
    "3/0 _result 2 null",
    "3/0 _result 3 null",
    "3/0 onFCPublish 0 null {level:status,code:NetStream.Publish.Start,description:Go ahead}",
    "3/0 _result 4 null 1",
    '2/0 {"event":"streamBegin","streamId":1}',
    "5/1 onStatus 0 null {level:status,code:NetStream.Publish.Start,description:Publishing.}",
    "3/0 _result 6 null",
    "3/0 onFCUnpublish 0 null {level:status,code:NetStream.Unpublish.Success," +
    "description:Stopped publishing.}",
    "5/1 onStatus 0 null {level:status,code:NetStream.Unpublish.Success," +
    "description:Stopped publishing.}",
  ]);
});

Deno.test("ServerSession announces its chunk size before it answers connect", () => {
  const bench = new ServerBench();
  bench.feed(PLAIN_HANDSHAKE);
  bench.session.takeOutput();
  bench.feed(connectCommand());
  const output = bench.session.takeOutput();
  assert(output !== undefined);
  const setChunkSize = "02000000000004010000000000010000";
  const at = output.toHex().indexOf(setChunkSize);
  assert(at >= 0 && at < output.toHex().indexOf(new TextEncoder().encode("_result").toHex()));
});

Deno.test("ServerSession answers rtmpdump's play, media can follow", () => {
  const bench = new ServerBench();
  bench.feed(Deno.readFileSync(new URL("rtmpdump_2.4_play.bin", VECTORS)));
  assertEquals(bench.replies().slice(4), [
    "3/0 _result 2 null 1",
    "3/0 _result 3 null",
    "3/0 onFCSubscribe 0 null {level:status,code:NetStream.Play.Start,description:Go ahead}",
    '2/0 {"event":"streamBegin","streamId":1}',
    "5/1 onStatus 0 null {level:status,code:NetStream.Play.Reset," +
    "description:Playing and resetting.}",
    "5/1 onStatus 0 null {level:status,code:NetStream.Play.Start,description:Started playing.}",
  ]);
});
