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
import type { Grant, Publication, Publisher, StreamCore } from "./stream_core.ts";
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
  | ({ readonly state: "live" | "hold" } & Publication);

export type StreamProtocol = {
  publish: { req: Publisher; res: PublishResult };
  /** The publisher ended its stream, or its socket was lost. */
  unpublish: { req: { readonly ingestId: string; readonly lost: boolean }; res: void };
  /** Ends the stream, published or held; false when it is neither. */
  end: { req: { readonly reason: string }; res: boolean };
  describe: { req: void; res: StreamDescription };
  /** The wait for a lost publisher may be over; a timer's message. */
  holdOver: { req: void; res: void };
};

/** Messages waiting at one stream: publishers and API calls of a moment, never frames. */
const STREAM_MAILBOX_MAX = 1_024;

/** An actor that hears nothing is forgotten after this long; the stream goes on. */
const STREAM_IDLE_MS = 10_000;

export const STREAM = actorKind<StreamProtocol>({
  name: "stream",
  messages: ["publish", "unpublish", "end", "describe", "holdOver"],
  mailboxMax: STREAM_MAILBOX_MAX,
  idleMs: STREAM_IDLE_MS,
});

/** A publisher silent for this long, and for some usual frame intervals, has lost its socket. */
const SILENT_MS = 1_000;
const SILENT_INTERVALS = 3;

/** How the owner of a stream treats its publishers. */
export interface StreamPolicy {
  /** How a session is cut for HLS. */
  readonly hls: HlsSettings;
  /** How far back the log reaches besides its newest group of pictures, in microseconds. */
  readonly logWindowUs: number;
  /** How long a lost publisher is waited for, in milliseconds; 0 ends its stream at once. */
  readonly holdMs: number;
  /** A second publisher of a live stream replaces the first. */
  readonly takeover: boolean;
}

export interface StreamActorOptions {
  readonly hub: StreamHub;
  /** Asked when a publisher comes; what it says then holds until the next one comes. */
  readonly policyOf: (name: StreamName) => StreamPolicy;
}

/** What a grant is made of. */
interface Session {
  readonly wallMs: number;
  /** Grant of the session before it. */
  readonly last: Grant | undefined;
  readonly hls: HlsSettings;
}

type Context = ActorContext<StreamProtocol>;

export class StreamActor implements Actor<StreamProtocol> {
  readonly #name: StreamName;
  readonly #hub: StreamHub;
  readonly #policyOf: StreamActorOptions["policyOf"];

  constructor(key: string, { hub, policyOf }: StreamActorOptions) {
    this.#name = streamNameOf(key);
    this.#hub = hub;
    this.#policyOf = policyOf;
  }

  started(context: Context): void {
    // Timers do not survive a restart; the stream does.
    const hold = this.#core?.hold;
    if (hold !== undefined) this.#awaitHold(hold.untilMs, context);
  }

  publish(publisher: Publisher, context: Context): PublishResult {
    const present = this.#core;
    const policy = this.#policyOf(this.#name);
    if (present?.publication !== undefined) {
      if (!policy.takeover && !this.#silent(present, context)) return { ok: false, reason: "busy" };
      this.#dismiss(present.publication, "another publisher took over", context);
    }
    const core = this.#hub.budget.exhausted ? present : this.#hub.open(this.#name);
    if (core === undefined) return { ok: false, reason: "full" };
    const startedAtMs = context.ports.clock.wallMs();
    const last = core.hold?.last ?? core.publication;
    const grant = this.#grant(core, { wallMs: startedAtMs, last: last?.grant, hls: policy.hls });
    core.log.windowUs = policy.logWindowUs;
    core.hold = undefined;
    core.publication = { publisher, grant, startedAtMs, holdMs: policy.holdMs };
    core.newestAtMs = context.ports.clock.nowMs();
    const { node, ingestId } = publisher;
    const text = last === undefined ? "stream started" : "publisher is back";
    context.log.info(text, { ingest: node, ingestId, generation: grant.generation });
    return { ok: true, grant };
  }

  unpublish({ ingestId, lost }: { ingestId: string; lost: boolean }, context: Context): void {
    const core = this.#core;
    const publication = core?.publication;
    if (core === undefined || publication?.publisher.ingestId !== ingestId) return;
    const { holdMs } = publication;
    if (!lost || holdMs === 0) return this.#end(core, "publisher left", context);
    const untilMs = context.ports.clock.nowMs() + holdMs;
    core.publication = undefined;
    core.hold = { last: publication, untilMs };
    context.log.info("publisher lost, stream held", { holdMs });
    this.#awaitHold(untilMs, context);
  }

  end({ reason }: { reason: string }, context: Context): boolean {
    const core = this.#core;
    if (core === undefined || !core.live) return false;
    if (core.publication !== undefined) this.#dismiss(core.publication, reason, context);
    this.#end(core, reason, context);
    return true;
  }

  describe(): StreamDescription {
    const core = this.#core;
    if (core?.publication !== undefined) return { state: "live", ...core.publication };
    if (core?.hold !== undefined) return { state: "hold", ...core.hold.last };
    return { state: "idle" };
  }

  holdOver(_: void, context: Context): void {
    const core = this.#core;
    // The publisher may have come and gone since: then another timer is on its way.
    const untilMs = core?.hold?.untilMs;
    if (core === undefined || untilMs === undefined) return;
    if (context.ports.clock.nowMs() < untilMs) return;
    this.#end(core, "publisher did not come back", context);
  }

  get #core(): StreamCore | undefined {
    const core = this.#hub.get(this.#name);
    return core?.ended ? undefined : core;
  }

  /** Nothing has come from the present publisher for so long that its socket must be gone. */
  #silent(core: StreamCore, context: Context): boolean {
    const silentMs = context.ports.clock.nowMs() - core.newestAtMs;
    return silentMs > Math.max(SILENT_MS, SILENT_INTERVALS * core.log.frameIntervalUs / 1000);
  }

  #grant({ log }: StreamCore, { wallMs, last, hls }: Session): Grant {
    const resumes = last !== undefined && log.nextSeq > 0;
    return {
      // Never handed out twice, not even by an owner that forgot the last one.
      epoch: Math.max(Math.round(wallMs * 1000), (last?.epoch ?? 0) + 1),
      // Names of segments hold it, and must not come again after a stream was forgotten.
      generation: Math.max(Math.round(wallMs), (last?.generation ?? 0) + 1),
      nextSeq: log.nextSeq,
      startUs: resumes ? log.newestDtsUs + log.frameIntervalUs : TIMELINE_START_US,
      afterUs: resumes ? log.newestDtsUs : -1,
      lastMark: log.lastMark,
      hls,
    };
  }

  #awaitHold(untilMs: number, context: Context): void {
    const delayMs = Math.max(0, Math.ceil(untilMs - context.ports.clock.nowMs()));
    context.sendAfter(delayMs, "holdOver", undefined);
  }

  #dismiss({ publisher }: Publication, reason: string, context: Context): void {
    context.system.ref(INGEST, publisher.ingestId).tell.kick({ reason });
  }

  #end(core: StreamCore, reason: string, context: Context): void {
    core.end();
    context.log.info("stream ended", { reason });
  }
}
