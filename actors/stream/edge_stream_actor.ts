/**
 * Edge-stream actor: gets a stream that another node owns to those who watch it here.
 *
 * It is the brain of one subscription per stream and node; records go from the link into the
 * stream's log without passing it. What it knows that matters lives in the {@link StreamCore}.
 *
 * @module
 */
import type { Actor, ActorContext } from "../runtime/actor.ts";
import { DEFERRED } from "../runtime/actor.ts";
import { Asking } from "./asking.ts";
import { type Carrier, EDGE_STREAM, type EdgeStreamProtocol } from "./edge_stream_protocol.ts";
import { STREAM } from "./stream_protocol.ts";
import { Detour, type Found } from "./detour.ts";
import { Feed } from "./feed.ts";
import { inherit, lostSession } from "./inheritance.ts";
import type { StreamCore } from "./stream_core.ts";
import type { StreamHub } from "./stream_hub.ts";
import { type StreamName, streamNameOf } from "./stream_key.ts";
import type { SessionState, Upstream, UpstreamEnd, Whereabouts } from "./upstream.ts";

export { type Carrier, EDGE_STREAM, type EdgeStreamProtocol };

/** The owner asks a node to stand by again and again; without that it stops after this long. */
const STAND_BY_MS = 15_000;

/**
 * Whose turn it is to take over from an owner that is gone: the publisher's node at once, which
 * has it all; then those that carry the stream, a moment apart; whoever else has viewers last.
 */
const TURN_MS = 150;
const LAST_TURN_MS = 600;

/**
 * An owner that is lost for longer is gone round, in milliseconds: its stream comes from whoever
 * else has it, until the owner, or another one, is there. A planned change takes less.
 */
const DETOUR_MS = 150;

/** A subscription that nobody needs is kept this long: viewers come back, players reconnect. */
const LINGER_MS = 10_000;

/** How often it looks whether anybody watches. */
const CHECK_MS = 1_000;

/** Whoever finds a stream is answered after this long, come what may. */
const FIND_MS = 2_000;

