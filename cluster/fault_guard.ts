/**
 * The last net below every fault of our own: it is logged, and the process goes on.
 *
 * Faults are meant to end at their owner (a connection, an actor, a stream). One that reaches this
 * place is a defect; but a defect in one connection's callback must not end the streams of others.
 *
 * @module
 */
import type { Log } from "../actors/runtime/ports.ts";

/** Catches what nobody caught, from now until the process ends. */
export function guardFaults(log: Log): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    log.error("promise nobody awaited was rejected", { error: event.reason });
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    log.error("error nobody caught", { error: event.error ?? event.message });
  });
}
