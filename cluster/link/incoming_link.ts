/**
 * A link that another node dialled: its messages to actors here, its subscriptions to streams here.
 *
 * @module
 */
import { ASK_REFUSED } from "../../actors/runtime/ask.ts";
import {
  type CallMessage,
  type CallReply,
  readCall,
  readTell,
  type TellMessage,
  writeReply,
} from "../../protocols/mrtmp/call.ts";
import { readFetch } from "../../protocols/mrtmp/fetch.ts";
import { FRAME_TYPE, malformed, type ReceivedFrame } from "../../protocols/mrtmp/frame.ts";
import { readBye, readPulse, writeBye, writePulse } from "../../protocols/mrtmp/pulse.ts";
import { readCredit, readOpen } from "../../protocols/mrtmp/subscription.ts";
import { type Channel, type ChannelEnd, type ChannelEvents } from "./channel.ts";
import { LinkSource } from "./link_source.ts";
import {
  BEAT_MS,
  type LinkSettings,
  type LinkSnapshot,
  type NodeId,
  WRITE_STALL_MS,
} from "./link_settings.ts";

/** Most asks of one link that are being answered; beyond, they are answered "busy". */
const CALLS_ANSWERING_MAX = 4_096;

/** Longest that a link may have one connection only, in milliseconds. */
const MEDIA_WAIT_MS = 5_000;

export interface IncomingLinkOptions {
  readonly settings: LinkSettings;
  readonly peer: NodeId;
  readonly control: Channel;
  /** Sums that outlive the link. */
  readonly counters: LinkSums;
  /** It is over; called once. */
  readonly over: (link: IncomingLink) => void;
}

/** What is counted of all links that one node dialled, one after the other. */
export interface LinkSums {
  bytesIn: number;
  bytesOut: number;
  framesIn: number;
  framesOut: number;
  creditStalls: number;
  jumps: number;
}

export class IncomingLink {
  readonly peer: NodeId;
  readonly #options: IncomingLinkOptions;
  readonly #sinceMs: number;
  #media: Channel | undefined;
  #source: LinkSource | undefined;
  #answering = 0;
  #ageMs = 0;
  #over = false;

  constructor(options: IncomingLinkOptions) {
    this.peer = options.peer;
    this.#options = options;
    this.#sinceMs = options.settings.ports.clock.wallMs();
  }

  /** The second connection is there already. */
  get complete(): boolean {
    return this.#media !== undefined;
  }

  /** Who owns the control connection from now on. */
  controlEvents(): ChannelEvents {
    return {
      frame: (frame) => this.#takeControl(frame),
      parsed() {},
      drained() {},
      closed: (end) => this.#closed(end),
    };
  }

  /** The media connection has come; returns who owns it from now on. */
  attachMedia(media: Channel): ChannelEvents {
    const { settings, counters } = this.#options;
    const source = new LinkSource({
      channel: media,
      ports: settings.ports,
      node: this.peer.node,
      serve: settings.serve,
      serveFile: settings.serveFile,
      counters,
    });
    this.#media = media;
    this.#source = source;
    return {
      frame({ type }) {
        if (type !== FRAME_TYPE.beat) throw malformed(`Cannot take frame type ${type}`, "2.1");
      },
      parsed() {},
      drained: () => source.sender.drained(),
      closed: (end) => this.#closed(end),
    };
  }

