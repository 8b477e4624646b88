// Goal: RTSP publishers and players are let in, held, listed, ended and refused like all others.
// Method: ffmpeg and GStreamer against a node with users; a bare client for what they never send.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { Child, delay, eventually, runChild } from "../support/processes.ts";
import { BareRtsp, playRtsp, publishRtsp, type RtspTransport } from "../support/rtsp_play.ts";

const CONFIG = `
applications:
  secret:
    users:
      - { user: encoder, pass: change me too, publish: true }
      - { user: family, pass: watch-this-1, play: true }
  tcp: { protocols: { play: [rtmp], publish: [rtsp] } }
`;

const TCP = "RTP/AVP/TCP;unicast;interleaved=0-1";
const LIMITS = { timeoutMs: 30_000 };

interface Session {
  readonly id: string;
  readonly protocol: string;
  readonly role: string;
  readonly name: string;
  readonly userAgent: string;
}

let node: TestNode;
let folder: string;

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-rtsp-" });
  await Deno.writeTextFile(`${folder}/hw.yaml`, CONFIG);
  node = await startTestNode({
    args: ["--config", `${folder}/hw.yaml`, "--hold", "5s", "--play-wait", "0"],
  });
});

Deno.test.afterAll(async () => {
  await node?.stop();
  await Deno.remove(folder, { recursive: true });
});

/** The URL of a path, with credentials in it. */
function withUser(path: string, user: string, pass: string): string {
  return node.rtspUrl(path).replace("//", `//${user}:${encodeURIComponent(pass)}@`);
}

async function stateOf(path: string): Promise<string> {
  const [app, ...name] = path.split("/");
  const response = await node.fetchApi(`streams/${app}/${encodeURIComponent(name.join("/"))}`);
  const { state } = await response.json() as { state?: string };
  return response.ok ? state! : "none";
}

function untilState(path: string, state: string): Promise<true> {
  return eventually(
    `${path} to be ${state}`,
    async () => await stateOf(path) === state || undefined,
  );
}

async function sessionsOf(name: string): Promise<Session[]> {
  const { items } = await node.api<{ items: Session[] }>("sessions");
  return items.filter((session) => session.name === name);
}

/** Publishes without end until it is disposed. */
async function live(path: string, transport: RtspTransport = "tcp"): Promise<Child> {
  const child = publishRtsp(node.rtspUrl(path), await mediaFile("minute"), transport);
  await untilState(path, "live");
  return child;
}

Deno.test(
  endToEnd("ffmpeg publishes and plays with its password", { needs: ["ffmpeg"] }, async () => {
    const file = await mediaFile("h264_aac");
    await using wrong = publishRtsp(withUser("secret/a", "encoder", "wrong"), file, "tcp");
    assertMatch((await wrong.ended).stderr, /401/);
    await using publisher = publishRtsp(
      withUser("secret/a", "encoder", "change me too"),
      file,
      "tcp",
    );
    await untilState("secret/a", "live");
    const urls = [
      withUser("secret/a", "family", "watch-this-1"),
      node.rtspUrl("secret/a?user=family&pass=watch-this-1"),
    ];
    const played = await Promise.all(urls.map((url) => playRtsp(url, "tcp")));
    for (const { video } of played) assert(video.length > 50);
    assertEquals((await publisher.ended).code, 0);
  }),
);

