/**
 * Which of two publishers of a stream is to be played: compares them, and is slow to change its
 * mind.
 *
 * @module
 */
import type { Vitals } from "./vitals.ts";

/** Why a stream went over to its backup. */
export const SWITCH_REASONS = ["lost", "ended", "silent", "missing", "bit-rate", "asked"] as const;
export type SwitchReason = typeof SWITCH_REASONS[number];

/**
 * A publisher is silent after this long, and after some of its usual frame intervals: TCP sends a
 * lost packet again after 200 ms, and once more 400 ms later.
 */
const SILENT_MS_MIN = 600;
const SILENT_INTERVALS = 5;

/** A publisher misses frames when they, and repairs, are above this share of its frames ... */
const FAULTY_SHARE = 0.1;

/** ... and one that is to be better misses at most this share: two frames in five seconds. */
const SOUND_SHARE = 0.02;

/** A bit rate has collapsed below this share of what is usual; an encoder that adapts halves it. */
const COLLAPSED_SHARE = 0.25;

/** One that is to be better sends at least this share of what is usual for it. */
const STEADY_SHARE = 0.5;

/** Missing frames and a low bit rate must last this long, in milliseconds: one bad second is none. */
const LASTING_MS = 1_000;

/** Who takes over was not silent for this long, in milliseconds: it does not come and go. */
const FIT_MS = 2_000;

/** When nothing came for this long, one that comes and goes is better than nothing. */
const DEAD_MS = 5_000;

/** After a switch nothing but silence makes another one for this long, in milliseconds. */
const REST_MS = 10_000;

/** Looks that must have been taken since the last frame before it counts as silence. */
const SILENT_LOOKS = 2;

export class SwitchJudge {
  #switchedAtMs = -Infinity;
  /** Since when the backup is heard without a break; `undefined` while it is silent. */
  #fitSinceMs: number | undefined;
  /** What is wrong with the one that is played, and since when. */
  #wrong: { readonly reason: SwitchReason; readonly sinceMs: number } | undefined;
  /** Looks since the newest frame of the one that is played. */
  #looks = 0;

  /**
   * Takes a look, a few a second.
   *
   * @returns Why the backup should be played instead; `undefined` when it should not.
   */
  look(played: Vitals, backup: Vitals, nowMs: number): SwitchReason | undefined {
    this.#looks = played.silentMs < SILENT_MS_MIN / 2 ? 0 : this.#looks + 1;
    if (isSilent(backup)) {
      this.#fitSinceMs = undefined;
      return undefined;
    }
    this.#fitSinceMs ??= nowMs;
    const reason = reasonOf(played, backup);
    if (reason === undefined) {
      this.#wrong = undefined;
      return undefined;
    }
    if (this.#wrong?.reason !== reason) this.#wrong = { reason, sinceMs: nowMs };
    const fit = nowMs - this.#fitSinceMs >= FIT_MS || played.silentMs > DEAD_MS;
    if (!fit) return undefined;
    // A node that stood still itself finds nothing new at its first look, whoever was to blame.
    if (reason === "silent") return this.#looks >= SILENT_LOOKS ? reason : undefined;
    const lasting = nowMs - this.#wrong.sinceMs >= LASTING_MS;
    const rested = nowMs - this.#switchedAtMs >= REST_MS;
    return lasting && rested ? reason : undefined;
  }

  /** The other one is played from now on; nothing is known of who is the backup now. */
  switched(nowMs: number): void {
    this.#switchedAtMs = nowMs;
    this.#wrong = this.#fitSinceMs = undefined;
    this.#looks = 0;
  }
}

/** No frame has come for longer than networks and encoders make one wait. */
export function isSilent({ silentMs, intervalMs }: Vitals): boolean {
  return silentMs > Math.max(SILENT_MS_MIN, SILENT_INTERVALS * intervalMs);
}

/** How a publisher is by itself, as it is shown. */
export function healthOf(vitals: Vitals): "ok" | "silent" | "missing" | "bit-rate" {
  if (isSilent(vitals)) return "silent";
  if (faultyShare(vitals) > FAULTY_SHARE) return "missing";
  return vitals.rateShare < COLLAPSED_SHARE ? "bit-rate" : "ok";
}

function reasonOf(played: Vitals, backup: Vitals): SwitchReason | undefined {
  if (isSilent(played)) return "silent";
  if (faultyShare(played) > FAULTY_SHARE && faultyShare(backup) <= SOUND_SHARE) return "missing";
  const collapsed = played.rateShare < COLLAPSED_SHARE && backup.rateShare >= STEADY_SHARE;
  return collapsed ? "bit-rate" : undefined;
}

function faultyShare({ frames, missing, repairs }: Vitals): number {
  const expected = frames + missing;
  return expected === 0 ? 0 : (missing + repairs) / expected;
}
