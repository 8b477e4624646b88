// Goal: what real clients send leads to the right events and answers, however it is cut; what is
// wrong is refused without harm to what is right.
// Method: recorded connections of other programs, then single commands against a session that
// stands, with a policy in the owner's place.
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import {
  type BenchPolicy,
  clientCommand,
  clientMessage,
  connectCommand,
  PLAIN_HANDSHAKE,
  ServerBench,
} from "../../support/rtmp_session.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { FRAME_BYTES_MAX } from "../../../protocols/media/record.ts";
import { writeAmf0Values } from "../../../protocols/rtmp/amf0.ts";
import { amfRecord } from "../../../protocols/rtmp/command.ts";
import { KEPT_INPUT_BYTES_MAX } from "../../../protocols/rtmp/exchange.ts";
import { chunkedMessage } from "../../../protocols/rtmp/chunk_writer.ts";
import { MESSAGE_TYPE, writeUserControl } from "../../../protocols/rtmp/message.ts";
import { NET_STREAMS_MAX } from "../../../protocols/rtmp/net_stream.ts";
import { SERVER_OUTPUT_BYTES_MAX } from "../../../protocols/rtmp/server_session.ts";

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
    "5/1 |RtmpSampleAccess true true",
    "5/1 onStatus {code:NetStream.Data.Start}",
  ]);
});

Deno.test("ServerSession tells an Enhanced RTMP client what it can do, old clients nothing", () => {
  // The fields that OBS Studio 30 sends, with the capsEx of an E-RTMP v2 client.
  const fields = {
    type: "nonprivate",
    flashVer: "FMLE/3.0 (compatible; FMSc/1.0)",
    swfUrl: "rtmp://host/live",
    fourCcList: ["av01", "hvc1", "too long", 7],
    videoFourCcInfoMap: amfRecord([["*", 4]]),
    capsEx: 0x13, // Reconnect, multitrack and a bit that nobody defined.
  };
  const bench = new ServerBench();
  bench.feed(PLAIN_HANDSHAKE);
  bench.feed(connectCommand(fields));
  assertEquals(bench.session.connection?.capsEx, {
    reconnect: true,
    multitrack: true,
    modEx: false,
    timestampNanoOffset: false,
  });
  assertEquals(bench.session.connection?.fourCcs, ["av01", "hvc1", "*"]);
  const answer = bench.replies().at(-1) ?? "";
  const enhanced = "fourCcList:[avc1,hvc1,av01,vp08,vp09,mp4a,Opus,.mp3,ac-3,ec-3,fLaC]," +
    "videoFourCcInfoMap:{avc1:4,hvc1:4,av01:4,vp08:4,vp09:4}," +
    "audioFourCcInfoMap:{mp4a:4,Opus:4,.mp3:4,ac-3:4,ec-3:4,fLaC:4},capsEx:15}";
  assertEquals(answer.split(enhanced).length, 3, "in both objects");

  const old = new ServerBench();
  old.feed(PLAIN_HANDSHAKE);
  old.feed(connectCommand({ objectEncoding: 3 }));
  const oldAnswer = old.replies().at(-1) ?? "";
  assertMatch(oldAnswer, /objectEncoding:3\}$/);
  assert(!oldAnswer.includes("capsEx"));
});

Deno.test("refuseConnect() answers _error and ignores what follows", () => {
  const bench = new ServerBench({ connect: "refuse" });
  bench.feed(Deno.readFileSync(new URL("ffmpeg_5.1_publish.bin", VECTORS)));
  assertEquals([bench.events.length, bench.session.state], [1, "refused"]);
  assertEquals(
    bench.replies().at(-1),
    "3/0 _error 1 null {level:error,code:NetConnection.Connect.Rejected,description:no}",
  );
  bench.feed(new Uint8Array(100).fill(0xff));
  assertEquals(bench.session.takeOutput(), undefined);
  assertEquals(bench.session.acceptConnect(), false);
});

Deno.test("refusePublish() answers BadName, drops and counts the media behind it", () => {
  const bench = new ServerBench({ publish: "refuse" });
  bench.feed(Deno.readFileSync(new URL("ffmpeg_5.1_publish.bin", VECTORS)));
  assertEquals(bench.events.slice(1), ["publish 1 live|cam|user=u live"]);
  assertEquals(bench.session.droppedMessages, 25);
  const status = "5/1 onStatus 0 null {level:error,code:NetStream.Publish.BadName,description:no}";
  assert(bench.replies().includes(status));
});

