/**
 * Makes both connections of a link, one after the other, each with its handshake.
 *
 * @module
 */
import {
  CONTROL_BODY_BYTES_MAX,
  HANDSHAKE_BODY_BYTES_MAX,
  MEDIA_BODY_BYTES_MAX,
} from "../../protocols/mrtmp/frame.ts";
import { CONTROL_ARENA_BYTES, MEDIA_ARENA_BYTES } from "../../protocols/mrtmp/frame_reader.ts";
import { DialHandshake } from "../../protocols/mrtmp/handshake.ts";
import { type ChannelKind, LINK_ID_BYTES, NONCE_BYTES } from "../../protocols/mrtmp/hello.ts";
import { Channel, type ChannelEvents, IGNORE, type LinkTraffic } from "./channel.ts";
import { greet } from "./greeting.ts";
import {
  CAPABILITIES,
  GUEST,
  type LinkLoss,
  type LinkPeer,
  type LinkSettings,
  type NodeId,
  randomBytes,
} from "./link_settings.ts";
import { DialError, type LinkSocket } from "./transport.ts";

/** Longest that a connection may take to be made, in milliseconds; within a mesh it takes one. */
export const DIAL_MS_MAX = 1_000;

export interface DialOptions {
  readonly settings: LinkSettings;
  readonly peer: LinkPeer;
  readonly target: NodeId;
  readonly traffic: LinkTraffic;
  /** Who owns the connections once their handshakes are over. */
  readonly control: ChannelEvents;
  readonly media: ChannelEvents;
}

export type DialResult =
  | { readonly ok: true }
  | {
    readonly ok: false;
    readonly reason: string;
    /** What it says of the other node; nothing when it spoke and said no. */
    readonly loss: LinkLoss | undefined;
    /** One of the two refused the other: somebody should know. */
    readonly refused?: boolean;
  };

/** A link in the making, and later made. */
export interface DialledLink {
  /** Resolves when both connections are there, or when one could not be made. Never rejects. */
  readonly done: Promise<DialResult>;
  /** Connections whose handshake is over. */
  readonly ready: readonly Channel[];
  /** Once it is done. */
  readonly control: Channel;
  /** What both nodes can do beyond the protocol's version, once it is done. */
  readonly capabilities: readonly string[];
  /** Ends it, made or not; its owner hears nothing more. `politely`: what is queued is sent. */
  close(reason: string, politely?: boolean): void;
}

/** Begins to dial. */
export function dialLink(options: DialOptions): DialledLink {
  return new Dialling(options);
}

class Dialling implements DialledLink {
  readonly done: Promise<DialResult>;
  readonly ready: Channel[] = [];
  capabilities: readonly string[] = [];
  readonly #options: DialOptions;
  readonly #linkId: Uint8Array;
  readonly #channels: Channel[] = [];
  #closed = false;

  constructor(options: DialOptions) {
    this.#options = options;
    this.#linkId = randomBytes(options.settings.ports, LINK_ID_BYTES);
    this.done = this.#make();
  }

  get control(): Channel {
    return this.ready[0];
  }

  close(reason: string, politely = false): void {
    this.#closed = true;
    for (const channel of this.#channels) {
      if (politely) channel.closeWhenSent(reason, this.#options.settings.ports.timers);
      else channel.closeSilently(reason);
    }
  }

  async #make(): Promise<DialResult> {
    const control = await this.#connect("control", this.#options.control);
    if (!control.ok) return control;
    return await this.#connect("media", this.#options.media);
  }

  async #connect(kind: ChannelKind, next: ChannelEvents): Promise<DialResult> {
    const { settings, peer, traffic } = this.#options;
    let socket: LinkSocket;
    try {
      socket = await settings.transport.dial(peer.address, peer.port, DIAL_MS_MAX);
    } catch (error) {
      const refused = error instanceof DialError && error.refused;
      return { ok: false, reason: String(error), loss: refused ? "refused" : "unreachable" };
    }
    if (this.#closed) {
      socket.close();
      return { ok: false, reason: "closed", loss: undefined };
    }
    const arenaBytes = kind === "media" ? MEDIA_ARENA_BYTES : CONTROL_ARENA_BYTES;
    const channel = new Channel({
      ...{ socket, traffic, arenaBytes, events: IGNORE, reading: settings.reading },
    });
    channel.bodyBytesMax = HANDSHAKE_BODY_BYTES_MAX;
    this.#channels.push(channel);
    return await this.#greet(channel, kind, next);
  }

  async #greet(channel: Channel, kind: ChannelKind, next: ChannelEvents): Promise<DialResult> {
    const { settings } = this.#options;
    const { ports, secret } = settings;
    const side = new DialHandshake({ secret, hello: this.#hello(kind) });
    const greeting = await greet({
      channel,
      side,
      opening: side.opening(),
      timers: ports.timers,
      next: ({ capabilities }) => {
        this.capabilities = capabilities;
        channel.bodyBytesMax = kind === "media" ? MEDIA_BODY_BYTES_MAX : CONTROL_BODY_BYTES_MAX;
        this.ready.push(channel);
        return next;
      },
    });
    if (greeting.ok) return { ok: true };
    const { reason, refusal, fault } = greeting;
    if (refusal !== undefined) {
      return { ok: false, reason, loss: undefined, refused: true };
    }
    return { ok: false, reason, loss: fault ? "unreachable" : "closed" };
  }

  #hello(channel: ChannelKind) {
    const { settings, target } = this.#options;
    const { node, incarnation } = settings.self();
    return {
      capabilities: settings.gossip().redisOk ? CAPABILITIES : [...CAPABILITIES, GUEST],
      mesh: settings.mesh,
      node,
      incarnation,
      target: target.node,
      targetIncarnation: target.incarnation,
      channel,
      linkId: this.#linkId,
      nonce: randomBytes(settings.ports, NONCE_BYTES),
    };
  }
}
