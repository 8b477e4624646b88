// Goal: the API tells what happens on a node, and who has the token can end it.
// Method: a stream with viewers on a real node; requests as scripts and browsers make them.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { follow, publishNumbered, untilPlaying } from "../support/live.ts";
import { mediaFile } from "../support/media_files.ts";
import { startNodeChild, startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { eventually } from "../support/processes.ts";
import { openViewer, VIEWER_PROTOCOLS } from "../support/wire/viewer.ts";

interface Session {
  readonly id: string;
  readonly protocol: string;
  readonly role: string;
  readonly name: string;
}

interface Stream {
  readonly app: string;
  readonly name: string;
  readonly state: string;
  readonly tracks: readonly Readonly<Record<string, unknown>>[];
  readonly viewers: { readonly total: number; readonly byProtocol: Record<string, number> };
  readonly bitrateKbps: number;
}

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop(); // It may have failed to start, which is then the failure to see.
});

Deno.test(
  endToEnd(
    "the API lists a stream with its tracks and viewers",
    { needs: ["ffmpeg"] },
    async () => {
      await using _publisher = publish(node.rtmpUrl("live/listed"), await mediaFile("quarter"));
      const path = "live/listed";
      await eventually("both tracks are there", async () => {
        const { items } = await node.api<{ items: Stream[] }>("streams");
        return items.some(({ tracks }) => tracks.length === 2);
      });
      using _rtmp = await openViewer({ protocol: "rtmp", address: node.address("rtmp"), path });
      using _flv = await openViewer({ protocol: "http-flv", address: node.address("http"), path });
      const stream = await eventually("both and the bit rate are counted", async () => {
        const found = await node.api<Stream>("streams/live/listed");
        return found.viewers.total === 2 && found.bitrateKbps > 100 && found;
      });
      assertEquals([stream.app, stream.name, stream.state], ["live", "listed", "live"]);
      assertEquals(stream.viewers.byProtocol, { "rtmp": 1, "http-flv": 1 });
      assertEquals(stream.tracks, [
        { kind: "video", codec: "h264", width: 320, height: 180, fps: 25 },
        { kind: "audio", codec: "aac", sampleRate: 44_100, channels: 2 },
      ]);
      assert(stream.bitrateKbps < 1_000, `${stream.bitrateKbps} kbit/s`);
      const { items } = await node.api<{ items: Stream[] }>("streams");
      assertEquals(items.map(({ name }) => name), ["listed"]);
    },
  ),
);

Deno.test(endToEnd("writes need the token", {}, async () => {
  const stream = await publishNumbered(node, "live/kept");
  const url = node.httpUrl("api/v1/streams/live/kept");
  for (const authorization of [undefined, "Bearer wrong-wrong-wrong-wrong", "Basic eDp5"]) {
    const headers: HeadersInit = authorization === undefined ? {} : { authorization };
    const response = await fetch(url, { method: "DELETE", headers });
    assertEquals(response.status, 401);
    assertEquals(response.headers.get("content-type"), "application/problem+json");
    await response.body?.cancel();
  }
  using follower = await follow(node, "rtmp", "live/kept");
  await untilPlaying(follower);
  await stream.end();
}));

Deno.test(endToEnd("DELETE of a stream ends its publisher and every viewer", {}, async () => {
  const stream = await publishNumbered(node, "live/deleted");
  const followers = await Promise.all(
    VIEWER_PROTOCOLS.map((protocol) => follow(node, protocol, "live/deleted")),
  );
  for (const follower of followers) await untilPlaying(follower);
  const response = await node.fetchApi("streams/live/deleted", "DELETE");
  assert(response.ok, `${response.status}`);
  await response.body?.cancel();
  for (const { viewer, check } of followers) {
    assertEquals(await viewer.ended, "end of stream");
    assertEquals(check.lost, 0);
  }
  await stream.lost;
  assertEquals((await node.fetchApi("streams/live/deleted", "DELETE")).status, 404);
}));

