/**
 * Players of RTSP, over TCP and over UDP, and receivers of bare datagrams.
 *
 * @module
 */
import { connectTo } from "../../support/wire/rtmp_connection.ts";
import type { MediaSink, Scanner } from "./media_sink.ts";
import { askRtsp } from "./rtsp_ask.ts";
import { RtpScanner, RtspScanner } from "./rtsp_scanner.ts";
import { STAMP_BYTES } from "./stamp.ts";

/** All players of the process. */
export interface DatagramSink extends MediaSink {
  datagram(bytes: number): void;
  /** The first datagram of a player came. */
  plays(): void;
  over(reason: string): void;
}

/** Players report on what they get about this often (RFC 3550, section 6.2). */
const REPORT_MS = 5_000;

/** Types of RTCP packets (section 12.1), and the item that names a participant. */
const RECEIVER_REPORT = 201;
const DESCRIPTION = 202;
const CNAME = 1;

/** A report on one source, and a name (sections 6.1, 6.4.2 and 6.5). */
const REPORT = Uint8Array.from([
  ...[0x81, RECEIVER_REPORT, 0, 7, 0, 0, 0, 1, ...new Array(24).fill(0)],
  ...[0x81, DESCRIPTION, 0, 3, 0, 0, 0, 1, CNAME, 4, 108, 111, 97, 100, 0, 0],
]);

/** Largest datagram; nobody sends packets of more than 1,400 bytes. */
const DATAGRAM_BYTES_MAX = 2 * 1024;

/** Bytes of a connection beside the media. */
const ANSWER_BYTES_MAX = 4 * 1024;

/** How often a bare sender is asked until it sends: on a busy machine it may lose some of many. */
const ASK_MS = 1_000;

/** Media of the stream that a bare sender sends. */
const RAW_MEDIA = 2;

/** Asks for a stream in the connection; returns who looks at what comes in it. */
export async function playInterleaved(
  sink: MediaSink,
  conn: Deno.TcpConn,
  url: string,
): Promise<Scanner> {
  const transport = (i: number) => `RTP/AVP/TCP;unicast;interleaved=${2 * i}-${2 * i + 1}`;
  const media = await askRtsp(conn, url, transport);
  const reports = media.flatMap((_, i) => [0x24, 2 * i + 1, 0, REPORT.length, ...REPORT]);
  repeat(() => conn.write(Uint8Array.from(reports)));
  return new RtspScanner(media.flatMap(({ typeId }) => [new RtpScanner(sink, typeId), undefined]));
}

/** Asks for a stream over UDP, each medium on sockets of its own. */
export async function playDatagrams(
  sink: DatagramSink,
  address: string,
  path: string,
): Promise<void> {
  const conn = await connectTo(address);
  const { hostname } = conn.remoteAddr as Deno.NetAddr;
  const sockets: { rtp: Deno.DatagramConn; rtcp: Deno.DatagramConn }[] = [];
  const media = await askRtsp(conn, `rtsp://${address}/${path}`, (i) => {
    const { rtp, rtcp } = sockets[i] = { rtp: openSocket(), rtcp: openSocket() };
    return `RTP/AVP;unicast;client_port=${portOf(rtp)}-${portOf(rtcp)}`;
  });
  const datagram = datagramsOf(sink);
  for (const [i, { typeId, reportPort: port }] of media.entries()) {
    const { rtp, rtcp } = sockets[i];
    const scanner = new RtpScanner(sink, typeId);
    receiveAll(rtp, (packet) => {
      datagram(packet);
      scanner.packet(packet, packet.length, packet.subarray(-STAMP_BYTES));
    });
    receiveAll(rtcp, datagram);
    repeat(() => rtcp.send(REPORT, { transport: "udp", hostname, port }));
  }
  readAnswers(conn).then((reason) => sink.over(reason));
}

/** Has the bare sender at `address` send to sockets of its own, one a medium. */
export async function playRaw(sink: DatagramSink, address: string): Promise<void> {
  const { hostname, port } = new URL(`http://${address}`);
  const datagram = datagramsOf(sink);
  for (let medium = 0; medium < RAW_MEDIA; medium++) {
    const socket = openSocket();
    const to = { transport: "udp", hostname, port: Number(port) } as const;
    const ask = () => socket.send(Uint8Array.of(medium), to);
    const timer = setInterval(() => ask().catch(() => {}), ASK_MS);
    receiveAll(socket, (packet) => {
      clearInterval(timer);
      datagram(packet);
    });
    await ask();
  }
}

/** Tells of each datagram, and of the first one that the player plays. */
function datagramsOf(sink: DatagramSink): (packet: Uint8Array) => void {
  let plays = false;
  return ({ length }) => {
    sink.datagram(length);
    if (!plays) sink.plays();
    plays = true;
  };
}

function openSocket(): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
}

function portOf(socket: Deno.DatagramConn): number {
  return (socket.addr as Deno.NetAddr).port;
}

async function receiveAll(
  socket: Deno.DatagramConn,
  received: (packet: Uint8Array) => void,
): Promise<void> {
  const buffer = new Uint8Array(DATAGRAM_BYTES_MAX);
  while (true) received((await socket.receive(buffer))[0]);
}

async function readAnswers(conn: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(ANSWER_BYTES_MAX);
  const scanner = new RtspScanner([]);
  try {
    while (true) {
      const count = await conn.read(buffer);
      if (count === null) return "The server closed";
      scanner.feed(buffer, count);
    }
  } catch (error) {
    return String(error);
  }
}

/** Sends reports for ever; a server that is gone is noticed by who reads. */
function repeat(send: () => Promise<number>): void {
  setInterval(() => send().catch(() => {}), REPORT_MS);
}