Deno.test("refusePlay() answers on the stream; the stream may ask again", () => {
  const bench = ServerBench.withStream({ play: "refuse" });
  bench.feed(clientCommand(1, "play", 0, null, "a"));
  const status =
    "5/1 onStatus 0 null {level:error,code:NetStream.Play.StreamNotFound,description:no}";
  assertEquals(bench.replies(), [status]);
  bench.feed(clientCommand(1, "play", 0, null, "b", 0, 10, false));
  assertEquals(bench.events, ["play 1 live|a| -2 -1 true av", "play 1 live|b| 0 10 false av"]);
});

Deno.test("ServerSession refuses bad names by itself, on publish and play", () => {
  for (const name of ["../x", "a%2fb", "a\0b", "", "n".repeat(600)]) {
    const bench = ServerBench.withStream();
    bench.feed(clientCommand(1, "publish", 0, null, name === "" ? 7 : name, "live"));
    bench.feed(clientCommand(1, "play", 0, null, name === "" ? null : name));
    assertEquals(bench.events, []);
    const [publish, play] = bench.replies();
    assertMatch(publish, /^5\/1 onStatus 0 null {level:error,code:NetStream.Publish.BadName,/);
    assertMatch(publish, /description:Cannot use stream name: /);
    assertMatch(play, /code:NetStream.Play.Failed,description:Cannot use stream name: /);
    assertEquals(bench.session.waiting, false);
  }
});

Deno.test("ServerSession takes publish and play without createStream, and on stream 0", () => {
  const implicit = ServerBench.connected();
  implicit.feed(clientCommand(1, "publish", 0, null, "a", "record"));
  implicit.feed(clientMessage(MESSAGE_TYPE.video, 1, new Uint8Array(9)));
  assertEquals(implicit.events, ["publish 1 live|a| record", "media 1 9 0 9"]);

  const onZero = ServerBench.connected();
  onZero.feed(clientCommand(0, "publish", 0, null, "a", "live"));
  onZero.feed(clientMessage(MESSAGE_TYPE.video, 0, new Uint8Array(9)));
  assertEquals(onZero.events, ["publish 0 live|a| live", "media 0 9 0 9"]);

  const created = ServerBench.withStream();
  created.feed(clientCommand(0, "publish", 0, null, "a", "live"));
  created.feed(clientMessage(MESSAGE_TYPE.dataAmf0, 0, new Uint8Array(9)));
  created.feed(clientMessage(MESSAGE_TYPE.video, 1, new Uint8Array(9)));
  assertEquals(created.events, ["publish 1 live|a| live", "media 1 18 0 9", "media 1 9 0 9"]);

  const far = ServerBench.connected();
  far.feed(clientCommand(NET_STREAMS_MAX + 1, "publish", 0, null, "a"));
  far.feed(clientCommand(0xffffffff, "play", 0, null, "a"));
  assertEquals(far.events, []);
  assertMatch(far.replies().join(), /BadName.*no such stream.*Play\.Failed.*no such stream/);
});

Deno.test("ServerSession keeps one publish or play a stream", () => {
  const bench = ServerBench.withStream();
  bench.feed(clientCommand(1, "publish", 0, null, "a", "live"));
  bench.feed(clientCommand(1, "publish", 0, null, "b", "live"));
  bench.feed(clientCommand(1, "play", 0, null, "a"));
  assertEquals(bench.events, ["publish 1 live|a| live"]);
  assertMatch(bench.replies().join(), /BadName.*stream 1 is in use.*stream 1 publishes/);
  bench.feed(clientMessage(MESSAGE_TYPE.audio, 1, new Uint8Array(3)));
  assertEquals(bench.events.at(-1), "media 1 8 0 3"); // The first one goes on undisturbed.

  const player = ServerBench.withStream();
  player.feed(clientCommand(1, "play", 0, null, "a"));
  player.feed(clientCommand(1, "play", 0, null, "b"));
  player.feed(clientCommand(1, "publish", 0, null, "c", "live"));
  assertEquals(player.events, [
    "play 1 live|a| -2 -1 true av",
    "ended 1 play",
    "play 1 live|b| -2 -1 true av",
  ]);
});

Deno.test("createStream hands out the lowest free id and stops at its limit", () => {
  const bench = ServerBench.connected();
  for (let id = 1; id <= NET_STREAMS_MAX + 1; id++) {
    bench.feed(clientCommand(0, "createStream", id + 1, null));
  }
  const replies = bench.replies();
  assertEquals(replies[0], "3/0 _result 2 null 1");
  assertEquals(replies[31], "3/0 _result 33 null 32");
  assertMatch(replies[32], /_error 34 null .*NetConnection.Call.Failed.*At most 32 streams/);
  bench.feed(clientCommand(0, "deleteStream", 0, null, 7));
  bench.feed(clientCommand(0, "createStream", 50, null));
  assertEquals(bench.replies(), ["3/0 _result 50 null 7"]);
});

Deno.test("ServerSession ends a publish once, whatever command says it", () => {
  const publish = clientCommand(1, "publish", 0, null, "a", "live");
  const endings: [name: string, wire: Uint8Array][] = [
    ["FCUnpublish", clientCommand(0, "FCUnpublish", 6, null, "a")],
    ["FCUnpublish", clientCommand(0, "FCUnpublish", 6, null, "another")],
    ["deleteStream", clientCommand(0, "deleteStream", 0, null, 1)],
    ["deleteStream", clientCommand(0, "deleteStream", 0, null, "a")], // As rtmp2sink does.
    ["closeStream", clientCommand(1, "closeStream", 0, null)],
    ["publish", clientCommand(1, "publish", 0, null, false)],
  ];
  for (const [name, wire] of endings) {
    const bench = ServerBench.withStream();
    bench.feed(publish);
    bench.feed(wire);
    for (const [, again] of endings) bench.feed(again);
    bench.feed(clientMessage(MESSAGE_TYPE.video, 1, new Uint8Array(5)));
    assertEquals(bench.events, ["publish 1 live|a| live", `ended 1 ${name}`]);
    assertEquals(bench.session.droppedMessages, 1);
  }
});

Deno.test("ServerSession ends a play that still waits; the late decision does nothing", () => {
  const bench = ServerBench.withStream({ play: "later" });
  bench.feed(clientCommand(1, "play", 0, null, "a"));
  assertEquals(bench.session.waiting, false);
  bench.feed(clientCommand(0, "deleteStream", 0, null, 1));
  assertEquals(bench.events, ["play 1 live|a| -2 -1 true av", "ended 1 deleteStream"]);
  assertEquals([bench.session.acceptPlay(1), bench.session.refusePlay(1, "x", "y")], [
    false,
    false,
  ]);
  assertEquals(bench.session.takeOutput(), undefined);
});

Deno.test("pause and receive reach the owner while it plays, each change once", () => {
  const bench = ServerBench.withStream();
  bench.feed(clientCommand(1, "pause", 0, null, true, 0)); // Nothing plays yet.
  bench.feed(clientCommand(1, "receiveAudio", 0, null, false)); // Kept for the play.
  bench.feed(clientCommand(1, "play", 0, null, "a"));
  bench.replies();
  bench.feed(clientCommand(1, "pause", 0, null, true, 1000));
  bench.feed(clientCommand(1, "pauseRaw", 0, null, true, 1000));
  bench.feed(clientCommand(1, "pause", 0, null, false, 1000));
  bench.feed(clientCommand(1, "receiveVideo", 0, null, false));
  bench.feed(clientCommand(1, "receiveVideo", 0, null, true));
  assertEquals(bench.events, [
    "play 1 live|a| -2 -1 true -v",
    "pause 1 true",
    "pause 1 false",
    "receive 1 video false",
    "receive 1 video true",
  ]);
  const codes = bench.replies().map((line) => /code:([^,]*)/.exec(line)?.[1]);
  assertEquals(codes, [
    "NetStream.Pause.Notify",
    "NetStream.Pause.Notify",
    "NetStream.Unpause.Notify",
    "NetStream.Seek.Notify",
    "NetStream.Play.Start",
  ]);
});

Deno.test("ServerSession refuses play2, seek and unknown calls clearly and goes on", () => {
  const bench = ServerBench.withStream();
  bench.feed(clientCommand(1, "play2", 5, null, amfRecord([])));
  bench.feed(clientCommand(1, "seek", 0, null, 1000));
  bench.feed(clientCommand(0, "makeCoffee", 9, null));
  bench.feed(clientCommand(0, "makeTea", 0, null)); // Wants no answer.
  bench.feed(clientCommand(0, "_error", 3, null));
  bench.feed(clientCommand(0, "getStreamLength", 8, null, "a"));
  bench.feed(clientCommand(0, "_checkbw", 10, null));
  assertEquals(bench.replies(), [
    "5/1 onStatus 0 null {level:error,code:NetStream.Play.Failed," +
    "description:Cannot play2: use play}",
    "3/0 _error 5 null {level:error,code:NetStream.Play.Failed," +
    "description:Cannot play2: use play}",
    "5/1 onStatus 0 null {level:error,code:NetStream.Seek.Failed," +
    "description:Cannot seek: the stream is live}",
    "3/0 _error 9 null {level:error,code:NetConnection.Call.Failed," +
    'description:Cannot call "makeCoffee": no such method}',
    "3/0 _result 8 null 0",
    "3/0 _result 10 null",
  ]);
});

Deno.test("endPlay(), endPublish() and requestReconnect() say what they have to", () => {
  const bench = ServerBench.connected({}, { capsEx: 1 });
  bench.feed(clientCommand(1, "play", 0, null, "a"));
  bench.feed(clientCommand(2, "play", 0, null, "a"));
  bench.feed(clientCommand(3, "publish", 0, null, "b", "live"));
  bench.replies();
  const { session } = bench;
  const ended = [
    session.endPlay(1, "unpublished", "gone"),
    session.endPlay(2, "stopped", "moved"),
    session.endPublish(3, "NetStream.Publish.BadName", "kicked"),
    session.requestReconnect("rtmp://other/live", "draining"),
    session.requestReconnect(undefined, "again"),
  ];
  assertEquals(ended, [true, true, true, true, true]);
  const again = [session.endPlay(1, "stopped", ""), session.endPublish(3, "", "")];
  assertEquals(again, [false, false]);
  assertEquals(bench.replies(), [
    "5/1 onStatus 0 null {level:status,code:NetStream.Play.UnpublishNotify,description:gone}",
    '2/0 {"event":"streamEof","streamId":1}',
    "5/2 onStatus 0 null {level:status,code:NetStream.Play.Stop,description:moved}",
    '2/0 {"event":"streamEof","streamId":2}',
    "5/3 onStatus 0 null {level:error,code:NetStream.Publish.BadName,description:kicked}",
    "3/0 onStatus 0 null {tcUrl:rtmp://other/live," +
    "code:NetConnection.Connect.ReconnectRequest,description:draining,level:status}",
    "3/0 onStatus 0 null {code:NetConnection.Connect.ReconnectRequest,description:again," +
    "level:status}",
  ]);
  const old = ServerBench.connected();
  assertEquals(old.session.requestReconnect(undefined, ""), false);
  assertEquals(old.session.takeOutput(), undefined);
});

Deno.test("ServerSession takes AMF3 commands, AMF3 data and aggregates", () => {
  const bench = ServerBench.connected();
  const create = Uint8Array.of(0, ...writeAmf0Values(["createStream", 2, null]));
  bench.feed(clientMessage(MESSAGE_TYPE.commandAmf3, 0, create));
  const publish = Uint8Array.of(0, ...writeAmf0Values(["publish", 0, null, "a", "live"]));
  bench.feed(clientMessage(MESSAGE_TYPE.commandAmf3, 1, publish));

  const data = writeAmf0Values(["onMetaData", amfRecord([["width", 16]])]);
  bench.feed(clientMessage(MESSAGE_TYPE.dataAmf3, 1, Uint8Array.of(0, ...data)));
  assertEquals(bench.events, ["publish 1 live|a| live", `media 1 18 0 ${data.length}`]);
  assertEquals(bench.bodies.get(1), data);

  // Two FLV tags of 2 and 1 bytes, 40 ms apart, in a message at 1000 ms (7.1.6).
  const aggregate = Uint8Array.fromHex(
    "09000002000032000000001700" + "0000000d" + "0800000100005a00000000af" + "0000000c",
  );
  bench.feed(clientMessage(MESSAGE_TYPE.aggregate, 1, aggregate, 1000));
  assertEquals(bench.events.slice(2), ["media 1 9 1000 2", "media 1 8 1040 1"]);
});

Deno.test("ServerSession drops and counts media that nobody accepted, and unknown types", () => {
  const bench = ServerBench.withStream();
  bench.feed(clientMessage(MESSAGE_TYPE.video, 1, new Uint8Array(5)));
  bench.feed(clientMessage(MESSAGE_TYPE.audio, 77, new Uint8Array(5)));
  bench.feed(clientMessage(MESSAGE_TYPE.dataAmf0, 0, new Uint8Array(5)));
  bench.feed(clientMessage(MESSAGE_TYPE.sharedObjectAmf0, 0, new Uint8Array(5)));
  bench.feed(clientMessage(99, 0, new Uint8Array(5)));
  assertEquals([bench.events.length, bench.session.droppedMessages], [0, 5]);
  // Two publishers: which one stream 0 means is not known.
  bench.feed(clientCommand(1, "publish", 0, null, "a"));
  bench.feed(clientCommand(2, "publish", 0, null, "b"));
  bench.feed(clientMessage(MESSAGE_TYPE.dataAmf0, 0, new Uint8Array(5)));
  assertEquals(bench.session.droppedMessages, 6);
});

Deno.test("ServerSession takes long messages only once a publish was accepted", () => {
  const long = clientMessage(MESSAGE_TYPE.video, 1, new Uint8Array(70_000));
  const before = ServerBench.withStream();
  assertMatch(assertThrows(() => before.feed(long), ProtocolError).message, /70000 bytes/);

  const pipelined = new ServerBench({ publish: "later" });
  pipelined.feed(PLAIN_HANDSHAKE);
  pipelined.feed(connectCommand());
  const publish = clientCommand(1, "publish", 0, null, "a", "live");
  pipelined.feed(Uint8Array.of(...publish, ...long));
  assertEquals(pipelined.session.waiting, true);
  pipelined.session.acceptPublish(1);
  pipelined.session.resume();
  assertEquals(pipelined.events.at(-1), "media 1 9 0 70000");

  const head = { chunkStreamId: 6, timestampMs: 0, typeId: 9, streamId: 1 };
  const largest = chunkedMessage(head, new Uint8Array(FRAME_BYTES_MAX + 65_536), 1 << 20);
  pipelined.feed(clientMessage(MESSAGE_TYPE.setChunkSize, 0, Uint8Array.of(0, 16, 0, 0)));
  pipelined.feed(largest);
  assertEquals(pipelined.events.at(-1), `media 1 9 0 ${FRAME_BYTES_MAX + 65_536}`);
  const larger = chunkedMessage(head, new Uint8Array(FRAME_BYTES_MAX + 65_537), 1 << 20);
  assertThrows(() => pipelined.feed(larger), ProtocolError);
});

Deno.test("ServerSession acknowledges by the peer's window, answers pings and bandwidth", () => {
  const bench = ServerBench.connected();
  const { bytesReceived } = bench.session;
  bench.feed(clientMessage(MESSAGE_TYPE.windowAcknowledgementSize, 0, Uint8Array.of(0, 0, 20, 0)));
  assertEquals(bench.session.bytesReceived, bytesReceived + 16);
  bench.replies();
  while (bench.session.bytesReceived < 5120 * 2 - 2000) {
    bench.feed(clientMessage(99, 0, new Uint8Array(100)));
  }
  const acks = bench.replies();
  assertEquals(acks.length, 1);
  assertMatch(acks[0], /^2\/0 type3 00001[4-9]/);
  const ping = writeUserControl({ event: "pingRequest", timestampMs: 0xfffffff0 });
  bench.feed(clientMessage(MESSAGE_TYPE.userControl, 0, ping));
  assertEquals(bench.replies(), ['2/0 {"event":"pingResponse","timestampMs":4294967280}']);
  bench.feed(clientMessage(MESSAGE_TYPE.setPeerBandwidth, 0, Uint8Array.of(0, 1, 0, 0, 2)));
  assertEquals(bench.replies(), []); // Our window was announced already (5.4.5).
  bench.session.ping(7);
  assertEquals(bench.replies(), ['2/0 {"event":"pingRequest","timestampMs":7}']);
});

Deno.test("ServerSession cuts off who asks without reading the answers", () => {
  const bench = ServerBench.connected();
  const ping = clientMessage(
    MESSAGE_TYPE.userControl,
    0,
    writeUserControl({ event: "pingRequest", timestampMs: 1 }),
  );
  const error = assertThrows(() => {
    for (let i = 0; i < SERVER_OUTPUT_BYTES_MAX / 18 + 1; i++) bench.feed(ping);
  }, ProtocolError);
  assertMatch(error.message, /left 2621\d\d bytes unread, at most 262144 may wait/);
  assertEquals(bench.session.state, "failed");
  bench.feed(ping); // Nothing any more.
});

Deno.test("ServerSession bounds what it keeps while it waits", () => {
  const bench = new ServerBench({ connect: "later" });
  bench.feed(PLAIN_HANDSHAKE);
  bench.feed(connectCommand());
  const piece = new Uint8Array(65_536);
  assertThrows(() => {
    for (let bytes = 0; bytes <= KEPT_INPUT_BYTES_MAX; bytes += piece.length) bench.feed(piece);
  }, RangeError);
});

Deno.test("ServerSession ends a connection that breaks the order or the form", () => {
  const connected = (): ServerBench => ServerBench.withStream();
  const fresh = (): ServerBench => {
    const bench = new ServerBench();
    bench.feed(PLAIN_HANDSHAKE);
    return bench;
  };
  const table: [start: () => ServerBench, wire: Uint8Array, message: RegExp][] = [
    [fresh, clientCommand(0, "createStream", 1, null), /connect has to come first/],
    [fresh, clientCommand(0, "publish", 1, null, "a"), /connect has to come first/],
    [fresh, connectCommand({ tcUrl: "rtmp://h/" + "x".repeat(13_000) }), /tcUrl has 13009/],
    [connected, connectCommand(), /Cannot connect: it was done already/],
    [connected, clientMessage(20, 0, Uint8Array.of(0, 0, 0)), /./],
    [connected, clientMessage(20, 0, writeAmf0Values([7, 1])), /name/],
    [connected, clientMessage(20, 0, new Uint8Array(0)), /name/],
    [connected, clientMessage(4, 0, Uint8Array.of(0)), /User Control/],
    [connected, clientMessage(5, 0, Uint8Array.of(0)), /Window Acknowledgement/],
    [connected, clientMessage(15, 1, Uint8Array.of(0, 0xff)), /./],
    [connected, clientMessage(22, 1, Uint8Array.of(9, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0)), /./],
  ];
  for (const [start, wire, message] of table) {
    const bench = start();
    const error = assertThrows(() => bench.feed(wire), ProtocolError);
    assertMatch(error.message, message);
    assertEquals([
      error.protocol === "RTMP" || error.protocol.startsWith("AMF"),
      bench.session.state,
    ], [true, "failed"]);
  }
});

Deno.test("ServerSession takes a connect without any argument it knows", () => {
  for (const object of [null, amfRecord([]), "text", amfRecord([["app", 7], ["tcUrl", null]])]) {
    const bench = new ServerBench();
    bench.feed(PLAIN_HANDSHAKE);
    bench.feed(clientCommand(0, "connect", 1, object));
    bench.feed(clientCommand(1, "publish", 0, null, "cam"));
    assertEquals(bench.events, [
      "connect app=undefined tcUrl=undefined flashVer=",
      "publish 1 -|cam| live",
    ]);
  }
});

Deno.test("ServerSession hands on what an event handler throws, and is over", () => {
  const policy: Partial<BenchPolicy> = { publish: "later" };
  const bench = ServerBench.withStream(policy);
  bench.events.push = () => {
    throw new TypeError("the owner's fault");
  };
  assertThrows(() => bench.feed(clientCommand(1, "publish", 0, null, "a")), TypeError);
  assertEquals([bench.session.state, bench.session.waiting], ["failed", false]);
});
