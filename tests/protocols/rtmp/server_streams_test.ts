// Goal: each command about a message stream has its event, its answer and its refusal.
// Method: single commands against a session that stands, with a policy in the owner's place.
import { assertEquals, assertMatch } from "../../support/assert.ts";
import { clientCommand, clientMessage, ServerBench } from "../../support/rtmp_session.ts";
import { amfRecord } from "../../../protocols/rtmp/command.ts";
import { MESSAGE_TYPE } from "../../../protocols/rtmp/message.ts";
import { NET_STREAMS_MAX } from "../../../protocols/rtmp/net_stream.ts";

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
