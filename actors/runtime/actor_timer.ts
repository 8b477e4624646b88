/**
 * Timers by which an actor sends messages to itself.
 *
 * A timer that fired is a message that may be waiting in the mailbox already, so it carries its
 * own stamp: once cancelled, or once its incarnation of the actor is gone, it is not delivered.
 *
 * @module
 */
import { Due } from "./due_queue.ts";
import type { MessageType } from "./kind_table.ts";
import type { Timer } from "./ports.ts";

/** Most timers of one actor that are not over; an actor needs a handful, a table of them a few. */
export const TIMERS_PER_ACTOR_MAX = 256;

/** What a timer needs of its incarnation of the actor. */
export interface TimerOwner {
  /** The moment has come: put `timer` into the mailbox. */
  timerDue(timer: ActorTimer): void;
  /** Cancelled before its moment: take it out of the queue of due entries. */
  timerCancelled(timer: ActorTimer): void;
}

/** A timer of one incarnation of an actor. */
export class ActorTimer extends Due implements Timer {
  readonly message: MessageType;
  readonly req: unknown;
  readonly #owner: TimerOwner;
  #cancelled = false;

  constructor(owner: TimerOwner, message: MessageType, req: unknown) {
    super();
    this.#owner = owner;
    this.message = message;
    this.req = req;
  }

  /** Whether its message may still be delivered. */
  get live(): boolean {
    return !this.#cancelled;
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    // Already in the mailbox: its place there is given back when it is taken out.
    if (this.pending) this.#owner.timerCancelled(this);
  }

  due(): void {
    this.#owner.timerDue(this);
  }
}
