/**
 * Many players of one low-latency HLS stream, in a process of their own: the benchmark's load.
 *
 *     deno run --allow-net tests/bench/load/hls_play.ts '{"address":"127.0.0.1:8080", ...}'
 *
 * Each keeps one connection and asks, for ever, for the playlist that has the next part (the
 * server holds the request until it is there) and then for that part. A playlist that several
 * players got is read once: a thousand players must fit one core. Prints as `play.ts` does.
 *
 * @module
 */
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { connectTo, writeAll } from "../../support/wire/rtmp_connection.ts";
import { type HlsPosition, positionIn } from "./hls_position.ts";
import { HlsReply } from "./hls_reply.ts";
import type { PlayReport } from "./play.ts";

export interface HlsPlayOptions {
  /** `host:port` */
  readonly address: string;
  /** Path of the media playlist's folder, such as `/bench/cam.hls/`. */
  readonly folder: string;
  readonly viewers: number;
}

/** Connections opened at a time: a listener's backlog is finite. */
const OPENING_MAX = 25;

/** A part of 200 ms and its head fit; so does a playlist. */
const READ_BYTES = 32 * 1024;

/** Playlists remembered: players are at most a few parts apart. */
const KNOWN_MAX = 64;

class HlsPlayers {
  readonly #options: HlsPlayOptions;
  /** What the playlist asked for by a reload says. */
  readonly #known = new Map<string, HlsPosition>();
  #waiting: number;
  #connected = 0;
  #failure: string | undefined;
  #bytes = 0;
  #reads = 0;
  #parts = 0;
  #sinceMs = performance.now();
  #cpu = process.cpuUsage();

  constructor(options: HlsPlayOptions) {
    this.#options = options;
    this.#waiting = options.viewers;
  }

  async open(): Promise<void> {
    const { viewers, address } = this.#options;
    for (let at = 0; at < viewers; at += OPENING_MAX) {
      const size = Math.min(OPENING_MAX, viewers - at);
      await Promise.all(Array.from({ length: size }, async () => {
        const conn = await connectTo(address);
        this.#connected++;
        this.#play(conn).catch((error) => {
          this.#connected--;
          this.#failure ??= String(error);
        });
      }));
    }
  }

  /** Prints what came since it was called last; `messages` are parts. */
  report(): void {
    const { user, system } = process.cpuUsage(this.#cpu);
    const nowMs = performance.now();
    const seconds = (nowMs - this.#sinceMs) / 1_000;
    const report: PlayReport = {
      event: "report",
      seconds,
      bytes: this.#bytes,
      reads: this.#reads,
      messages: this.#parts,
      lost: 0,
      late: 0,
      connected: this.#connected,
      failure: this.#failure,
      latencyMs: undefined,
      cpuPercent: (user + system) / 1e4 / seconds,
    };
    console.log(JSON.stringify(report));
    this.#bytes = this.#reads = this.#parts = 0;
    this.#cpu = process.cpuUsage();
    this.#sinceMs = nowMs;
  }

  async #play(conn: Deno.TcpConn): Promise<never> {
    const buffer = new Uint8Array(READ_BYTES);
    const reply = new HlsReply();
    let reload = "";
    for (let first = true;; first = false) {
      const known = this.#known.get(reload);
      reply.begin(known === undefined);
      await this.#get(conn, `index.m3u8${reload === "" ? "" : `?${reload}`}`, reply, buffer);
      const position = known ?? this.#learn(reload, reply);
      reply.begin(false);
      await this.#get(conn, position.part, reply, buffer);
      this.#parts++;
      if (first && --this.#waiting === 0) console.log(JSON.stringify({ event: "playing" }));
      reload = position.reload;
    }
  }

  async #get(
    conn: Deno.TcpConn,
    name: string,
    reply: HlsReply,
    buffer: Uint8Array,
  ): Promise<void> {
    await writeAll(conn, requestFor(this.#options, name));
    while (true) {
      const count = await conn.read(buffer);
      if (count === null) throw new Error("The server closed");
      this.#reads++;
      this.#bytes += count;
      if (reply.feed(buffer, count)) return;
    }
  }

  #learn(reload: string, reply: HlsReply): HlsPosition {
    const body = reply.gzipped ? gunzipSync(reply.body) : reply.body;
    const position = positionIn(new TextDecoder().decode(body));
    if (reload === "") return position; // The present changes; what was waited for does not.
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(reload, position);
    return position;
  }
}

/** The same for all players; kept because a thousand ask for the same. */
const requests = new Map<string, Uint8Array>();

function requestFor({ address, folder }: HlsPlayOptions, name: string): Uint8Array {
  let request = requests.get(name);
  if (request !== undefined) return request;
  // What a browser's players send, as far as a server looks at it.
  const lines = [`GET ${folder}${name} HTTP/1.1`, `Host: ${address}`, "Accept: */*"];
  lines.push("Accept-Encoding: gzip, deflate, br", "User-Agent: bench", "Connection: keep-alive");
  request = new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n");
  if (requests.size >= KNOWN_MAX) requests.clear();
  requests.set(name, request);
  return request;
}

if (import.meta.main) {
  const players = new HlsPlayers(JSON.parse(Deno.args[0]) as HlsPlayOptions);
  Deno.addSignalListener("SIGUSR2", () => players.report());
  await players.open();
}
