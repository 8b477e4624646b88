/**
 * When gathered frames go out: the node's one flush window.
 *
 * Cost follows writes, hardly bytes. So frames are gathered for a window and each viewer gets one
 * write with all of them. A fixed window is the operator's choice; "auto" holds nothing back while
 * the node is idle and widens as writes and event-loop lateness grow.
 *
 * With a window of zero there is no timer: whoever reads from a socket calls {@link settle} after
 * each batch that it parsed. With a wide one a publisher may {@link rest} until the flush is due:
 * what it would read meanwhile could not go out earlier, and waking up costs more than reading.
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

/** Publishers served by a millisecond of window: each is read some seventy times a second. */
const PUBLISHERS_PER_WINDOW_MS = 5;

/** In narrower windows than this hardly two frames of a stream come together. */
const REST_WINDOW_MS_MIN = 10;

/** Lateness this far above a timer's own rounding means that the loop is saturated. */
const LATE_MS = 10;

/** How often "auto" looks again. */
const ADJUST_MS = 500;

/** The window for that many viewers and publishers on a loop that is this late. */
export function autoWindowMs(viewers: number, publishers: number, latenessMs: number): number {
  const byWrites = viewers / VIEWERS_PER_WINDOW_MS + publishers / PUBLISHERS_PER_WINDOW_MS;
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
  /** Publishers that read again when the flush is due, and those of the flush after that. */
  #resting: (() => void)[] = [];
  #spareResting: (() => void)[] = [];
  /** Flushes so far. */
  flushes = 0;
  /** Viewers of all streams; kept by the streams. */
  viewers = 0;
  /** Streams published on this node's sockets; kept by their connections. */
  publishers = 0;

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

  /**
   * Calls `resume` when the next flush is due, and flushes after what is read then.
   *
   * @returns False, and does nothing, when the window is too narrow for a rest.
   */
  rest(resume: () => void): boolean {
    if (this.#windowMs < REST_WINDOW_MS_MIN) return false;
    this.#resting.push(resume);
    if (this.#timer === undefined) this.#arm();
    return true;
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
    this.flushes++;
    if (this.#resting.length === 0) return;
    if (this.#windowMs < REST_WINDOW_MS_MIN) this.#wake();
    else this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake();
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
    this.#timer = this.#options.timers.after(delayMs, () => this.#due());
  }

  /** The window is over: publishers read what came meanwhile, then all goes out. */
  #due(): void {
    if (this.#resting.length === 0) return this.flush();
    this.#wake();
    this.#options.timers.soon(() => this.flush()); // Behind the reads; `#timer` stays set so long.
  }

  #wake(): void {
    const resting = this.#resting;
    this.#resting = this.#spareResting;
    for (const resume of resting) resume();
    resting.length = 0;
    this.#spareResting = resting;
  }

  #adjust(): void {
    if (this.#options.window !== "auto") return;
    if (this.#flushedAtMs - this.#adjustedAtMs < ADJUST_MS) return;
    this.#adjustedAtMs = this.#flushedAtMs;
    this.#windowMs = autoWindowMs(
      this.viewers,
      this.publishers,
      this.#options.latenessMs(),
    );
  }
}
