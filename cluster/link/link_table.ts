/**
 * All links of this node: those it dialled, by node, and those that others dialled.
 *
 * A link is made when somebody needs it and says nothing about who is a member: that, and what
 * follows from silence, is decided by whoever is told of it.
 *
 * @module
 */
import { DueQueue } from "../../actors/runtime/due_queue.ts";
import { every } from "../../actors/runtime/every.ts";
import type { Timer } from "../../actors/runtime/ports.ts";
import { ASK_REFUSED } from "../../actors/runtime/ask.ts";
import type { StreamCore } from "../../actors/stream/stream_core.ts";
import type { Fetcher, FetchRequest, FetchResult } from "../../actors/stream/fetch.ts";
import type {
  Upstream,
  UpstreamEnd,
  UpstreamRequest,
  UpstreamSubscription,
} from "../../actors/stream/upstream.ts";
import type { CallMessage, CallReply, TellMessage } from "../../protocols/mrtmp/call.ts";
import { LinkAcceptor } from "./link_acceptor.ts";
import { type LinkSettings, type LinkSnapshot, SILENCE_MS_MIN } from "./link_settings.ts";
import { OutgoingLink } from "./outgoing_link.ts";
import { SourceCursor } from "./source_cursor.ts";
import { TickGauge } from "./tick_gauge.ts";
import type { LinkListener } from "./transport.ts";

/** How often links are looked after, in milliseconds: a sixth of the shortest silence. */
export const TICK_MS = 100;

/** A tick that was late counts for no more than this: what came meanwhile was not read yet. */
const ELAPSED_MS_MAX = 2 * TICK_MS;

/** Most nodes that links are kept to. */
const PEERS_MAX = 1_024;

export class LinkTable implements Upstream, Fetcher {
  readonly #settings: LinkSettings;
  readonly #queue: DueQueue;
  readonly #acceptor: LinkAcceptor;
  readonly #outgoing = new Map<string, OutgoingLink>();
  readonly #gauge = new TickGauge();
  #listener: LinkListener | undefined;
  #ticking: Timer | undefined;
  #closed = false;

  constructor(settings: LinkSettings) {
    this.#settings = settings;
    if (settings.secret.length === 0) throw new RangeError("Cannot link: the secret is empty");
    const { clock, timers } = settings.ports;
    this.#queue = new DueQueue(clock, timers);
    this.#acceptor = new LinkAcceptor(settings);
  }

