/**
 * Viewer actor: the mailbox of one viewer's connection. For control only; media goes by cursor.
 *
 * @module
 */
import type { Actor } from "../runtime/actor.ts";
import { actorKind } from "../runtime/protocol.ts";

export type ViewerProtocol = {
  /** Disconnects the viewer; false when there is none. */
  kick: { req: { readonly reason: string }; res: boolean };
};

/** A viewer is told little, and seldom. */
const VIEWER_MAILBOX_MAX = 16;

/** Awake only while it is told something: thousands of viewers are told nothing all their life. */
const VIEWER_IDLE_MS = 1_000;

export const VIEWER = actorKind<ViewerProtocol>({
  name: "viewer",
  messages: ["kick"],
  mailboxMax: VIEWER_MAILBOX_MAX,
  idleMs: VIEWER_IDLE_MS,
});

export class ViewerActor implements Actor<ViewerProtocol> {
  readonly #kicked: (reason: string) => boolean;

  constructor(kicked: (reason: string) => boolean) {
    this.#kicked = kicked;
  }

  kick({ reason }: { reason: string }): boolean {
    return this.#kicked(reason);
  }
}
