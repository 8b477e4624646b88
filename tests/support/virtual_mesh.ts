/**
 * Whole nodes but for their clients' sockets, on virtual time: the real mesh, its streams, and
 * publishers and viewers played by hand.
 *
 * @module
 */
import { Flusher } from "../../actors/stream/flusher.ts";
import { Ingest } from "../../actors/stream/ingest.ts";
import { type FrameIntake, Intake } from "../../actors/stream/intake.ts";
import { INGEST, IngestActor } from "../../actors/stream/ingest_actor.ts";
import { logWindowUs } from "../../actors/stream/log_window.ts";
import { MediaBudget } from "../../actors/stream/media_budget.ts";
import type { LogReader, StreamCore } from "../../actors/stream/stream_core.ts";
import { StreamHub } from "../../actors/stream/stream_hub.ts";
import { streamNameOf } from "../../actors/stream/stream_key.ts";
import { DirectoryStore, MemoryDirectory } from "../../cluster/directory/memory_directory.ts";
import { Mesh } from "../../cluster/mesh.ts";
import { HLS_SETTINGS } from "../../protocols/hls/settings.ts";
import { FaultyDirectory } from "./faulty_directory.ts";
import type { VideoTrack } from "../../protocols/media/track.ts";
import { VIDEO } from "./stream_records.ts";
import { type VirtualAnswer, VirtualHls } from "./virtual_hls.ts";
import { VirtualNetwork } from "./virtual_network.ts";
import { VirtualPorts } from "./virtual_ports.ts";

const FRAME_MS = 40;
const GOP_FRAMES = 10;

/** Longest that anything takes, in virtual milliseconds. */
const PATIENCE_MS = 20_000;

/** Its streams may have a backup publisher. */
export const PAIRED_APP = "pair";

const SECRET = new TextEncoder().encode("what the nodes of a test share");

export class VirtualNode {
  readonly name: string;
  readonly hub: StreamHub;
  readonly mesh: Mesh;
  readonly directory: FaultyDirectory;
  readonly hls: VirtualHls;
  /** Publishers here, by session. */
  readonly publishers = new Map<string, VirtualPublisher>();

  readonly #ports: VirtualPorts;

  constructor(name: string, { ports, network, store }: VirtualMesh) {
    this.name = name;
    this.#ports = ports;
    this.directory = new FaultyDirectory(new MemoryDirectory(store), ports);
    const { clock, timers } = ports;
    const failed = (_stream: StreamCore, error: unknown) => {
      throw error;
    };
    this.hub = new StreamHub({
      budget: new MediaBudget(1 << 28),
      streamsMax: 1_000,
      windowUs: logWindowUs(HLS_SETTINGS),
      flusher: new Flusher<StreamCore>({ clock, timers, window: 0, latenessMs: () => 0, failed }),
    });
    this.hls = new VirtualHls(this.hub, ports);
    const mesh: Mesh = this.mesh = new Mesh({
      files: this.hls.files,
      ...{ ports, directory: this.directory, transport: network.transport(name), mesh: "test" },
      secret: () => SECRET,
      self: {
        ...{ node: name, address: name, host: name, zone: "", role: "any", weight: 1 },
        addresses: {},
      },
      hub: this.hub,
      policyOf: ({ app }) => ({
        ...{ hls: HLS_SETTINGS, logWindowUs: logWindowUs(HLS_SETTINGS) },
        ...{ holdMs: 30_000, takeover: false, backup: app === PAIRED_APP },
      }),
      replicas: 1,
      load: () => ({ cpu: 0, lagMs: 0, egressKbps: 0, streams: mesh.ownership.size, viewers: 0 }),
      latenessMs: () => 0,
      reasserting: () => {},
    });
    mesh.system.register(INGEST, (id) => {
      const kick = () => this.publishers.get(id)?.kicked() ?? 0;
      return new IngestActor(kick, () => {}, { key: id, publishers: mesh.ingests.paired });
    });
  }

  /** Publishes; `busy` and the like when it may not. */
  async publish(path: string): Promise<VirtualPublisher | string> {
    const id = `${this.name}~${this.publishers.size + 1}`;
    const ingest = await this.#ingest(path, id);
    if (typeof ingest === "string") return ingest;
    const publisher = new VirtualPublisher(this, id, ingest);
    this.publishers.set(id, publisher);
    return publisher;
  }

