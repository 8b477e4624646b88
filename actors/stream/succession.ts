/**
 * Who of several publishers of a stream is played: a second one is refused, replaces the first, or
 * is its backup, and a backup is played when the other one is lost or sends worse.
 *
 * Part of the {@link StreamActor}, on the stream's owner. A switch is a takeover prepared in
 * advance: the backup is asked for, says when it has a key frame, and only then the other one
 * stands down and becomes the backup.
 *
 * @module
 */
import type { ActorContext, Reply } from "../runtime/actor.ts";
import { INGEST } from "./ingest_actor.ts";
import { type Backup, Pair } from "./pair.ts";
import type { Publication, Publisher, StreamCore } from "./stream_core.ts";
import type { StreamHub } from "./stream_hub.ts";
import type {
  PairAnswer,
  PairReport,
  PublishRequest,
  PublishResult,
  StreamProtocol,
  SwitchResult,
} from "./stream_protocol.ts";
import { isSilent, type SwitchReason } from "./switch_judge.ts";
import type { Whereabouts } from "./upstream.ts";
import { NO_VITALS } from "./vitals.ts";

/** A publisher silent for this long, and for some usual frame intervals, has lost its socket. */
const SILENT_MS = 1_000;
const SILENT_INTERVALS = 3;

/** A publisher that is being replaced, or left, on another node sends its last records meanwhile. */
const TAIL_MS = 150;

/** A backup of which nothing was heard for this long is gone: some reports, or a short pause. */
const UNHEARD_MS_MAX = 1_500;

/** A backup is awaited this long at least, in milliseconds: some groups of pictures. */
const AWAITED_MS = 15_000;

/**
 * After the owner has died its successor waits so long for the publisher that was played, which
 * looks each second whether somebody knows it, before the backup is played.
 */
const ADOPT_MS = 2_500;

/** What a publisher hears whose place is another one's now. */
const REPLACED = "another publisher took over";

export interface SuccessionOptions {
  readonly hub: StreamHub;
  readonly whereabouts: Whereabouts;
}

/** How an application treats a second publisher. */
export interface SuccessionPolicy {
  readonly takeover: boolean;
  /** It is kept as a backup. */
  readonly backup?: boolean;
}

type Context = ActorContext<StreamProtocol>;
type Refusal = Extract<PublishResult, { ok: false }>["reason"];

