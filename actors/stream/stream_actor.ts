/**
 * Stream actor: the brain of one live stream on the node that owns it.
 *
 * It decides who publishes and keeps what must outlive a publisher: epoch, generation, numbers.
 * Frames never pass through it: the ingest appends them to the stream's log, which lives in the
 * {@link StreamCore} and survives a restart of this actor.
 *
 * @module
 */
import type { Actor, ActorContext } from "../runtime/actor.ts";
import { actorKind } from "../runtime/protocol.ts";
import type { ActorRef } from "../runtime/ref.ts";
import { INGEST } from "./ingest_actor.ts";
import type { Grant } from "./ingest.ts";
import type { StreamCore } from "./stream_core.ts";
import type { StreamHub } from "./stream_hub.ts";
import { streamNameOf } from "./stream_key.ts";
import { TIMELINE_START_US } from "./timeline_repair.ts";

/** Who wants to publish: an ingest actor on some node. */
export interface Publisher {
  /** Key of the ingest actor. */
  readonly ingestId: string;
  /** Node whose socket the publisher is connected to. */
  readonly node: string;
}

export type PublishResult =
  | { readonly ok: true; readonly grant: Grant }
  /** `busy`: somebody else publishes; `full`: the node has no room for another stream. */
  | { readonly ok: false; readonly reason: "busy" | "full" };

/** What the owner knows about its stream. */
export interface StreamDescription {
  readonly state: "live" | "idle";
  readonly epoch: number;
  readonly generation: number;
  /** Node of the publisher, when there is one. */
  readonly ingest?: string;
  /** Wall clock when the present publisher started, in milliseconds since 1970. */
  readonly startedAtMs?: number;
}

export type StreamProtocol = {
  publish: { req: Publisher; res: PublishResult };
  /** The publisher left or its socket was lost. */
  unpublish: { req: { readonly ingestId: string }; res: void };
  /** Ends the stream whoever publishes it; false when nobody does. */
  end: { req: { readonly reason: string }; res: boolean };
  describe: { req: void; res: StreamDescription };
};

/** Messages waiting at one stream: publishers and API calls of a moment, never frames. */
const STREAM_MAILBOX_MAX = 1_024;

/** An actor without a publisher is forgotten after this long. */
const STREAM_IDLE_MS = 10_000;

export const STREAM = actorKind<StreamProtocol>({
  name: "stream",
  messages: ["publish", "unpublish", "end", "describe"],
  mailboxMax: STREAM_MAILBOX_MAX,
  idleMs: STREAM_IDLE_MS,
});

type State =
  | { readonly kind: "idle" }
  | {
    readonly kind: "live";
    readonly publisher: Publisher;
    readonly core: StreamCore;
    readonly startedAtMs: number;
  };

export class StreamActor implements Actor<StreamProtocol> {
  readonly #key: string;
  readonly #hub: StreamHub;
  #state: State = { kind: "idle" };
  #epoch = 0;
  #generation = 0;

  constructor(key: string, hub: StreamHub) {
    this.#key = key;
    this.#hub = hub;
  }

  publish(publisher: Publisher, context: ActorContext<StreamProtocol>): PublishResult {
    if (this.#state.kind === "live") return { ok: false, reason: "busy" };
    const core = this.#hub.budget.exhausted ? undefined : this.#hub.open(streamNameOf(this.#key));
    if (core === undefined) return { ok: false, reason: "full" };
    const startedAtMs = context.ports.clock.wallMs();
    // An epoch is never handed out twice, not even by an owner that forgot the last one.
    this.#epoch = Math.max(this.#epoch + 1, Math.round(startedAtMs * 1000));
    this.#generation++;
    core.live = true;
    this.#state = { kind: "live", publisher, core, startedAtMs };
    context.log.info("stream started", { node: publisher.node, generation: this.#generation });
    return {
      ok: true,
      grant: {
        epoch: this.#epoch,
        generation: this.#generation,
        nextSeq: core.log.nextSeq,
        startUs: TIMELINE_START_US,
      },
    };
  }

  unpublish({ ingestId }: { ingestId: string }, context: ActorContext<StreamProtocol>): void {
    if (this.#state.kind !== "live" || this.#state.publisher.ingestId !== ingestId) return;
    this.#finish(this.#state.core, "publisher left", context);
  }

  end({ reason }: { reason: string }, context: ActorContext<StreamProtocol>): boolean {
    if (this.#state.kind !== "live") return false;
    const { core, publisher } = this.#state;
    const ingest: ActorRef<typeof INGEST.protocol> = context.system.ref(INGEST, publisher.ingestId);
    ingest.tell.kick({ reason });
    this.#finish(core, reason, context);
    return true;
  }

  describe(): StreamDescription {
    const known = { epoch: this.#epoch, generation: this.#generation };
    if (this.#state.kind === "idle") return { state: "idle", ...known };
    const { publisher, startedAtMs } = this.#state;
    return { state: "live", ...known, ingest: publisher.node, startedAtMs };
  }

  #finish(core: StreamCore, reason: string, context: ActorContext<StreamProtocol>): void {
    this.#state = { kind: "idle" };
    core.end();
    context.log.info("stream ended", { reason });
  }
}
