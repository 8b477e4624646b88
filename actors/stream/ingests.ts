/**
 * Publishers that are connected to this node: how a session begins, finds another owner, and ends,
 * whatever protocol it speaks and wherever its stream is owned.
 *
 * @module
 */
import { every } from "../runtime/every.ts";
import type { Clock, Timer, Timers } from "../runtime/ports.ts";
import type { Actors } from "../runtime/actor.ts";
import type { AskReply } from "../runtime/ask.ts";
import { EDGE_STREAM } from "./edge_stream_actor.ts";
import { REWIND_US_MAX } from "./feed.ts";
import { INGEST } from "./ingest_actor.ts";
import { PairedIngests, type PairStage } from "./paired_ingests.ts";
import {
  type IngestStart,
  logEndOf,
  type PublishRequest,
  type PublishResult,
  STREAM,
} from "./stream_protocol.ts";
import type { Grant, Publication, StreamCore } from "./stream_core.ts";
import type { StreamHub } from "./stream_hub.ts";
import { streamKey, type StreamName } from "./stream_key.ts";
import type { Whereabouts } from "./upstream.ts";

/** What this node misses of the session before is waited for this long, in milliseconds. */
const CATCH_UP_MS = 150;

/** A stream's owner that cannot be told "unpublish" now is told again after this long. */
const UNPUBLISH_RETRY_MS = 100;

/** As often as that; the owner then finds out by itself. */
const UNPUBLISH_TRIES_MAX = 50;

/** The same of "publish", whose publisher waits meanwhile. */
const PUBLISH_RETRY_MS = 25;
const PUBLISH_TRIES_MAX = 8;

/** How often it is looked whether the owners of sessions here still fetch them. */
const WATCH_MS = 250;

/** An owner that fetches nothing for this long is gone or has forgotten; in milliseconds. */
const UNFETCHED_MS_MAX = 1_000;

/** One whose session is fetched is told of it this often, in milliseconds. */
const RETELL_MS = 3_000;

export interface IngestsOptions {
  readonly hub: StreamHub;
  readonly system: Actors;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly whereabouts: Whereabouts;
}

interface Entry {
  readonly session: Publication;
  readonly core: StreamCore;
  /** Checks since its owner, which is another node, was told of it. */
  untold: number;
}

