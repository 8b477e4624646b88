/**
 * What links are given by the node that they work for, and what they tell it.
 *
 * @module
 */
import type { Ports } from "../../actors/runtime/ports.ts";
import type { CallMessage, CallReply, TellMessage } from "../../protocols/mrtmp/call.ts";
import type { Gossip } from "../../protocols/mrtmp/pulse.ts";
import type { ServeFile } from "../../actors/stream/fetch.ts";
import { FETCH_CAPABILITY } from "../../protocols/mrtmp/fetch.ts";
import type { ServeAnswer, ServeRequest } from "./link_source.ts";
import type { LinkTransport } from "./transport.ts";

/** What this node can do beyond the protocol's version. */
export const CAPABILITIES: readonly string[] = [FETCH_CAPABILITY];

/** Shortest silence that ends a link, in milliseconds; three missed signs of life. */
export const SILENCE_MS_MIN = 600;

/** Each side says something this often on each connection, in milliseconds (MRTMP, 4.1). */
export const BEAT_MS = 200;

/**
 * A PING at least this often, for the round-trip time and the gossip; with each beat while the
 * directory is away, when all depends on what the others say of it now.
 */
export const PING_MS = 1_000;

/** A write that got nowhere for so long ends its link, in milliseconds: the peer does not read. */
export const WRITE_STALL_MS = 5_000;

/**
 * Capability that a node claims which has lost Redis: though it was expelled meanwhile, which it
 * cannot know, it may come for what its viewers watch, and for nothing else.
 */
export const GUEST = "guest";

/** One start of a node. */
export interface NodeId {
  readonly node: string;
  readonly incarnation: number;
}

/** Where a node's mesh port is. */
export interface LinkPeer {
  readonly address: string;
  readonly port: number;
  readonly incarnation: number;
}

/** A link that this node dialled, or one that was dialled by the other. */
export type LinkDirection = "out" | "in";

/** How a link was lost: closed by the other end, nobody listens there, or nobody is reached. */
export type LinkLoss = "closed" | "refused" | "unreachable";

/** What is told of another node's signs of life. None of them waits or throws. */
export interface LinkEvents {
  /** Nothing came from it for the silence limit; the link was closed. */
  silent(peer: NodeId, direction: LinkDirection): void;
  /** A link broke, or could not be made. `refused` proves that nobody listens there. */
  lost(peer: NodeId, loss: LinkLoss, direction: LinkDirection): void;
  /** What it said of itself. */
  gossip(peer: NodeId, gossip: Gossip): void;
}

/** Takes messages to actors on this node; the ownership of streams is checked behind it. */
export interface LinkReceiver {
  /** Answers by itself in time. A rejection is answered "failed". */
  ask(from: NodeId, message: CallMessage): Promise<CallReply>;
  tell(from: NodeId, message: TellMessage): void;
}

export interface LinkSettings {
  readonly ports: Ports;
  readonly transport: LinkTransport;
  readonly mesh: string;
  /** What all nodes of the mesh share; at least one byte. */
  readonly secret: Uint8Array;
  /** This node as it is now; the incarnation changes when it had to join anew. */
  readonly self: () => NodeId;
  /** Where a node is; `undefined` when it is no member. */
  readonly peerOf: (node: string) => LinkPeer | undefined;
  /** That start of the node is dead, or a newer one is known. */
  readonly isDead: (node: string, incarnation: number) => boolean;
  /** What is told with each PING and PONG. */
  readonly gossip: () => Gossip;
  readonly events: LinkEvents;
  readonly receiver: LinkReceiver;
  readonly serve: (request: ServeRequest) => ServeAnswer;
  /** Another node asks for a file, knowing of owners up to `epoch`. Without it none is served. */
  readonly serveFile?: ServeFile;
  /** Bytes have come and are about to be handled; what it closes is not handled. */
  readonly reading: () => void;
  /** All records that one read brought are in their logs. */
  readonly parsed: () => void;
}

/** What an operator wants to know of a link. */
export interface LinkSnapshot extends NodeId {
  readonly direction: LinkDirection;
  readonly state: "up" | "dialling" | "waiting";
  /** When it came up, in milliseconds since 1970; 0 while it is not. */
  readonly sinceMs: number;
  /** Sums since the node first had a link to that one in this direction. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly framesIn: number;
  readonly framesOut: number;
  /** Smoothed; 0 until it is known, and on links that the other node dialled. */
  readonly rttMs: number;
  /** Streams that this node gets or gives over it. */
  readonly subscriptions: number;
  readonly creditStalls: number;
  readonly jumps: number;
}

/** Numbers of `count` random bytes; of the ports, so that a simulation repeats. */
export function randomBytes({ random }: Ports, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => Math.floor(random.next() * 256));
}
