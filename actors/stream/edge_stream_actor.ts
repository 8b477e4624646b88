/**
 * Edge-stream actor: gets a stream that another node owns to those who watch it here.
 *
 * It is the brain of one subscription per stream and node; records go from the link into the
 * stream's log without passing it. What it knows that matters lives in the {@link StreamCore}.
 *
 * @module
 */
import type { Actor, ActorContext, Reply } from "../runtime/actor.ts";
import { DEFERRED } from "../runtime/actor.ts";
import { actorKind } from "../runtime/protocol.ts";
import { Feed } from "./feed.ts";
import type { StreamCore } from "./stream_core.ts";
import type { StreamHub } from "./stream_hub.ts";
import { type StreamName, streamNameOf } from "./stream_key.ts";
import type { SessionState, StreamOwner, Upstream, UpstreamEnd, Whereabouts } from "./upstream.ts";

export type EdgeStreamProtocol = {
  /** Gets the stream here; answers whether it is live when that is known, soon. */
  find: { req: void; res: boolean };
  /** Somebody here watches it and nothing fills it any more. */
  connect: { req: void; res: void };
  /** The owner was looked up. */
  resolved: { req: { readonly owner: StreamOwner | undefined }; res: void };
  /** Whatever the owner had when it was subscribed to is here. */
  caughtUp: { req: void; res: void };
  /** The subscription is over. */
  closed: { req: UpstreamEnd; res: void };
  /** A look at who still watches; a timer's message. */
  check: { req: void; res: void };
};

/** Viewers that come at once each ask; the rest is told by links and timers. */
const EDGE_STREAM_MAILBOX_MAX = 16_384;

/** Longer than a timer of its own: it sleeps only when there is nothing to watch over. */
const EDGE_STREAM_IDLE_MS = 10_000;

export const EDGE_STREAM = actorKind<EdgeStreamProtocol>({
  name: "edge-stream",
  messages: ["find", "connect", "resolved", "caughtUp", "closed", "check"],
  mailboxMax: EDGE_STREAM_MAILBOX_MAX,
  idleMs: EDGE_STREAM_IDLE_MS,
});

/** A subscription that nobody needs is kept this long: viewers come back, players reconnect. */
const LINGER_MS = 10_000;

/** How often it looks whether anybody watches. */
const CHECK_MS = 1_000;

/** Whoever finds a stream is answered after this long, come what may. */
const FIND_MS = 2_000;

/** Pause before a lost owner is looked for again: doubled each time, with chance. */
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 500;

export interface EdgeStreamOptions {
  readonly hub: StreamHub;
  readonly upstream: Upstream;
  readonly whereabouts: Whereabouts;
  /** How long viewers wait for a stream whose owner is gone, in milliseconds. */
  readonly holdMsOf: (name: StreamName) => number;
}

type Context = ActorContext<EdgeStreamProtocol>;

export class EdgeStreamActor implements Actor<EdgeStreamProtocol> {
  readonly #key: string;
  readonly #name: StreamName;
  readonly #options: EdgeStreamOptions;
  #asking: Reply<boolean>[] = [];
  #resolving = false;
  #checking = false;
  #unwatch: (() => void) | undefined;
  #tries = 0;
  /** When nobody was found to watch any more, or when its feed was lost; monotonic milliseconds. */
  #unwatchedSinceMs: number | undefined;
  #lostSinceMs: number | undefined;

  constructor(key: string, options: EdgeStreamOptions) {
    this.#key = key;
    this.#name = streamNameOf(key);
    this.#options = options;
  }

