/**
 * Ingest actor: the mailbox of a publisher's connection, pinned to its socket.
 *
 * The stream's owner reaches the publisher through it, from whatever node. Frames do not pass
 * here; they go from the socket to the {@link Ingest} directly.
 *
 * @module
 */
import type { Actor } from "../runtime/actor.ts";
import { actorKind } from "../runtime/protocol.ts";

export type IngestProtocol = {
  /** Disconnects the publisher; answers the number after its last record, 0 when it was gone. */
  kick: { req: { readonly reason: string }; res: number };
  /** The stream's derived track is needed for some time more. */
  derive: { req: void; res: void };
};

/** A publisher hears from its owner alone. */
const INGEST_MAILBOX_MAX = 256;

/** Awake only while it is told something: thousands of ingests are told nothing all their life. */
const INGEST_IDLE_MS = 1_000;

export const INGEST = actorKind<IngestProtocol>({
  name: "ingest",
  messages: ["kick", "derive"],
  mailboxMax: INGEST_MAILBOX_MAX,
  idleMs: INGEST_IDLE_MS,
});

export class IngestActor implements Actor<IngestProtocol> {
  readonly #kicked: (reason: string) => number;
  readonly #derived: () => void;

  constructor(kicked: (reason: string) => number, derived: () => void = () => {}) {
    this.#kicked = kicked;
    this.#derived = derived;
  }

  kick({ reason }: { reason: string }): number {
    return this.#kicked(reason);
  }

  derive(): void {
    this.#derived();
  }
}