export class Ingests implements PairStage {
  /** Those of them that may be one of two publishers of their stream. */
  readonly paired: PairedIngests;
  readonly #options: IngestsOptions;
  readonly #byId = new Map<string, Entry>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(options: IngestsOptions) {
    this.#options = options;
    this.paired = new PairedIngests({ ...options, stage: this });
  }

  /** Asks the stream's owner, wherever it is. Resolves when the first record may be appended. */
  async start(
    name: StreamName,
    ingestId: string,
    pairing: Pick<PublishRequest, "pairs" | "ready"> = {},
  ): Promise<IngestStart> {
    const { hub, whereabouts } = this.#options;
    const { node } = whereabouts;
    const present = hub.get(name);
    const seenAtMs = present === undefined || present.newestAtMs === 0
      ? this.#options.clock.nowMs()
      : present.newestAtMs;
    const answer = await this.#publish(streamKey(name), {
      ...{ ingestId, node, ...pairing },
      has: present === undefined || present.ended ? undefined : logEndOf(present),
    });
    if (!answer.ok) return { ok: false, reason: "unreachable", error: answer.error };
    if (!answer.value.ok) return answer.value;
    const { grant: granted, startedAtMs, holdMs } = answer.value;
    const core = this.#coreFor(name, granted);
    if (core === undefined) {
      this.#unpublish(ingestId, name, { lost: false, nextSeq: 0 });
      return { ok: false, reason: "full" };
    }
    await this.#catchUp(core, granted);
    const grant = behindWhatWasSeen(core, granted);
    const session = { publisher: { ingestId, node }, grant, startedAtMs, holdMs };
    this.#replace(core);
    core.ingest = session;
    core.starved = false;
    this.#byId.set(ingestId, { session, core, untold: 0 });
    this.#watch();
    return { ok: true, core, grant, seenAtMs: granted.nextSeq === 0 ? -Infinity : seenAtMs };
  }

  stepDown(ingestId: string): number {
    const entry = this.#byId.get(ingestId);
    if (entry === undefined) return 0;
    this.#byId.delete(ingestId);
    const { core, session } = entry;
    if (core.ingest === session) core.ingest = undefined;
    if (core.watched) this.#options.system.ref(EDGE_STREAM, streamKey(core.name)).tell.connect();
    return core.log.nextSeq;
  }

  unpublish(ingestId: string, name: StreamName, lost: boolean): void {
    if (this.#byId.has(ingestId)) this.end(ingestId, lost);
    else this.#unpublish(ingestId, name, { lost, nextSeq: 0 });
  }

  /** The publisher is gone; its ingest was revoked. */
  end(ingestId: string, lost: boolean): void {
    if (this.paired.end(ingestId, lost)) return;
    const entry = this.#byId.get(ingestId);
    if (entry === undefined) return;
    this.#byId.delete(ingestId);
    const { core } = entry;
    if (core.ingest === entry.session) core.ingest = undefined;
    this.#unpublish(ingestId, core.name, { lost, nextSeq: core.log.nextSeq }, core);
  }

  /** Some owners may be gone: sessions that nobody owns find one here at once. */
  ownersGone(): void {
    const { whereabouts } = this.#options;
    this.paired.nodesGone();
    for (const entry of this.#byId.values()) {
      const key = streamKey(entry.core.name);
      if (whereabouts.ownEpoch(key) !== undefined) continue;
      whereabouts.resolve(key, true).then(async (owner) => {
        if (owner === undefined && await whereabouts.takeOver(key)) this.#adopt(entry);
      });
    }
  }

  /** Disconnects every publisher: they are to connect elsewhere. */
  letGo(reason: string): void {
    for (const ingestId of this.#byId.keys()) {
      this.#options.system.ref(INGEST, ingestId).tell.kick({ reason });
    }
  }

  /** The stream that a session here fills. */
  coreOf(ingestId: string): StreamCore | undefined {
    return this.#byId.get(ingestId)?.core;
  }

  stop(): void {
    this.#stopped = true;
    this.#unwatch();
    this.paired.stop();
    this.#byId.clear();
  }

  /** An owner that changes at this moment is asked again: its successor. */
  async #publish(key: string, publisher: PublishRequest): Promise<AskReply<PublishResult>> {
    const { system, timers } = this.#options;
    for (let tries = 1;; tries++) {
      const answer = await system.ref(STREAM, key).ask.publish(publisher);
      const changing = answer.ok
        ? !answer.value.ok && answer.value.reason === "moved"
        : answer.error === "stopped" && !this.#stopped;
      if (!changing || tries === PUBLISH_TRIES_MAX) return answer;
      await new Promise<void>((done) => void timers.after(PUBLISH_RETRY_MS, done));
    }
  }

  /** One log has one writer: whoever else still sends here was replaced and has not heard of it. */
  #replace(core: StreamCore): void {
    for (const [ingestId, entry] of this.#byId) {
      if (entry.core !== core) continue;
      this.#oust(ingestId);
    }
  }

  /** Somebody else publishes its stream by now. */
  #oust(ingestId: string): void {
    if (this.paired.has(ingestId)) return void this.paired.standBy(ingestId);
    const reason = "another publisher took over";
    this.#options.system.ref(INGEST, ingestId).tell.kick({ reason });
  }

  /** Where its records go; viewers of a stream that begins anew on its timeline come again. */
  #coreFor(name: StreamName, { startUs }: Grant): StreamCore | undefined {
    const { hub } = this.#options;
    const core = hub.open(name);
    if (core === undefined || core.publication !== undefined) return core;
    if (core.log.newestDtsUs - startUs <= REWIND_US_MAX) return core;
    core.end();
    return hub.open(name);
  }

  /** Our viewers see the whole of the session before; the owner's numbers go on from it. */
  async #catchUp(core: StreamCore, { nextSeq }: Grant): Promise<void> {
    const { feed, log } = core;
    if (feed !== undefined && log.nextSeq < nextSeq) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = this.#options.timers.after(CATCH_UP_MS, resolve);
      await Promise.race([feed.reach(nextSeq), promise]);
      timer.cancel();
    }
    // The owner may be this node, whose feed comes from a publisher before us.
    if (core.publication === undefined) {
      core.feed?.close();
      core.feed = undefined;
    }
    if (log.nextSeq === nextSeq) return;
    const { head, lastMark } = log;
    if (log.nextSeq > 0) core.afterUs = log.newestDtsUs;
    log.begin({ seq: nextSeq, head, anchor: undefined, lastMark }, nextSeq);
  }

  #unpublish(
    ingestId: string,
    name: StreamName,
    { lost, nextSeq }: { lost: boolean; nextSeq: number },
    core?: StreamCore,
    tries = 0,
  ): void {
    const key = streamKey(name);
    const { system, timers } = this.#options;
    system.ref(STREAM, key).ask.unpublish({ ingestId, lost, nextSeq }).then((answer) => {
      if (!answer.ok && tries < UNPUBLISH_TRIES_MAX && !this.#stopped) {
        const again = () => this.#unpublish(ingestId, name, { lost, nextSeq }, core, tries + 1);
        return void timers.after(UNPUBLISH_RETRY_MS, again);
      }
      if (core === undefined || core.ended || core.ingest !== undefined) return;
      if (answer.ok && answer.value) core.end();
      else if (core.watched) system.ref(EDGE_STREAM, key).tell.connect();
    });
  }

  #watch(): void {
    this.#timer ??= every(this.#options, WATCH_MS, () => {
      for (const entry of this.#byId.values()) this.#look(entry);
      if (this.#byId.size === 0) this.#unwatch();
    });
  }

  #unwatch(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** An owner on another node subscribes to the session; when it does not, another one is found. */
  #look(entry: Entry): void {
    const { core, session: { publisher } } = entry;
    if (core.publication?.publisher.ingestId === publisher.ingestId) {
      entry.untold = 0;
      return;
    }
    const owned = this.#options.whereabouts.ownEpoch(streamKey(core.name)) !== undefined;
    // Who fetches it may be an edge, or an owner that has not heard whose session it is.
    const fetched = !owned && core.eager.size > 0;
    if (++entry.untold * WATCH_MS < (fetched ? RETELL_MS : UNFETCHED_MS_MAX)) return;
    entry.untold = 0;
    this.#adopt(entry);
  }

  /** Hands the session to the stream's owner. */
  #adopt({ core, session }: Entry): void {
    const { system } = this.#options;
    const { ingestId } = session.publisher;
    system.ref(STREAM, streamKey(core.name)).ask.adopt({ session }).then((answer) => {
      if (!answer.ok || answer.value || !this.#byId.has(ingestId)) return;
      this.#oust(ingestId);
    });
  }
}

/** Viewers here may have seen more of the session before than the owner knows of. */
function behindWhatWasSeen({ log }: StreamCore, grant: Grant): Grant {
  const seenUs = log.newestDtsUs;
  if (log.nextSeq === 0 || seenUs < grant.startUs) return grant;
  return { ...grant, startUs: seenUs + log.frameIntervalUs, afterUs: seenUs };
}
