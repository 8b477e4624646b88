// Goal: everything that clients do they do over TLS as well, and a renewed certificate reaches those
// who come, while those who are here notice nothing.
// Method: a node with a certificate of an authority of its own; other people's clients, and numbered
// streams of our own over RTMPS, HTTPS and WSS, on IPv4 and IPv6.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { openFlvPage } from "../support/browser.ts";
import { certificate, LOCAL_NAMES } from "../support/certificates.ts";
import { type E2eOptions, endToEnd } from "../support/end_to_end.ts";
import { LIGHT } from "../support/live.ts";
import { mediaFile } from "../support/media_files.ts";
import { startMesh } from "../support/mesh.ts";
import { startNodeChild, startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { freePort } from "../support/ports.ts";
import { Child, delay, eventually, runChild, runTool } from "../support/processes.ts";
import { publishRtsp } from "../support/rtsp_play.ts";
import { dial, IN_TLS, trust } from "../support/wire/dial.ts";
import { NumberedCheck, NumberedStream } from "../support/wire/numbered.ts";
import { Publisher } from "../support/wire/publisher.ts";
import { openViewer, VIEWER_PROTOCOLS, type ViewerProtocol } from "../support/wire/viewer.ts";
import { sessionsOf } from "../support/workers.ts";

const NEEDS = { needs: ["openssl", "ffmpeg"], timeoutMs: 60_000 } satisfies E2eOptions;

const TLS_PORTS = ["rtmps", "rtsps", "https"] as const;
const ANY_PORTS = TLS_PORTS.flatMap((protocol) => [`--${protocol}-port`, "0"]);

let folder: string;
let node: TestNode;

function pairArgs(name: string): string[] {
  return ["--tls-cert", `${folder}/${name}.crt`, "--tls-key", `${folder}/${name}.key`];
}

/** Puts another pair where the node looks for its own. */
async function renew(name: string, key = name): Promise<void> {
  await Deno.copyFile(`${folder}/${name}.crt`, `${folder}/live.crt`);
  await Deno.copyFile(`${folder}/${key}.key`, `${folder}/live.key`);
}

Deno.test.beforeAll(async () => {
  folder = await Deno.makeTempDir({ prefix: "headwater-tls-" });
  await Promise.all(["one", "two"].map(async (name) => {
    trust((await certificate(folder, name, LOCAL_NAMES)).ca);
  }));
  await renew("one");
  node = await startTestNode({ args: [...pairArgs("live"), ...ANY_PORTS, "--host", "::"] });
});

Deno.test.afterAll(async () => {
  await node?.stop();
  if (folder !== undefined) await Deno.remove(folder, { recursive: true });
});

/** Where a listener is for the tests' own clients. */
function place(protocol: typeof TLS_PORTS[number], host = "127.0.0.1"): string {
  return `${IN_TLS}${host}:${node.address(protocol).split(":").at(-1)}`;
}

async function publishTls(path: string, host?: string): Promise<NumberedStream> {
  return new NumberedStream(await Publisher.open(place("rtmps", host), path), LIGHT);
}

async function followTls(protocol: ViewerProtocol, path: string, host?: string) {
  const check = new NumberedCheck();
  const address = place(protocol === "rtmp" ? "rtmps" : "https", host);
  const onMessage = check.message.bind(check);
  const viewer = await openViewer({ protocol, address, path, onMessage });
  return { check, viewer };
}

async function untilSeen(check: NumberedCheck, more: number): Promise<void> {
  const from = Math.max(check.last, 0);
  await eventually("frames come", () => check.last >= from + more);
}

/** Whether the authority of a pair vouches for what a client that comes now is shown. */
async function isServed(name: string): Promise<boolean> {
  const { code } = await runChild("openssl", [
    ...["s_client", "-connect", place("rtmps").slice(IN_TLS.length), "-brief"],
    ...["-CAfile", `${folder}/${name}.ca.crt`, "-verify_return_error"],
  ], { timeoutMs: 10_000 });
  return code === 0;
}

for (const host of ["127.0.0.1", "[::1]"]) {
  Deno.test(endToEnd(`RTMPS, HTTPS and WSS carry every frame, at ${host}`, NEEDS, async () => {
    const path = `live/own-${host.length}`;
    const stream = await publishTls(path, host);
    const followers = await Promise.all(
      VIEWER_PROTOCOLS.map((protocol) => followTls(protocol, path, host)),
    );
    for (const { check } of followers) await untilSeen(check, 60);
    await stream.end();
    for (const { check, viewer } of followers) {
      assertEquals(await viewer.ended, "end of stream");
      assertEquals([check.lost, check.doubled], [0, 0]);
    }
  }));
}

Deno.test(endToEnd("ffmpeg publishes by RTMPS and RTSPS, and plays everything", NEEDS, async () => {
  const file = await mediaFile("quarter");
  const [rtmps, rtsps, https] = TLS_PORTS.map((protocol) =>
    `${protocol}://${node.address(protocol)}/live`
  );
  await using _rtmp = publish(`${rtmps}/r`, file);
  await using _rtsp = publishRtsp(`${rtsps}/s`, file, "tcp");
  const endings = ["flv", "ts", "mp4", "m3u8"];
  const urls = ["r", "s"].flatMap((name) => [
    ...[`${rtmps}/${name}`, `${rtsps}/${name}`],
    ...endings.map((ending) => `${https}/${name}.${ending}`),
  ]);
  await Promise.all(urls.map(async (url) => {
    const args = ["-v", "error", "-i", url, "-t", "1", "-c", "copy", "-f", "framemd5", "-"];
    const frames = await runTool("ffmpeg", args, { timeoutMs: 40_000 });
    const pictures = frames.split("\n").filter((line) => line.startsWith("0,")).length;
    assert(pictures >= 20, `${pictures} pictures from ${url}`);
  }));
}));

Deno.test(endToEnd("GStreamer publishes and plays by RTSPS", {
  ...NEEDS,
  needs: ["openssl", "ffmpeg", "gstreamer", "gstreamer_rtsp"],
}, async () => {
  const location = `location=rtsps://${node.address("rtsps")}/live/gst`;
  const anyCertificate = "tls-validation-flags=0";
  await using _publisher = new Child("gst-launch-1.0", [
    ...["-q", "-e", "filesrc", `location=${await mediaFile("quarter")}`, "!", "flvdemux"],
    ...["name=d", "d.video", "!", "queue", "!", "h264parse", "!", "s.sink_0"],
    ...["d.audio", "!", "queue", "!", "aacparse", "!", "s.sink_1"],
    ...["rtspclientsink", "name=s", "protocols=tcp+tls", location, anyCertificate],
  ], { timeoutMs: 40_000 });
  await eventually("a stream", async () => (await node.fetchApi("streams/live/gst")).ok);
  const player = await runChild("gst-launch-1.0", [
    ...["-q", "rtspsrc", location, anyCertificate, "!", "rtph264depay", "!"],
    ...["h264parse", "!", "avdec_h264", "!", "fakesink", "num-buffers=40"],
  ], { timeoutMs: 40_000 });
  assertEquals([player.code, player.stderr], [0, ""]);
}));

Deno.test(endToEnd("Chromium plays HTTPS and WSS, curl reads the API", {
  ...NEEDS,
  needs: ["openssl", "ffmpeg", "chromium"],
}, async () => {
  await using _publisher = publish(node.rtmpUrl("live/web"), await mediaFile("long_gop"));
  await eventually("a stream", async () => (await node.fetchApi("streams/live/web")).ok);
  await using page = await openFlvPage();
  for (const scheme of ["https", "wss"]) {
    const play = await page.play(`${scheme}://${node.address("https")}/live/web.flv`, 3);
    assertEquals([play.errors, play.width], [[], 320]);
    assert(play.mediaSeconds >= 1 && play.changes > 10, JSON.stringify(play));
  }
  const origin = `https://localhost:${node.address("https").split(":").at(-1)}`;
  const nodes = await fetchTrusting("one", `${origin}/api/v1/nodes`, { Origin: origin });
  const { addresses } = nodes.items[0];
  for (const protocol of TLS_PORTS) assertEquals(addresses[protocol], node.address(protocol));
}));

/** By curl, from a page of `Origin`: the node must know the page for its own. */
async function fetchTrusting(name: string, url: string, headers: Record<string, string>) {
  const fields = Object.entries(headers).flatMap(([key, value]) => ["-H", `${key}: ${value}`]);
  const args = ["-sS", "--fail", "--cacert", `${folder}/${name}.ca.crt`, ...fields, url];
  const text = await runTool("curl", args, { timeoutMs: 10_000 });
  return JSON.parse(text) as { items: { addresses: Record<string, string> }[] };
}

Deno.test(endToEnd("RTSPS never sends media in the clear", NEEDS, async () => {
  const stream = await publishTls("live/udp");
  const url = `rtsps://${node.address("rtsps")}/live/udp/trackID=0`;
  using conn = await dial(place("rtsps"));
  const transport = "Transport: RTP/AVP;unicast;client_port=5000-5001";
  await conn.write(encode(`SETUP ${url} RTSP/1.0\r\nCSeq: 1\r\n${transport}\r\n\r\n`));
  const answer = new Uint8Array(4_096);
  const bytes = await conn.read(answer) ?? 0;
  assertMatch(new TextDecoder().decode(answer.subarray(0, bytes)), /^RTSP\/1\.0 461 /);
  await stream.end();
}));

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

Deno.test(
  endToEnd("a renewed certificate is for who comes, a bad one for nobody", NEEDS, async () => {
    const stream = await publishTls("live/renewed");
    const { check, viewer } = await followTls("http-flv", "live/renewed");
    assertEquals([await isServed("one"), await isServed("two")], [true, false]);
    await renew("two");
    await eventually("the second certificate", () => isServed("two"));
    assertEquals(await isServed("one"), false);
    await renew("one", "two");
    const { reason } = await node.waitForLog(
      "a refusal",
      ({ message }) => message === "renewed certificate refused, the old one stays",
    );
    assertMatch(String(reason), /^--tls-key \/.*live\.key: is not the key of the certificate$/);
    assertEquals(await isServed("two"), true);
    await Deno.remove(`${folder}/live.crt`);
    await node.waitForLog("a refusal", ({ reason }) => /NotFound/.test(String(reason)));
    await renew("one");
    await eventually("the first certificate", () => isServed("one"));
    await untilSeen(check, 10);
    assertEquals([check.lost, check.doubled], [0, 0]);
    await stream.end();
    assertEquals(await viewer.ended, "end of stream");
  }),
);

Deno.test(
  endToEnd("wrong files and taken ports are refused by the flag's name", NEEDS, async () => {
    const port = String(freePort());
    using _other = Deno.listen({ hostname: "127.0.0.1", port: Number(port), reusePort: true });
    const good = pairArgs("one");
    const rows: [string[], RegExp][] = [
      [good.slice(0, 2), /--tls-cert \/.*one\.crt: needs --tls-key as well/],
      [good.slice(2), /--tls-key \/.*one\.key: needs --tls-cert as well/],
      [pairArgs("none"), /--tls-cert \/.*none\.crt: must be a file that can be read, not NotFound/],
      [
        [...good.slice(0, 2), "--tls-key", `${folder}/two.key`],
        /--tls-key \/.*two\.key: is not the key of the certificate/,
      ],
      [
        [...good, ...ANY_PORTS, "--rtsps-port", port, "--workers", "2"],
        new RegExp(`--rtsps-port ${port}: the port is taken`),
      ],
    ];
    await Promise.all(rows.map(async ([args, expected], index) => {
      const data = `${folder}/data-${index}`;
      const { code, stderr } = await startNodeChild([...args, "--data", data]).ended;
      assertEquals(code, 2, stderr);
      assertMatch(stderr, expected);
    }));
  }),
);

Deno.test(endToEnd("workers share the ports in TLS, and may do no more for it", NEEDS, async () => {
  const flags = ["--workers", "2", "--udp-ports", "off", "--name", "host", "--host", "127.0.0.1"];
  await using host = await startTestNode({ args: [...flags, ...pairArgs("one"), ...ANY_PORTS] });
  const address = `${IN_TLS}${host.address("rtmps")}`;
  const stream = new NumberedStream(await Publisher.open(address, "live/many"), LIGHT);
  const checks = await Promise.all(Array.from({ length: 12 }, async () => {
    const check = new NumberedCheck();
    const onMessage = check.message.bind(check);
    await openViewer({ protocol: "rtmp", address, path: "live/many", onMessage });
    return check;
  }));
  for (const check of checks) await untilSeen(check, 20);
  const sessions = await sessionsOf(host, "live/many");
  assertEquals(new Set(sessions.map(({ node }) => node)), new Set(["host.0", "host.1"]));
  assertEquals(checks.map(({ lost, doubled }) => lost + doubled).filter((n) => n > 0), []);
  await stream.end();
}));

Deno.test(endToEnd("clients in TLS are sent to another node's ports in TLS", {
  ...NEEDS,
  needs: ["openssl", "redis"],
}, async () => {
  await using mesh = await startMesh(["a", "b"], [...pairArgs("one"), ...ANY_PORTS]);
  const [a, b] = mesh.nodes;
  const urls = { plain: "", tls: "" };
  const plain = await Publisher.open(a.address("rtmp"), "live/plain", undefined, (url) => {
    urls.plain = url;
  });
  const address = `${IN_TLS}${a.address("rtmps")}`;
  const tls = await Publisher.open(address, "live/tls", undefined, (url) => urls.tls = url);
  const streams = [plain, tls].map((publisher) => new NumberedStream(publisher, LIGHT));
  using camera = await dial(`${IN_TLS}${a.address("rtsps")}`);
  const asked = readRedirect(camera, `rtsps://${a.address("rtsps")}/live/tls`);
  await delay(500);
  await a.fetchApi("nodes/a/drain", "POST");
  await eventually("both are asked", () => urls.plain !== "" && urls.tls !== "");
  assertEquals(urls, {
    plain: `rtmp://${b.address("rtmp")}/live`,
    tls: `rtmps://${b.address("rtmps")}/live`,
  });
  assertMatch(await asked, new RegExp(`Location: rtsps://${b.address("rtsps")}/live/tls\\r`));
  for (const stream of streams) await stream.stop();
}));

/** Plays, and gives the request that asks to go elsewhere. */
async function readRedirect(conn: Deno.Conn, url: string): Promise<string> {
  const requests = [
    `DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1\r\n\r\n`,
    `SETUP ${url}/trackID=0 RTSP/1.0\r\nCSeq: 2\r\n` +
    "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n",
  ];
  let text = "";
  const buffer = new Uint8Array(16 * 1024);
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(text);
      if (found !== null) return found;
      const bytes = await conn.read(buffer);
      if (bytes === null) throw new Error(`Closed before ${pattern}`);
      text = (text + new TextDecoder("latin1").decode(buffer.subarray(0, bytes))).slice(-20_000);
    }
  };
  await conn.write(encode(requests[0]));
  await until(/m=video/);
  await conn.write(encode(requests[1]));
  const [, session] = await until(/Session: (\w+)/);
  await conn.write(encode(`PLAY ${url} RTSP/1.0\r\nCSeq: 3\r\nSession: ${session}\r\n\r\n`));
  return (await until(/REDIRECT rtsps:[^]*?\r\n\r\n/))[0];
}
