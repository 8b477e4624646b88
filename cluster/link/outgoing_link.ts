/**
 * The link to one other node: dialled when somebody needs it, kept while it is, dialled again when
 * it breaks.
 *
 * What it carries (messages to actors there, subscriptions to streams there) is bound to one
 * connection: when that breaks, asks are answered "unreachable" and subscriptions are told "lost",
 * and nothing is sent twice.
 *
 * @module
 */
import { ASK_REFUSED } from "../../actors/runtime/ask.ts";
import type { DueQueue } from "../../actors/runtime/due_queue.ts";
import type { Timer } from "../../actors/runtime/ports.ts";
import type { FetchRequest, FetchResult } from "../../actors/stream/fetch.ts";
import type { UpstreamRequest, UpstreamSubscription } from "../../actors/stream/upstream.ts";
import {
  type CallMessage,
  type CallReply,
  readReply,
  type TellMessage,
  writeCall,
  writeTell,
} from "../../protocols/mrtmp/call.ts";
import {
  FRAME_TYPE,
  malformed,
  type ReceivedFrame,
  wholeFrame,
} from "../../protocols/mrtmp/frame.ts";
import { readBye, readPulse, writeBye, writePulse } from "../../protocols/mrtmp/pulse.ts";
import { type Channel, type ChannelEnd, type ChannelEvents, QUEUE_BYTES_MAX } from "./channel.ts";
import { type DialledLink, dialLink, type DialResult } from "./dial_link.ts";
import { LinkFetches } from "./link_fetches.ts";
import { LinkUpstream } from "./link_upstream.ts";
import {
  BEAT_MS,
  type LinkLoss,
  type LinkPeer,
  type LinkSettings,
  type LinkSnapshot,
  type NodeId,
  PING_MS,
  WRITE_STALL_MS,
} from "./link_settings.ts";
import { PendingCalls } from "./pending_calls.ts";

/** A link that nobody needed for so long is closed, in milliseconds. */
export const LINK_IDLE_MS = 60_000;

/** Pause before the second try, in milliseconds; doubled each time, up to the longest. */
const RETRY_MS_MIN = 50;
const RETRY_MS_MAX = 2_000;

/** A refusal is logged again after this long, in milliseconds: it goes on until it is seen to. */
const REFUSAL_LOG_MS = 60_000;

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "waiting"; readonly timer: Timer }
  | { readonly kind: "dialling"; readonly peer: NodeId; readonly link: DialledLink }
  | {
    readonly kind: "up";
    readonly peer: NodeId;
    readonly link: DialledLink;
    readonly sinceMs: number;
  };

export class OutgoingLink {
  readonly node: string;
  readonly #settings: LinkSettings;
  readonly #upstream: LinkUpstream;
  readonly #fetches: LinkFetches;
  readonly #calls: PendingCalls;
  readonly #traffic = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
  /** Whole frames that wait for the link to come up. */
  readonly #unsent: { readonly handle: number; readonly frame: Uint8Array }[] = [];
  #unsentBytes = 0;
  #state: State = { kind: "idle" };
  #tries = 0;
  #neededAtMs = 0;
  #rttMs = 0;
  #sincePingMs = 0;
  #refusalToldMs = -Infinity;
  /** Somebody wants to know whether that node lives, whether or not there is anything to carry. */
  watched = false;

  constructor(node: string, settings: LinkSettings, queue: DueQueue) {
    this.node = node;
    this.#settings = settings;
    const { clock, log } = settings.ports;
    this.#calls = new PendingCalls(queue, clock);
    const needed = () => this.#need();
    this.#upstream = new LinkUpstream({ node, log, needed });
    this.#fetches = new LinkFetches({ ports: settings.ports, needed });
  }

  /** Smoothed round-trip time in milliseconds; 0 until it is known. */
  get rttMs(): number {
    return this.#rttMs;
  }

  /** Since when nothing has come, in milliseconds; `undefined` when it is not up. */
  get silentMs(): number | undefined {
    return this.#state.kind === "up" ? this.#state.link.control.silentMs : undefined;
  }

  /** It is not there, and nobody has needed it lately. */
  get forgettable(): boolean {
    return this.#state.kind === "idle" && !this.#needed;
  }

  /** See `LinkTable.ask`. */
  ask(message: CallMessage): Promise<CallReply> {
    this.#need();
    const call = this.#room ? this.#calls.open(message.timeoutMs) : undefined;
    if (call === undefined) return Promise.resolve(ASK_REFUSED.busy);
    try {
      this.#send(FRAME_TYPE.call, call.handle, writeCall(message));
    } catch (error) {
      this.#unpackable(message, error);
      this.#calls.settle(call.handle, ASK_REFUSED.failed);
    }
    return call.reply;
  }

