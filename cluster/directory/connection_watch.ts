/**
 * Tells the log when the directory is lost and when it is back: one line each, however often the
 * client tries in between.
 *
 * @module
 */
import type { Clock, Log } from "../../actors/runtime/ports.ts";

/** Shortest time between two lines of the same kind, in milliseconds. */
export const WATCH_LINE_EVERY_MS = 10_000;

/** One directory's state, as far as it was told. */
export class ConnectionWatch {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #redis: string;
  #state: "new" | "up" | "down" = "new";
  /** It was there once. */
  #reached = false;
  /** The log knows that it is down. */
  #told = false;
  #lostMs = -Infinity;
  #refusedMs = -Infinity;
  #untold = 0;

  /** @param redis Where it is, without credentials. */
  constructor(redis: string, ports: { readonly log: Log; readonly clock: Clock }) {
    this.#redis = redis;
    this.#log = ports.log;
    this.#clock = ports.clock;
  }

  /** A connection can be used. */
  up(): void {
    this.#state = "up";
    if (!this.#reached) this.#log.info("directory reached", { redis: this.#redis });
    else if (this.#told) this.#log.info("directory is back", { redis: this.#redis });
    this.#reached = true;
    this.#told = false;
  }

  /** It cannot be used any more, or could not be made. */
  down(reason: string): void {
    if (this.#state === "down") return;
    this.#state = "down";
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#lostMs < WATCH_LINE_EVERY_MS) return void this.#untold++;
    this.#lostMs = nowMs;
    this.#told = true;
    const untold = this.#untold === 0 ? {} : { lostMeanwhile: this.#untold };
    this.#untold = 0;
    this.#log.warn("directory lost", { redis: this.#redis, reason, ...untold });
  }

  /** It answers, but not with what was asked for: it is out of memory, or we have no right. */
  refused(reason: string): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#refusedMs < WATCH_LINE_EVERY_MS) return;
    this.#refusedMs = nowMs;
    this.#log.warn("directory refuses", { redis: this.#redis, reason });
  }
}