  /** Opens the mesh port and returns its number. */
  listen(): number {
    this.#listener ??= this.#settings.transport.listen((socket) => {
      if (this.#closed) return socket.close();
      this.#acceptor.accept(socket);
      this.#watchOver();
    });
    return this.#listener.port;
  }

  /** Asks an actor on another node; resolves to its answer, and never rejects. */
  ask(node: string, message: CallMessage): Promise<CallReply> {
    const link = this.#linkTo(node);
    return link === undefined ? Promise.resolve(ASK_REFUSED.unreachable) : link.ask(message);
  }

  /** Tells an actor on another node; false when it was refused on this side. */
  tell(node: string, message: TellMessage): boolean {
    return this.#linkTo(node)?.tell(message) ?? false;
  }

  /** Subscribes to a stream at another node; every failure is told to the sink, later. */
  open(request: UpstreamRequest): UpstreamSubscription {
    const subscription = this.#linkTo(request.node)?.open(request);
    if (subscription !== undefined) return subscription;
    let open = true;
    this.#settings.ports.timers.soon(() => {
      if (open) request.sink.closed({ kind: "lost" });
      open = false;
    });
    return { node: request.node, close: () => void (open = false) };
  }

  /** Fetches a file of a stream from another node. Never rejects. */
  getFile(request: FetchRequest): Promise<FetchResult> {
    return this.#linkTo(request.node)?.getFile(request) ?? Promise.resolve({ kind: "lost" });
  }

  /** Keeps links to these nodes, needed or not, so that their silence is heard. */
  watch(nodes: ReadonlySet<string>): void {
    for (const [node, link] of this.#outgoing) link.watched = nodes.has(node);
    for (const node of nodes) {
      const link = this.#linkTo(node);
      if (link === undefined) continue;
      link.watched = true;
      link.connect();
    }
  }

  /** Since when nothing has come of a node, in milliseconds; `undefined` when that is not known. */
  silentMs(node: string): number | undefined {
    return this.#outgoing.get(node)?.silentMs;
  }

  /** The owner's state of a stream has changed: all that subscribe to it here are told. */
  stateChanged(core: StreamCore): void {
    for (const reader of core.eager) {
      if (reader instanceof SourceCursor) reader.stateChanged();
    }
  }

  /**
   * Another node goes on with a stream: subscribers are sent what there is, then told. Whoever
   * fetches a publisher's records from its node, the new owner first of all, stays.
   */
  moved(core: StreamCore, to: Omit<Extract<UpstreamEnd, { kind: "moved" }>, "kind">): void {
    for (const reader of [...core.eager]) {
      if (!(reader instanceof SourceCursor)) continue;
      if (reader.mode === "any" && core.ingest !== undefined) reader.stateChanged();
      else reader.finish({ reason: "moved", ...to });
    }
  }

  /** This node does not own a stream any more: who subscribes to its owner looks elsewhere. */
  refuseEdges(core: StreamCore, owner: string): void {
    for (const reader of [...core.eager]) {
      if (!(reader instanceof SourceCursor) || reader.mode !== "edge") continue;
      reader.finish({ reason: "refused", owner });
    }
  }

  /** Ends all links with a node, in both directions: it is no member any more. */
  disconnect(node: string, reason: string): void {
    this.#outgoing.get(node)?.close(reason);
    this.#acceptor.drop(node, reason);
  }

  /** Ends all links, which others may dial again: this node joins anew under another incarnation. */
  disconnectAll(reason: string): void {
    for (const link of this.#outgoing.values()) link.close(reason);
    this.#acceptor.closeAll(reason);
  }

  /** Every link, those in the making included. */
  snapshot(): LinkSnapshot[] {
    const outgoing = [...this.#outgoing.values()].map((link) => link.snapshot());
    return [...outgoing.filter((link) => link !== undefined), ...this.#acceptor.snapshots()];
  }

  /** Ends everything; nothing is opened any more. */
  close(reason: string): void {
    this.#closed = true;
    this.#listener?.close();
    this.#rest();
    this.disconnectAll(reason);
    this.#queue.clear();
  }

  #linkTo(node: string): OutgoingLink | undefined {
    if (this.#closed || node === this.#settings.self().node) return undefined;
    const known = this.#outgoing.get(node);
    if (known !== undefined) return known;
    if (this.#outgoing.size >= PEERS_MAX) return undefined;
    const link = new OutgoingLink(node, this.#settings, this.#queue);
    this.#outgoing.set(node, link);
    this.#watchOver();
    return link;
  }

  /** Ticks for as long as there is somebody to look after: a node alone sleeps. */
  #watchOver(): void {
    if (this.#closed) return;
    this.#ticking ??= every(this.#settings.ports, TICK_MS, (lateMs) => this.#tick(lateMs));
  }

  #rest(): void {
    this.#ticking?.cancel();
    this.#ticking = undefined;
  }

  #tick(lateMs: number): void {
    this.#gauge.note(lateMs);
    const elapsedMs = Math.min(TICK_MS + lateMs, ELAPSED_MS_MAX);
    const silentMsMax = Math.max(SILENCE_MS_MIN, 4 * this.#gauge.latenessMs);
    for (const [node, link] of this.#outgoing) {
      link.tick(elapsedMs, silentMsMax + 2 * link.rttMs);
      if (link.forgettable) this.#outgoing.delete(node);
    }
    for (const link of this.#acceptor.links.values()) link.tick(elapsedMs, silentMsMax);
    const { links, strangers } = this.#acceptor;
    if (this.#outgoing.size + links.size + strangers === 0) this.#rest();
  }
}
