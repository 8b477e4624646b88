/**
 * One life of an actor, from `started` to its failure or end: its instance, its handlers, its
 * timers and the answers it owes. A restart makes a new one; nothing of the old reaches it.
 *
 * @module
 */
import type { ActorContext, Actors, Reply } from "./actor.ts";
import { DEFERRED_PER_ACTOR_MAX } from "./actor.ts";
import { ActorTimer, type TimerOwner, TIMERS_PER_ACTOR_MAX } from "./actor_timer.ts";
import { type Ask, ASK_REFUSED, type AskReply } from "./ask.ts";
import type { DueQueue } from "./due_queue.ts";
import type { KindTable } from "./kind_table.ts";
import type { Log, Ports, Timer } from "./ports.ts";
import { DELAY_MS_MAX, type Protocol } from "./protocol.ts";
import type { ActorRef } from "./ref.ts";

/** A handler as the runtime calls it. */
export type Handler = (req: unknown, context: ActorContext<Protocol>) => unknown;

/** An actor without its types: handlers by message name, and the two hooks. */
export interface AnyActor {
  readonly started?: (context: ActorContext<Protocol>) => unknown;
  readonly stopped?: () => unknown;
}

/** What an incarnation needs of the cell that it lives in. */
export interface IncarnationHost {
  readonly key: string;
  readonly self: ActorRef<Protocol>;
  readonly table: KindTable;
  readonly ports: Ports;
  readonly log: Log;
  readonly actors: Actors;
  readonly queue: DueQueue;
  /** A timer's moment has come. */
  deliverTimer(timer: ActorTimer): void;
  /** Asks for the end of the actor. */
  stop(): void;
}

/** The context that one incarnation's handlers are given. */
export class Incarnation implements ActorContext<Protocol>, TimerOwner {
  readonly actor: AnyActor;
  readonly handlers: readonly Handler[];
  readonly #host: IncarnationHost;
  #timers: Set<ActorTimer> | undefined;
  #deferred: Set<Ask> | undefined;
  #over = false;
  /** A handler is being called; its ask, if it has one, may be deferred. */
  #handling = false;
  #deferrable: Ask | undefined;
  #tookReply = false;

  /** `handlers` are those of `actor`, in the order of the kind's messages. */
  constructor(host: IncarnationHost, actor: AnyActor, handlers: readonly Handler[]) {
    this.#host = host;
    this.actor = actor;
    this.handlers = handlers;
  }

  get key(): string {
    return this.#host.key;
  }

  get self(): ActorRef<Protocol> {
    return this.#host.self;
  }

  get system(): Actors {
    return this.#host.actors;
  }

  get ports(): Ports {
    return this.#host.ports;
  }

  get log(): Log {
    return this.#host.log;
  }

  /** Nothing is pending that a message could still come of. */
  get quiet(): boolean {
    return (this.#timers?.size ?? 0) === 0 && (this.#deferred?.size ?? 0) === 0;
  }

  /** Calls the handler at `index`; what it throws goes to the caller. */
  handle(index: number, req: unknown, ask: Ask | undefined): unknown {
    this.#handling = true;
    this.#deferrable = ask;
    this.#tookReply = false;
    try {
      return this.handlers[index].call(this.actor, req, this);
    } finally {
      this.#handling = false;
      this.#deferrable = undefined;
    }
  }

  /** Whether the handler called last took its answer into its own hands. */
  get tookReply(): boolean {
    return this.#tookReply;
  }

  sendAfter(delayMs: number, name: string, req: unknown): Timer {
    if (!(delayMs >= 0 && delayMs <= DELAY_MS_MAX)) {
      throw new RangeError(`Cannot send after ${delayMs} ms: expected 0 to ${DELAY_MS_MAX}`);
    }
    const message = this.#host.table.byName.get(name);
    if (message === undefined) {
      throw new RangeError(`Cannot send after a delay: ${this.#host.table.name} has no ${name}`);
    }
    const timer = new ActorTimer(this, message, req);
    if (this.#over) {
      timer.cancel(); // A late asynchronous handler of a former incarnation.
      return timer;
    }
    const timers = this.#timers ??= new Set();
    if (timers.size >= TIMERS_PER_ACTOR_MAX) {
      throw new RangeError(`Cannot send after a delay: ${TIMERS_PER_ACTOR_MAX} timers are pending`);
    }
    timers.add(timer);
    this.#host.queue.add(timer, this.#host.ports.clock.nowMs() + delayMs);
    return timer;
  }

  timerDue(timer: ActorTimer): void {
    this.#host.deliverTimer(timer);
  }

  timerCancelled(timer: ActorTimer): void {
    this.#host.queue.remove(timer);
    this.#timers?.delete(timer);
  }

  /** Takes a timer that came out of the mailbox. Returns whether its message is to be handled. */
  takeTimer(timer: ActorTimer): boolean {
    // One of a former incarnation is not among ours, and was cancelled with it.
    return this.#timers?.delete(timer) === true && timer.live;
  }

  defer<Res>(): Reply<Res> {
    if (!this.#handling) throw new TypeError("Cannot defer an answer: no handler is being called");
    this.#tookReply = true;
    const ask = this.#deferrable;
    if (ask === undefined) return new DeferredReply<Res>(undefined);
    const deferred = this.#deferred ??= new Set();
    if (deferred.size >= DEFERRED_PER_ACTOR_MAX && !deferred.has(ask)) {
      ask.settle(ASK_REFUSED.busy);
    } else if (!ask.settled) {
      deferred.add(ask);
      ask.onSettled = (settled) => deferred.delete(settled);
    }
    return new DeferredReply<Res>(ask);
  }

  stop(): void {
    if (!this.#over) this.#host.stop();
  }

  /** Ends this incarnation: its timers are cancelled, the answers it owes are `reply`. */
  end(reply: AskReply<unknown>): void {
    this.#over = true;
    for (const timer of this.#timers ?? []) timer.cancel();
    for (const ask of this.#deferred ?? []) ask.settle(reply);
    this.#timers = undefined;
    this.#deferred = undefined;
  }
}

class DeferredReply<Res> implements Reply<Res> {
  readonly #ask: Ask | undefined;

  constructor(ask: Ask | undefined) {
    this.#ask = ask;
  }

  get open(): boolean {
    return this.#ask !== undefined && !this.#ask.settled;
  }

  send(value: Res): boolean {
    return this.#ask !== undefined && this.#ask.settle({ ok: true, value });
  }
}
