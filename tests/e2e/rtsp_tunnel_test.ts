// Goal: RTSP passes through where only HTTP does: on the RTSP port and on the HTTP port.
// Method: ffmpeg and GStreamer play through tunnels on both ports and get the file's frames; halves
// that do not fit, and what is no tunnel, are sent by hand.
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { endToEnd } from "../support/end_to_end.ts";
import { compareFrames, frameMd5 } from "../support/frames.ts";
import { mediaFile } from "../support/media_files.ts";
import { startTestNode, type TestNode } from "../support/node_process.ts";
import { publish } from "../support/players.ts";
import { delay, eventually, runChild } from "../support/processes.ts";

/** Longest that a client may play, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** How far the publisher is when the clients start, in milliseconds. */
const HEAD_START_MS = 1_000;

/** RTSP tells no decode times, and the first frames have none. */
const TOLERANCE_US = 5_000;

const PLAIN = ["-bsf:v", "h264_mp4toannexb,filter_units=remove_types=7-9|12"];

let node: TestNode;

Deno.test.beforeAll(async () => {
  node = await startTestNode();
});

Deno.test.afterAll(async () => {
  await node?.stop();
});

async function playFrames(input: string, inputArgs: string[]) {
  const frames = await frameMd5(input, { inputArgs, outputArgs: PLAIN, timeoutMs: TIMEOUT_MS });
  const plain = (kind: "video" | "audio") =>
    frames[kind].map((frame) => ({ ...frame, dtsUs: frame.ptsUs }));
  return { video: plain("video"), audio: plain("audio") };
}

Deno.test(endToEnd("ffmpeg plays through a tunnel on the RTSP and on the HTTP port", {
  needs: ["ffmpeg"],
}, async () => {
  const file = await mediaFile("h264_aac");
  await using publisher = publish(node.rtmpUrl("live/tunnel"), file);
  await delay(HEAD_START_MS);
  const source = await playFrames(file, []);
  const faults = await Promise.all((["rtsp", "http"] as const).map(async (port) => {
    const url = `rtsp://${node.address(port)}/live/tunnel`;
    const got = await playFrames(url, ["-rtsp_transport", "http"]);
    const limits = { toleranceUs: TOLERANCE_US, framesMin: 20, untimedHead: 1 };
    return compareFrames(source, got, limits);
  }));
  assertEquals(faults, [undefined, undefined]);
  assertEquals((await publisher.ended).code, 0);
}));

Deno.test(endToEnd("GStreamer plays through a tunnel on the RTSP port", {
  needs: ["ffmpeg", "gstreamer"],
}, async () => {
  await using _publisher = publish(node.rtmpUrl("live/gst"), await mediaFile("h264_aac"));
  await delay(HEAD_START_MS);
  const { stdout, stderr } = await runChild("gst-launch-1.0", [
    ...["-q", "rtspsrc", `location=${node.rtspUrl("live/gst").replace("rtsp:", "rtsph:")}`, "!"],
    ...["rtph264depay", "!", "h264parse", "!", "identity", "eos-after=20", "!"],
    ...["fakesink", "dump=true"],
  ], { timeoutMs: TIMEOUT_MS });
  assert(stdout.length > 1_000, `${stdout.length} characters of media: ${stderr}`);
}));

/** Opens a connection and sends a head. */
async function sendHead(port: "rtsp" | "http", head: string): Promise<Deno.TcpConn> {
  const [hostname, number] = node.address(port).split(":");
  const conn = await Deno.connect({ hostname, port: Number(number) });
  await conn.write(new TextEncoder().encode(head));
  return conn;
}

/** What comes until the server closes, or until `enough`. */
async function readText(conn: Deno.TcpConn, enough = /(?!)/): Promise<string> {
  const buffer = new Uint8Array(4_096);
  let text = "";
  while (!enough.test(text)) {
    const bytes = await conn.read(buffer).catch(() => null);
    if (bytes === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, bytes));
  }
  return text;
}

const headOf = (method: string, cookie: string) =>
  `${method} /live/x HTTP/1.0\r\nx-sessioncookie: ${cookie}\r\n` +
  "Accept: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n\r\n";

for (const port of ["rtsp", "http"] as const) {
  Deno.test(endToEnd(`a POST without its GET is refused on the ${port} port`, {}, async () => {
    using conn = await sendHead(port, headOf("POST", `lonely-${port}`));
    assertMatch(await readText(conn), /^HTTP\/1\.0 454 /);
  }));

  Deno.test(endToEnd(`halves of a tunnel on the ${port} port fit by their cookie`, {}, async () => {
    using get = await sendHead(port, headOf("GET", `pair-${port}`).replace("32767", "0"));
    assertMatch(await readText(get, /\r\n\r\n/), /^HTTP\/1\.0 200 OK\r\n/);
    using twin = await sendHead(port, headOf("GET", `pair-${port}`).replace("32767", "0"));
    assertMatch(await readText(twin), /^HTTP\/1\.0 454 /);
    using post = await sendHead(port, headOf("POST", `pair-${port}`));
    await post.write(new TextEncoder().encode(btoa("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")));
    assertMatch(await readText(get, /\r\n\r\n/), /^RTSP\/1\.0 200 OK\r\n/);
    // What is no Base64 ends the tunnel, and with it both connections.
    await post.write(new TextEncoder().encode("!"));
    await readText(get);
    await readText(post);
    await eventually("the cookie is free", async () => {
      using again = await sendHead(port, headOf("GET", `pair-${port}`).replace("32767", "0"));
      return (await readText(again, /\r\n\r\n/)).startsWith("HTTP/1.0 200");
    });
  }));
}

Deno.test(endToEnd("HTTP that is no tunnel is refused on the RTSP port", {}, async () => {
  using conn = await sendHead("rtsp", "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assertMatch(await readText(conn), /^HTTP\/1\.1 400 /);
}));
