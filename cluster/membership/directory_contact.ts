/**
 * How this node stands with the directory: whether it answers, what time it has there, and until
 * when the lease holds.
 *
 * @module
 */
import type { Clock, Log } from "../../actors/runtime/ports.ts";
import type { LocalHealth } from "./local_health.ts";

/** How long a node that fell silent keeps its place, in milliseconds. */
export const LEASE_MS = 3_000;

/** A directory that was away for longer may find leases gone that nobody could renew. */
const AWAY_MS = 1_500;

export interface DirectoryContactOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly health: LocalHealth;
  /** It answers again after so long that what it has lost proves nothing. */
  readonly onBack: () => void;
}

export class DirectoryContact {
  readonly #options: DirectoryContactOptions;
  /** Whether it answered when it was asked last. */
  ok = false;
  /** When the lease ends unless it is renewed, on the monotonic clock in milliseconds. */
  leaseEndMs = -Infinity;
  /** Since when it has not answered. */
  #awaySinceMs: number | undefined;
  /** Its clock minus ours, in microseconds. */
  #offsetUs = 0;

  constructor(options: DirectoryContactOptions) {
    this.#options = options;
  }

  /** Its clock as estimated here, in microseconds since 1970. */
  nowUs(): number {
    return Math.round(this.#options.clock.nowMs() * 1000 + this.#offsetUs);
  }

  /** It renewed the lease on what was sent at `sentMs`; the lease counts from there. */
  renewed(sentMs: number, directoryUs: number): void {
    const { clock, log, health, onBack } = this.#options;
    const nowMs = clock.nowMs();
    health.replied(nowMs - sentMs);
    this.leaseEndMs = sentMs + LEASE_MS;
    this.#offsetUs = directoryUs - (sentMs + nowMs) / 2 * 1000;
    this.ok = true;
    if (this.#awaySinceMs === undefined) return;
    const awayMs = Math.round(nowMs - this.#awaySinceMs);
    this.#awaySinceMs = undefined;
    log.info("directory is back", { awayMs });
    if (awayMs > AWAY_MS) onBack();
  }

  /** It did not answer. Said once until it is back. */
  failed(error: unknown): void {
    const { clock, log, health } = this.#options;
    health.replied(Infinity);
    this.ok = false;
    if (this.#awaySinceMs !== undefined) return;
    this.#awaySinceMs = clock.nowMs();
    log.warn("directory cannot be asked, keeping the view as it is", { error });
  }
}
