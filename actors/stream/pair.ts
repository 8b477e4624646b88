/**
 * Two publishers of one stream, as its owner knows them: one is played, the other is its backup.
 *
 * @module
 */
import { SwitchJudge, type SwitchReason } from "./switch_judge.ts";
import { NO_VITALS, type Vitals } from "./vitals.ts";

/** A publisher that stands by. */
export interface Backup {
  /** Key of its ingest actor. */
  readonly ingestId: string;
  /** Node that it is connected to. */
  readonly node: string;
  /** Wall clock since when it stands by, in milliseconds since 1970. */
  readonly sinceMs: number;
  readonly vitals: Vitals;
  /** When it was heard of last, on the monotonic clock in milliseconds. */
  readonly heardAtMs: number;
}

/** The backup is to be played from its next key frame on. */
export interface Wanted {
  readonly reason: SwitchReason;
  /** Monotonic clock, in milliseconds. */
  readonly sinceMs: number;
}

/** What an owner says when something changes between two publishers. */
export type PairNotice =
  | { readonly kind: "backup-joined" | "backup-left"; readonly ingest: string }
  | {
    readonly kind: "stream-switched";
    /** Nodes of the publisher that was, and that is played. */
    readonly from: string;
    readonly to: string;
    readonly reason: SwitchReason;
  };

/** What was told of the one that is played counts this long: it reports each second. */
const TOLD_MS_MAX = 3_000;

export class Pair {
  backup: Backup | undefined;
  /** What the publisher that is played has told of itself, and when. */
  played: { readonly vitals: Vitals; readonly heardAtMs: number } | undefined;
  wanted: Wanted | undefined;
  /** The one that stood down for the backup a moment ago. */
  former: Backup | undefined;
  /** Since when nobody is played, on the monotonic clock in milliseconds. */
  heldSinceMs: number | undefined;
  readonly judge = new SwitchJudge();
  /** Times that the backup was played. */
  switches = 0;

  /**
   * The one that is played: what it told of itself, and how long it has been silent here.
   *
   * @param newestAtMs When its newest frame came to the owner.
   */
  playedVitals(newestAtMs: number, nowMs: number): Vitals {
    const { played } = this;
    const told = played !== undefined && nowMs - played.heardAtMs < TOLD_MS_MAX;
    return {
      ...(told ? played.vitals : NO_VITALS),
      silentMs: Math.max(0, nowMs - newestAtMs),
    };
  }

  /** The backup: what it told of itself, and how long nothing was heard of it. */
  backupVitals({ vitals, heardAtMs }: Backup, nowMs: number): Vitals {
    return { ...vitals, silentMs: vitals.silentMs + Math.max(0, nowMs - heardAtMs) };
  }
}