  /** Lets time pass; ends it when it is dead. */
  tick(elapsedMs: number, silentMsMax: number): void {
    const { control } = this.#options;
    this.#ageMs += elapsedMs;
    if (this.#media === undefined && this.#ageMs > MEDIA_WAIT_MS) {
      return this.#end("its media connection did not come");
    }
    for (const channel of [control, this.#media]) {
      if (channel === undefined || this.#over) continue;
      channel.tick(elapsedMs);
      if (channel.silentMs > silentMsMax) {
        this.#end("it was silent");
        this.#options.settings.events.silent(this.peer, "in");
      } else if (channel.stalledMs > WRITE_STALL_MS) channel.close("it does not read", true);
      else if (channel.idleMs >= BEAT_MS && !channel.busy) channel.send(FRAME_TYPE.beat, 0);
    }
  }

  /** Ends it, saying why. */
  close(reason: string): void {
    if (this.#over) return;
    const { control, settings: { ports: { timers } } } = this.#options;
    control.send(FRAME_TYPE.bye, 0, writeBye(reason));
    control.closeWhenSent(reason, timers);
    this.#end(reason, true);
  }

  /** Ends it at once: another link of the same node has taken its place, or the node is dead. */
  drop(reason: string): void {
    this.#end(reason);
  }

  snapshot(): LinkSnapshot {
    return {
      ...this.peer,
      ...this.#options.counters,
      direction: "in",
      state: this.complete ? "up" : "dialling",
      sinceMs: this.#sinceMs,
      rttMs: 0,
      subscriptions: this.#source?.size ?? 0,
    };
  }

  /** @throws {ProtocolError} It is malformed, or none that this side takes. */
  #takeControl(frame: ReceivedFrame): void {
    switch (frame.type) {
      case FRAME_TYPE.beat:
        return;
      case FRAME_TYPE.ping:
        return this.#ping(frame);
      case FRAME_TYPE.call:
        return this.#call(frame.handle, readCall(frame));
      case FRAME_TYPE.tell:
        return this.#tell(readTell(frame));
      case FRAME_TYPE.open:
        return this.#sourceFor("OPEN").open(frame.handle, readOpen(frame));
      case FRAME_TYPE.credit:
        return this.#sourceFor("CREDIT").credit(frame.handle, readCredit(frame));
      case FRAME_TYPE.close:
        return this.#sourceFor("CLOSE").close(frame.handle);
      case FRAME_TYPE.fetch:
        return this.#sourceFor("FETCH").fetch(frame.handle, readFetch(frame));
      case FRAME_TYPE.bye:
        readBye(frame);
        return this.#end("it said goodbye");
      default:
        throw malformed(`Cannot take frame type ${frame.type} on control`, "2.1");
    }
  }

  #ping(frame: ReceivedFrame): void {
    const { settings: { events, gossip }, control } = this.#options;
    const pulse = readPulse(frame);
    control.send(FRAME_TYPE.pong, 0, writePulse({ t: pulse.t, ...gossip() }));
    events.gossip(this.peer, pulse);
  }

  #tell(message: TellMessage): void {
    const { receiver, ports: { log } } = this.#options.settings;
    try {
      receiver.tell(this.peer, message);
    } catch (error) {
      log.error("message of another node failed", { kind: message.kind, error: String(error) });
    }
  }

  #call(handle: number, message: CallMessage): void {
    if (this.#answering >= CALLS_ANSWERING_MAX) {
      return this.#reply(handle, ASK_REFUSED.busy, message);
    }
    this.#answering++;
    this.#answer(message).then((reply) => {
      this.#answering--;
      this.#reply(handle, reply, message);
    });
  }

  async #answer(message: CallMessage): Promise<CallReply> {
    const { receiver, ports: { log } } = this.#options.settings;
    try {
      return await receiver.ask(this.peer, message);
    } catch (error) {
      log.error("message of another node failed", { kind: message.kind, error: String(error) });
      return ASK_REFUSED.failed;
    }
  }

  #reply(handle: number, reply: CallReply, { kind, name }: CallMessage): void {
    if (this.#over) return;
    let body: Uint8Array;
    try {
      body = writeReply(reply);
    } catch (error) {
      const { log } = this.#options.settings.ports;
      log.error("answer cannot be sent to another node", { kind, name, error: String(error) });
      body = writeReply(ASK_REFUSED.failed);
    }
    this.#options.control.send(FRAME_TYPE.reply, handle, body);
  }

  #sourceFor(what: string): LinkSource {
    if (this.#source !== undefined) return this.#source;
    throw malformed(`Cannot take ${what}: the media connection is not there`, "1");
  }

  #closed({ reason, fault }: ChannelEnd): void {
    const { settings: { ports: { log }, events } } = this.#options;
    const { node } = this.peer;
    if (fault) log.warn("link closed", { node, reason });
    else log.debug("link over", { node, reason });
    this.#end(reason);
    events.lost(this.peer, "closed", "in");
  }

  #end(reason: string, politely = false): void {
    if (this.#over) return;
    this.#over = true;
    const { control, over } = this.#options;
    if (!politely) control.closeSilently(reason);
    this.#media?.closeSilently(reason);
    this.#source?.closeAll();
    over(this);
  }
}
