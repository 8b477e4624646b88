/**
 * What an actor may ask of the world: time, chance and a place to report to. All injected, so that
 * the same code runs under test and in the simulator.
 *
 * @module
 */

/** Two clocks: one that only goes forward, one that people read. */
export interface Clock {
  /** Monotonic milliseconds since some start; may have a fraction. */
  nowMs(): number;
  /** Milliseconds since 1970; may jump. */
  wallMs(): number;
}

/** A pending timer; `cancel` after it fired does nothing. */
export interface Timer {
  cancel(): void;
}

/** Calls back later. Never calls back synchronously. */
export interface Timers {
  /** Calls `callback` once, after at least `delayMs`. */
  after(delayMs: number, callback: () => void): Timer;
  /** Calls `callback` in a later turn of the event loop, after pending input and output. */
  soon(callback: () => void): void;
}

/** Chance; seeded under test. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number;
}

/** Values that may be logged beside a message. Credentials never belong here. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line per event; the text is fixed, what varies goes into the fields. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines also carry `fields`. */
  with(fields: LogFields): Log;
}

/** Everything above in one hand. */
export interface Ports {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}
