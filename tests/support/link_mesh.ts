/**
 * Nodes that have links and nothing else, on one virtual clock and network.
 *
 * @module
 */
import { Flusher } from "../../actors/stream/flusher.ts";
import { MediaBudget } from "../../actors/stream/media_budget.ts";
import { StreamCore } from "../../actors/stream/stream_core.ts";
import type {
  LogStart,
  SessionState,
  UpstreamEnd,
  UpstreamRequest,
  UpstreamSink,
} from "../../actors/stream/upstream.ts";
import type { LinkPeer, LinkSettings } from "../../cluster/link/link_settings.ts";
import { LinkTable } from "../../cluster/link/link_table.ts";
import type { LogRecord } from "../../protocols/media/record.ts";
import type { CallMessage, CallReply, TellMessage } from "../../protocols/mrtmp/call.ts";
import { anchorRecord, markRecord, trackRecord, VIDEO, videoFrame } from "./stream_records.ts";
import { VirtualNetwork, type VirtualNetworkOptions } from "./virtual_network.ts";
import { VirtualPorts } from "./virtual_ports.ts";

/** Frames a second of {@link TestStream}, and frames in a group of pictures. */
export const STREAM_FPS = 25;
export const STREAM_GOP = 25;

export const SECRET = new TextEncoder().encode("a secret of the mesh");

/** A stream of a node: one video track, a key frame and a MARK each second. */
export class TestStream {
  readonly core: StreamCore;
  state: SessionState;
  #frames = 0;

  constructor(node: string, ports: VirtualPorts, name: string, windowUs = 12_000_000) {
    const flusher = new Flusher<StreamCore>({
      ...ports,
      window: 20,
      latenessMs: () => 0,
      failed(_stream, error) {
        throw error;
      },
    });
    const budget = new MediaBudget(1 << 30);
    this.core = new StreamCore({ app: "live", name }, { budget, windowUs, flusher });
    this.state = {
      state: "live",
      epoch: 7,
      generation: 1,
      owner: node,
      ingest: node,
      startedAtMs: 1,
      replicas: [],
    };
    this.#append(anchorRecord(0));
    this.#append(trackRecord(1, VIDEO));
  }

  /** Appends so many frames, 40 ms apart on the stream's timeline. */
  push(frames: number, bytes = 100): void {
    for (let i = 0; i < frames; i++) {
      const dtsUs = this.#frames * 1_000_000 / STREAM_FPS;
      const keyframe = this.#frames % STREAM_GOP === 0;
      const { nextSeq } = this.core.log;
      if (keyframe) this.#append(markRecord(nextSeq, this.#frames / STREAM_GOP, dtsUs));
      this.#append(videoFrame(this.core.log.nextSeq, { dtsUs, keyframe, bytes }));
      this.#frames++;
    }
  }

  #append(record: LogRecord): void {
    this.core.append(record);
  }
}

/** Writes down what a sink is told. */
export class RecordingSink implements UpstreamSink {
  readonly starts: { start: LogStart; caughtUpSeq: number }[] = [];
  readonly states: SessionState[] = [];
  readonly records: LogRecord[] = [];
  readonly ends: UpstreamEnd[] = [];
  /** The kinds of what was told, in order; runs of records as one. */
  readonly story: string[] = [];

  started(start: LogStart, caughtUpSeq: number): void {
    this.starts.push({ start, caughtUpSeq });
    this.#tell("started");
  }

  state(state: SessionState): void {
    this.states.push(state);
    this.#tell("state");
  }

  record(record: LogRecord): void {
    this.records.push(record);
    if (this.story.at(-1) !== "records") this.#tell("records");
  }

  closed(end: UpstreamEnd): void {
    this.ends.push(end);
    this.#tell("closed");
  }

  /** Numbers of the records told since the last START. */
  get seqs(): number[] {
    return this.records.map(({ seq }) => seq);
  }

  #tell(what: string): void {
    if (this.ends.length > 1) throw new Error("A sink was told something after its end");
    this.story.push(what);
  }
}

/** A node: its links, its streams, and what it was told. */
export class LinkNode {
  readonly table: LinkTable;
  readonly port: number;
  readonly streams = new Map<string, TestStream>();
  readonly told: TellMessage[] = [];
  readonly asked: CallMessage[] = [];
  /** What happened to its links, as texts. */
  readonly events: string[] = [];
  answer: (message: CallMessage) => Promise<CallReply> | CallReply;
  incarnation: number;

