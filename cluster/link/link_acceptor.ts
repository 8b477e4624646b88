/**
 * The mesh port: who may come in, and the links of those who did.
 *
 * Somebody who has not proved that he knows the secret costs a buffer of a few kilobytes for two
 * seconds at most, and there are not many of them at a time. What is refused is logged once a
 * minute and address.
 *
 * @module
 */
import { CONTROL_BODY_BYTES_MAX } from "../../protocols/mrtmp/frame.ts";
import { CONTROL_ARENA_BYTES } from "../../protocols/mrtmp/frame_reader.ts";
import { type AcceptedPeer, AcceptHandshake } from "../../protocols/mrtmp/handshake.ts";
import { type HandshakeRefusal, type Hello, NONCE_BYTES } from "../../protocols/mrtmp/hello.ts";
import { Channel, type ChannelEvents, IGNORE } from "./channel.ts";
import { greet } from "./greeting.ts";
import { IncomingLink, type LinkSums } from "./incoming_link.ts";
import {
  CAPABILITIES,
  GUEST,
  type LinkSettings,
  type LinkSnapshot,
  randomBytes,
} from "./link_settings.ts";
import type { LinkSocket } from "./transport.ts";

/** Most connections at a time that have proved nothing yet. */
export const STRANGERS_MAX = 64;

/** Most links that others dialled: nodes of the largest mesh, twice. */
export const INCOMING_MAX = 1_024;

/** Most nodes whose sums are kept after their links are gone. */
const SUMS_MAX = 4_096;

/** A refusal is logged once per address within this time, in milliseconds. */
const REFUSAL_LOG_MS = 60_000;

/** Most addresses remembered for that. */
const ADDRESSES_MAX = 1_024;

export class LinkAcceptor {
  readonly #settings: LinkSettings;
  /** By node and link number. */
  readonly #links = new Map<string, IncomingLink>();
  readonly #sums = new Map<string, LinkSums>();
  /** When a refusal of an address was logged last, and how many were not since. */
  readonly #refused = new Map<string, { atMs: number; count: number }>();
  readonly #strangers = new Set<Channel>();

  constructor(settings: LinkSettings) {
    this.#settings = settings;
  }

  /** Links whose control connection is there, by node and link number. */
  get links(): ReadonlyMap<string, IncomingLink> {
    return this.#links;
  }

  /** Connections that have proved nothing yet. */
  get strangers(): number {
    return this.#strangers.size;
  }

  snapshots(): LinkSnapshot[] {
    return [...this.#links.values()].map((link) => link.snapshot());
  }

  /** Takes a connection that has come. */
  accept(socket: LinkSocket): void {
    if (this.#strangers.size >= STRANGERS_MAX) {
      this.#note(socket.remoteAddress, `${STRANGERS_MAX} handshakes are under way`);
      return socket.close();
    }
    const traffic = newSums();
    const channel = new Channel({
      ...{ socket, traffic, arenaBytes: CONTROL_ARENA_BYTES, events: IGNORE },
      reading: this.#settings.reading,
    });
    this.#strangers.add(channel);
    const { ports: { timers }, self, mesh, secret } = this.#settings;
    const side = new AcceptHandshake({
      ...{ ...self(), mesh, secret, capabilities: CAPABILITIES },
      nonce: randomBytes(this.#settings.ports, NONCE_BYTES),
      judge: (hello) => this.#judge(hello),
    });
    greet({ channel, side, timers, next: (peer) => this.#admit(channel, peer) })
      .then((greeting) => {
        this.#strangers.delete(channel);
        if (!greeting.ok) this.#note(channel.remoteAddress, greeting.reason);
      });
  }

  /** Ends what a node dialled, at once; all starts of it unless one is named. */
  drop(node: string, reason: string, incarnation?: number): void {
    for (const link of [...this.#links.values()]) {
      if (link.peer.node !== node) continue;
      if (incarnation === undefined || link.peer.incarnation === incarnation) link.drop(reason);
    }
  }

  closeAll(reason: string): void {
    for (const link of [...this.#links.values()]) link.close(reason);
    for (const channel of this.#strangers) channel.close(reason);
  }

  #judge(hello: Hello): HandshakeRefusal | undefined {
    const { node, incarnation, channel } = hello;
    const { isDead, peerOf } = this.#settings;
    const guest = hello.capabilities.includes(GUEST) && peerOf(node) === undefined;
    if (!guest && isDead(node, incarnation)) return "expelled";
    const link = this.#links.get(keyOf(hello));
    if (channel === "control") {
      if (link !== undefined) return "channel";
      return this.#links.size >= INCOMING_MAX ? "busy" : undefined;
    }
    return link === undefined || link.complete ? "channel" : undefined;
  }

  #admit(channel: Channel, { hello }: AcceptedPeer): ChannelEvents {
    const key = keyOf(hello);
    const counters = this.#sumsOf(hello.node);
    channel.countInto(counters);
    if (hello.channel === "media") return this.#links.get(key)!.attachMedia(channel);
    channel.bodyBytesMax = CONTROL_BODY_BYTES_MAX;
    // A node has one link to another; the one before it is over, whether or not we know yet.
    this.drop(hello.node, "another link took its place");
    const link = new IncomingLink({
      settings: this.#settings,
      peer: { node: hello.node, incarnation: hello.incarnation },
      control: channel,
      counters,
      over: (over) => {
        if (this.#links.get(key) === over) this.#links.delete(key);
      },
    });
    this.#links.set(key, link);
    return link.controlEvents();
  }

  #sumsOf(node: string): LinkSums {
    let sums = this.#sums.get(node);
    if (sums === undefined) {
      sums = newSums();
      this.#sums.set(node, sums);
      forgetOldest(this.#sums, SUMS_MAX);
    }
    return sums;
  }

  #note(address: string, reason: string): void {
    const { clock, log } = this.#settings.ports;
    const nowMs = clock.nowMs();
    const before = this.#refused.get(address);
    if (before !== undefined && nowMs - before.atMs < REFUSAL_LOG_MS) {
      before.count++;
      return;
    }
    this.#refused.delete(address);
    this.#refused.set(address, { atMs: nowMs, count: 0 });
    forgetOldest(this.#refused, ADDRESSES_MAX);
    log.warn("link not accepted", { address, reason, unlogged: before?.count ?? 0 });
  }
}

function keyOf({ node, incarnation, linkId }: Hello): string {
  return `${linkId.toHex()} ${incarnation} ${node}`;
}

function newSums(): LinkSums {
  return { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0, creditStalls: 0, jumps: 0 };
}

function forgetOldest<T>(map: Map<string, T>, sizeMax: number): void {
  if (map.size <= sizeMax) return;
  const oldest = map.keys().next();
  if (!oldest.done) map.delete(oldest.value);
}
