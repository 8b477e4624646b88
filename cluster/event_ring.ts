/**
 * What happened on this node lately, for those who follow the mesh's events.
 *
 * @module
 */

import type { ApiEvent as MeshEvent } from "../actors/http/node_view.ts";

export type { MeshEvent };

export interface EventPage {
  readonly events: readonly MeshEvent[];
  /** What to ask for next. */
  readonly next: number;
}

/** Events remembered: who follows asks again within seconds. */
const EVENTS_MAX = 512;

/** Events in one answer: it stays below what a link carries at once. */
const PAGE_EVENTS_MAX = 64;

/** Followers that wait at a time; more are answered at once, with nothing. */
const WAITING_MAX = 1_024;

export class EventRing {
  readonly #events: MeshEvent[] = [];
  /** Number of the next event. */
  #next = 0;
  #waiting = new Set<() => void>();

  add(event: MeshEvent): void {
    this.#events.push(event);
    this.#next++;
    if (this.#events.length > EVENTS_MAX) this.#events.shift();
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Events from number `after` on, the oldest first; with `null` none, but the next number. */
  after(after: number | null): EventPage {
    if (after === null) return { events: [], next: this.#next };
    const first = this.#next - this.#events.length;
    // A number from before a restart of the node is higher than any: it begins anew.
    const from = after > this.#next ? 0 : Math.max(0, after - first);
    const events = this.#events.slice(from, from + PAGE_EVENTS_MAX);
    return { events, next: first + from + events.length };
  }

  /** Calls back once at the next event. Returns what ends the wait. */
  onNext(wake: () => void): () => void {
    if (this.#waiting.size >= WAITING_MAX) {
      wake();
      return () => {};
    }
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }
}
