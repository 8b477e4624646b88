// Goal: our client publishes to and plays from nginx-rtmp and our own server session.
// Method: what nginx-rtmp answered to it, recorded; then both sessions wired together in memory.
import { assert, assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";
import { randomInteger, seededRandom } from "../../support/random.ts";
import { clientMessage, describeMessages, ServerBench } from "../../support/rtmp_session.ts";
import { ProtocolError } from "../../../protocols/errors.ts";
import { type AmfValue, writeAmf0Values } from "../../../protocols/rtmp/amf0.ts";
import { CAPS_EX_ALL } from "../../../protocols/rtmp/capabilities.ts";
import {
  CLIENT_OUTPUT_BYTES_MAX,
  ClientSession,
  type ClientSessionOptions,
} from "../../../protocols/rtmp/client_session.ts";
import { amfRecord, writeCommand } from "../../../protocols/rtmp/command.ts";

const VECTORS = new URL("../../vectors/rtmp_sessions/", import.meta.url);

/** A client whose events are lines. */
class ClientBench {
  readonly events: string[] = [];
  readonly session: ClientSession;

  constructor(options: Partial<ClientSessionOptions> = {}) {
    const say = (line: string) => void this.events.push(line);
    this.session = new ClientSession({
      status: (code, level, description, tcUrl) =>
        say(`status ${code} ${level} ${description} ${tcUrl ?? "-"}`),
      ready: (streamId) => say(`ready ${streamId}`),
      media: (typeId, timestampMs, body) => say(`media ${typeId} ${timestampMs} ${body.length}`),
      ended: (code, description) => say(`ended ${code} ${description}`),
    }, {
      tcUrl: "rtmp://host/live",
      app: "live",
      streamName: "cam",
      role: "publish",
      random: new Uint8Array(1536).fill(0x5a),
      ...options,
    });
  }
}

/** Carries bytes both ways, in pieces of at most `pieceMax`, until both are silent. */
function settle(client: ClientBench, server: ServerBench, pieceMax = Infinity): void {
  for (let silent = false; !silent;) {
    const up = client.session.takeOutput();
    if (up !== undefined) inPieces(up, pieceMax, (piece) => server.session.feed(piece));
    const down = server.session.takeOutput();
    if (down !== undefined) inPieces(down, pieceMax, (piece) => client.session.feed(piece));
    silent = up === undefined && down === undefined;
  }
}

function inPieces(bytes: Uint8Array, pieceMax: number, take: (piece: Uint8Array) => void): void {
  for (let at = 0; at < bytes.length; at += pieceMax) take(bytes.subarray(at, at + pieceMax));
}

Deno.test("ClientSession publishes to our server session", () => {
  for (const pieceMax of [1, 7, Infinity]) {
    const server = new ServerBench();
    const client = new ClientBench({ streamName: "cam?token=t", capabilities: CAPS_EX_ALL });
    settle(client, server, pieceMax);
    assertEquals(client.events.at(-1), "ready 1");
    assertEquals(client.session.serverCapsEx, CAPS_EX_ALL);
    assertEquals(server.session.connection?.capsEx, CAPS_EX_ALL);

    const metadata = writeAmf0Values(["onMetaData", amfRecord([["width", 16]])]);
    assertEquals(client.session.sendMedia(18, 0, metadata), true);
    assertEquals(client.session.sendMedia(18, 0, writeAmf0Values(["onCuePoint"])), true);
    assertEquals(client.session.sendMedia(9, 0xffffff, new Uint8Array(200_000)), true);
    assertEquals(client.session.sendMedia(8, 0xfffffff0, new Uint8Array(5)), true);
    settle(client, server, pieceMax === 1 ? 997 : pieceMax);
    client.session.close();
    assertEquals(client.session.sendMedia(8, 0, new Uint8Array(5)), false);
    settle(client, server, pieceMax);
    assertEquals(server.events.slice(1), [
      "publish 1 live|cam|token=t live",
      `media 1 18 0 ${metadata.length + 16}`, // "@setDataFrame" went in front.
      "media 1 18 0 13",
      "media 1 9 16777215 200000",
      "media 1 8 4294967280 5",
      "ended 1 FCUnpublish",
    ]);
  }
});

Deno.test("ClientSession plays from our server session, waits, and hears of the end", () => {
  const server = new ServerBench({ play: "later" });
  const client = new ClientBench({ role: "play" });
  settle(client, server);
  assertEquals(server.events.at(-1), "play 1 live|cam| -2 -1 true av");
  assertEquals([client.session.state, client.events], ["requesting", []]);
  server.session.acceptPlay(1);
  settle(client, server);
  // What our server sends as data behind this is for the player, not part of the stream.
  assertEquals(client.events, [
    "status NetStream.Play.Reset status Playing and resetting. -",
    "status NetStream.Play.Start status Started playing. -",
    "ready 1",
  ]);
  assertEquals(client.session.sendMedia(8, 0, new Uint8Array(1)), false);

  server.session.requestReconnect("rtmp://b/live", "move");
  server.session.endPlay(1, "unpublished", "gone");
  settle(client, server);
  assertEquals(client.events.slice(-2), [
    "status NetStream.Play.UnpublishNotify status gone -",
    "ended NetStream.Play.UnpublishNotify gone",
  ]);
  assertEquals(client.session.state, "ended");
});

Deno.test("ClientSession passes a reconnect request on, with its place", () => {
  const server = new ServerBench();
  const client = new ClientBench({ role: "play", capabilities: CAPS_EX_ALL });
  settle(client, server);
  assertEquals(server.session.requestReconnect("rtmp://b/live", "move"), true);
  settle(client, server);
  const event = "status NetConnection.Connect.ReconnectRequest status move rtmp://b/live";
  assertEquals([client.events.at(-1), client.session.state], [event, "ready"]);
});

Deno.test("ClientSession hears each refusal", () => {
  const connect = new ClientBench();
  settle(connect, new ServerBench({ connect: "refuse" }));
  assertEquals(connect.events.at(-1), "ended NetConnection.Connect.Rejected no");

  const publish = new ClientBench();
  settle(publish, new ServerBench({ publish: "refuse" }));
  assertEquals(publish.events.at(-1), "ended NetStream.Publish.BadName no");

  const play = new ClientBench({ role: "play" });
  settle(play, new ServerBench({ play: "refuse" }));
  assertEquals(play.events.at(-1), "ended NetStream.Play.StreamNotFound no");

  const name = new ClientBench({ streamName: "../x" });
  settle(name, new ServerBench());
  assertMatch(name.events.at(-1) ?? "", /^ended NetStream.Publish.BadName Cannot use stream name/);
});

Deno.test("sendMedia() takes no more than fits, and goes on once output was taken", () => {
  const server = new ServerBench();
  const client = new ClientBench();
  settle(client, server);
  const body = new Uint8Array(1 << 20);
  let taken = 0;
  while (client.session.sendMedia(9, taken, body)) taken += 1;
  assertEquals(taken, Math.floor(CLIENT_OUTPUT_BYTES_MAX / (body.length + 27)));
  assert(client.session.pendingBytes <= CLIENT_OUTPUT_BYTES_MAX);
  settle(client, server);
  assertEquals(server.events.filter((event) => event.startsWith("media")).length, taken);
  assertEquals(client.session.sendMedia(9, 0, body), true);
});

for (const role of ["publish", "play"] as const) {
  const wire = Deno.readFileSync(new URL(`nginx_rtmp_1.2.2_to_our_${role}.bin`, VECTORS));

  Deno.test(`ClientSession understands what nginx-rtmp answers to ${role}, in any pieces`, () => {
    const random = seededRandom(7);
    let first: string[] | undefined;
    for (const pieceMax of [1, 3, 100, 5000, wire.length]) {
      const client = new ClientBench({ role });
      for (let at = 0; at < wire.length;) {
        const end = at + 1 + randomInteger(random, pieceMax);
        client.session.feed(wire.slice(at, end));
        at = end;
      }
      first ??= client.events;
      assertEquals(client.events, first);
    }
    const start = role === "publish" ? "NetStream.Publish.Start" : "NetStream.Play.Start";
    assertMatch(first?.[0] ?? "", new RegExp(`^status ${start} status`));
    assertEquals(first?.[1], "ready 1");
    const media = first?.filter((event) => event.startsWith("media")).length;
    assertEquals(media === 0, role === "publish");
  });
}

/** A client that has connected and asked to play, by hand. */
function playing(): ClientBench {
  const client = new ClientBench({ role: "play" });
  client.session.feed(Uint8Array.of(3, ...new Uint8Array(2 * 1536)));
  const info = amfRecord([["code", "NetConnection.Connect.Success"]]);
  client.session.feed(answer("_result", 1, null, info));
  client.session.feed(answer("_result", 4, null, 5));
  return client;
}

function answer(name: string, transactionId: number, ...values: AmfValue[]): Uint8Array {
  return clientMessage(20, 0, writeCommand(name, transactionId, ...values));
}

Deno.test("ClientSession cuts its connect to the size a server expects before any other", () => {
  const client = new ClientBench({ capabilities: CAPS_EX_ALL });
  const hello = client.session.takeOutput();
  client.session.feed(Uint8Array.of(3, ...new Uint8Array(2 * 1536)));
  const output = client.session.takeOutput();
  assert(hello !== undefined && output !== undefined);
  const [connect] = describeMessages(output.subarray(1536)); // Behind C2; in chunks of 128.
  assertMatch(connect, /^3\/0 connect 1 {app:live,type:nonprivate,flashVer:FMLE/);
  assertMatch(connect, /fourCcList:\[avc1,.*capsEx:15}$/);
});

Deno.test("ClientSession takes media without Play.Start, and ends on createStream gone wrong", () => {
  const early = playing();
  early.session.feed(clientMessage(9, 5, new Uint8Array(4)));
  assertEquals(early.events, ["ready 5", "media 9 0 4"]);

  const wrong = new ClientBench({ role: "play" });
  wrong.session.feed(Uint8Array.of(3, ...new Uint8Array(2 * 1536)));
  wrong.session.feed(answer("_result", 1, null, null));
  wrong.session.feed(answer("_result", 4, null, "five"));
  assertEquals(wrong.events, ["ended NetConnection.Call.Failed createStream gave no stream"]);
});

Deno.test("ClientSession survives answers to nothing and ends on broken ones", () => {
  const client = playing();
  client.session.feed(answer("_result", 99, null, 1));
  client.session.feed(answer("_error", 3, null, null)); // FCPublish, which we may do without.
  client.session.feed(answer("onStatus", 0));
  client.session.feed(answer("onStatus", 0, null, "text"));
  client.session.feed(answer("onBWDone", 0, null));
  assertEquals(client.session.state, "requesting");
  assertThrows(() => client.session.feed(clientMessage(20, 0, Uint8Array.of(7))), ProtocolError);
  assertEquals(client.session.state, "ended");
  client.session.feed(new Uint8Array(100));
});