export class Succession {
  readonly #options: SuccessionOptions;
  /** Those who asked for a switch. */
  #asking: Reply<SwitchResult>[] = [];

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /**
   * Somebody wants to publish a stream that has a publisher, which stands down where needed.
   *
   * @returns `undefined` when it may; else what it is told.
   */
  async enter(
    core: StreamCore,
    request: PublishRequest,
    { takeover, backup }: SuccessionPolicy,
    context: Context,
  ): Promise<Refusal | undefined> {
    const { publisher } = core.publication!;
    if (core.pair?.backup?.ingestId === request.ingestId) {
      if (!request.ready || core.pair.wanted === undefined) return "backup";
      return await this.#standDown(core, context) ? undefined : "backup";
    }
    // Who was asked to connect elsewhere does so before it leaves.
    const leaves = this.#options.whereabouts.leaving(publisher.node);
    if (backup && request.pairs && !leaves) {
      const pair = core.pair ??= new Pair();
      if (!this.#makeRoom(core, pair, context)) return "backed-up";
      const { ingestId, node } = request;
      const sinceMs = context.ports.clock.wallMs();
      this.#seat(core, { ingestId, node, sinceMs, vitals: NO_VITALS }, context);
      return "backup";
    }
    if (!takeover && !leaves && !this.#silent(core, context)) return "busy";
    await this.#dismiss(core, context);
    return undefined;
  }

  /** A publisher of two says how it is. */
  report(core: StreamCore | undefined, report: PairReport, context: Context): PairAnswer {
    const { ingestId, node, backup, sinceMs, generation, vitals } = report;
    const nowMs = context.ports.clock.nowMs();
    const known = core?.publication ?? core?.hold?.last;
    // The owner is new, and about to be told; or it is over, which who publishes finds out.
    if (core === undefined || known === undefined) {
      return backup ? { role: "backup", played: "" } : { role: "played" };
    }
    const { publication } = core;
    const pair = core.pair ??= new Pair();
    if (publication?.publisher.ingestId === ingestId) {
      if (backup) return { role: "backup", played: node, wantedMs: 0 }; // Its grant was lost.
      pair.played = { vitals, heardAtMs: nowMs };
      return { role: "played" };
    }
    // It was granted by an owner before us, or after us, and hands its session over by itself.
    if (!backup && (publication === undefined || known.grant.generation < generation)) {
      return { role: "played" };
    }
    const seated = pair.backup?.ingestId === ingestId;
    if (!seated && !this.#makeRoom(core, pair, context)) return { role: "none" };
    this.#seat(core, { ingestId, node, sinceMs, vitals }, context);
    this.#judge(core, pair, nowMs);
    const played = known.publisher.node;
    if (pair.wanted === undefined) return { role: "backup", played };
    return { role: "backup", played, wantedMs: Math.max(0, nowMs - core.newestAtMs) };
  }

  /** A publisher has left; true when it was the backup. */
  left(core: StreamCore, ingestId: string): boolean {
    const { pair } = core;
    if (pair?.backup?.ingestId !== ingestId) return false;
    this.#unseat(core, pair);
    return true;
  }

  /**
   * The one that was played is gone, and the stream held: its backup is to be played.
   *
   * @returns How long to wait for it, in milliseconds; `undefined` when there is none.
   */
  bereaved(core: StreamCore, reason: SwitchReason, context: Context): number | undefined {
    const { pair } = core;
    const nowMs = context.ports.clock.nowMs();
    if (pair?.backup === undefined) return undefined;
    if (nowMs - pair.backup.heardAtMs > UNHEARD_MS_MAX || isSilent(pair.backup.vitals)) {
      // It may well come back, as may the other one; an end that was meant is an end.
      if (reason === "ended") return undefined;
    }
    this.#want(core, pair, reason, context);
    return AWAITED_MS;
  }

  /** A publisher is played from now on, after the one of `before`. */
  began(core: StreamCore, publisher: Publisher, before: Publication, context: Context): void {
    const { pair } = core;
    if (pair === undefined) return;
    const { backup, wanted, former } = pair;
    pair.played =
      pair.wanted =
      pair.former =
      pair.heldSinceMs =
        undefined;
    if (backup?.ingestId !== publisher.ingestId) return;
    pair.backup = former;
    pair.switches++;
    pair.judge.switched(context.ports.clock.nowMs());
    const reason = wanted?.reason ?? "lost";
    const { node: from } = before.publisher;
    context.log.info("backup is played", { reason, from, to: publisher.node });
    this.#options.hub.pairChanged(core, {
      ...{ kind: "stream-switched", from, to: publisher.node, reason },
    });
    this.#answer("switched");
  }

  /** An operator wants the backup played. */
  ask(core: StreamCore | undefined, context: Context): SwitchResult | undefined {
    if (core?.publication === undefined && core?.hold === undefined) return "no-such-stream";
    const { pair } = core;
    if (pair?.backup === undefined) return "no-backup";
    const unheardMs = context.ports.clock.nowMs() - pair.backup.heardAtMs;
    if (unheardMs > UNHEARD_MS_MAX || isSilent(pair.backup.vitals)) return "backup-silent";
    this.#asking = this.#asking.filter(({ open }) => open);
    this.#asking.push(context.defer<SwitchResult>());
    if (pair.wanted === undefined) this.#want(core, pair, "asked", context);
    return undefined;
  }

  /** The stream is over: its backup is disconnected, too. */
  end({ pair }: StreamCore, reason: string, { system }: Context): void {
    this.#answer("no-such-stream");
    if (pair?.backup !== undefined) system.ref(INGEST, pair.backup.ingestId).tell.kick({ reason });
  }

  /** Waits a moment for the last records of a publisher on another node. */
  async tail(core: StreamCore, nextSeq: number, { ports }: Context): Promise<void> {
    if (core.feed === undefined || core.log.nextSeq >= nextSeq) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = ports.timers.after(TAIL_MS, resolve);
    await Promise.race([core.feed.reach(nextSeq), promise]);
    timer.cancel();
  }

  /** Nothing has come from the present publisher for so long that its socket must be gone. */
  #silent(core: StreamCore, context: Context): boolean {
    const silentMs = context.ports.clock.nowMs() - core.newestAtMs;
    return silentMs > Math.max(SILENT_MS, SILENT_INTERVALS * core.log.frameIntervalUs / 1000);
  }

