/**
 * What the actor of a stream that another node owns is told and asked.
 *
 * @module
 */
import { actorKind } from "../runtime/protocol.ts";
import type { Found } from "./detour.ts";
import type { UpstreamEnd } from "./upstream.ts";

export type EdgeStreamProtocol = {
  /** Gets the stream here; answers whether it is live when that is known, soon. */
  find: { req: void; res: boolean };
  /** Somebody here watches it and nothing fills it any more. */
  connect: { req: void; res: void };
  /** The owner was looked up. */
  resolved: { req: Found; res: void };
  /** Whatever the owner had when it was subscribed to is here. */
  caughtUp: { req: void; res: void };
  /** The subscription is over. */
  closed: { req: UpstreamEnd; res: void };
  /** The owner has not come back for a moment. */
  goRound: { req: void; res: void };
  /** This node owns the stream now, whose owner is gone. */
  tookOver: { req: void; res: void };
  /** Who gave the stream to this node, in vain as far as it knows, owns it again. */
  takenBack: { req: { readonly epoch: number }; res: void };
  /** Carries the stream although nobody here watches, in case its owner dies. */
  standBy: { req: void; res: void };
  /** What this node has of it: for a new owner that has less. */
  has: { req: void; res: Carrier | null };
  /** A look at who still watches; a timer's message. */
  check: { req: void; res: void };
};

/** Viewers that come at once each ask; the rest is told by links and timers. */
const EDGE_STREAM_MAILBOX_MAX = 16_384;

/** Longer than a timer of its own: it sleeps only when there is nothing to watch over. */
const EDGE_STREAM_IDLE_MS = 10_000;

export const EDGE_STREAM = actorKind<EdgeStreamProtocol>({
  name: "edge-stream",
  messages: [
    "find",
    "connect",
    "resolved",
    "caughtUp",
    "closed",
    "goRound",
    "tookOver",
    "takenBack",
    "standBy",
    "has",
    "check",
  ],
  mailboxMax: EDGE_STREAM_MAILBOX_MAX,
  idleMs: EDGE_STREAM_IDLE_MS,
});

/** What a node has of a stream. */
export interface Carrier {
  /** It decides about the stream. */
  readonly owns: boolean;
  readonly epoch: number;
  readonly generation: number;
  readonly nextSeq: number;
}
