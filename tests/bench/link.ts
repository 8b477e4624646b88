/**
 * What a link costs: processor time per record on the sending and on the receiving side, which are
 * two processes, and of making and reading the bytes alone.
 *
 * Run as main it prints a table: `deno run -A tests/bench/link.ts`. About twenty seconds.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import process from "node:process";
import type { StreamCore } from "../../actors/stream/stream_core.ts";
import type { UpstreamSink } from "../../actors/stream/upstream.ts";
import { MEDIA_BODY_BYTES_MAX } from "../../protocols/mrtmp/frame.ts";
import { FrameReader, MEDIA_ARENA_BYTES } from "../../protocols/mrtmp/frame_reader.ts";
import { FrameWriter } from "../../protocols/mrtmp/frame_writer.ts";
import { readRecord } from "../../protocols/mrtmp/record_codec.ts";
import { delay } from "../support/processes.ts";
import { realLinks, realStream } from "../support/real_links.ts";
import { trackRecord, VIDEO, videoFrame } from "../support/stream_records.ts";
import { fixed, printTable } from "./table.ts";

/** 500 kbit/s in 73 records a second, as video and audio of a camera come. */
const STREAMS = 500;
const RECORDS_PER_SECOND = 73;
const RECORD_BYTES = 856;

/** Each row is measured so long, in milliseconds, after as much to warm up. */
const ROW_MS = 4_000;

/** Records on their way at most when as many as possible are sent. */
const UNDER_WAY_MAX = 4_000;

/** What one process did in a row's time. */
interface Side {
  readonly records: number;
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Counts until asked. */
class Meter {
  #records = 0;
  #fromMs = performance.now();
  #cpu = process.cpuUsage();

  begin(records: number): void {
    this.#records = records;
    this.#fromMs = performance.now();
    this.#cpu = process.cpuUsage();
  }

