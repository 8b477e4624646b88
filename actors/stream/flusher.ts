/**
 * When gathered frames go out: the node's one flush window.
 *
 * Cost follows writes, hardly bytes. So frames are gathered for a window and each viewer gets one
 * write with all of them. A fixed window is the operator's choice; "auto" holds nothing back while
 * the node is idle and widens as writes and event-loop lateness grow.
 *
 * With a window of zero there is no timer: whoever reads from a socket calls {@link settle} after
 * each batch that it parsed.
 *
 * @module
 */
import type { Clock, Timer, Timers } from "../runtime/ports.ts";

/** Widest window "auto" chooses: beyond it viewers begin to notice the delay. */
export const AUTO_WINDOW_MS_MAX = 100;

/** Below this a timer costs more than it saves. */
const AUTO_WINDOW_MS_MIN = 2;

/** Viewers served by a millisecond of window: 20,000 writes a second are a quarter of a core. */
const VIEWERS_PER_WINDOW_MS = 20;

/** Lateness this far above a timer's own rounding means that the loop is saturated. */
const LATE_MS = 10;

/** How often "auto" looks again. */
const ADJUST_MS = 500;

/** The window for that many viewers on a loop that is this late. */
export function autoWindowMs(viewers: number, latenessMs: number): number {
  const byWrites = viewers / VIEWERS_PER_WINDOW_MS;
  const byLateness = latenessMs > LATE_MS ? latenessMs * 4 : 0;
  const windowMs = Math.min(AUTO_WINDOW_MS_MAX, Math.max(byWrites, byLateness));
  return windowMs < AUTO_WINDOW_MS_MIN ? 0 : Math.round(windowMs);
}

/** What the flusher knows of a stream. */
export interface Flushable {
  /** Waiting for the next flush; kept by the flusher. */
  dirty: boolean;
  /** Makes bytes of what is new and offers them to every viewer. */
  flush(): void;
}

export interface FlusherOptions<Stream extends Flushable> {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Milliseconds, or "auto". */
  readonly window: number | "auto";
  /** How late the event loop has been lately, in milliseconds. */
  latenessMs(): number;
  /** A stream's flush threw: a defect of ours that must not reach other streams. */
  failed(stream: Stream, error: unknown): void;
}

export class Flusher<Stream extends Flushable = Flushable> {
  readonly #options: FlusherOptions<Stream>;
  #dirty: Stream[] = [];
  #spare: Stream[] = [];
  #timer: Timer | undefined;
  #windowMs: number;
  #flushedAtMs = 0;
  #adjustedAtMs = 0;
  /** Viewers of all streams; kept by the streams. */
  viewers = 0;

  constructor(options: FlusherOptions<Stream>) {
    this.#options = options;
    this.#windowMs = options.window === "auto" ? 0 : options.window;
  }

  /** The window now in force, in milliseconds. */
  get windowMs(): number {
    return this.#windowMs;
  }

  /** The stream has something new. */
  mark(stream: Stream): void {
    if (stream.dirty) return;
    stream.dirty = true;
    this.#dirty.push(stream);
    if (this.#windowMs > 0 && this.#timer === undefined) this.#arm();
  }

  /** A batch of input was parsed: with no window, what it brought goes out at once. */
  settle(): void {
    if (this.#windowMs === 0 && this.#dirty.length > 0) this.flush();
  }

  /** Sends everything that is gathered. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#flushedAtMs = this.#options.clock.nowMs();
    this.#adjust();
    const streams = this.#dirty;
    this.#dirty = this.#spare;
    for (const stream of streams) this.#flushOne(stream);
    streams.length = 0;
    this.#spare = streams;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #flushOne(stream: Stream): void {
    try {
      stream.flush();
    } catch (error) {
      this.#options.failed(stream, error);
    }
  }

  /** Flushes are a window apart; the first frame after a quiet time does not wait. */
  #arm(): void {
    const elapsedMs = this.#options.clock.nowMs() - this.#flushedAtMs;
    const delayMs = Math.max(0, this.#windowMs - elapsedMs);
    this.#timer = this.#options.timers.after(delayMs, () => this.flush());
  }

  #adjust(): void {
    if (this.#options.window !== "auto") return;
    if (this.#flushedAtMs - this.#adjustedAtMs < ADJUST_MS) return;
    this.#adjustedAtMs = this.#flushedAtMs;
    this.#windowMs = autoWindowMs(this.viewers, this.#options.latenessMs());
  }
}