  constructor(readonly mesh: LinkMesh, readonly name: string, change: Partial<LinkSettings>) {
    this.incarnation = 100;
    this.answer = ({ req }) => ({ ok: true, value: req });
    this.table = new LinkTable({ ...this.#settings(), ...change });
    this.port = this.table.listen();
  }

  /** A stream of this node. */
  stream(name: string, windowUs?: number): TestStream {
    const stream = new TestStream(this.name, this.mesh.ports, name, windowUs);
    this.streams.set(name, stream);
    return stream;
  }

  /** Subscribes to a stream of another node. */
  subscribe(node: LinkNode, name: string, change: Partial<UpstreamRequest> = {}) {
    const sink = new RecordingSink();
    const subscription = this.table.open({
      node: node.name,
      name: { app: "live", name },
      mode: "edge",
      epoch: 0,
      sink,
      ...change,
    });
    return { sink, subscription };
  }

  /** Asks an actor of another node. */
  ask(node: LinkNode, req: unknown, timeoutMs = 1_000): Promise<CallReply> {
    return this.table.ask(node.name, { kind: "echo", key: "k", name: "say", req, timeoutMs });
  }

  #settings(): LinkSettings {
    const { mesh, name } = this;
    return {
      ports: mesh.ports,
      transport: mesh.network.transport(name),
      mesh: "test",
      secret: SECRET,
      self: () => ({ node: name, incarnation: this.incarnation }),
      peerOf: (node) => mesh.peerOf(node),
      isDead: (node, incarnation) => mesh.dead.has(`${node}:${incarnation}`),
      gossip: () => ({ view: 3, redisOk: true, lagMs: 0.5 }),
      events: {
        silent: ({ node }, direction) => void this.events.push(`silent ${node} ${direction}`),
        lost: ({ node }, loss, direction) => {
          this.events.push(`lost ${node} ${loss} ${direction}`);
        },
        gossip: ({ node }, { view }) => {
          const text = `gossip ${node} ${view}`;
          if (!this.events.includes(text)) this.events.push(text);
        },
      },
      receiver: {
        ask: (_from, message) => {
          this.asked.push(message);
          return Promise.resolve(this.answer(message));
        },
        tell: (_from, message) => void this.told.push(message),
      },
      serve: ({ name, epoch }) => {
        const stream = this.streams.get(name);
        if (stream === undefined) return { refused: true, owner: "elsewhere" };
        if (stream.state.epoch < epoch) return { refused: true };
        return { core: stream.core, state: () => stream.state };
      },
      reading() {},
      parsed() {},
    };
  }
}

/** Nodes on one clock and network. */
export class LinkMesh {
  readonly ports: VirtualPorts;
  readonly network: VirtualNetwork;
  readonly nodes = new Map<string, LinkNode>();
  /** Dead starts of nodes, as "node:incarnation". */
  readonly dead = new Set<string>();

  constructor(options: { seed?: number; delayMs?: VirtualNetworkOptions["delayMs"] } = {}) {
    this.ports = new VirtualPorts(options.seed);
    const { clock, timers } = this.ports;
    this.network = new VirtualNetwork({ clock, timers, delayMs: options.delayMs });
  }

  add(name: string, change: Partial<LinkSettings> = {}): LinkNode {
    const node = new LinkNode(this, name, change);
    this.nodes.set(name, node);
    return node;
  }

  peerOf(name: string): LinkPeer | undefined {
    const node = this.nodes.get(name);
    if (node === undefined) return undefined;
    return { address: name, port: node.port, incarnation: node.incarnation };
  }

  /** Lets virtual time pass. */
  advance(ms: number): Promise<void> {
    return this.ports.advance(ms);
  }

  /** Lets time pass until `done`, in steps. @throws {Error} It does not come. */
  async until(what: string, done: () => boolean, limitMs = 10_000): Promise<void> {
    for (let passedMs = 0; passedMs < limitMs; passedMs += 10) {
      if (done()) return;
      await this.advance(10);
    }
    throw new Error(`Waited ${limitMs} virtual ms in vain for ${what}`);
  }

  /** Ends all links, so that no timer is left. */
  close(): void {
    for (const { table } of this.nodes.values()) table.close("test over");
  }
}
