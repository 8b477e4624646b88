/**
 * Whether this node may judge others: one whose own event loop stalls, or whose directory answers
 * slowly, would take its own trouble for theirs.
 *
 * @module
 */
import type { Clock } from "../../actors/runtime/ports.ts";

/** Lateness of this event loop beyond which the node does not vote, in milliseconds. */
export const LATE_MS = 200;

/** For how long it does not vote after it was late, in milliseconds. */
export const LATE_MEMORY_MS = 2_000;

/** A directory that takes longer than this to answer is slow, in milliseconds. */
export const SLOW_REPLY_MS = 250;

export class LocalHealth {
  readonly #clock: Clock;
  readonly #latenessMs: () => number;
  #lateAtMs = -Infinity;
  #replyMs = 0;

  /** @param latenessMs How late the event loop is of late, as others measure it. */
  constructor(clock: Clock, latenessMs: () => number) {
    this.#clock = clock;
    this.#latenessMs = latenessMs;
  }

  /** A timer of this node fired `lateMs` after it was due. */
  ticked(lateMs: number): void {
    if (lateMs > LATE_MS || this.#latenessMs() > LATE_MS) this.#lateAtMs = this.#clock.nowMs();
  }

  /** The directory answered after `tookMs`; Infinity when it could not be asked. */
  replied(tookMs: number): void {
    this.#replyMs = tookMs;
  }

  /** Whether this node may vote against another. */
  get mayVote(): boolean {
    this.ticked(0);
    return this.#replyMs <= SLOW_REPLY_MS && this.#clock.nowMs() - this.#lateAtMs > LATE_MEMORY_MS;
  }
}