  /** See `LinkTable.tell`. */
  tell(message: TellMessage): boolean {
    this.#need();
    if (!this.#room) return false;
    try {
      this.#send(FRAME_TYPE.tell, 0, writeTell(message));
    } catch (error) {
      this.#unpackable(message, error);
      return false;
    }
    return true;
  }

  open(request: UpstreamRequest): UpstreamSubscription | undefined {
    return this.#upstream.open(request);
  }

  getFile(request: FetchRequest): Promise<FetchResult> {
    return this.#fetches.getFile(request);
  }

  /** Dials unless it is up, on the way, or waits for its next try. */
  connect(): void {
    if (this.#state.kind !== "idle") return;
    const peer = this.#settings.peerOf(this.node);
    if (peer === undefined) return this.#fail();
    this.#dial(peer);
  }

  /** Lets time pass; closes it when it is dead or not needed. */
  tick(elapsedMs: number, silentMsMax: number): void {
    const state = this.#state;
    if (state.kind === "up" || state.kind === "dialling") {
      for (const channel of state.link.ready) this.#tickChannel(channel, elapsedMs, silentMsMax);
    }
    // A channel that was just closed has ended the link.
    if (this.#state.kind === "up") this.#tickUp(this.#state, elapsedMs);
    else if (this.watched) this.connect();
  }

  /** Ends it for good or until somebody needs it again. */
  close(reason: string): void {
    const state = this.#state;
    if (state.kind === "idle") return;
    if (state.kind === "waiting") state.timer.cancel();
    this.#state = { kind: "idle" };
    if (state.kind === "dialling") state.link.close(reason);
    if (state.kind === "up") {
      state.link.control.send(FRAME_TYPE.bye, 0, writeBye(reason));
      state.link.close(reason, true);
    }
    this.#fail();
  }

  snapshot(): LinkSnapshot | undefined {
    const state = this.#state;
    if (state.kind === "idle") return undefined;
    const peer = state.kind === "waiting" ? { node: this.node, incarnation: 0 } : state.peer;
    return {
      ...peer,
      ...this.#traffic,
      direction: "out",
      state: state.kind,
      sinceMs: state.kind === "up" ? state.sinceMs : 0,
      rttMs: this.#rttMs,
      subscriptions: this.#upstream.size,
      creditStalls: 0,
      jumps: 0,
    };
  }

  /** Somebody waits for something that comes over it. */
  get #busy(): boolean {
    return this.#upstream.size > 0 || this.#fetches.size > 0 || this.#calls.size > 0;
  }

  get #needed(): boolean {
    if (this.watched || this.#busy) return true;
    return this.#settings.ports.clock.nowMs() - this.#neededAtMs < LINK_IDLE_MS;
  }

  get #room(): boolean {
    const state = this.#state;
    return state.kind === "up" ? state.link.control.hasRoom : this.#unsentBytes < QUEUE_BYTES_MAX;
  }

  #need(): void {
    this.#neededAtMs = this.#settings.ports.clock.nowMs();
    const state = this.#state;
    if (state.kind === "up" || state.kind === "dialling") {
      const peer = this.#settings.peerOf(this.node);
      if (peer === undefined || peer.incarnation === state.peer.incarnation) return;
      // It was started anew: who is behind this link is not who is meant.
      this.#broken("the node was restarted", "closed");
      return;
    }
    // Not in the caller's turn: a failure must reach it after the call that caused it.
    this.#settings.ports.timers.soon(() => this.connect());
  }

