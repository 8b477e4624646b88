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
  /** One of two is to be played as soon as it can be; see {@link PairedPublishers.arm}. */
  arm: { req: { readonly silentMs: number }; res: void };
  /** One of two is the backup from now on; answers as `kick` does, -1 when it cannot be. */
  standBy: { req: void; res: number };
  /** The stream's derived track is needed for some time more. */
  derive: { req: void; res: void };
};

/** A publisher hears from its owner alone. */
const INGEST_MAILBOX_MAX = 256;

/** Awake only while it is told something: thousands of ingests are told nothing all their life. */
const INGEST_IDLE_MS = 1_000;

export const INGEST = actorKind<IngestProtocol>({
  name: "ingest",
  messages: ["kick", "arm", "standBy", "derive"],
  mailboxMax: INGEST_MAILBOX_MAX,
  idleMs: INGEST_IDLE_MS,
});

/** What may be asked of publishers that are one of two, by session. */
export interface PairedPublishers {
  /** @param silentMs Time since the newest frame of the other one, in milliseconds. */
  arm(ingestId: string, silentMs: number): void;
  /** Number after its last record; -1 when it is none of two. */
  standBy(ingestId: string): number;
}

export class IngestActor implements Actor<IngestProtocol> {
  readonly #kicked: (reason: string) => number;
  readonly #derived: () => void;
  readonly #key: string;
  readonly #paired: PairedPublishers | undefined;

  constructor(
    kicked: (reason: string) => number,
    derived: () => void = () => {},
    paired?: { readonly key: string; readonly publishers: PairedPublishers },
  ) {
    this.#kicked = kicked;
    this.#derived = derived;
    this.#key = paired?.key ?? "";
    this.#paired = paired?.publishers;
  }

  kick({ reason }: { reason: string }): number {
    return this.#kicked(reason);
  }

  arm({ silentMs }: { silentMs: number }): void {
    this.#paired?.arm(this.#key, silentMs);
  }

  standBy(): number {
    return this.#paired?.standBy(this.#key) ?? -1;
  }

  derive(): void {
    this.#derived();
  }
}
