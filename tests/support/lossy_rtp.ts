/**
 * A camera behind a bad network: ffmpeg's RTP packets, some of them lost and some out of order, on
 * their way into an RTSP session over UDP.
 *
 * @module
 */
import { BareRtsp } from "./rtsp_play.ts";
import { Child, delay } from "./processes.ts";
import { seededRandom } from "./random.ts";

/** Longest that the publisher may take, in milliseconds. */
const TIMEOUT_MS = 60_000;

/** When nothing has come for this long after ffmpeg's end, all of it has come, in milliseconds. */
const QUIET_MS = 300;

/** Ports that are tried for a pair. */
const PAIR_TRIES_MAX = 50;

export interface LossyOptions {
  /** Address of the node's RTSP port, and the URL to publish at. */
  readonly address: string;
  readonly url: string;
  /** A file of H.264 without sound. */
  readonly file: string;
  /** Shares of the packets that are lost, and that come behind the next one. */
  readonly lossShare: number;
  readonly swapShare: number;
  readonly seed: number;
}

export interface LossyCounts {
  sent: number;
  lost: number;
  swapped: number;
}

/** Publishes the file in real time; resolves when all of it was sent and the session was ended. */
export async function publishLossy(options: LossyOptions): Promise<LossyCounts> {
  const { address, url, file } = options;
  using rtsp = await BareRtsp.open(address);
  using sockets = openPair();
  const [rtpPort, rtcpPort] = sockets.ports;
  const sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n" +
    "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:0\r\n";
  await expect200(rtsp.request("ANNOUNCE", url, { "Content-Type": "application/sdp" }, sdp));
  const setup = await expect200(rtsp.request("SETUP", `${url}/0`, {
    Transport: `RTP/AVP;unicast;client_port=${rtpPort}-${rtcpPort};mode=record`,
  }));
  const session = setup.fields.get("session")![0].split(";")[0];
  const ports = /server_port=(\d+)-(\d+)/.exec(setup.fields.get("transport")![0])!;
  await expect200(rtsp.request("RECORD", url, { Session: session }));
  const counts = { sent: 0, lost: 0, swapped: 0 };
  const relay = relayPackets(sockets, [Number(ports[1]), Number(ports[2])], options, counts);
  await using source = new Child("ffmpeg", [
    ...["-nostdin", "-v", "error", "-re", "-i", file, "-map", "0:v", "-c", "copy"],
    ...[
      "-bsf:v",
      "h264_mp4toannexb",
      "-f",
      "rtp",
      `rtp://127.0.0.1:${sockets.inputPort}?pkt_size=1200`,
    ],
  ], { timeoutMs: TIMEOUT_MS });
  const { code, stderr } = await source.ended;
  if (code !== 0) throw new Error(`Cannot publish: ${stderr.slice(-300)}`);
  await relay.idle();
  await expect200(rtsp.request("TEARDOWN", url, { Session: session }));
  return counts;
}

async function expect200(answer: ReturnType<BareRtsp["request"]>) {
  const got = await answer;
  if (got.status !== 200) throw new Error(`Cannot publish: status ${got.status}`);
  return got;
}

/** What ffmpeg sends to, and what the node hears from: the latter two side by side. */
interface Sockets extends Disposable {
  readonly input: Deno.DatagramConn;
  readonly inputPort: number;
  readonly outputs: readonly [Deno.DatagramConn, Deno.DatagramConn];
  readonly ports: readonly [number, number];
}

function openPair(): Sockets {
  for (let tries = 0; tries < PAIR_TRIES_MAX; tries++) {
    const first = openSocket(0);
    const port = (first.addr as Deno.NetAddr).port;
    try {
      const outputs = [first, openSocket(port + 1)] as const;
      const input = openSocket(0);
      const inputPort = (input.addr as Deno.NetAddr).port;
      const close = () => [...outputs, input].forEach(closeSocket);
      return { input, inputPort, outputs, ports: [port, port + 1], [Symbol.dispose]: close };
    } catch {
      first.close();
    }
  }
  throw new Error(`Cannot open two ports side by side: ${PAIR_TRIES_MAX} tries`);
}

function closeSocket(socket: Deno.DatagramConn): void {
  try {
    socket.close();
  } catch {
    // The relay has closed it.
  }
}

function openSocket(port: number): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
}

/** Passes on what comes, until the socket is closed. */
function relayPackets(
  { input, outputs: [output] }: Sockets,
  [port]: readonly [number, number],
  { lossShare, swapShare, seed }: LossyOptions,
  counts: LossyCounts,
): { idle(): Promise<void> } {
  const random = seededRandom(seed);
  const target = { transport: "udp", hostname: "127.0.0.1", port } as const;
  let held: Uint8Array | undefined;
  const pass = async (packet: Uint8Array) => {
    counts.sent++;
    // The first packets stay: they tell the stream's parameters and begin its first picture.
    if (counts.sent > 20 && random.next() < lossShare) return void counts.lost++;
    if (held === undefined && random.next() < swapShare) {
      held = packet;
      return void counts.swapped++;
    }
    await output.send(packet, target);
    if (held === undefined) return;
    await output.send(held, target);
    held = undefined;
  };
  const all = (async () => {
    for await (const [packet] of input) await pass(packet);
  })().catch(() => {}); // Closed under it.
  return {
    async idle() {
      for (let seen = -1; seen !== counts.sent; await delay(QUIET_MS)) seen = counts.sent;
      input.close();
      await all;
      if (held !== undefined) await output.send(held, target);
    },
  };
}
