/**
 * The bounded mailbox of one actor: a system lane for its life cycle, taken first, and a user lane
 * for messages and the actor's own timers, in order of arrival.
 *
 * The user lane is a power-of-two ring that grows by doubling up to its maximum and reuses its
 * envelopes, so that sending allocates nothing once the ring has its size.
 *
 * @module
 */
import type { ActorTimer } from "./actor_timer.ts";
import { type Ask, ASK_REFUSED } from "./ask.ts";
import type { MessageType } from "./kind_table.ts";

/** Life-cycle signals; each waits at most once, so the system lane never refuses. */
export type Signal = "start" | "passivate" | "restart" | "stop";

/** Places in the system lane: one per signal. */
const SIGNALS_MAX = 4;

/** Places in a user lane that is used for the first time; most actors never have more waiting. */
const RING_START = 4;

/** One place in the user lane. Reused: read it and {@link clear} it before anything else is sent. */
export class Envelope {
  message: MessageType | undefined;
  req: unknown = undefined;
  /** Moment after which it is dropped, monotonic milliseconds. */
  deadlineMs = 0.5; // A fraction, so that the engine stores the field unboxed from the start.
  /** Who waits for the answer; none for a tell. */
  ask: Ask | undefined;
  /** The timer that sent it, if one did. */
  timer: ActorTimer | undefined;
  coalesceKey: string | undefined;

  /** Lets go of everything it referred to. */
  clear(): void {
    this.req = undefined;
    this.ask = undefined;
    this.timer = undefined;
  }
}

/** What waits for one actor. */
export class Mailbox {
  readonly #max: number;
  #slots: Envelope[] = [];
  #head = 0;
  #count = 0;
  /** Waiting messages without the timers. */
  #messages = 0;
  /** Waiting messages whose policy lets them be dropped; saves the search when there is none. */
  #droppable = 0;
  #coalesced: Map<string, Envelope> | undefined;
  readonly #signals: (Signal | undefined)[] = [undefined, undefined, undefined, undefined];
  #signalHead = 0;
  #signalCount = 0;

  /** `max` counts messages; timers have a maximum of their own (see `actor_timer.ts`). */
  constructor(max: number) {
    this.#max = max;
  }

  /** Waiting messages and timers. */
  get size(): number {
    return this.#count;
  }

  get hasSignal(): boolean {
    return this.#signalCount > 0;
  }

  get isEmpty(): boolean {
    return this.#count === 0 && this.#signalCount === 0;
  }

  /** Puts `signal` into the system lane, unless it is waiting there. */
  signal(signal: Signal): void {
    for (let i = 0; i < this.#signalCount; i++) {
      if (this.#signals[(this.#signalHead + i) & (SIGNALS_MAX - 1)] === signal) return;
    }
    this.#signals[(this.#signalHead + this.#signalCount) & (SIGNALS_MAX - 1)] = signal;
    this.#signalCount++;
  }

  takeSignal(): Signal | undefined {
    if (this.#signalCount === 0) return undefined;
    const signal = this.#signals[this.#signalHead];
    this.#signalHead = (this.#signalHead + 1) & (SIGNALS_MAX - 1);
    this.#signalCount--;
    return signal;
  }

  /** Adds a message by the policy of its type. Returns false when it was refused. */
  offer(message: MessageType, req: unknown, deadlineMs: number, ask: Ask | undefined): boolean {
    let key: string | undefined;
    if (message.coalesce !== undefined && ask === undefined) {
      key = `${message.index}:${message.coalesce(req)}`;
      const waiting = this.#coalesced?.get(key);
      if (waiting !== undefined) {
        waiting.req = req;
        waiting.deadlineMs = deadlineMs;
        return true;
      }
    }
    if (this.#messages >= this.#max && !(message.dropOldest && this.#dropOldest(message))) {
      return false;
    }
    const envelope = this.#append(message, req, deadlineMs);
    envelope.ask = ask;
    this.#messages++;
    if (message.dropOldest) this.#droppable++;
    if (key !== undefined) {
      envelope.coalesceKey = key;
      (this.#coalesced ??= new Map()).set(key, envelope);
    }
    return true;
  }

  /** Adds a timer's message; never refused, because timers are counted where they are made. */
  addTimer(timer: ActorTimer): void {
    this.#append(timer.message, timer.req, Infinity).timer = timer;
  }

  /** The oldest of the user lane, or `undefined`. */
  take(): Envelope | undefined {
    if (this.#count === 0) return undefined;
    const envelope = this.#slots[this.#head];
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#count--;
    if (envelope.timer === undefined) this.#forget(envelope);
    return envelope;
  }

  #forget(envelope: Envelope): void {
    this.#messages--;
    if (envelope.message!.dropOldest) this.#droppable--;
    if (envelope.coalesceKey !== undefined) {
      this.#coalesced!.delete(envelope.coalesceKey);
      envelope.coalesceKey = undefined;
    }
  }

  #append(message: MessageType, req: unknown, deadlineMs: number): Envelope {
    if (this.#count === this.#slots.length) this.#grow();
    const envelope = this.#slots[(this.#head + this.#count) & (this.#slots.length - 1)];
    this.#count++;
    envelope.message = message;
    envelope.req = req;
    envelope.deadlineMs = deadlineMs;
    return envelope;
  }

  /** Doubles the ring; bounded, because {@link offer} and the timers stop at their maximum. */
  #grow(): void {
    const size = Math.max(RING_START, this.#slots.length * 2);
    const slots: Envelope[] = [];
    for (let i = 0; i < this.#count; i++) {
      slots.push(this.#slots[(this.#head + i) & (this.#slots.length - 1)]);
    }
    while (slots.length < size) slots.push(new Envelope());
    this.#slots = slots;
    this.#head = 0;
  }

  /** Drops the oldest waiting message of this type. Its search is bounded by the mailbox. */
  #dropOldest(message: MessageType): boolean {
    if (this.#droppable === 0) return false;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let found = 0;
    while (found < this.#count) {
      const candidate = slots[(this.#head + found) & mask];
      if (candidate.message === message && candidate.timer === undefined) break;
      found++;
    }
    if (found === this.#count) return false;

    const dropped = slots[(this.#head + found) & mask];
    // The older ones move up by one place: usually none, as telemetry that floods is at the head.
    for (let i = found; i > 0; i--) {
      slots[(this.#head + i) & mask] = slots[(this.#head + i - 1) & mask];
    }
    slots[this.#head] = dropped;
    this.#head = (this.#head + 1) & mask;
    this.#count--;
    this.#forget(dropped);
    const ask = dropped.ask;
    dropped.clear();
    ask?.settle(ASK_REFUSED.busy);
    return true;
  }
}