  /** Disconnects a publisher and waits a moment for what it sent last. */
  async #dismiss(core: StreamCore, context: Context): Promise<void> {
    const publication = core.publication!;
    const ingest = context.system.ref(INGEST, publication.publisher.ingestId);
    const reason = REPLACED;
    const answer = await ingest.ask.kick({ reason }, { timeoutMs: TAIL_MS });
    if (answer.ok && plays(core, publication)) await this.tail(core, answer.value, context);
  }

  /**
   * The one that is played becomes the backup. One that does not answer is taken for gone; it hears
   * what it is when it reports next.
   *
   * @returns False when the stream has changed meanwhile.
   */
  async #standDown(core: StreamCore, context: Context): Promise<boolean> {
    const publication = core.publication!;
    const { ingestId, node } = publication.publisher;
    const ingest = context.system.ref(INGEST, ingestId);
    const answer = await ingest.ask.standBy(undefined, { timeoutMs: TAIL_MS });
    if (!plays(core, publication)) return false;
    if (!answer.ok) return true;
    if (answer.value < 0) ingest.tell.kick({ reason: REPLACED });
    else {
      const { clock } = context.ports;
      const former = { ingestId, node, sinceMs: clock.wallMs(), heardAtMs: clock.nowMs() };
      core.pair!.former = { ...former, vitals: core.pair!.played?.vitals ?? NO_VITALS };
      await this.tail(core, answer.value, context);
    }
    return plays(core, publication);
  }

  /** Whether somebody may be the backup; one that is gone makes room. */
  #makeRoom(core: StreamCore, pair: Pair, { ports: { clock }, system }: Context): boolean {
    const { backup } = pair;
    if (backup === undefined) return true;
    const unheardMs = clock.nowMs() - backup.heardAtMs;
    const lost = Math.max(SILENT_MS, SILENT_INTERVALS * backup.vitals.intervalMs);
    const gone = unheardMs > UNHEARD_MS_MAX || backup.vitals.silentMs + unheardMs > lost ||
      this.#options.whereabouts.leaving(backup.node);
    if (!gone) return false;
    system.ref(INGEST, backup.ingestId).tell.kick({ reason: REPLACED });
    this.#unseat(core, pair);
    return true;
  }

  #seat(core: StreamCore, backup: Omit<Backup, "heardAtMs">, { ports, log }: Context): void {
    const pair = core.pair!;
    const present = pair.backup?.ingestId === backup.ingestId;
    pair.backup = { ...backup, heardAtMs: ports.clock.nowMs() };
    if (present) return;
    const { ingestId, node: ingest } = backup;
    log.info("publisher stands by", { ingest, ingestId });
    this.#options.hub.pairChanged(core, { kind: "backup-joined", ingest });
  }

  #unseat(core: StreamCore, pair: Pair): void {
    const { node: ingest } = pair.backup!;
    pair.backup = pair.wanted = undefined;
    this.#answer("no-backup");
    this.#options.hub.pairChanged(core, { kind: "backup-left", ingest });
  }

  /** Whether the backup is to be played, by what is known now. */
  #judge(core: StreamCore, pair: Pair, nowMs: number): void {
    const { publication, hold } = core;
    if (publication === undefined) {
      pair.heldSinceMs ??= nowMs;
      const gone = this.#options.whereabouts.gone(hold!.last.publisher.node);
      if (!gone && nowMs - pair.heldSinceMs < ADOPT_MS) return;
      pair.wanted ??= { reason: "lost", sinceMs: nowMs };
      return;
    }
    pair.heldSinceMs = undefined;
    const asked = pair.wanted?.reason === "asked";
    if (asked && nowMs - pair.wanted!.sinceMs < AWAITED_MS) return;
    const reason = pair.judge.look(
      pair.playedVitals(core.newestAtMs, nowMs),
      pair.backup!.vitals,
      nowMs,
    );
    pair.wanted = reason && { reason, sinceMs: nowMs };
  }

  #want(core: StreamCore, pair: Pair, reason: SwitchReason, { ports, system }: Context): void {
    const nowMs = ports.clock.nowMs();
    pair.wanted = { reason, sinceMs: nowMs };
    const silentMs = Math.max(0, nowMs - core.newestAtMs);
    // It hears the same as the answer of its next report.
    system.ref(INGEST, pair.backup!.ingestId).tell.arm({ silentMs });
  }

  #answer(result: SwitchResult): void {
    const asking = this.#asking;
    this.#asking = [];
    for (const reply of asking) reply.send(result);
  }
}

/** Nothing has changed while somebody was asked. */
function plays(core: StreamCore, publication: Publication): boolean {
  return !core.ended && core.publication === publication;
}