Deno.test(endToEnd("a player gets 401 with every challenge, then 403", {}, async () => {
  using client = await BareRtsp.open(node.address("rtsp"));
  const url = node.rtspUrl("secret/b");
  const { status, fields } = await client.request("DESCRIBE", url);
  assertEquals(status, 401);
  assertEquals(
    fields.get("www-authenticate")!.map((field) => field.replace(/nonce="[^"]*"/, "N")),
    [
      'Digest realm="headwater", N, algorithm=SHA-256, qop="auth"',
      'Digest realm="headwater", N, algorithm=MD5',
      'Basic realm="headwater"',
    ],
  );
  const basic = (pair: string) => ({ Authorization: `Basic ${btoa(pair)}` });
  const ask = async (pair: string) => (await client.request("DESCRIBE", url, basic(pair))).status;
  assertEquals(await ask("family:nonsense"), 401);
  assertEquals(await ask("encoder:change me too"), 403); // May publish, not play.
  assertEquals(await ask("family:watch-this-1"), 404);
  assertEquals((await client.request("DESCRIBE", node.rtspUrl("tcp/a"))).status, 403);
}));

Deno.test(
  endToEnd(
    "/test.sdp publishes and plays; TEARDOWN ends at once",
    { needs: ["ffmpeg"] },
    async () => {
      await using publisher = publishRtsp(
        node.rtspUrl("test.sdp"),
        await mediaFile("h264_aac"),
        "udp",
      );
      await untilState("-/test.sdp", "live");
      const { video } = await playRtsp(node.rtspUrl("test.sdp"), "udp"); // To its end.
      assert(video.length > 50);
      assertEquals((await publisher.ended).code, 0);
      await untilState("-/test.sdp", "none");
    },
  ),
);

Deno.test(
  endToEnd("a lost publisher is waited for, its viewers stay", { needs: ["ffmpeg"] }, async () => {
    await using first = await live("live/hold");
    using viewer = await BareRtsp.open(node.address("rtsp"));
    await viewer.start("PLAY", node.rtspUrl("live/hold"), ["trackID=0", "trackID=1"]);
    await eventually("media", () => (viewer.received.get(0) ?? 0) > 1_000 || undefined);
    first.kill(); // No TEARDOWN.
    await untilState("live/hold", "hold");
    const before = viewer.received.get(0)!;
    await using _second = await live("live/hold");
    await eventually("media again", () => viewer.received.get(0)! > before + 1_000 || undefined);
    let closed = false;
    viewer.closed.then(() => closed = true);
    assertEquals(closed, false);
  }),
);

Deno.test(endToEnd("sessions are listed and can be ended", { needs: ["ffmpeg"] }, async () => {
  await using publisher = await live("live/listed", "udp");
  using viewer = await BareRtsp.open(node.address("rtsp"));
  await viewer.start("PLAY", node.rtspUrl("live/listed"), ["trackID=0"]);
  const sessions = await sessionsOf("listed");
  assertEquals(sessions.map(({ protocol, role }) => `${protocol} ${role}`).sort(), [
    "rtsp play",
    "rtsp publish",
  ]);
  assertMatch(sessions.find(({ role }) => role === "publish")!.userAgent, /^Lavf/);
  for (const role of ["play", "publish"]) {
    const { id } = sessions.find((session) => session.role === role)!;
    await node.api(`sessions/${encodeURIComponent(id)}`, "DELETE");
  }
  await viewer.closed;
  await publisher.ended;
  await untilState("live/listed", "none");
  assertEquals(await sessionsOf("listed"), []);
}));

Deno.test(endToEnd("what a client must not do is refused", { needs: ["ffmpeg"] }, async () => {
  await using _publisher = await live("live/r");
  const url = node.rtspUrl("live/r");
  using client = await BareRtsp.open(node.address("rtsp"));
  const status = async (...request: Parameters<BareRtsp["request"]>) =>
    (await client.request(...request)).status;
  assertEquals(await status("DESCRIBE", node.rtspUrl("live/nobody")), 404);
  assertEquals(await status("DESCRIBE", node.rtspUrl("live/../r")), 404);
  assertEquals(await status("SETUP", url, { Transport: TCP }), 459);
  assertEquals(await status("SETUP", `${url}/trackID=7`, { Transport: TCP }), 404);
  assertEquals(await status("SETUP", `${url}/trackID=0`, { Transport: "RTP/SAVP;unicast" }), 461);
  using other = await BareRtsp.open(node.address("rtsp"));
  const session = await other.start("PLAY", url, ["trackID=1"]);
  assertEquals(await status("TEARDOWN", url, { Session: session }), 454);
  assertEquals(await status("PLAY", url, { Session: session }), 454);
  assertEquals((await other.request("GET_PARAMETER", url, { Session: session })).status, 200);
  // A second publisher.
  using rival = await BareRtsp.open(node.address("rtsp"));
  const sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:v\r\n";
  const type = { "Content-Type": "application/sdp" };
  assertEquals((await rival.request("ANNOUNCE", url, type, sdp)).status, 200);
  const refused = await rival.start("RECORD", url, ["v"]).catch((error: Error) => error.message);
  assertEquals(refused, "RECORD: 403");
}));

Deno.test(
  endToEnd("packets over UDP go to the client's address alone", { needs: ["ffmpeg"] }, async () => {
    await using _publisher = await live("live/third");
    const third = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.2", port: 0 });
    let packets = 0;
    third.receive().then(() => packets++, () => {});
    const own = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
    const { port: thirdPort } = third.addr as Deno.NetAddr;
    const { port } = own.addr as Deno.NetAddr;
    using client = await BareRtsp.open(node.address("rtsp"));
    const url = node.rtspUrl("live/third");
    const { status, fields } = await client.request("SETUP", `${url}/trackID=0`, {
      Transport: `RTP/AVP;unicast;destination=127.0.0.2;client_port=${port}-${thirdPort}`,
    });
    assertEquals(status, 200);
    const session = fields.get("session")![0].split(";")[0];
    assertEquals((await client.request("PLAY", url, { Session: session })).status, 200);
    const [packet, from] = await own.receive();
    assertEquals([packet[0] >> 6, (from as Deno.NetAddr).hostname], [2, "127.0.0.1"]);
    await delay(300); // Long enough for packets and reports, which came to us meanwhile.
    assertEquals(packets, 0);
  }),
);

Deno.test(endToEnd("packets over UDP are taken from the client's address alone", {}, async () => {
  using client = await BareRtsp.open(node.address("rtsp"));
  const url = node.rtspUrl("live/fourth");
  const sdp = "m=audio 0 RTP/AVP 8\r\na=control:a\r\n";
  assertEquals((await client.request("ANNOUNCE", url, {}, sdp)).status, 200);
  const own = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const third = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.2", port: 0 });
  const { port } = own.addr as Deno.NetAddr;
  const setup = await client.request("SETUP", `${url}/a`, {
    Transport: `RTP/AVP;unicast;client_port=${port}-${port + 1};source=127.0.0.2;mode=record`,
  });
  const session = setup.fields.get("session")![0].split(";")[0];
  assertEquals((await client.request("RECORD", url, { Session: session })).status, 200);
  const to = {
    transport: "udp",
    hostname: "127.0.0.1",
    port: Number(/server_port=(\d+)/.exec(setup.fields.get("transport")![0])![1]),
  } as const;
  const packet = (sequence: number) =>
    Uint8Array.of(0x80, 8, 0, sequence, 0, 0, sequence, 0, 0, 0, 0, 1, ...new Uint8Array(256));
  const bytesIn = async () => {
    const { items } = await node.api<{ items: { name: string; bytesIn: number }[] }>("sessions");
    return items.find(({ name }) => name === "fourth")!.bytesIn;
  };
  const before = await bytesIn();
  for (let sequence = 0; sequence < 20; sequence++) await third.send(packet(sequence), to);
  await own.send(packet(0), to);
  await eventually("the client's packet comes", async () => await bytesIn() > before);
  assertEquals(await bytesIn(), before + packet(0).length);
  own.close();
  third.close();
}));

/** Says something on a connection of its own; what is answered before the node closes it. */
async function shout(...pieces: string[]): Promise<string> {
  const colon = node.address("rtsp").lastIndexOf(":");
  using conn = await Deno.connect({
    hostname: node.address("rtsp").slice(0, colon),
    port: Number(node.address("rtsp").slice(colon + 1)),
  });
  const sent = (async () => {
    for (const piece of pieces) await conn.write(new TextEncoder().encode(piece));
  })().catch(() => {}); // It is closed under us.
  let text = "";
  const buffer = new Uint8Array(16 * 1024);
  try {
    for (let n = await conn.read(buffer); n !== null; n = await conn.read(buffer)) {
      text += new TextDecoder().decode(buffer.subarray(0, n));
    }
  } catch {
    // Reset: what we still sent was not read.
  }
  await sent;
  return text;
}

for (
  const [what, pieces, statuses] of [
    ["a header of 1 MB", ["OPTIONS * RTSP/1.0\r\nX: ", ...Array(64).fill("x".repeat(16_384))], [
      431,
    ]],
    [
      "10,000 headers",
      ["OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n", ...Array(10_000).fill("X: 1\r\n"), "\r\n"],
      [431],
    ],
    ["65 headers", [`OPTIONS * RTSP/1.0\r\n${"X: 1\r\n".repeat(65)}\r\n`], [431]],
    ["a length below zero", ["OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n"], [400]],
    ["a length of 1 TB", ["OPTIONS * RTSP/1.0\r\nContent-Length: 1099511627776\r\n\r\n"], [413]],
    ["two lengths", [`OPTIONS * RTSP/1.0\r\n${"Content-Length: 1\r\n".repeat(2)}\r\n`], [400]],
    ["a line end in a URL", ["DESCRIBE rtsp://h/a\r\nSet-Evil: 1 RTSP/1.0\r\nCSeq: 1\r\n\r\n"], [
      400,
    ]],
    [
      "encoded line ends in URLs, then nonsense",
      [
        "DESCRIBE rtsp://h/a%0d%0aSet-Evil:%201/b?c=%0d%0aSet-Evil:1 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
        "SETUP rtsp://h/%2e%2e/%2e%2e/etc/passwd RTSP/1.0\r\nCSeq: 2\r\n",
        "Transport: RTP/AVP;unicast;client_port=1-2\r\n\r\n\0",
      ],
      [404, 404, 400],
    ],
  ] as const
) {
  Deno.test(
    endToEnd(`${what} is answered with ${statuses.join(", ")}, and the end`, {}, async () => {
      const text = await shout(...pieces, "\r\n\r\n");
      const answers = [...text.matchAll(/^RTSP\/1\.0 (\d+) /gm)].map(([, status]) =>
        Number(status)
      );
      // When the connection is reset under what we still send, an answer may be lost with it.
      if (answers.length > 0 || pieces.length < 10) assertEquals(answers, [...statuses]);
      assert(!text.includes("Evil"), text);
      assertEquals((await fetch(node.httpUrl("healthz"))).status, 200);
    }),
  );
}

Deno.test(endToEnd("a publisher with more media than a stream can have is taken", {}, async () => {
  using client = await BareRtsp.open(node.address("rtsp"));
  const url = node.rtspUrl("live/many");
  const controls = Array.from({ length: 24 }, (_, i) => `m${i}`);
  const sdp = controls.map((control, i) =>
    `m=${i % 2 ? "audio" : "video"} 0 RTP/AVP ${i % 2 ? 8 : 96}\r\na=rtpmap:96 H264/90000\r\n` +
    `a=control:${control}\r\n`
  ).join("");
  assertEquals((await client.request("ANNOUNCE", url, {}, sdp)).status, 200);
  const session = await client.start("RECORD", url, controls);
  await untilState("live/many", "live");
  assertEquals((await client.request("TEARDOWN", url, { Session: session })).status, 200);
  await untilState("live/many", "none");
}));

for (const transport of ["tcp", "udp"] as const) {
  Deno.test(endToEnd(
    `GStreamer publishes and plays over ${transport.toUpperCase()}`,
    { needs: ["ffmpeg", "gstreamer", "gstreamer_rtsp"] },
    async () => {
      const path = `live/gst_${transport}`;
      const location = `location=${node.rtspUrl(path)}`;
      const file = await mediaFile("quarter");
      await using _publisher = new Child("gst-launch-1.0", [
        ...["-q", "-e", "filesrc", `location=${file}`, "!", "flvdemux", "name=d"],
        ...["d.video", "!", "queue", "!", "h264parse", "!", "s.sink_0"],
        ...["d.audio", "!", "queue", "!", "aacparse", "!", "s.sink_1"],
        ...["rtspclientsink", "name=s", location, `protocols=${transport}`],
      ], LIMITS);
      await untilState(path, "live");
      const player = await runChild("gst-launch-1.0", [
        ...["-q", "rtspsrc", location, `protocols=${transport}`, "!", "rtph264depay", "!"],
        ...["h264parse", "!", "avdec_h264", "!", "fakesink", "num-buffers=40"],
      ], LIMITS);
      assertEquals([player.code, player.stderr], [0, ""]);
      const { tracks } = await node.api<{ tracks: { codec: string }[] }>(
        `streams/live/gst_${transport}`,
      );
      assertEquals(tracks.map(({ codec }) => codec), ["h264", "aac"]);
    },
  ));
}

Deno.test(
  endToEnd(
    "--udp-ports off leaves TCP, also to those who ask for UDP",
    { needs: ["ffmpeg"] },
    async () => {
      await using closed = await startTestNode({ args: ["--udp-ports", "off"] });
      const url = closed.rtspUrl("live/a");
      await using _publisher = publishRtsp(url, await mediaFile("minute"), "tcp");
      await eventually("a stream", async () => {
        return (await closed.fetchApi("streams/live/a")).ok || undefined;
      });
      using client = await BareRtsp.open(closed.address("rtsp"));
      const setup = (transport: string) =>
        client.request("SETUP", `${url}/trackID=0`, { Transport: transport });
      assertEquals((await setup("RTP/AVP;unicast;client_port=5000-5001")).status, 461);
      const both = await setup(`RTP/AVP;unicast;client_port=5000-5001,${TCP}`);
      assertMatch(both.fields.get("transport")![0], /^RTP\/AVP\/TCP;unicast;interleaved=0-1/);
    },
  ),
);
