/**
 * An encoder: sends numbered frames to one node, and finds another one when that fails it.
 *
 * Each beat is a video and an audio frame with the encoder's number in them. What is made while
 * nothing is connected is lost, as it is with a real one.
 *
 * @module
 */
import type { Random } from "../../actors/runtime/ports.ts";
import { Ingest } from "../../actors/stream/ingest.ts";
import type { StreamName } from "../../actors/stream/stream_key.ts";
import { AUDIO, VIDEO } from "../support/stream_records.ts";
import type { SimNode } from "./sim_node.ts";
import type { SimTime } from "./sim_time.ts";
import type { Trace } from "./trace.ts";

/** Distance of its frames, in milliseconds. */
export const BEAT_MS = 250;

/** A key frame each second. */
export const GOP_BEATS = 4;

/** Audio is that much behind the picture of the same number, in microseconds. */
export const AUDIO_OFFSET_US = 7_000;

/** One way between an encoder and a node, in milliseconds. */
const WAY_MS = 1;

/** How long it waits for an answer, or for a socket that takes nothing, in milliseconds. */
const PATIENCE_MS_MIN = 1_500;
const PATIENCE_MS_SPREAD = 2_000;

/** Pause before it connects again, in milliseconds. */
const RETRY_MS_MIN = 50;
const RETRY_MS_SPREAD = 1_000;

/** Its connection, as both ends have it. */
class Connection {
  readonly node: SimNode;
  readonly id: string;
  ingest: Ingest | undefined;
  /** Closed at the node, and at the encoder. */
  over = false;
  left = false;

  constructor(node: SimNode, id: string) {
    this.node = node;
    this.id = id;
  }

  /** The node's side: asks for the stream. */
  async open(name: StreamName, answered: (ok: boolean) => void): Promise<void> {
    const { mesh, kicks, process } = this.node;
    kicks.set(this.id, () => {
      this.close(false);
      answered(false);
    });
    const started = await mesh.ingests.start(name, this.id);
    if (!started.ok) {
      kicks.delete(this.id);
      return answered(false);
    }
    if (this.over) return mesh.ingests.end(this.id, true);
    this.ingest = new Ingest(started.core, started.grant, { clock: process.clock });
    this.ingest.track(VIDEO);
    this.ingest.track(AUDIO);
    answered(true);
  }

  /** The node's side: the socket is closed. */
  close(lost: boolean): void {
    if (this.over) return;
    this.over = true;
    this.node.kicks.delete(this.id);
    if (this.ingest === undefined) return;
    this.ingest.revoke();
    this.node.mesh.ingests.end(this.id, lost);
  }

  push(beat: number): void {
    const { ingest } = this;
    if (this.over || ingest === undefined) return;
    const sourceUs = beat * BEAT_MS * 1_000;
    const keyframe = beat % GOP_BEATS === 0;
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, beat);
    ingest.frame({ track: VIDEO, sourceUs, compositionUs: 0, keyframe, data });
    const audioUs = sourceUs + AUDIO_OFFSET_US;
    ingest.frame({ track: AUDIO, sourceUs: audioUs, compositionUs: 0, keyframe: true, data });
    this.node.hub.flusher.settle();
  }
}

export interface SimPublisherOptions {
  readonly name: StreamName;
  readonly time: SimTime;
  readonly random: Random;
  readonly trace: Trace;
  /** Something does not hold. */
  readonly fault: (text: string) => void;
  /** A node that a new connection would come to. */
  readonly nodeOf: () => SimNode | undefined;
}

export class SimPublisher {
  readonly name: StreamName;
  /** Number of the newest frame made. */
  beat = 0;
  readonly #options: SimPublisherOptions;
  #connection: Connection | undefined;
  #connected = false;
  #sessions = 0;
  #stuckSinceMs: number | undefined;
  #patienceMs = 0;

  constructor(options: SimPublisherOptions) {
    this.name = options.name;
    this.#options = options;
    options.time.after(options.random.next() * 500, () => this.#connect());
    this.#tick();
  }

  /** Node and session of its connection, when that is accepted and the node lives. */
  get session(): { readonly node: SimNode; readonly id: string } | undefined {
    const connection = this.#connection;
    if (connection === undefined || !this.#connected) return undefined;
    const { node, id } = connection;
    return node.process.dead ? undefined : { node, id };
  }

  /** Drops its connection and comes back; `lost`: without goodbye. */
  reconnect(lost: boolean): void {
    this.#leave(lost);
    this.#again();
  }

  #tick(): void {
    this.#options.time.after(BEAT_MS, () => {
      this.beat++;
      this.#send(this.beat);
      this.#tick();
    });
  }

  #send(beat: number): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    const { time } = this.#options;
    const { process } = connection.node;
    if (process.running) this.#stuckSinceMs = this.#connected ? undefined : this.#stuckSinceMs;
    else this.#stuckSinceMs ??= time.nowMs;
    const reset = process.dead && !connection.node.vanished;
    if (reset || time.nowMs - (this.#stuckSinceMs ?? Infinity) > this.#patienceMs) {
      return this.reconnect(true);
    }
    if (this.#connected) time.after(WAY_MS, () => process.run(() => this.#push(connection, beat)));
  }

  /** What the node throws would close the socket, and is a defect of ours. */
  #push(connection: Connection, beat: number): void {
    try {
      connection.push(beat);
    } catch (error) {
      this.#options.fault(`I6 ${connection.id} cannot be taken: ${error}`);
      connection.close(true);
      if (connection === this.#connection) this.reconnect(true);
    }
  }

  #connect(): void {
    if (this.#connection !== undefined) return;
    const { nodeOf, time, random, trace, name } = this.#options;
    const node = nodeOf();
    if (node === undefined) return this.#again();
    const connection = new Connection(node, `${node.name}~${name.name}${++this.#sessions}`);
    this.#connection = connection;
    this.#connected = false;
    this.#stuckSinceMs = time.nowMs;
    this.#patienceMs = PATIENCE_MS_MIN + PATIENCE_MS_SPREAD * random.next();
    trace.note(() => `publisher ${name.name} connects to ${node.name} as ${connection.id}`);
    const answered = (ok: boolean) => time.after(WAY_MS, () => this.#answered(connection, ok));
    time.after(WAY_MS, () => node.process.run(() => void connection.open(name, answered)));
  }

  #answered(connection: Connection, ok: boolean): void {
    if (connection !== this.#connection) return;
    const { trace, name } = this.#options;
    trace.note(() =>
      `publisher ${name.name} ${ok ? "is on" : "was refused by"} ${connection.node.name}`
    );
    if (!ok) {
      this.#leave(true);
      return this.#again();
    }
    this.#connected = true;
    this.#stuckSinceMs = undefined;
  }

  /** Its side is closed; the node hears of it when it runs. */
  #leave(lost: boolean): void {
    const connection = this.#connection;
    if (connection === undefined) return;
    this.#connection = undefined;
    this.#connected = false;
    const { process } = connection.node;
    this.#options.time.after(WAY_MS, () => process.run(() => connection.close(lost)));
  }

  #again(): void {
    const { time, random } = this.#options;
    time.after(RETRY_MS_MIN + RETRY_MS_SPREAD * random.next(), () => this.#connect());
  }
}
