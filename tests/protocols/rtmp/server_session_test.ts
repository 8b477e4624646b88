// Goal: a connection is let in or refused, its limits hold, and what breaks the rules ends it.
// Method: single messages against a session, with a policy in the owner's place.
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
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
import { SERVER_OUTPUT_BYTES_MAX } from "../../../protocols/rtmp/server_session.ts";

const VECTORS = new URL("../../vectors/rtmp_sessions/", import.meta.url);

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
