/**
 * Work that comes back: at multiples of its interval on the monotonic clock, so that what a node
 * does once in a while is done together. An idle node wakes up a few times a second that way; when
 * each part of it kept a time of its own it did forty times, a third of a percent of a core.
 *
 * @module
 */
import type { Clock, Timer, Timers } from "./ports.ts";

/**
 * Calls `callback` at each multiple of `intervalMs`, told how late it is in milliseconds, until it
 * is cancelled. Multiples that pass while the event loop is busy are left out.
 */
export function every(
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  intervalMs: number,
  callback: (lateMs: number) => void,
): Timer {
  let timer: Timer;
  const arm = () => {
    const nowMs = clock.nowMs();
    // Rounded, as a timer of the system may fire a fraction of a millisecond before its time.
    const dueMs = (Math.round(nowMs / intervalMs) + 1) * intervalMs;
    timer = timers.after(Math.ceil(dueMs - nowMs), () => {
      arm();
      callback(Math.max(0, clock.nowMs() - dueMs));
    });
  };
  arm();
  return { cancel: () => timer.cancel() };
}
