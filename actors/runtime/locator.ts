/**
 * Where an actor lives: here, or behind an endpoint that carries messages to its node.
 *
 * Asked only for actors that are not running here, so an actor that moves away must be stopped
 * here first. One node alone needs none of this: {@link LOCAL_LOCATOR}.
 *
 * @module
 */
import type { AskReply } from "./ask.ts";

/** Carries messages to actors on another node. Requests are plain data; copy, do not keep them. */
export interface RemoteActors {
  /**
   * Asks and resolves to the answer. The caller stops waiting after `timeoutMs` by itself; the
   * far node needs it to drop what is too late. A rejection counts as "unreachable".
   */
  ask(
    kind: string,
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
  ): Promise<AskReply<unknown>>;
  /** Sends without an answer. Returns false when it was refused on this side. */
  tell(kind: string, key: string, name: string, req: unknown): boolean;
}

/** Knows where actors live. */
export interface Locator {
  /** The endpoint that leads to (kind, key), or `undefined` when that actor lives here. */
  locate(kind: string, key: string): RemoteActors | undefined;
}

/** Everything lives here. */
export const LOCAL_LOCATOR: Locator = { locate: () => undefined };