  started(context: Context): void {
    if (this.#core !== undefined) this.#check(context);
  }

  stopped(): void {
    this.#unwatch?.();
    this.#answer(false);
  }

  find(_: void, context: Context): boolean | typeof DEFERRED {
    const core = this.#options.hub.open(this.#name);
    if (core === undefined) return false;
    if (core.live && !core.log.behind) return true;
    const reply = context.defer<boolean>();
    this.#asking.push(reply);
    context.ports.timers.after(FIND_MS, () => reply.send(core.live));
    this.#connect(core, context);
    return DEFERRED;
  }

  connect(_: void, context: Context): void {
    const core = this.#core;
    if (core !== undefined) this.#connect(core, context);
  }

  resolved({ owner }: { owner: StreamOwner | undefined }, context: Context): void {
    this.#resolving = false;
    const core = this.#core;
    if (core === undefined || this.#fed(core)) return this.#answer(core?.live ?? false);
    this.#check(context);
    if (owner === undefined) return this.#await(core, context);
    const { upstream, whereabouts } = this.#options;
    if (owner.node === whereabouts.node) return this.#answer(core.live);
    this.#stopWatching();
    const { self } = context;
    core.feed = new Feed(core, {
      upstream,
      clock: context.ports.clock,
      node: owner.node,
      mode: "edge",
      epoch: Math.max(owner.epoch, core.session?.epoch ?? 0),
      state: (state) => this.#told(core, state),
      caughtUp: () => void self.tell.caughtUp(),
      closed: (end) => {
        core.feed = undefined;
        whereabouts.forget(this.#key, owner);
        self.tell.closed(end);
      },
    });
  }

  caughtUp(): void {
    this.#tries = 0;
    this.#lostSinceMs = undefined;
    this.#answer(this.#core?.live ?? false);
  }

  closed(end: UpstreamEnd, context: Context): void {
    const core = this.#core;
    if (core === undefined || this.#fed(core)) return;
    const known = core.session !== undefined;
    // An owner that has nothing of it any more has seen its end.
    const over = end.kind === "ended" || (end.kind === "refused" && end.owner === undefined);
    if (known && over) return this.#end(core, context);
    const nowMs = context.ports.clock.nowMs();
    this.#lostSinceMs ??= nowMs;
    if (!known && this.#tries > 0) this.#answer(false);
    if (known && nowMs - this.#lostSinceMs > this.#options.holdMsOf(this.#name)) {
      return this.#end(core, context);
    }
    this.#retry(context);
  }

  check(_: void, context: Context): void {
    this.#checking = false;
    const core = this.#core;
    if (core === undefined) return this.#stopWatching();
    const nowMs = context.ports.clock.nowMs();
    if (core.watched) this.#unwatchedSinceMs = undefined;
    else this.#unwatchedSinceMs ??= nowMs;
    const unwatchedMs = nowMs - (this.#unwatchedSinceMs ?? nowMs);
    if (unwatchedMs < LINGER_MS) {
      if (core.watched && !this.#fed(core)) this.#connect(core, context);
      return this.#check(context);
    }
    this.#stopWatching();
    core.feed?.close();
    core.feed = undefined;
    // Who owns it goes on without us; the hub forgets what nobody needs.
    if (core.publication === undefined && core.hold === undefined) core.session = undefined;
  }

  get #core(): StreamCore | undefined {
    const core = this.#options.hub.get(this.#name);
    return core?.ended ? undefined : core;
  }

  /** Something fills the log, or this node is the one that decides about it. */
  #fed(core: StreamCore): boolean {
    return core.feed !== undefined || core.ingest !== undefined ||
      core.publication !== undefined || core.hold !== undefined;
  }

  #connect(core: StreamCore, context: Context): void {
    this.#check(context);
    if (this.#fed(core)) {
      if (!core.log.behind) this.#answer(core.live);
      return;
    }
    if (this.#resolving) return;
    this.#resolving = true;
    const { self } = context;
    this.#options.whereabouts.resolve(this.#key)
      .then((owner) => self.tell.resolved({ owner }));
  }

  /** Nobody owns it: viewers wait for a publisher, or for another owner. */
  #await(core: StreamCore, context: Context): void {
    this.#answer(core.live);
    if (core.session !== undefined) return this.closed({ kind: "lost" }, context);
    if (this.#unwatch !== undefined) return;
    const { self } = context;
    this.#unwatch = this.#options.whereabouts.watch(this.#key, () => {
      this.#unwatch = undefined;
      self.tell.connect();
    });
  }

  #told(core: StreamCore, state: SessionState): void {
    core.session = state;
  }

  #retry(context: Context): void {
    const delayMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(this.#tries++, 8));
    context.sendAfter(delayMs * (0.5 + context.ports.random.next()), "connect", undefined);
  }

  #end(core: StreamCore, context: Context): void {
    this.#lostSinceMs = undefined;
    this.#answer(false);
    core.end();
    context.log.info("stream ended elsewhere");
  }

  #check(context: Context): void {
    if (this.#checking) return;
    this.#checking = true;
    context.sendAfter(CHECK_MS, "check", undefined);
  }

  #stopWatching(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  #answer(live: boolean): void {
    const asking = this.#asking;
    this.#asking = [];
    for (const reply of asking) reply.send(live);
  }
}
