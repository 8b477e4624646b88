/**
 * Stream actor: the brain of one live stream on the node that owns it.
 *
 * It decides who publishes. Frames never pass through it: the ingest appends them to the stream's
 * log. All that it knows lives in the {@link StreamCore}, so that it may be restarted or forgotten
 * at any moment without anybody noticing.
 *
 * @module
 */
import type { HlsSettings } from "../../protocols/media/record.ts";
import type { Actor, ActorContext } from "../runtime/actor.ts";
import { actorKind } from "../runtime/protocol.ts";
import { INGEST } from "./ingest_actor.ts";
import type { Grant, Publication, Publisher } from "./stream_core.ts";
import type { StreamHub } from "./stream_hub.ts";
import { type StreamName, streamNameOf } from "./stream_key.ts";
import { TIMELINE_START_US } from "./timeline_repair.ts";

export type PublishResult =
  | { readonly ok: true; readonly grant: Grant }
  /** `busy`: somebody else publishes; `full`: the node has no room for another stream. */
  | { readonly ok: false; readonly reason: "busy" | "full" };

/** What the owner knows about its stream. */
export type StreamDescription =
  | { readonly state: "idle" }
  | ({ readonly state: "live" } & Publication);

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

/** An actor that hears nothing is forgotten after this long; the stream goes on. */
const STREAM_IDLE_MS = 10_000;

export const STREAM = actorKind<StreamProtocol>({
  name: "stream",
  messages: ["publish", "unpublish", "end", "describe"],
  mailboxMax: STREAM_MAILBOX_MAX,
  idleMs: STREAM_IDLE_MS,
});

export class StreamActor implements Actor<StreamProtocol> {
  readonly #name: StreamName;
  readonly #hub: StreamHub;
  readonly #hls: HlsSettings;

  constructor(key: string, options: { hub: StreamHub; hls: HlsSettings }) {
    this.#name = streamNameOf(key);
    this.#hub = options.hub;
    this.#hls = options.hls;
  }

  publish(publisher: Publisher, context: ActorContext<StreamProtocol>): PublishResult {
    if (this.#publication !== undefined) return { ok: false, reason: "busy" };
    const core = this.#hub.budget.exhausted ? undefined : this.#hub.open(this.#name);
    if (core === undefined) return { ok: false, reason: "full" };
    const startedAtMs = context.ports.clock.wallMs();
    const grant: Grant = {
      // Never handed out twice, not even by an owner that forgot the last one.
      epoch: Math.round(startedAtMs * 1000),
      // Names of segments hold it, and must not come again after a stream was forgotten.
      generation: Math.round(startedAtMs),
      nextSeq: core.log.nextSeq,
      startUs: TIMELINE_START_US,
      lastMark: core.log.lastMark,
      hls: this.#hls,
    };
    core.publication = { publisher, grant, startedAtMs };
    context.log.info("stream started", { ingest: publisher.node, ingestId: publisher.ingestId });
    return { ok: true, grant };
  }

  unpublish({ ingestId }: { ingestId: string }, context: ActorContext<StreamProtocol>): void {
    if (this.#publication?.publisher.ingestId !== ingestId) return;
    this.#end("publisher left", context);
  }

  end({ reason }: { reason: string }, context: ActorContext<StreamProtocol>): boolean {
    const publication = this.#publication;
    if (publication === undefined) return false;
    context.system.ref(INGEST, publication.publisher.ingestId).tell.kick({ reason });
    this.#end(reason, context);
    return true;
  }

  describe(): StreamDescription {
    const publication = this.#publication;
    if (publication === undefined) return { state: "idle" };
    const { publisher, grant, startedAtMs } = publication;
    return { state: "live", publisher, grant, startedAtMs };
  }

  get #publication(): Publication | undefined {
    return this.#hub.get(this.#name)?.publication;
  }

  #end(reason: string, context: ActorContext<StreamProtocol>): void {
    this.#hub.get(this.#name)?.end();
    context.log.info("stream ended", { reason });
  }
}
