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
import { type Actor, type ActorContext, DEFERRED } from "../runtime/actor.ts";
import { EDGE_STREAM } from "./edge_stream_actor.ts";
import { Feed, REWIND_US_MAX } from "./feed.ts";
import { inherit } from "./inheritance.ts";
import { INGEST } from "./ingest_actor.ts";
import type { Grant, Publication, StreamCore } from "./stream_core.ts";
import type { StreamLog } from "./stream_log.ts";
import type { StreamHub } from "./stream_hub.ts";
import { type StreamName, streamNameOf } from "./stream_key.ts";
import { Succession, type SuccessionPolicy } from "./succession.ts";
import { TIMELINE_START_US } from "./timeline_repair.ts";
import {
  type Adoption,
  type FeedLoss,
  type LogEnd,
  logEndOf,
  type MoveResult,
  type PairAnswer,
  type PairReport,
  type PublishRequest,
  type PublishResult,
  sessionStateOf,
  type StreamDescription,
  type StreamProtocol,
  type SwitchResult,
  type Unpublish,
} from "./stream_protocol.ts";
import type { Upstream, Whereabouts } from "./upstream.ts";

/** Pauses between tries to reach the publisher's node, and how many there are. */
const FEED_RETRY_MS_MIN = 10;
const FEED_RETRY_MS_MAX = 250;
const FEED_TRIES_MAX = 20;

/** How the owner of a stream treats its publishers. */
export interface StreamPolicy extends SuccessionPolicy {
  /** How a session is cut for HLS. */
  readonly hls: HlsSettings;
  /** How far back the log reaches besides its newest group of pictures, in microseconds. */
  readonly logWindowUs: number;
  /** How long a lost publisher is waited for, in milliseconds; 0 ends its stream at once. */
  readonly holdMs: number;
}

export interface StreamActorOptions {
  readonly hub: StreamHub;
  /** Asked when a publisher comes; what it says then holds until the next one comes. */
  readonly policyOf: (name: StreamName) => StreamPolicy;
  /** Fetches what a publisher on another node sends. */
  readonly upstream: Upstream;
  readonly whereabouts: Whereabouts;
}

/** What a grant is made of. */
interface Session {
  readonly epoch: number;
  readonly wallMs: number;
  /** Of the session before it. */
  readonly generation: number | undefined;
  readonly hls: HlsSettings;
}

type Context = ActorContext<StreamProtocol>;

export class StreamActor implements Actor<StreamProtocol> {
  readonly #key: string;
  readonly #name: StreamName;
  readonly #hub: StreamHub;
  readonly #options: StreamActorOptions;
  readonly #succession: Succession;

  constructor(key: string, options: StreamActorOptions) {
    this.#key = key;
    this.#name = streamNameOf(key);
    this.#hub = options.hub;
    this.#options = options;
    this.#succession = new Succession(options);
  }

  started(context: Context): void {
    // Timers do not survive a restart; the stream does.
    const hold = this.#core?.hold;
    if (hold !== undefined) this.#awaitHold(hold.untilMs, context);
  }

