/**
 * Many players of one stream, in a process of their own: the benchmark's load.
 *
 *     deno run --allow-net tests/bench/load/play.ts '{"protocol":"rtmp", ...}'
 *
 * Each parses all it gets (see the scanners). One line of JSON on standard output tells that all
 * play: `{"event":"playing"}`. From then on each SIGUSR2 prints a {@link PlayReport} of the time
 * since the one before.
 *
 * @module
 */
import process from "node:process";
import { C0_C1, C2, command, message, uint32 } from "../../support/wire/rtmp_bytes.ts";
import {
  connectCommands,
  connectTo,
  splitPath,
  writeAll,
} from "../../support/wire/rtmp_connection.ts";
import { HttpFlvScanner } from "./flv_scanner.ts";
import { Histogram, type Quantiles } from "./histogram.ts";
import type { MediaSink, Scanner } from "./media_sink.ts";
import { RtmpScanner } from "./rtmp_scanner.ts";
import { playDatagrams, playInterleaved, playRaw } from "./rtsp_play.ts";
import { parseStamp, wallMs } from "./stamp.ts";

/** Over TCP: "raw" connects and counts bytes, for what the bare loop sends is no protocol. */
type StreamProtocol = "rtmp" | "http-flv" | "ws-flv" | "rtsp" | "raw";

/** And over UDP, where "raw-udp" is what the bare sender sends. */
export type PlayProtocol = StreamProtocol | "rtsp-udp" | "raw-udp";

export interface PlayOptions {
  readonly protocol: PlayProtocol;
  /** `host:port` */
  readonly address: string;
  /** APP/NAME; `%d` in it becomes the player's number modulo `streams`. */
  readonly path: string;
  readonly streams: number;
  readonly viewers: number;
}

/** What all players of the process received since the report before. */
export interface PlayReport {
  readonly event: "report";
  readonly seconds: number;
  readonly bytes: number;
  readonly reads: number;
  readonly messages: number;
  /** RTP packets that are missing. */
  readonly lost: number;
  /** RTP packets that came behind a later one. */
  readonly late: number;
  /** Players that are still connected. */
  readonly connected: number;
  /** Why the first one that was lost was lost. */
  readonly failure: string | undefined;
  /** Time from the publisher's socket to the player, of stamped frames. */
  readonly latencyMs: Quantiles | undefined;
  /** The process's own CPU, in percent of a core. */
  readonly cpuPercent: number;
}

/** Connections opened at a time: a listener's backlog is finite. */
const OPENING_MAX = 25;

/** Several seconds of the stream at its longest window fit; more would only cost memory. */
const READ_BYTES = 32 * 1024;

/** Type of an acknowledgement message (RTMP 1.0, section 5.4.3). */
const ACKNOWLEDGEMENT = 3;

/** One player over TCP. */
interface Viewer {
  readonly conn: Deno.TcpConn;
  readonly scanner: Scanner | undefined;
  /** Told by an RTMP server: after so many bytes it wants to hear. */
  readonly windowBytes: number;
}

class Players implements MediaSink {
  readonly #options: PlayOptions;
  readonly #latency = new Histogram();
  #waiting: number;
  #connected = 0;
  #failure: string | undefined;
  #bytes = 0;
  #reads = 0;
  #messages = 0;
  #lost = 0;
  #late = 0;
  #sinceMs = performance.now();
  #cpu = process.cpuUsage();
  /** Read once in a batch of messages: the clock would cost as much as the parsing. */
  #nowMs = 0;

  constructor(options: PlayOptions) {
    this.#options = options;
    this.#waiting = options.viewers;
  }

