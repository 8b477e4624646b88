/**
 * Publishes an FLV file as many live RTMP streams in real time, for ever: the benchmark's pusher.
 *
 *     deno run --allow-net --allow-read tests/bench/load/publish.ts '{"file":"a.flv", ...}'
 *
 * Every coded video frame is stamped with the wall clock (see `stamp.ts`). The publishers start at
 * different places of the file, so that two hundred of them are as spread as cameras are. One line
 * on standard output tells that all publish: `{"event":"publishing"}`; SIGUSR2 prints a
 * {@link PublishReport}.
 *
 * @module
 */
import process from "node:process";
import { bytesOf, command, message, uint32 } from "../../support/wire/rtmp_bytes.ts";
import { connectCommands, RtmpConnection, splitPath } from "../../support/wire/rtmp_connection.ts";
import { parseSource, type Source, type SourceTag } from "./source_tags.ts";
import { STAMP_BYTES, wallMs, writeStamp } from "./stamp.ts";

export interface PublishOptions {
  readonly file: string;
  /** `host:port` */
  readonly address: string;
  /** APP/NAME; `%d` in it becomes the publisher's number. */
  readonly path: string;
  readonly publishers: number;
  /** Stay connected and send nothing after the sequence headers and one group of pictures. */
  readonly idle?: boolean;
}

export interface PublishReport {
  readonly event: "report";
  readonly seconds: number;
  readonly bytes: number;
  readonly connected: number;
  readonly failure: string | undefined;
  /** Longest that a frame was sent behind its time, in milliseconds. */
  readonly lateMsMax: number;
  readonly cpuPercent: number;
}

/** As OBS and ffmpeg's larger settings: most frames are one chunk, key frames a few. */
const CHUNK_BYTES = 4096;

/** How often the clock is looked at: frames of a stream are 10 ms and more apart. */
const TICK_MS = 2;

/** Publishers that connect at a time. */
const OPENING_MAX = 10;

const CHUNK_STREAM: Readonly<Record<number, number>> = { 8: 4, 9: 6, 18: 5 };

/** Bytes unsent beyond which a publisher gives up: the server does not read. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;

class Publisher {
  readonly #connection: RtmpConnection;
  readonly #source: Source;
  readonly #startMs: number;
  #at: number;
  #baseMs = 0;
  #sending: Promise<void> = Promise.resolve();
  #unsentBytes = 0;
  bytes = 0;
  lateMsMax = 0;

  constructor(connection: RtmpConnection, source: Source, firstTag: number) {
    this.#connection = connection;
    this.#source = source;
    this.#at = firstTag;
    this.#startMs = performance.now() - source.tags[firstTag].timestampMs;
  }

  /** Sends the decoder configurations. */
  begin(): void {
    for (const tag of this.#source.heads) this.#send(tag, 0);
  }

  /** Sends what is due. */
  tick(nowMs: number): void {
    const { tags, durationMs } = this.#source;
    while (true) {
      const tag = tags[this.#at];
      const lateMs = nowMs - this.#startMs - this.#baseMs - tag.timestampMs;
      if (lateMs < 0) return;
      if (lateMs > this.lateMsMax) this.lateMsMax = lateMs;
      this.#send(tag, this.#baseMs + tag.timestampMs);
      if (++this.#at < tags.length) continue;
      this.#at = 0;
      this.#baseMs += durationMs;
    }
  }

  #send({ typeId, body, coded }: SourceTag, timestampMs: number): void {
    const head = { chunkStreamId: CHUNK_STREAM[typeId], typeId, streamId: 1, timestampMs };
    const bytes = message(head, body, CHUNK_BYTES);
    // A stamp that a chunk header would cut in two is left out.
    const lastChunkBytes = body.length % CHUNK_BYTES;
    if (coded && typeId === 9 && lastChunkBytes >= STAMP_BYTES) {
      writeStamp(bytes, bytes.length, wallMs());
    }
    this.bytes += bytes.length;
    this.#unsentBytes += bytes.length;
    if (this.#unsentBytes > UNSENT_BYTES_MAX) return this.#connection.close();
    this.#sending = this.#sending.then(() => this.#connection.send(bytes)).then(
      () => void (this.#unsentBytes -= bytes.length),
      () => this.#connection.close(),
    );
  }
}

class Publishers {
  readonly #options: PublishOptions;
  readonly #source: Source;
  readonly #all: Publisher[] = [];
  #connected = 0;
  #failure: string | undefined;
  #sinceMs = performance.now();
  #cpu = process.cpuUsage();

  constructor(options: PublishOptions, source: Source) {
    this.#options = options;
    this.#source = source;
  }

  async open(): Promise<void> {
    const { publishers } = this.#options;
    setInterval(() => this.#tick(), TICK_MS);
    for (let at = 0; at < publishers; at += OPENING_MAX) {
      const size = Math.min(OPENING_MAX, publishers - at);
      await Promise.all(Array.from({ length: size }, (_, i) => this.#openOne(at + i)));
    }
    console.log(JSON.stringify({ event: "publishing" }));
  }

  report(): void {
    const { user, system } = process.cpuUsage(this.#cpu);
    const nowMs = performance.now();
    const seconds = (nowMs - this.#sinceMs) / 1_000;
    const report: PublishReport = {
      event: "report",
      seconds,
      bytes: this.#all.reduce((sum, { bytes }) => sum + bytes, 0),
      connected: this.#connected,
      failure: this.#failure,
      lateMsMax: Math.max(...this.#all.map(({ lateMsMax }) => lateMsMax)),
      cpuPercent: (user + system) / 1e4 / seconds,
    };
    console.log(JSON.stringify(report));
    for (const publisher of this.#all) publisher.bytes = publisher.lateMsMax = 0;
    this.#cpu = process.cpuUsage();
    this.#sinceMs = nowMs;
  }

  #tick(): void {
    if (this.#options.idle) return;
    const nowMs = performance.now();
    for (const publisher of this.#all) publisher.tick(nowMs);
  }

  async #openOne(number: number): Promise<void> {
    const { address, publishers } = this.#options;
    const { promise, resolve } = Promise.withResolvers<string>();
    const connection = await RtmpConnection.open(address, {
      message: () => {},
      status: (code) => {
        if (code.startsWith("NetStream.")) resolve(code);
      },
    });
    connection.ended.then(resolve);
    const { app, name } = splitPath(this.#options.path.replace("%d", String(number)));
    await connection.send(connectCommands(address, app));
    await connection.send(bytesOf(
      command(1, "publish", 3, null, name, "live"),
      message({ chunkStreamId: 2, typeId: 1 }, uint32(CHUNK_BYTES)),
    ));
    const answer = await promise;
    if (answer !== "NetStream.Publish.Start") throw new Error(`Cannot publish: ${answer}`);
    this.#connected++;
    connection.ended.then((reason) => {
      this.#connected--;
      this.#failure ??= reason;
    });
    const { gopStarts } = this.#source;
    const spread = Math.floor(number / publishers * gopStarts.length);
    const publisher = new Publisher(connection, this.#source, gopStarts[spread]);
    publisher.begin();
    this.#all.push(publisher);
  }
}

if (import.meta.main) {
  const options = JSON.parse(Deno.args[0]) as PublishOptions;
  const source = parseSource(await Deno.readFile(options.file));
  const publishers = new Publishers(options, source);
  Deno.addSignalListener("SIGUSR2", () => publishers.report());
  await publishers.open();
}