Deno.test(endToEnd("DELETE of a session ends that one alone", {}, async () => {
  const stream = await publishNumbered(node, "live/one");
  using kept = await follow(node, "rtmp", "live/one");
  await untilPlaying(kept);
  for (const protocol of VIEWER_PROTOCOLS) {
    const { items: before } = await node.api<{ items: Session[] }>("sessions");
    using kicked = await follow(node, protocol, "live/one");
    await untilPlaying(kicked);
    const { items } = await node.api<{ items: Session[] }>("sessions");
    const [session] = items.filter(({ id }) => !before.some((other) => other.id === id));
    assertEquals([session.protocol, session.role, session.name], [protocol, "play", "one"]);
    const response = await node.fetchApi(`sessions/${encodeURIComponent(session.id)}`, "DELETE");
    assert(response.ok, `${response.status}`);
    await kicked.viewer.ended;
  }
  await untilPlaying(kept, kept.check.last - kept.check.first + 10);
  assertEquals([kept.check.lost, kept.check.doubled], [0, 0]);
  await stream.end();
}));

Deno.test(endToEnd(
  "a page of another origin may play, but not read the API without the token",
  {},
  async () => {
    const stream = await publishNumbered(node, "live/cors");
    const headers = { origin: "http://elsewhere.example" };
    const media = await fetch(node.httpUrl("live/cors.flv"), { headers });
    assertEquals(media.headers.get("access-control-allow-origin"), "*");
    assertEquals(media.headers.get("content-type"), "video/x-flv");
    assertEquals(media.headers.get("content-length"), null);
    await media.body?.cancel();
    const api = await fetch(node.httpUrl("api/v1/streams"), { headers });
    assertEquals(api.status, 401);
    await api.body?.cancel();
    const preflight = await fetch(node.httpUrl("api/v1/streams"), {
      method: "OPTIONS",
      headers: {
        ...headers,
        "access-control-request-method": "DELETE",
        "access-control-request-headers": "authorization",
      },
    });
    assert(preflight.ok, `${preflight.status}`);
    assertEquals(preflight.headers.get("access-control-allow-origin"), "*");
    assertMatch(preflight.headers.get("access-control-allow-headers") ?? "", /authorization/i);
    await stream.end();
  },
));

Deno.test(endToEnd("health, metrics, documentation and problems answer", {}, async () => {
  const stream = await publishNumbered(node, "live/measured");
  using follower = await follow(node, "rtmp", "live/measured");
  await untilPlaying(follower);
  assertEquals((await fetch(node.httpUrl("healthz"))).status, 200);
  assertEquals((await fetch(node.httpUrl("readyz"))).status, 200);
  const metrics = await (await fetch(node.httpUrl("metrics"))).text();
  assertMatch(metrics, /^headwater_viewers\{protocol="rtmp"\} 1$/m);
  const openapi = await node.api<{ openapi: string; paths: object }>("openapi.json");
  assertMatch(openapi.openapi, /^3\.1/);
  assert("/api/v1/streams" in openapi.paths);
  const missing = await node.fetchApi("streams/live/none");
  assertEquals(missing.status, 404);
  assertEquals(missing.headers.get("content-type"), "application/problem+json");
  await missing.body?.cancel();
  await stream.end();
}));

Deno.test(endToEnd("a node makes its own token and keeps it to itself", {}, async () => {
  const data = await Deno.makeTempDir({ prefix: "headwater-data-" });
  await using child = startNodeChild(["--data", data], undefined, { token: null });
  await eventually("ready", () => child.stdout.includes('"ready"'), 60_000);
  const { mode } = await Deno.stat(`${data}/api-token`);
  assertEquals((mode ?? 0) & 0o777, 0o600);
  const token = (await Deno.readTextFile(`${data}/api-token`)).trim();
  assert(token.length >= 32);
  assert(!(child.stdout + child.stderr).includes(token), "the log tells the token");
  assertMatch(child.stderr, /api-token/);
  await child.end();
  await Deno.remove(data, { recursive: true });
}));