  async open(): Promise<void> {
    const { viewers } = this.#options;
    for (let at = 0; at < viewers; at += OPENING_MAX) {
      const size = Math.min(OPENING_MAX, viewers - at);
      await Promise.all(Array.from({ length: size }, (_, i) => this.#openOne(at + i)));
    }
  }

  message(_typeId: number, tail: Uint8Array | undefined): void {
    this.#messages++;
    if (tail === undefined) return;
    const sentMs = parseStamp(tail);
    if (sentMs === undefined) return;
    if (this.#nowMs === 0) this.#nowMs = wallMs();
    this.#latency.add(this.#nowMs - sentMs);
  }

  lost(packets: number): void {
    this.#lost += packets;
  }

  late(): void {
    this.#lost--;
    this.#late++;
  }

  /** A datagram came. */
  datagram(bytes: number): void {
    this.#reads++;
    this.#bytes += bytes;
    this.#nowMs = 0;
  }

  plays(): void {
    if (--this.#waiting === 0) console.log(JSON.stringify({ event: "playing" }));
  }

  over(reason: string): void {
    this.#connected--;
    this.#failure ??= reason;
  }

  /** Prints what came since it was called last. */
  report(): void {
    const { user, system } = process.cpuUsage(this.#cpu);
    const nowMs = performance.now();
    const seconds = (nowMs - this.#sinceMs) / 1_000;
    const report: PlayReport = {
      event: "report",
      seconds,
      bytes: this.#bytes,
      reads: this.#reads,
      messages: this.#messages,
      lost: this.#lost,
      late: this.#late,
      connected: this.#connected,
      failure: this.#failure,
      latencyMs: this.#latency.quantiles(),
      cpuPercent: (user + system) / 1e4 / seconds,
    };
    console.log(JSON.stringify(report));
    this.#bytes = this.#reads = this.#messages = 0;
    this.#lost = this.#late = 0;
    this.#latency.clear();
    this.#cpu = process.cpuUsage();
    this.#sinceMs = nowMs;
  }

  async #openOne(number: number): Promise<void> {
    const { protocol, address, streams } = this.#options;
    const path = this.#options.path.replace("%d", String(number % streams));
    this.#connected++;
    if (protocol === "raw-udp") return await playRaw(this, address);
    if (protocol === "rtsp-udp") return await playDatagrams(this, address, path);
    const conn = await connectTo(address);
    const viewer = { conn, scanner: undefined as Scanner | undefined, windowBytes: Infinity };
    viewer.scanner = await this.#ask(protocol, conn, path, (bytes) => viewer.windowBytes = bytes);
    this.#read(viewer).then((reason) => this.over(reason));
  }

  /** Asks for the stream; returns who looks at what comes. */
  async #ask(
    protocol: StreamProtocol,
    conn: Deno.TcpConn,
    path: string,
    onWindow: (bytes: number) => void,
  ): Promise<Scanner | undefined> {
    const { address } = this.#options;
    if (protocol === "raw") return undefined;
    if (protocol === "rtsp") return await playInterleaved(this, conn, `rtsp://${address}/${path}`);
    if (protocol !== "rtmp") {
      await writeAll(conn, httpRequest(protocol, address, path));
      return new HttpFlvScanner(this, { websocket: protocol === "ws-flv" });
    }
    await this.#askRtmp(conn, path);
    return new RtmpScanner(this, onWindow);
  }

  async #askRtmp(conn: Deno.TcpConn, path: string): Promise<void> {
    const { app, name } = splitPath(path);
    await writeAll(conn, C0_C1);
    await writeAll(conn, C2);
    await writeAll(conn, connectCommands(this.#options.address, app));
    await writeAll(conn, command(1, "play", 3, null, name, -2000));
  }

  /** Reads until the end; resolves with why there is one. */
  async #read(viewer: Viewer): Promise<string> {
    const { conn, scanner } = viewer;
    const buffer = new Uint8Array(READ_BYTES);
    let unacknowledged = 0;
    let total = 0;
    let playing = false;
    try {
      while (true) {
        const count = await conn.read(buffer);
        if (count === null) return "The server closed";
        this.#reads++;
        this.#bytes += count;
        this.#nowMs = 0;
        const before = this.#messages;
        scanner?.feed(buffer, count);
        if (!playing && (scanner === undefined || this.#messages > before)) {
          playing = true;
          this.plays();
        }
        total += count;
        unacknowledged += count;
        if (unacknowledged < viewer.windowBytes) continue;
        unacknowledged = 0;
        const head = { chunkStreamId: 2, typeId: ACKNOWLEDGEMENT };
        await writeAll(conn, message(head, uint32(total % 2 ** 32)));
      }
    } catch (error) {
      return String(error);
    }
  }
}

function httpRequest(protocol: StreamProtocol, address: string, path: string): Uint8Array {
  const lines = [`GET /${path}.flv HTTP/1.1`, `Host: ${address}`];
  if (protocol === "ws-flv") {
    // RFC 6455, section 1.3, has this key as its example.
    lines.push("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13");
    lines.push("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==");
  }
  return new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
}

if (import.meta.main) {
  const players = new Players(JSON.parse(Deno.args[0]) as PlayOptions);
  Deno.addSignalListener("SIGUSR2", () => players.report());
  await players.open();
}
