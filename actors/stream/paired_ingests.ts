/**
 * Publishers connected to this node that may be one of two: how they report to their stream's
 * owner, are played, stand by, and find another owner when theirs is gone.
 *
 * What each of them is the owner decides. Reports and their answers repeat it a few times a second,
 * so that nothing depends on a message that was lost, and a new owner learns of a backup from its
 * next report.
 *
 * @module
 */
import type { Actors } from "../runtime/actor.ts";
import type { AskReply } from "../runtime/ask.ts";
import type { Clock, Timer, Timers } from "../runtime/ports.ts";
import { INGEST, type PairedPublishers } from "./ingest_actor.ts";
import type { Intake } from "./intake.ts";
import type { StreamHub } from "./stream_hub.ts";
import { streamKey, type StreamName } from "./stream_key.ts";
import { type IngestStart, type PairAnswer, STREAM } from "./stream_protocol.ts";
import type { Whereabouts } from "./upstream.ts";

/** How often a backup reports, in milliseconds: what a silent publisher's viewers wait besides. */
const REPORT_MS = 250;

/** The one that is played reports each so many times: its silence is seen without it. */
const PLAYED_TURNS = 4;

/** A report that is not answered by then is made again, in milliseconds. */
const REPORT_TIMEOUT_MS = 1_000;

/** A backup whose stream nobody owns or publishes for this long publishes it, in milliseconds. */
const ORPHAN_MS = 3_000;

/** Sessions of this node as they enter and leave the stage. */
export interface PairStage {
  start(
    name: StreamName,
    ingestId: string,
    pairing: { readonly pairs?: true; readonly ready?: true },
  ): Promise<IngestStart>;
  /** The session goes on as a backup's; answers the number after its last record. */
  stepDown(ingestId: string): number;
  /** Tells the owner that it is gone. */
  unpublish(ingestId: string, name: StreamName, lost: boolean): void;
}

export interface PairedIngestsOptions {
  readonly hub: StreamHub;
  readonly stage: PairStage;
  readonly system: Actors;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly whereabouts: Whereabouts;
}

interface Member {
  readonly ingestId: string;
  readonly name: StreamName;
  readonly intake: Intake;
  /** Generation of its session while it is played; 0 while it stands by. */
  generation: number;
  sinceMs: number;
  /** Node of the one that is played; empty when nobody is. */
  played: string;
  /** When the owner was heard of last, and somebody was played; monotonic milliseconds. */
  heardAtMs: number;
  entering: boolean;
  reporting: boolean;
  turn: number;
}

/** What came of a publisher's wish; `backup` of one that stands by. */
export type PairedStart = { readonly ok: true } | Exclude<IngestStart, { ok: true }>;

export class PairedIngests implements PairedPublishers {
  readonly #options: PairedIngestsOptions;
  readonly #members = new Map<string, Member>();
  #timer: Timer | undefined;

  constructor(options: PairedIngestsOptions) {
    this.#options = options;
  }