  #send(type: typeof FRAME_TYPE.call | typeof FRAME_TYPE.tell, handle: number, body: Uint8Array) {
    const state = this.#state;
    if (state.kind === "up") return state.link.control.send(type, handle, body);
    const frame = wholeFrame(type, handle, body);
    this.#unsent.push({ handle, frame });
    this.#unsentBytes += frame.length;
  }

  #dial(peer: LinkPeer): void {
    const id = { node: this.node, incarnation: peer.incarnation };
    const link = dialLink({
      settings: this.#settings,
      peer,
      target: id,
      traffic: this.#traffic,
      control: this.#controlEvents(id),
      media: this.#mediaEvents(),
    });
    this.#state = { kind: "dialling", peer: id, link };
    link.done.then((result) => {
      const state = this.#state;
      if (state.kind === "dialling" && state.link === link) this.#dialled(state, result);
    });
  }

  #dialled({ peer, link }: Extract<State, { kind: "dialling" }>, result: DialResult): void {
    if (!result.ok) {
      const { loss, reason } = result;
      this.#note(result);
      this.#state = { kind: "idle" };
      link.close(reason);
      this.#retry();
      this.#fail();
      if (loss !== undefined) this.#settings.events.lost(peer, loss, "out");
      return;
    }
    this.#tries = 0;
    this.#sincePingMs = PING_MS; // The first one at once.
    this.#state = { kind: "up", peer, link, sinceMs: this.#settings.ports.clock.wallMs() };
    for (const { handle, frame } of this.#unsent) {
      if (handle === 0 || this.#calls.has(handle)) link.control.sendWhole(frame);
    }
    this.#forgetUnsent();
    this.#upstream.up(link.control);
    this.#fetches.up(link.control, link.capabilities);
  }

  /** Says what an operator must know, once. */
  #note({ reason, refused }: Extract<DialResult, { ok: false }>): void {
    const { clock, log } = this.#settings.ports;
    const { node } = this;
    if (refused !== true || clock.nowMs() - this.#refusalToldMs < REFUSAL_LOG_MS) {
      return log.debug("link: no connection", { node, reason });
    }
    this.#refusalToldMs = clock.nowMs();
    log.warn("link refused", { node, reason });
  }

  #controlEvents(peer: NodeId): ChannelEvents {
    return {
      frame: (frame) => this.#takeControl(frame, peer),
      parsed() {},
      drained() {},
      closed: (end) => this.#channelClosed(end),
    };
  }

  #mediaEvents(): ChannelEvents {
    return {
      frame: (frame) => {
        if (frame.type === FRAME_TYPE.beat) return;
        if (this.#fetches.isOurs(frame)) this.#fetches.frame(frame);
        else this.#upstream.frame(frame);
      },
      parsed: this.#settings.parsed,
      drained() {},
      closed: (end) => this.#channelClosed(end),
    };
  }

  /** @throws {ProtocolError} It is malformed, or none that this side takes. */
  #takeControl(frame: ReceivedFrame, peer: NodeId): void {
    switch (frame.type) {
      case FRAME_TYPE.beat:
        return;
      case FRAME_TYPE.pong: {
        const pulse = readPulse(frame);
        const tookMs = Math.max(0, this.#settings.ports.clock.nowMs() - pulse.t);
        this.#rttMs = this.#rttMs === 0 ? tookMs : this.#rttMs + (tookMs - this.#rttMs) / 8;
        return this.#settings.events.gossip(peer, pulse);
      }
      case FRAME_TYPE.reply:
        return this.#calls.settle(frame.handle, readReply(frame));
      case FRAME_TYPE.bye:
        readBye(frame);
        // What broke without a fault is not dialled again unless somebody needs it.
        this.#neededAtMs = -Infinity;
        return this.#broken("the other node closed the link", undefined);
      default:
        throw malformed(`Cannot take frame type ${frame.type} on control`, "2.1");
    }
  }

  #channelClosed({ reason, fault }: ChannelEnd): void {
    if (fault) this.#settings.ports.log.warn("link closed", { node: this.node, reason });
    this.#broken(reason, "closed");
  }

  /** The link is over; whether it is dialled again depends on who needs it. */
  #broken(reason: string, loss: LinkLoss | undefined, silent = false): void {
    const state = this.#state;
    if (state.kind !== "up" && state.kind !== "dialling") return;
    if (this.#busy) {
      this.#neededAtMs = this.#settings.ports.clock.nowMs();
    }
    this.#state = { kind: "idle" };
    state.link.close(reason);
    this.#retry();
    this.#fail();
    const { events, ports: { log } } = this.#settings;
    log.debug("link over", { node: this.node, reason });
    if (silent) events.silent(state.peer, "out");
    else if (loss !== undefined) events.lost(state.peer, loss, "out");
  }

  /** Everything that waited for the link learns that it will not come. */
  #fail(): void {
    this.#forgetUnsent();
    this.#calls.settleAll(ASK_REFUSED.unreachable);
    this.#upstream.lost();
    this.#fetches.lost();
  }

  #forgetUnsent(): void {
    this.#unsent.length = 0;
    this.#unsentBytes = 0;
  }

  /** Tries again after a while, as long as somebody needs it: at once the first time. */
  #retry(): void {
    if (!this.#needed || this.#settings.peerOf(this.node) === undefined) return;
    const { random, timers } = this.#settings.ports;
    const fullMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** (this.#tries - 1));
    const delayMs = this.#tries === 0 ? 0 : fullMs * (0.5 + random.next() / 2);
    this.#tries = Math.min(this.#tries + 1, 16);
    const timer = timers.after(delayMs, () => {
      this.#state = { kind: "idle" };
      if (this.#needed) this.connect();
    });
    this.#state = { kind: "waiting", timer };
  }

  #tickChannel(channel: Channel, elapsedMs: number, silentMsMax: number): void {
    channel.tick(elapsedMs);
    if (channel.silentMs > silentMsMax) this.#broken("it was silent", undefined, true);
    else if (channel.stalledMs > WRITE_STALL_MS) channel.close("it does not read", true);
    else if (channel.idleMs >= BEAT_MS && !channel.busy) channel.send(FRAME_TYPE.beat, 0);
  }

  #tickUp({ link }: Extract<State, { kind: "up" }>, elapsedMs: number): void {
    this.#sincePingMs += elapsedMs;
    const pulse = { t: this.#settings.ports.clock.nowMs(), ...this.#settings.gossip() };
    if (this.#sincePingMs >= (pulse.redisOk ? PING_MS : BEAT_MS)) {
      this.#sincePingMs = 0;
      link.control.send(FRAME_TYPE.ping, 0, writePulse(pulse));
    }
    if (!this.#needed) this.close("idle");
  }

  #unpackable({ kind, name }: TellMessage, error: unknown): void {
    this.#settings.ports.log.error("message cannot be sent to another node", {
      ...{ kind, name, error: String(error) },
    });
  }
}
