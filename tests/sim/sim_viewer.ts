/**
 * A player: follows a stream on one node with a cursor, and checks all that it sees. When its node
 * or its stream is gone it looks for another.
 *
 * @module
 */
import type { Random } from "../../actors/runtime/ports.ts";
import type { LogReader, StreamCore } from "../../actors/stream/stream_core.ts";
import type { StreamName } from "../../actors/stream/stream_key.ts";
import type { Frame, LogRecord } from "../../protocols/media/record.ts";
import { AUDIO_OFFSET_US } from "./sim_publisher.ts";
import type { SimNode } from "./sim_node.ts";
import type { SimTime } from "./sim_time.ts";
import type { Trace } from "./trace.ts";

/** Pause before it looks again for its stream, in milliseconds. */
const RETRY_MS_MIN = 100;
const RETRY_MS_SPREAD = 500;

export interface SimViewerOptions {
  readonly label: string;
  readonly name: StreamName;
  readonly time: SimTime;
  readonly random: Random;
  readonly trace: Trace;
  readonly nodeOf: () => SimNode | undefined;
  /** Something does not hold. */
  readonly fault: (text: string) => void;
  /** No records may be left out now. */
  readonly strict: () => boolean;
  /** Sees every record that a viewer sees. */
  readonly seen: (core: StreamCore, record: LogRecord) => void;
}

interface TrackState {
  dtsUs: number;
  beat: number;
}

export class SimViewer implements LogReader {
  readonly name: StreamName;
  readonly label: string;
  /** Number of the newest video frame seen. */
  beat = -1;
  /** Records seen, and times that some were left out. */
  records = 0;
  jumps = 0;
  readonly #options: SimViewerOptions;
  #node: SimNode | undefined;
  #core: StreamCore | undefined;
  /** The next record; `undefined` while a key frame is awaited. */
  #seq: number | undefined;
  #breaks = 0;
  #generation = 0;
  /** A session begins: what its encoder made before is lost. */
  #anew = false;
  #tracks = new Map<string, TrackState>();
  #attempt = 0;

  constructor(options: SimViewerOptions) {
    this.name = options.name;
    this.label = options.label;
    this.#options = options;
    this.#again();
  }

  /** Node that it watches on, while it does. */
  get node(): string | undefined {
    return this.#core === undefined ? undefined : this.#node?.name;
  }

  /** Leaves, and comes to another node. */
  zap(): void {
    this.#detach();
    this.#again();
  }

  /** Its node may be gone; asked now and then. */
  look(): void {
    if (this.#node?.process.dead === true || this.#node?.draining === true) this.zap();
  }

  advance(): void {
    const core = this.#core;
    if (core === undefined) return;
    const { log } = core;
    if (this.#seq === undefined) this.#join(core);
    else if (
      this.#seq < log.firstSeq || this.#seq > log.nextSeq || this.#breaks !== log.breaks
    ) this.#jump(core);
    this.#breaks = log.breaks;
    while (this.#seq !== undefined && this.#seq < log.nextSeq) {
      this.#take(core, log.at(this.#seq)!);
      this.#seq++;
    }
    if (!core.ended) return;
    if (this.#options.strict()) this.#options.fault(`I3 ${this.label}: its stream ended`);
    this.zap();
  }

  #again(): void {
    const { time, random } = this.#options;
    const attempt = ++this.#attempt;
    time.after(RETRY_MS_MIN + RETRY_MS_SPREAD * random.next(), () => {
      if (attempt !== this.#attempt) return;
      const node = this.#options.nodeOf();
      if (node === undefined) return this.#again();
      this.#node = node;
      node.process.run(() => void this.#find(node, attempt));
      // Whoever is not served in time asks elsewhere.
      time.after(6_000, () => {
        if (attempt === this.#attempt && this.#core === undefined) this.#again();
      });
    });
  }

  async #find(node: SimNode, attempt: number): Promise<void> {
    await node.mesh.finder.find(this.name);
    if (attempt !== this.#attempt) return;
    const core = node.hub.get(this.name);
    if (core === undefined || !core.live || core.ended) return this.#again();
    this.#core = core;
    this.#tracks.clear();
    this.#generation = 0;
    core.readers.add(this);
    this.#options.trace.note(() => `${this.label} watches on ${node.name}`);
    this.advance();
  }

  #detach(): void {
    const core = this.#core;
    const node = this.#node;
    this.#core = undefined;
    this.#node = undefined;
    this.#seq = undefined;
    if (core !== undefined) node?.process.run(() => void core.readers.delete(this));
  }

  #join({ log }: StreamCore): void {
    if (log.behind || log.joinSeq === undefined || log.joinSeq >= log.nextSeq) return;
    this.#seq = log.joinSeq;
    this.#breaks = log.breaks;
    this.#generation = log.anchorAt(log.joinSeq)?.generation ?? 0;
  }

  /** What it wants is gone: it goes on at a key frame. */
  #jump(core: StreamCore): void {
    const { fault, strict, trace } = this.#options;
    const { firstSeq, nextSeq } = core.log;
    const text = `${this.label} wants ${this.#seq} and there are ${firstSeq} to ${nextSeq}`;
    trace.note(() => text);
    this.jumps++;
    if (strict()) fault(`I3 records were left out: ${text}`);
    this.#seq = undefined;
    this.#join(core);
  }

  #take(core: StreamCore, record: LogRecord): void {
    const { fault, seen } = this.#options;
    this.records++;
    seen(core, record);
    if (record.kind === "anchor") {
      if (record.generation < this.#generation) {
        fault(`I7 ${this.label}: generation ${record.generation} after ${this.#generation}`);
      }
      this.#generation = record.generation;
      this.#anew = true;
    }
    const generation = core.log.anchorAt(record.seq)?.generation ?? 0;
    if (generation !== this.#generation) {
      fault(`I7 ${this.label}: record ${record.seq} is of another session without its anchor`);
      this.#generation = generation;
    }
    if (record.kind === "frame") this.#frame(record);
  }

  #frame(frame: Frame): void {
    const { fault } = this.#options;
    const { kind } = frame.track;
    const beat = beatOf(frame);
    const before = this.#tracks.get(kind);
    const what = () =>
      `${this.label}: ${kind} frame ${beat} at ${frame.dtsUs} us, record ${frame.seq}`;
    if (before !== undefined) {
      if (frame.dtsUs <= before.dtsUs) fault(`I7 ${what()}, is not after ${before.dtsUs} us`);
      const lost = this.#options.strict() && beat > before.beat + 1 && !this.#anew;
      if (beat <= before.beat || lost) fault(`I3 ${what()}, comes after frame ${before.beat}`);
    }
    const video = this.#tracks.get("video");
    if (kind === "audio" && video?.beat === beat) {
      const offsetUs = frame.dtsUs - video.dtsUs;
      if (offsetUs !== AUDIO_OFFSET_US) fault(`I7 ${what()}, is ${offsetUs} us behind its picture`);
    }
    this.#tracks.set(kind, { dtsUs: frame.dtsUs, beat });
    if (kind === "audio") this.#anew = false; // Both tracks of it have begun.
    if (kind === "video") this.beat = beat;
  }
}

/** The encoder's number of a frame. */
export function beatOf({ data }: Frame): number {
  return new DataView(data.buffer, data.byteOffset).getUint32(0);
}