  /** Backups connected to this node. */
  get backups(): number {
    let count = 0;
    for (const { generation } of this.#members.values()) if (generation === 0) count++;
    return count;
  }

  /** Whether a session is one that may be of two. */
  has(ingestId: string): boolean {
    return this.#members.has(ingestId);
  }

  /** Asks the stream's owner. Resolves when frames may be handed to the intake. */
  async start(name: StreamName, ingestId: string, intake: Intake): Promise<PairedStart> {
    const { stage, clock } = this.#options;
    const started = await stage.start(name, ingestId, { pairs: true });
    if (!started.ok && started.reason !== "backup") return started;
    const member: Member = {
      ...{ ingestId, name, intake, generation: 0, sinceMs: clock.wallMs(), played: "" },
      ...{ heardAtMs: clock.nowMs(), entering: false, reporting: false, turn: 0 },
    };
    this.#members.set(ingestId, member);
    if (started.ok) this.#play(member, started);
    else this.#report(member);
    this.#arm();
    return { ok: true };
  }

  /** The publisher is gone; its intake was revoked. True when it was a backup. */
  end(ingestId: string, lost: boolean): boolean {
    const member = this.#members.get(ingestId);
    this.#members.delete(ingestId);
    if (member === undefined || member.generation > 0) return false;
    this.#options.stage.unpublish(ingestId, member.name, lost);
    return true;
  }

  arm(ingestId: string, silentMs: number): void {
    const member = this.#members.get(ingestId);
    if (member === undefined) return;
    member.intake.arm(silentMs, () => void this.#enter(member, true));
  }

  standBy(ingestId: string): number {
    const { stage, clock } = this.#options;
    const member = this.#members.get(ingestId);
    if (member === undefined) return -1;
    const nextSeq = stage.stepDown(ingestId);
    if (member.generation > 0) {
      member.intake.standBy();
      member.generation = 0;
      member.sinceMs = clock.wallMs();
    }
    member.heardAtMs = clock.nowMs();
    return nextSeq;
  }

  /** Some nodes are gone: backups whose stream has nobody left take it up at once. */
  nodesGone(): void {
    for (const member of this.#members.values()) {
      if (member.generation === 0) this.#lookAfter(member);
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#members.clear();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#members.size === 0) return;
    this.#timer = this.#options.timers.after(REPORT_MS, () => {
      this.#timer = undefined;
      for (const member of this.#members.values()) {
        const due = member.generation === 0 || ++member.turn % PLAYED_TURNS === 0;
        if (due) this.#report(member);
      }
      this.#arm();
    });
  }

  #report(member: Member): void {
    if (member.reporting || member.entering) return;
    member.reporting = true;
    const { ingestId, name, intake, generation, sinceMs } = member;
    const { system, whereabouts: { node } } = this.#options;
    const backup = generation === 0;
    const report = { ingestId, node, backup, sinceMs, generation, vitals: intake.vitals() };
    system.ref(STREAM, streamKey(name)).ask.report(report, { timeoutMs: REPORT_TIMEOUT_MS })
      .then((answer) => {
        member.reporting = false;
        // What it was has changed since: the answer is about then.
        if (this.#members.get(ingestId) !== member || member.entering) return;
        if (member.generation === generation) this.#told(member, answer);
      });
  }

  #told(member: Member, answer: AskReply<PairAnswer>): void {
    if (!answer.ok) return this.#lookAfter(member);
    const { value } = answer;
    if (value.role === "played") return;
    if (value.role === "none") return this.#dismiss(member, "another publisher took over");
    if (member.generation > 0) return void this.standBy(member.ingestId);
    member.played = value.played;
    if (value.played !== "") member.heardAtMs = this.#options.clock.nowMs();
    if (value.wantedMs !== undefined) this.arm(member.ingestId, value.wantedMs);
    else if (value.played === "") this.#lookAfter(member);
    else member.intake.disarm();
  }

  /** Nobody owns its stream, or nobody publishes it: who publishes may be about to say so. */
  #lookAfter(member: Member): void {
    if (member.generation > 0) return;
    const { clock, whereabouts } = this.#options;
    const alone = member.played !== "" && whereabouts.gone(member.played);
    const orphan = clock.nowMs() - member.heardAtMs > ORPHAN_MS;
    if (!alone && !orphan) return;
    const { silentMs, intervalMs } = member.intake.vitals();
    if (silentMs > ORPHAN_MS + intervalMs) return; // It has nothing to show.
    this.#enter(member, false);
  }

  async #enter(member: Member, ready: boolean): Promise<void> {
    const { ingestId, name } = member;
    if (member.entering || member.generation > 0) return;
    member.entering = true;
    const { stage } = this.#options;
    const started = await stage.start(name, ingestId, { pairs: true, ready: ready || undefined });
    member.entering = false;
    if (this.#members.get(ingestId) !== member) {
      if (started.ok) stage.unpublish(ingestId, name, true);
      return;
    }
    if (started.ok) return this.#play(member, started);
    if (started.reason === "unreachable" || started.reason === "moved") return;
    if (started.reason === "backup") return member.intake.disarm();
    this.#dismiss(member, `its stream cannot be published: ${started.reason}`);
  }

  #play(member: Member, { core, grant, seenAtMs }: Extract<IngestStart, { ok: true }>): void {
    member.generation = grant.generation;
    member.intake.goLive(core, grant, seenAtMs);
    // What it brings is no input that was just read: nobody else says that it is complete.
    this.#options.hub.flusher.settle();
  }

  #dismiss({ ingestId }: Member, reason: string): void {
    this.#options.system.ref(INGEST, ingestId).tell.kick({ reason });
  }
}