/** Whether the stream that somebody looks for has caught up is looked at this often. */
const FIND_AGAIN_MS = 50;

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
  #asking: Asking[] = [];
  #resolving = false;
  #checking = false;
  #unwatch: (() => void) | undefined;
  #tries = 0;
  #retrying = false;
  /** When nobody was found to watch any more, or when its feed was lost; monotonic milliseconds. */
  #unwatchedSinceMs: number | undefined;
  #lostSinceMs: number | undefined;
  #standByUntilMs = -Infinity;
  readonly #detour: Detour;

  constructor(key: string, options: EdgeStreamOptions) {
    this.#key = key;
    this.#name = streamNameOf(key);
    this.#options = options;
    this.#detour = new Detour(options);
  }

  started(context: Context): void {
    const core = this.#core;
    if (core === undefined) return;
    // It may have failed at the very message that was to find an owner.
    if (core.watched && !core.fed) this.#connect(core, context);
    else this.#check(context);
  }

  stopped(): void {
    this.#unwatch?.();
    this.#answer(false);
  }

  find(_: void, context: Context): boolean | typeof DEFERRED {
    const core = this.#options.hub.open(this.#name);
    if (core === undefined) return false;
    if (core.live && core.current) return true;
    const asking = new Asking(core, context.defer());
    this.#asking.push(asking);
    context.ports.timers.after(FIND_MS, () => {
      this.#asking = this.#asking.filter((other) => other !== asking);
      asking.answer(core.live);
    });
    this.#connect(core, context);
    return DEFERRED;
  }

  connect(_: void, context: Context): void {
    this.#retrying = false;
    const core = this.#core;
    if (core !== undefined) this.#connect(core, context);
  }

  resolved({ owner, reached }: Found, context: Context): void {
    this.#resolving = false;
    const core = this.#core;
    if (core === undefined || this.#isFed(core)) return this.#answer(core?.live ?? false);
    this.#check(context);
    if (owner === undefined) return this.#await(core, context);
    const { upstream, whereabouts } = this.#options;
    if (owner.node === whereabouts.node) return this.#answer(core.live);
    if (!reached) return this.#retry(context);
    this.#detour.leave(core);
    this.#stopWatching();
    const { self } = context;
    const over = (end: UpstreamEnd) => {
      core.feed = undefined;
      core.starved = true;
      whereabouts.forget(this.#key, owner);
      self.tell.closed(end);
    };
    core.feed = new Feed(core, {
      upstream,
      clock: context.ports.clock,
      node: owner.node,
      mode: "edge",
      epoch: Math.max(owner.epoch, whereabouts.highestEpoch(this.#key)),
      state: (state) => this.#told(core, state, () => over({ kind: "lost" })),
      caughtUp: () => void self.tell.caughtUp(),
      closed: over,
    });
  }

  caughtUp(): void {
    this.#tries = 0;
    this.#lostSinceMs = undefined;
    this.#detour.forget();
    this.#answer(this.#core?.live ?? false);
  }

  closed(end: UpstreamEnd, context: Context): void {
    const core = this.#core;
    if (core === undefined || this.#isFed(core)) return;
    const known = core.session !== undefined;
    if (known && end.kind === "ended") return this.#end(core, context);
    const nowMs = context.ports.clock.nowMs();
    if (this.#lostSinceMs === undefined) {
      this.#lostSinceMs = nowMs;
      this.#tries = 0;
    }
    if (known && !core.fed) context.sendAfter(DETOUR_MS, "goRound", undefined);
    if (!known && this.#tries > 0) this.#answer(false);
    if (
      known && !core.fed &&
      nowMs - this.#lostSinceMs > this.#options.holdMsOf(this.#name)
    ) {
      return this.#end(core, context);
    }
    this.#retry(context);
  }

  goRound(_: void, context: Context): void {
    const core = this.#core;
    if (core?.session === undefined || this.#lostSinceMs === undefined) return;
    // Taken over by this node; or a way round was found.
    if (core.publication ?? core.hold ?? core.ingest) return;
    if (this.#detour.fills(core)) return;
    const { ports: { clock }, self, log } = context;
    const node = this.#detour.take(core, core.session, clock, () => {
      self.tell.closed({ kind: "lost" });
    });
    if (node === undefined) return;
    log.info("owner not reached, stream taken from another node", { node });
    this.#retry(context);
  }

  async tookOver(_: void, context: Context): Promise<void> {
    const core = this.#core;
    if (core === undefined) return;
    const { whereabouts, upstream } = this.#options;
    await inherit(core, { key: this.#key, ports: context.ports, whereabouts, upstream });
    const session = lostSession(core, this.#options.holdMsOf(this.#name));
    if (session === undefined) return;
    this.#lostSinceMs = undefined;
    const { holdMs: heldMs } = session;
    context.system.ref(STREAM, this.#key).ask.adopt({ session, heldMs });
  }

  async takenBack({ epoch }: { epoch: number }): Promise<void> {
    const { whereabouts } = this.#options;
    const known = whereabouts.ownEpoch(this.#key);
    if (known !== undefined && known < epoch) await whereabouts.confirm(this.#key);
  }

  standBy(_: void, context: Context): void {
    const core = this.#options.hub.open(this.#name);
    this.#standByUntilMs = context.ports.clock.nowMs() + STAND_BY_MS;
    if (core !== undefined) this.#connect(core, context);
  }

  has(): Carrier | null {
    const core = this.#core;
    const known = core?.log.anchorAt(core.log.nextSeq);
    if (core === undefined || known === undefined) return null;
    const own = core.publication ?? core.hold?.last;
    const epoch = (own ?? core.ingest)?.grant.epoch ?? core.session?.epoch ?? 0;
    return {
      owns: own !== undefined,
      epoch,
      generation: known.generation,
      nextSeq: core.log.nextSeq,
    };
  }

  check(_: void, context: Context): void {
    this.#checking = false;
    const core = this.#core;
    if (core === undefined) return this.#stopWatching();
    const nowMs = context.ports.clock.nowMs();
    const wanted = core.watched || nowMs < this.#standByUntilMs;
    if (wanted) this.#unwatchedSinceMs = undefined;
    else this.#unwatchedSinceMs ??= nowMs;
    const unwatchedMs = nowMs - (this.#unwatchedSinceMs ?? nowMs);
    if (unwatchedMs < LINGER_MS) {
      if (wanted && !this.#isFed(core)) this.#connect(core, context);
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

  #connect(core: StreamCore, context: Context): void {
    this.#check(context);
    if (this.#isFed(core)) {
      // A feed that has said nothing yet is no answer.
      if (core.live && core.current) this.#answer(true);
      else if (this.#asking.length > 0) context.sendAfter(FIND_AGAIN_MS, "connect", undefined);
      return;
    }
    if (this.#resolving) return;
    this.#resolving = true;
    const { self } = context;
    const { whereabouts } = this.#options;
    whereabouts.resolve(this.#key, this.#lostSinceMs !== undefined).then(async (owner) => {
      const reached = owner === undefined || !this.#detour.fills(core) ||
        owner.node === whereabouts.node || await whereabouts.reaches(this.#key, owner.node);
      self.tell.resolved({ owner, reached });
    });
  }

  /** Something fills the log that is not a way round its owner. */
  #isFed(core: StreamCore): boolean {
    return core.fed && !this.#detour.fills(core);
  }

  /** Nobody owns it: viewers wait for a publisher, or for another owner. */
  #await(core: StreamCore, context: Context): void {
    this.#answer(core.live);
    if (core.session !== undefined) {
      if (this.#isOurTurn(core.session, context)) return this.#takeOver(context);
      return this.closed({ kind: "lost" }, context);
    }
    if (this.#unwatch !== undefined) return;
    const { self } = context;
    this.#unwatch = this.#options.whereabouts.watch(this.#key, () => {
      this.#unwatch = undefined;
      self.tell.connect();
    });
  }

  #isOurTurn({ ingest, replicas }: SessionState, { ports }: Context): boolean {
    const { whereabouts } = this.#options;
    const lostMs = ports.clock.nowMs() - (this.#lostSinceMs ?? Infinity);
    const ingestLives = ingest !== "" && ingest !== whereabouts.node && !whereabouts.gone(ingest);
    const rank = replicas.filter((node) => !whereabouts.gone(node)).indexOf(whereabouts.node);
    const turnMs = rank < 0 ? LAST_TURN_MS : rank * TURN_MS;
    return lostMs >= turnMs + (ingestLives ? LAST_TURN_MS : 0);
  }

  #takeOver(context: Context): void {
    const { self } = context;
    this.#resolving = true;
    this.#options.whereabouts.takeOver(this.#key).then((ours) => {
      this.#resolving = false;
      if (ours) self.tell.tookOver();
      else self.tell.closed({ kind: "lost" });
    });
  }

  /** Who was the owner before, and has not noticed that it is not any more, is left. */
  #told(core: StreamCore, state: SessionState, left: () => void): void {
    if (this.#options.whereabouts.accepts(this.#key, state.epoch)) {
      core.session = state;
      return;
    }
    core.feed?.close();
    left();
  }

  #retry(context: Context): void {
    if (this.#retrying) return;
    this.#retrying = true;
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
    for (const one of asking) one.answer(live);
  }
}
