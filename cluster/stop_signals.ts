/**
 * SIGINT and SIGTERM, counted as the presses that a person or a supervisor meant.
 *
 * @module
 */

/** The signals that ask for an end. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Numbers of the signals; a process that one of them ended has 128 more as its exit code. */
export const STOP_SIGNALS: Readonly<Record<StopSignal, number>> = { SIGINT: 2, SIGTERM: 15 };

/**
 * Signals of one kind this close together are one press, in milliseconds. On Ctrl-C a terminal
 * signals its whole foreground group, and `deno task`, which is in it, passes the signal on to us
 * once more, 0.1 to 0.4 ms later on an idle machine; so does a service manager that signals a
 * whole control group. Nobody presses twice in a fifth of a second.
 */
export const PRESS_MS = 200;

/** Tells presses from echoes. */
export class PressCounter {
  readonly #lastMs = new Map<StopSignal, number>();
  #presses = 0;

  /** How many presses there were, this signal included; `undefined` when it is an echo. */
  press(signal: StopSignal, nowMs: number): number | undefined {
    const lastMs = this.#lastMs.get(signal);
    if (lastMs !== undefined && nowMs - lastMs < PRESS_MS) return undefined;
    this.#lastMs.set(signal, nowMs);
    return ++this.#presses;
  }
}

/** Calls back with the number of each press, from 1, for as long as the process lives. */
export function onStopSignals(callback: (presses: number, signal: StopSignal) => void): void {
  const counter = new PressCounter();
  for (const signal of Object.keys(STOP_SIGNALS) as StopSignal[]) {
    Deno.addSignalListener(signal, () => {
      const presses = counter.press(signal, performance.now());
      if (presses !== undefined) callback(presses, signal);
    });
  }
}
