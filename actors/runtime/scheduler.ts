/**
 * The one run queue: who may work next, for how long, and when the event loop gets its turn.
 *
 * Actors that have something to do stand in line once. Each gets a slice; slices fill a turn; when
 * the turn is over, sockets and timers come first. So a flood at one actor delays another by at
 * most one slice per actor in line, and delays input and output by at most one turn.
 *
 * @module
 */
import type { Clock, Timers } from "./ports.ts";

/** Most messages of one actor in a row. */
export const SLICE_MESSAGES_MAX = 64;

/** Longest slice of one actor, in milliseconds; one handler alone may of course take longer. */
export const SLICE_MS_MAX = 1;

/** Longest turn, in milliseconds; then input and output are served. */
export const TURN_MS_MAX = 4;

/** Messages between two looks at the clock while handlers are fast; a look costs more than they. */
const LOOK_STRIDE_MAX = 32;

/** Handlers count as fast while what lies between two looks takes less than this, in milliseconds. */
const LOOK_FAST_MS = 0.05;

/** Something that stands in line. */
export interface Runnable {
  /** Whether it stands in line; belongs to the scheduler. */
  queued: boolean;
  /** Works for one slice. Returns true when there is more to do. Must not throw. */
  run(turn: TurnClock): boolean;
}

/** The time within a turn, read from the clock often enough for handlers of any speed. */
export class TurnClock {
  /** Latest reading, monotonic milliseconds. */
  nowMs = 0;
  readonly #clock: Clock;
  #stride = 1;
  #ticks = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Reads the clock now. */
  look(): void {
    this.#ticks = 0;
    this.nowMs = this.#clock.nowMs();
  }

  /** Call after each message: looks at once after slow handlers, seldom after fast ones. */
  tick(): void {
    if (++this.#ticks < this.#stride) return;
    const previousMs = this.nowMs;
    this.look();
    const fast = this.nowMs - previousMs < LOOK_FAST_MS;
    this.#stride = fast ? Math.min(this.#stride * 2, LOOK_STRIDE_MAX) : 1;
  }
}

/** Runs what stands in line, turn by turn. */
export class Scheduler {
  /** Time of the current turn. */
  readonly turn: TurnClock;
  readonly #timers: Timers;
  readonly #queue: (Runnable | undefined)[] = new Array(64).fill(undefined);
  #head = 0;
  #count = 0;
  #scheduled = false;

  constructor(clock: Clock, timers: Timers) {
    this.turn = new TurnClock(clock);
    this.#timers = timers;
  }

  /** Puts `runnable` at the end of the line, unless it stands there. */
  enqueue(runnable: Runnable): void {
    if (runnable.queued) return;
    runnable.queued = true;
    if (this.#count === this.#queue.length) this.#grow();
    this.#queue[(this.#head + this.#count) & (this.#queue.length - 1)] = runnable;
    this.#count++;
    if (this.#scheduled) return;
    this.turn.look(); // Or what is sent before the turn begins would be stamped with the last one.
    this.#schedule();
  }

  /** The time, at most as old as the turn that runs or is about to. */
  freshNowMs(): number {
    if (!this.#scheduled) this.turn.look();
    return this.turn.nowMs;
  }

  #schedule(): void {
    this.#scheduled = true;
    this.#timers.soon(() => this.#run());
  }

  #run(): void {
    const turn = this.turn;
    turn.look();
    const endMs = turn.nowMs + TURN_MS_MAX;
    // While #scheduled stays set, an enqueue within this turn does not ask for another one.
    while (this.#count > 0 && turn.nowMs < endMs) {
      const runnable = this.#queue[this.#head]!;
      this.#queue[this.#head] = undefined;
      this.#head = (this.#head + 1) & (this.#queue.length - 1);
      this.#count--;
      runnable.queued = false;
      if (runnable.run(turn)) this.enqueue(runnable);
    }
    this.#scheduled = false;
    if (this.#count > 0) this.#schedule();
  }

  /** Doubles the line; bounded, because each actor stands in it once and actors have a maximum. */
  #grow(): void {
    const size = this.#queue.length;
    for (let i = 0; i < this.#head; i++) this.#queue.push(this.#queue[i]);
    for (let i = this.#head; i < size; i++) this.#queue.push(undefined);
    for (let i = 0; i < this.#head; i++) this.#queue[i] = undefined;
  }
}
