/**
 * How messages to actors cross from node to node; the links implement it.
 *
 * @module
 */
import type { AskReply } from "../../actors/runtime/ask.ts";

/** What another node answers: the actor's answer, or that the actor is not there. */
export type PeerReply =
  | AskReply<unknown>
  | {
    readonly ok: false;
    readonly error: "not-owner";
    /** Node that may be it. */
    readonly owner?: string;
  };

export interface PeerCalls {
  /** Asks an actor on `node`. "unreachable": it may or may not have heard it. */
  ask(
    node: string,
    kind: string,
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
  ): Promise<PeerReply>;
  /** Sends without an answer. Returns false when it was refused on this side. */
  tell(node: string, kind: string, key: string, name: string, req: unknown): boolean;
}