  async #ingest(path: string, id: string): Promise<FrameIntake | string> {
    const { ingests } = this.mesh;
    const name = streamNameOf(path);
    if (name.app === PAIRED_APP) {
      const intake = new Intake(this.hub.budget, this.#ports);
      const started = await ingests.paired.start(name, id, intake);
      return started.ok ? intake : started.reason;
    }
    const started = await ingests.start(name, id);
    return started.ok ? new Ingest(started.core, started.grant, this.#ports) : started.reason;
  }

  /** Watches a stream from here on. */
  async watch(path: string): Promise<VirtualWatch> {
    const name = streamNameOf(path);
    await this.mesh.finder.find(name);
    return new VirtualWatch(this.hub.open(name)!);
  }

  /** What a client gets for a GET of `target`. */
  get(target: string, fields?: string): Promise<VirtualAnswer> {
    return this.hls.get(this.mesh, target, fields);
  }

  /** The process ends in order. */
  async stop(): Promise<void> {
    await this.mesh.leave();
    this.hub.flusher.stop();
    await this.mesh.stop();
  }
}

/** A publisher's connection; each of its frames carries a number. */
export class VirtualPublisher {
  /** It was disconnected by the stream's owner, or left. */
  over = false;
  readonly #node: VirtualNode;
  readonly #id: string;
  readonly #ingest: FrameIntake;
  #frames = 0;
  /** Which of its frames are sent, by their number; all of them unless said otherwise. */
  sends: (number: number) => boolean = () => true;
  /** Bytes of its frames. */
  frameBytes = 100;
  track: VideoTrack = VIDEO;

  constructor(node: VirtualNode, id: string, ingest: FrameIntake) {
    this.#node = node;
    this.#id = id;
    this.#ingest = ingest;
    ingest.track(this.track);
  }

  get id(): string {
    return this.#id;
  }

  /** Its decoder configuration is another one from here on. */
  configure(track: VideoTrack): void {
    this.track = track;
    this.#ingest.track(track);
  }

  /** Sends frame `number`. */
  send(number: number): void {
    if (this.over) return;
    const data = new Uint8Array(this.frameBytes);
    new DataView(data.buffer).setUint32(0, number);
    const frame = this.#frames++;
    if (!this.sends(frame)) return;
    const keyframe = frame % GOP_FRAMES === 0;
    const sourceUs = frame * FRAME_MS * 1_000;
    this.#ingest.frame({ track: this.track, sourceUs, compositionUs: 0, keyframe, data });
    this.#node.hub.flusher.settle();
  }

  /** Its socket is closed; with `lost` it has not said goodbye. */
  close(lost: boolean): void {
    if (this.over) return;
    this.over = true;
    this.#ingest.revoke();
    this.#node.mesh.ingests.end(this.#id, lost);
  }

  kicked(): number {
    const nextSeq = this.#node.mesh.ingests.coreOf(this.#id)?.log.nextSeq ?? 0;
    this.close(false);
    return nextSeq;
  }
}

/** Somebody on a node who watches, and checks the numbers in the frames. */
export class VirtualWatch implements LogReader {
  readonly core: StreamCore;
  first: number | undefined;
  last = -1;
  lost = 0;
  doubled = 0;
  #nextSeq: number;

  constructor(core: StreamCore) {
    this.core = core;
    this.#nextSeq = core.log.joinSeq ?? core.log.nextSeq;
    core.readers.add(this);
    this.advance();
  }

  advance(): void {
    const { log } = this.core;
    for (; this.#nextSeq < log.nextSeq; this.#nextSeq++) {
      const record = log.at(this.#nextSeq);
      if (record?.kind === "frame") this.#frame(record.data);
    }
  }

  close(): void {
    this.core.readers.delete(this);
  }

  #frame(data: Uint8Array): void {
    const number = new DataView(data.buffer, data.byteOffset).getUint32(0);
    this.first ??= number;
    if (this.last >= 0 && number > this.last + 1) this.lost += number - this.last - 1;
    if (number <= this.last) this.doubled++;
    this.last = Math.max(this.last, number);
  }
}

/** Nodes that share a directory and a network. */
export class VirtualMesh implements AsyncDisposable {
  readonly ports = new VirtualPorts();
  readonly network = new VirtualNetwork(this.ports);
  readonly store = new DirectoryStore(this.ports.clock);
  readonly nodes: VirtualNode[] = [];
  /** Number of the newest frame of all streams. */
  frame = 0;

  /** Adds nodes and waits until they know each other. */
  async add(...names: readonly string[]): Promise<VirtualNode[]> {
    const added = names.map((name) => new VirtualNode(name, this));
    this.nodes.push(...added);
    const started = Promise.all(added.map(({ mesh }) => mesh.start()));
    await this.run(2_000);
    await started;
    return added;
  }

  /** Lets time pass, with a frame of every publisher each {@link FRAME_MS}. */
  async run(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += FRAME_MS) {
      this.frame++;
      for (const { publishers } of this.nodes) {
        for (const publisher of publishers.values()) publisher.send(this.frame);
      }
      await this.ports.advance(FRAME_MS);
    }
  }

  /** The result of something that takes time. */
  async until<T>(work: Promise<T>): Promise<T> {
    let over = false;
    const watched = work.finally(() => over = true);
    watched.catch(() => {}); // Awaited below.
    const endMs = this.ports.nowMs + PATIENCE_MS;
    while (!over) {
      if (this.ports.nowMs > endMs) throw new Error(`Not over within ${PATIENCE_MS} ms`);
      await this.run(FRAME_MS);
    }
    return await watched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.nodes) await this.until(node.stop());
  }
}