  end(records: number): Side {
    const { user, system } = process.cpuUsage(this.#cpu);
    const wallMs = performance.now() - this.#fromMs;
    return { records: records - this.#records, cpuMs: (user + system) / 1_000, wallMs };
  }
}

/** Makes and reads the bytes of 1 KB records, without any socket. */
export function benchCodec(): { readonly write: Side; readonly read: Side } {
  const record = videoFrame(1, { dtsUs: 0, bytes: 1_024 });
  const writer = new FrameWriter(512 * 1024);
  let records = 0;
  const write = run(() => {
    writer.clear();
    for (let i = 0; i < 480; i++) writer.record(7, record);
    records += 480;
  }, () => records);
  const wire = writer.taken();
  let read = 0;
  const reader = new FrameReader((frame) => {
    readRecord(frame, [VIDEO]);
    read++;
  }, { arenaBytes: MEDIA_ARENA_BYTES, bodyBytesMax: MEDIA_BODY_BYTES_MAX });
  return { write, read: run(() => reader.feed(wire), () => read) };
}

function run(round: () => void, records: () => number): Side {
  const meter = new Meter();
  for (const untilMs of [300, 1_000]) {
    meter.begin(records());
    const fromMs = performance.now();
    while (performance.now() - fromMs < untilMs) round();
  }
  return meter.end(records());
}

/** Sends from this process to another; both sides of a paced and of an unpaced run. */
export async function benchLink(): Promise<{ name: string; send: Side; receive: Side }[]> {
  const here = realLinks({ name: "b", peers: new Map() });
  const cores = Array.from({ length: STREAMS }, (_, i) => realStream(`s${i}`));
  for (const [i, core] of cores.entries()) {
    core.append(trackRecord(0, VIDEO));
    here.streams.set(`s${i}`, core);
  }
  await using child = new Receiver(here.port);
  while (here.table.snapshot()[0]?.subscriptions !== STREAMS) await delay(50);
  const rows = [];
  for (const [name, publish] of [["paced", paced], ["flat out", flatOut]] as const) {
    const sent = () => here.table.snapshot()[0].framesOut;
    await publish(cores, sent, ROW_MS);
    const meter = new Meter();
    meter.begin(sent());
    await child.ask("begin");
    await publish(cores, sent, ROW_MS);
    const send = meter.end(sent());
    rows.push({ name, send, receive: await child.ask("end") });
  }
  here.table.close("measured");
  return rows;
}

type Publish = (cores: readonly StreamCore[], sent: () => number, ms: number) => Promise<void>;

/** Every stream has a record 73 times a second, spread over that time. */
const paced: Publish = async (cores, _sent, ms) => {
  const fromMs = performance.now();
  const before = cores[0].log.nextSeq;
  for (let appended = 0; performance.now() - fromMs < ms;) {
    const passedMs = performance.now() - fromMs;
    const due = Math.floor(passedMs / 1_000 * RECORDS_PER_SECOND * cores.length);
    for (; appended < due; appended++) append(cores[appended % cores.length]);
    await delay(1);
  }
  if (cores[0].log.nextSeq === before) throw new Error("Cannot measure: nothing was sent");
};

/** As many as the link takes. */
const flatOut: Publish = async (cores, sent, ms) => {
  const fromMs = performance.now();
  const before = sent();
  for (let appended = 0; performance.now() - fromMs < ms;) {
    const due = sent() - before + UNDER_WAY_MAX;
    for (; appended < due; appended++) append(cores[appended % cores.length]);
    await new Promise((resolve) => void setImmediate(resolve));
  }
};

const DATA = videoFrame(0, { dtsUs: 0, bytes: RECORD_BYTES }).data;

function append(core: StreamCore): void {
  const seq = core.log.nextSeq;
  const dtsUs = seq * Math.round(1e6 / RECORDS_PER_SECOND);
  const keyframe = seq % RECORDS_PER_SECOND === 1;
  core.append({ kind: "frame", seq, track: VIDEO, dtsUs, ptsUs: dtsUs, keyframe, data: DATA });
}

/** The other process. */
class Receiver implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;

  constructor(port: number) {
    const path = new URL(import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", path, "--receive", String(port)],
      ...{ stdin: "piped", stdout: "piped" },
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#reader = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  async ask(what: "begin" | "end"): Promise<Side> {
    await this.#writer.write(new TextEncoder().encode(`${what}\n`));
    const { value } = await this.#reader.read();
    return JSON.parse(value ?? "{}");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close();
    await this.#child.status;
  }
}

/** The receiving process: counts records until its input ends. */
async function receive(port: number): Promise<void> {
  const peers = new Map([["b", { address: "127.0.0.1", port, incarnation: 1 }]]);
  const { table } = realLinks({ name: "a", peers });
  let records = 0;
  const sink: UpstreamSink = {
    started() {},
    state() {},
    record: () => void records++,
    closed() {},
  };
  for (let i = 0; i < STREAMS; i++) {
    table.open({ node: "b", name: { app: "live", name: `s${i}` }, mode: "edge", epoch: 0, sink });
  }
  const meter = new Meter();
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  for await (const line of lines) {
    const side = meter.end(records);
    if (line.startsWith("begin")) meter.begin(records);
    console.log(JSON.stringify(side));
  }
  table.close("measured");
}

function perCpuSecond({ records, cpuMs }: Side): string {
  return fixed(records / cpuMs / 1_000, 2);
}

/** Share of a core that one stream takes, in percent. */
function perStream({ cpuMs, wallMs }: Side): string {
  return fixed(100 * cpuMs / wallMs / STREAMS, 3);
}

async function main(): Promise<void> {
  const codec = benchCodec();
  const rows = [["bytes alone, 1 KB", perCpuSecond(codec.write), perCpuSecond(codec.read), "", ""]];
  for (const { name, send, receive: received } of await benchLink()) {
    const shares = name === "paced" ? [perStream(send), perStream(received)] : ["", ""];
    const rate = fixed(send.records / send.wallMs, 1);
    rows.push([
      `${name}, ${rate} records/ms`,
      perCpuSecond(send),
      perCpuSecond(received),
      ...shares,
    ]);
  }
  printTable(
    `Link: ${STREAMS} streams, records of ${RECORD_BYTES} bytes`,
    ["", "sent, M/CPU s", "received, M/CPU s", "% core/stream out", "in"],
    rows,
  );
}

if (import.meta.main) {
  if (Deno.args[0] === "--receive") await receive(Number(Deno.args[1]));
  else await main();
}