  async publish(request: PublishRequest, context: Context): Promise<PublishResult> {
    const { has, pairs: _pairs, ready: _ready, ...publisher } = request;
    const present = this.#core;
    const policy = this.#options.policyOf(this.#name);
    if (present?.publication?.publisher.ingestId === publisher.ingestId) {
      const { grant, startedAtMs, holdMs } = present.publication;
      return { ok: true, grant, startedAtMs, holdMs }; // Our answer was lost on its way.
    }
    if (present?.publication !== undefined) {
      const reason = await this.#succession.enter(present, request, policy, context);
      if (reason !== undefined) return { ok: false, reason };
    }
    const core = this.#hub.budget.exhausted ? present : this.#hub.open(this.#name);
    if (core === undefined) return { ok: false, reason: "full" };
    if (core.publication === undefined && core.hold === undefined) {
      const { whereabouts, upstream } = this.#options;
      await inherit(core, { key: this.#key, ports: context.ports, whereabouts, upstream });
    }
    const epoch = this.#options.whereabouts.ownEpoch(this.#key);
    // Nobody needed it while we waited, so it may be forgotten: whoever asks asks again.
    if (epoch === undefined || this.#core !== core) return { ok: false, reason: "moved" };
    const startedAtMs = context.ports.clock.wallMs();
    const known = this.#lastGeneration(core);
    const ahead = has !== undefined && has.nextSeq > core.log.nextSeq &&
      has.generation >= (logEndOf(core)?.generation ?? 0);
    const generation = ahead ? Math.max(has.generation, known ?? 0) : known;
    const wallMs = this.#options.whereabouts.nowMs() ?? startedAtMs;
    const session = { epoch, wallMs, generation, hls: policy.hls };
    const grant = this.#grant(core.log, session, ahead ? has : core.log, has?.newestDtsUs ?? 0);
    core.log.windowUs = policy.logWindowUs;
    const before = core.publication ?? core.hold?.last;
    this.#begin(core, { publisher, grant, startedAtMs, holdMs: policy.holdMs }, context);
    if (before !== undefined) this.#succession.began(core, publisher, before, context);
    const { node, ingestId } = publisher;
    const text = generation === undefined ? "stream started" : "publisher is back";
    context.log.info(text, { ingest: node, ingestId, generation: grant.generation });
    return { ok: true, grant, startedAtMs, holdMs: policy.holdMs };
  }

  async unpublish({ ingestId, lost, nextSeq }: Unpublish, context: Context): Promise<boolean> {
    const core = this.#core;
    const publication = core?.publication;
    if (core === undefined || this.#succession.left(core, ingestId)) return false;
    if (publication?.publisher.ingestId !== ingestId) return false;
    await this.#succession.tail(core, nextSeq, context);
    const { holdMs } = publication;
    if (this.#bereave(core, publication, lost, context)) return false;
    if (!lost || holdMs === 0) {
      this.#end(core, "publisher left", context);
      return true;
    }
    this.#hold(core, publication, holdMs, context);
    return false;
  }

  adopt(adoption: Adoption, context: Context): boolean | Promise<boolean> {
    const { whereabouts } = this.#options;
    const known = whereabouts.ownEpoch(this.#key) ?? 0;
    if ((adoption.epoch ?? 0) <= known) return this.#adopt(adoption, context);
    // It was given to us before, and taken back while we could not be told.
    return whereabouts.confirm(this.#key).then(() => this.#adopt(adoption, context));
  }

  #adopt({ session, heldMs }: Adoption, context: Context): boolean {
    const epoch = this.#options.whereabouts.ownEpoch(this.#key);
    const core = this.#hub.open(this.#name);
    if (core === undefined || epoch === undefined) return false;
    const present = core.publication ?? core.hold?.last;
    const { generation } = session.grant;
    if (present !== undefined && present.grant.generation > generation) return false;
    if (beginsAnew(session, core)) {
      core.end(); // Its viewers come again, to the new one.
      return this.#adopt({ session, heldMs }, context);
    }
    const { ingestId, node } = session.publisher;
    if (core.publication?.publisher.ingestId === ingestId) {
      if (core.feed === undefined && node !== this.#options.whereabouts.node) {
        this.#feed(core, 0, context);
      }
      return true;
    }
    for (const other of [core.publication, core.ingest]) {
      if (other !== undefined && other.publisher.ingestId !== ingestId) {
        this.#kick(other, "another publisher took over", context);
      }
    }
    const adopted = { ...session, grant: { ...session.grant, epoch } };
    context.log.info("stream adopted", { ingest: node, ingestId, generation, epoch });
    if (heldMs === undefined) this.#begin(core, adopted, context);
    else this.#hold(core, adopted, heldMs, context);
    return true;
  }

  async move({ to }: { to: string }, context: Context): Promise<MoveResult> {
    const core = this.#core;
    const session = core?.publication ?? core?.hold?.last;
    if (core === undefined || session === undefined) return "no-such-stream";
    const { whereabouts } = this.#options;
    if (to === whereabouts.node) return "there-already";
    // It then has everything but the last moments, and goes on where we stop.
    if (!await whereabouts.prepare(this.#key, to)) return "failed";
    if (session !== (core.publication ?? core.hold?.last)) return "failed";
    const nowMs = context.ports.clock.nowMs();
    const heldMs = core.hold === undefined ? undefined : Math.max(0, core.hold.untilMs - nowMs);
    const epoch = await whereabouts.transfer(this.#key, to, { session, heldMs });
    if (epoch === undefined) return "failed";
    const state = { ...sessionStateOf(core, whereabouts.node)!, owner: to, epoch };
    core.feed?.close();
    core.feed =
      core.publication =
      core.hold =
      core.pair =
        undefined;
    core.session = state;
    core.starved = core.ingest === undefined;
    this.#hub.stateChanged(core);
    context.log.info("stream moved", { to, epoch });
    // Watched or not: who comes in the next moments, or the new owner's death, finds it here.
    context.system.ref(EDGE_STREAM, this.#key).tell.connect();
    context.stop();
    return "moved";
  }

  end({ reason }: { reason: string }, context: Context): boolean {
    const core = this.#core;
    if (core === undefined || !core.live) return false;
    if (core.publication !== undefined) this.#kick(core.publication, reason, context);
    this.#succession.end(core, reason, context);
    this.#end(core, reason, context);
    return true;
  }

  derive(_: void, context: Context): void {
    const publication = this.#core?.publication;
    if (publication === undefined) return;
    context.system.ref(INGEST, publication.publisher.ingestId).tell.derive();
  }

  describe(): StreamDescription {
    const core = this.#core;
    if (core?.publication !== undefined) return { state: "live", ...core.publication };
    if (core?.hold !== undefined) return { state: "hold", ...core.hold.last };
    return { state: "idle" };
  }

  report(report: PairReport, context: Context): PairAnswer {
    return this.#succession.report(this.#core, report, context);
  }

  switch(_: void, context: Context): SwitchResult | typeof DEFERRED {
    return this.#succession.ask(this.#core, context) ?? DEFERRED;
  }

  holdOver(_: void, context: Context): void {
    const core = this.#core;
    // The publisher may have come and gone since: then another timer is on its way.
    const untilMs = core?.hold?.untilMs;
    if (core === undefined || untilMs === undefined) return;
    if (context.ports.clock.nowMs() < untilMs) return;
    this.#end(core, "publisher did not come back", context);
  }

  feed({ ingestId, tries, rewound }: FeedLoss, context: Context): void {
    const core = this.#core;
    const publication = core?.publication;
    if (core === undefined || publication?.publisher.ingestId !== ingestId) return;
    const { node } = publication.publisher;
    // The message may be of an owner before us, whose actor is now this one.
    if (core.feed !== undefined || node === this.#options.whereabouts.node) return;
    if (rewound) return this.#beginAnew(core, publication, context);
    if (tries <= FEED_TRIES_MAX && !this.#options.whereabouts.gone(node)) {
      return this.#feed(core, tries, context);
    }
    if (!this.#bereave(core, publication, true, context)) {
      if (publication.holdMs === 0) return this.#end(core, "publisher's node is gone", context);
      this.#hold(core, publication, publication.holdMs, context);
    }
    // Perhaps it is this node that cannot be reached.
    core.starved = !this.#options.whereabouts.gone(node);
  }

  get #core(): StreamCore | undefined {
    const core = this.#hub.get(this.#name);
    return core?.ended ? undefined : core;
  }

  /** Generation of the session before, here or under an owner before us. */
  #lastGeneration(core: StreamCore): number | undefined {
    const { publication, hold, session } = core;
    // Without a session there may be records still, of a publisher whose end nobody took.
    return (publication ?? hold?.last)?.grant.generation ?? session?.generation ??
      logEndOf(core)?.generation;
  }

  /** @param end What is known of the session before; `seenUs`: what was seen of it anywhere. */
  #grant(
    log: StreamLog,
    { epoch, wallMs, generation, hls }: Session,
    end: Pick<LogEnd, "nextSeq" | "newestDtsUs" | "lastMark">,
    seenUs: number,
  ): Grant {
    const resumes = generation !== undefined && end.nextSeq > 0;
    const newestUs = Math.max(end.newestDtsUs, seenUs);
    return {
      epoch,
      // Names of segments hold it, and must not come again after a stream was forgotten; by the
      // mesh's clock, as an owner may not know of the session before.
      generation: Math.max(Math.round(wallMs), (generation ?? 0) + 1),
      nextSeq: end.nextSeq,
      startUs: resumes ? newestUs + log.frameIntervalUs : TIMELINE_START_US,
      afterUs: resumes ? newestUs : -1,
      lastMark: end.lastMark,
      hls,
    };
  }

  /** From here on this node decides, and the publication's records fill the log. */
  #begin(core: StreamCore, publication: Publication, context: Context): void {
    core.feed?.close();
    core.feed = core.hold = core.session = undefined;
    core.publication = publication;
    core.newestAtMs = context.ports.clock.nowMs();
    this.#hub.stateChanged(core);
    if (publication.publisher.node === this.#options.whereabouts.node) core.starved = false;
    else this.#feed(core, 0, context);
  }

  /** The session goes on far behind what was seen here: who watches comes again, to a new log. */
  #beginAnew(core: StreamCore, publication: Publication, context: Context): void {
    core.end();
    const anew = this.#hub.open(this.#name);
    if (anew === undefined) return this.#kick(publication, "no room for another stream", context);
    anew.log.windowUs = core.log.windowUs;
    this.#begin(anew, publication, context);
  }

  /** Subscribes to what a publisher on another node sends. */
  #feed(core: StreamCore, tries: number, context: Context): void {
    const { publisher: { node, ingestId }, grant: { epoch } } = core.publication!;
    const { upstream } = this.#options;
    let tried = tries;
    core.feed = new Feed(core, {
      ...{ upstream, node, epoch, clock: context.ports.clock, mode: "any" },
      caughtUp: () => tried = 0,
      closed: (end) => {
        core.feed = undefined;
        core.starved = true;
        const rewound = end.kind === "ended" && end.rewound === true;
        const delayMs = Math.min(FEED_RETRY_MS_MAX, FEED_RETRY_MS_MIN * 2 ** tried);
        const again = { ingestId, tries: tried + 1, rewound };
        context.ports.timers.after(delayMs, () => context.self.tell.feed(again));
      },
    });
  }

  /** The publisher is gone; true when the stream waits for its backup. */
  #bereave(core: StreamCore, last: Publication, lost: boolean, context: Context): boolean {
    const waitMs = this.#succession.bereaved(core, lost ? "lost" : "ended", context);
    if (waitMs === undefined) return false;
    this.#hold(core, last, lost ? Math.max(waitMs, last.holdMs) : waitMs, context);
    return true;
  }

  #hold(core: StreamCore, last: Publication, holdMs: number, context: Context): void {
    const untilMs = context.ports.clock.nowMs() + holdMs;
    core.feed?.close();
    core.feed = core.publication = core.session = undefined;
    core.starved = false;
    core.hold = { last, untilMs };
    this.#hub.stateChanged(core);
    context.log.info("publisher lost, stream held", { holdMs });
    this.#awaitHold(untilMs, context);
  }

  #awaitHold(untilMs: number, context: Context): void {
    const delayMs = Math.max(0, Math.ceil(untilMs - context.ports.clock.nowMs()));
    context.sendAfter(delayMs, "holdOver", undefined);
  }

  #kick({ publisher }: Publication, reason: string, context: Context): void {
    context.system.ref(INGEST, publisher.ingestId).tell.kick({ reason });
  }

  #end(core: StreamCore, reason: string, context: Context): void {
    core.end();
    this.#hub.stateChanged(core);
    context.log.info("stream ended", { reason });
  }
}

/** A session that was begun by an owner which knew nothing of ours. */
function beginsAnew({ grant }: Publication, { log }: StreamCore): boolean {
  const known = log.anchorAt(log.nextSeq);
  if (known === undefined || known.generation >= grant.generation) return false;
  return log.nextSeq > grant.nextSeq && log.newestDtsUs - grant.startUs > REWIND_US_MAX;
}
