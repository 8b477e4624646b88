/**
 * The place where one actor lives: its mailbox, its state as the system sees it, and what happens
 * to it when it fails, waits or ends.
 *
 * Code of the actor runs only within a slice of the scheduler; everything else that happens to a
 * cell is a signal in its mailbox.
 *
 * @module
 */
import { type Actors, DEFERRED } from "./actor.ts";
import type { ActorTimer } from "./actor_timer.ts";
import { type Ask, ASK_REFUSED } from "./ask.ts";
import { Alarm, type DueQueue } from "./due_queue.ts";
import { type AnyActor, type Handler, Incarnation, type IncarnationHost } from "./incarnation.ts";
import type { KindTable, MessageType } from "./kind_table.ts";
import { type Envelope, Mailbox, type Signal } from "./mailbox.ts";
import type { Log, Ports } from "./ports.ts";
import type { LocalRef, LocalTarget } from "./ref.ts";
import {
  type Runnable,
  type Scheduler,
  SLICE_MESSAGES_MAX,
  SLICE_MS_MAX,
  type TurnClock,
} from "./scheduler.ts";
import { RestartWindow } from "./supervisor.ts";

/** What happened so far, for metrics; each only grows. */
export interface RuntimeCounters {
  /** Messages that a full mailbox, or the lack of an actor, refused. */
  refused: number;
  /** Messages that were too late when their turn came. */
  expired: number;
  /** Messages that waited for an actor that ended. */
  dropped: number;
  /** Failures of actors. */
  failures: number;
  /** Actors given up by their supervisor. */
  escalations: number;
  /** Promises of handlers that settled after their deadline. */
  late: number;
}

/** What a cell needs of its system. */
export interface CellHost {
  readonly ports: Ports;
  readonly scheduler: Scheduler;
  readonly queue: DueQueue;
  readonly counters: RuntimeCounters;
  readonly actors: Actors;
  /** The cell ended; forget it. */
  ended(cell: Cell): void;
  /** The cell's actor was given up because of `error`. */
  escalated(cell: Cell, error: unknown): void;
}

/** How the actor of a cell comes to be. */
export type Origin =
  /** Made when a message comes; sleeps when none does. */
  | { readonly kind: "virtual"; create(): AnyActor }
  /** Spawned by a factory. */
  | { readonly kind: "factory"; create(): AnyActor }
  /** Spawned as an instance, which nobody can make again. */
  | { readonly kind: "instance"; create(): AnyActor };

type State =
  | { readonly kind: "starting" | "running" | "backing-off" | "stopped" }
  | Suspended
  | { readonly kind: "given-up"; readonly error: unknown };

/** Waits for the promise of a handler. */
interface Suspended {
  readonly kind: "suspended";
  readonly what: string;
  readonly ask: Ask | undefined;
}

const STARTING: State = { kind: "starting" };
const RUNNING: State = { kind: "running" };
const BACKING_OFF: State = { kind: "backing-off" };
const STOPPED: State = { kind: "stopped" };

/** One actor as its system sees it. */
export class Cell implements Runnable, LocalTarget, IncarnationHost {
  queued = false;
  stopped = false;
  readonly self: LocalRef;
  readonly #host: CellHost;
  readonly #origin: Origin;
  readonly #mailbox: Mailbox;
  readonly #restarts = new RestartWindow();
  #state: State = STARTING;
  #incarnation: Incarnation | undefined;
  /** The latest instance; the one that is told of the end. */
  #actor: AnyActor | undefined;
  /** Ends a suspension or a back-off, whichever it is in. */
  readonly #alarm = new Alarm(() => this.#alarmDue());
  #idleAlarm: Alarm | undefined;
  #activeMs = 0;
  #log: Log | undefined;

  constructor(host: CellHost, self: LocalRef, origin: Origin) {
    this.#host = host;
    this.self = self;
    this.#origin = origin;
    this.#mailbox = new Mailbox(self.table.mailboxMax);
    this.#mailbox.signal("start");
    host.scheduler.enqueue(this);
  }

  get key(): string {
    return this.self.key;
  }

  get table(): KindTable {
    return this.self.table;
  }

  get ports(): Ports {
    return this.#host.ports;
  }

  get actors(): Actors {
    return this.#host.actors;
  }

  get queue(): DueQueue {
    return this.#host.queue;
  }

  get log(): Log {
    return this.#log ??= this.#host.ports.log.with({ kind: this.table.name, key: this.key });
  }

  send(message: MessageType, req: unknown, deadlineMs: number, ask: Ask | undefined): boolean {
    if (!this.#mailbox.offer(message, req, deadlineMs, ask)) {
      this.#host.counters.refused++;
      return false;
    }
    if (this.#state === RUNNING) this.#host.scheduler.enqueue(this);
    return true;
  }

  deliverTimer(timer: ActorTimer): void {
    this.#mailbox.addTimer(timer);
    this.#wake();
  }

  stop(): void {
    if (!this.stopped) this.#signal("stop");
  }

  run(turn: TurnClock): boolean {
    const mailbox = this.#mailbox;
    const endMs = turn.nowMs + SLICE_MS_MAX;
    for (let taken = 0; taken < SLICE_MESSAGES_MAX && turn.nowMs < endMs; taken++) {
      const signal = mailbox.takeSignal();
      if (signal !== undefined) {
        this.#obey(signal, turn.nowMs);
      } else {
        if (this.#state !== RUNNING) break;
        const envelope = mailbox.take();
        if (envelope === undefined) break;
        this.#deliver(envelope, turn.nowMs);
      }
      turn.tick();
    }
    this.#activeMs = turn.nowMs;
    if (this.#origin.kind === "virtual") this.#watchIdleness();
    return this.#hasWork;
  }

  get #hasWork(): boolean {
    return this.#mailbox.hasSignal || (this.#state === RUNNING && !this.#mailbox.isEmpty);
  }

  #wake(): void {
    if (this.#hasWork) this.#host.scheduler.enqueue(this);
  }

  #signal(signal: Signal): void {
    this.#mailbox.signal(signal);
    this.#wake();
  }

  #obey(signal: Signal, nowMs: number): void {
    if (this.stopped) return;
    switch (signal) {
      case "start":
      case "restart":
        return this.#start(nowMs);
      case "stop":
        return this.#end();
      case "passivate":
        // Something may have come in since the alarm; then the next idle time is waited for.
        if (this.#idle) this.#end();
    }
  }

  #start(nowMs: number): void {
    try {
      this.#actor = undefined;
      const actor = this.#actor = this.#origin.create();
      const incarnation = new Incarnation(this, actor, resolveHandlers(this.table, actor));
      this.#incarnation = incarnation;
      this.#state = RUNNING;
      const result = actor.started?.(incarnation);
      if (result instanceof Promise) this.#suspend(result, "started", undefined, nowMs);
    } catch (error) {
      this.#fail(error, "started", undefined);
    }
  }

  #deliver(envelope: Envelope, nowMs: number): void {
    const { message, req, ask, timer, deadlineMs } = envelope;
    envelope.clear(); // Before the handler, which may send to this very mailbox.
    const incarnation = this.#incarnation!;
    if (timer !== undefined) {
      if (!incarnation.takeTimer(timer)) return;
    } else if (nowMs >= deadlineMs || ask?.settled) {
      this.#host.counters.expired++;
      ask?.settle(ASK_REFUSED.deadline);
      return;
    }
    const type = message!;
    let result: unknown;
    try {
      result = incarnation.handle(type.index, req, ask);
    } catch (error) {
      return this.#fail(error, type.name, ask);
    }
    if (result instanceof Promise) return this.#suspend(result, type.name, ask, nowMs);
    this.#answer(result, type.name, ask, incarnation.tookReply);
  }

  #answer(result: unknown, what: string, ask: Ask | undefined, tookReply: boolean): void {
    if (result !== DEFERRED) {
      ask?.settle({ ok: true, value: result });
    } else if (!tookReply) {
      this.#fail(new TypeError("Returned DEFERRED without a call of defer()"), what, ask);
    }
  }

  #suspend(result: Promise<unknown>, what: string, ask: Ask | undefined, nowMs: number): void {
    const tookReply = this.#incarnation!.tookReply;
    const suspended: Suspended = { kind: "suspended", what, ask };
    this.#state = suspended;
    this.queue.add(this.#alarm, ask?.dueMs ?? nowMs + this.table.askTimeoutMs);
    result.then(
      (value) => {
        if (!this.#resume(suspended)) return this.#late(what, undefined);
        this.#answer(value, what, ask, tookReply);
      },
      (error) => {
        if (!this.#resume(suspended)) return this.#late(what, error);
        this.#fail(error, what, ask);
      },
    );
  }

  /** Ends the suspension, if it is still the one the actor is in. */
  #resume(suspended: Suspended): boolean {
    if (this.#state !== suspended) return false;
    this.queue.remove(this.#alarm);
    this.#state = RUNNING;
    // Also without waiting messages: the slice starts the watch over idleness.
    this.#host.scheduler.enqueue(this);
    return true;
  }

  #late(what: string, error: unknown): void {
    this.#host.counters.late++;
    this.log.warn("late result of a handler ignored", { message: what, error });
  }

  #alarmDue(): void {
    const state = this.#state;
    if (state === BACKING_OFF) return this.#signal("restart");
    if (state.kind !== "suspended") return;
    state.ask?.settle(ASK_REFUSED.deadline);
    this.log.warn("handler missed its deadline", { message: state.what });
    // Whatever it was waiting for: an actor that never started properly has failed.
    if (state.what === "started") {
      return this.#fail(new Error("Start missed its deadline"), state.what, undefined);
    }
    this.#resume(state);
  }

  #fail(error: unknown, what: string, ask: Ask | undefined): void {
    this.#host.counters.failures++;
    ask?.settle(ASK_REFUSED.failed);
    this.#incarnation?.end(ASK_REFUSED.failed);
    this.#incarnation = undefined;
    const nowMs = this.ports.clock.nowMs();
    const backoffMs = this.#origin.kind === "instance" ? undefined : this.#restarts.next(nowMs);
    this.log.error("actor failed", { message: what, error, restartInMs: backoffMs });
    if (backoffMs === undefined) {
      this.#state = { kind: "given-up", error };
      return this.#signal("stop");
    }
    this.#state = BACKING_OFF;
    this.queue.add(this.#alarm, nowMs + backoffMs);
  }

  /** Ends the actor for good. Only within a slice, because it calls the actor. */
  #end(): void {
    const state = this.#state;
    this.#state = STOPPED;
    this.stopped = true;
    this.queue.remove(this.#alarm);
    if (this.#idleAlarm !== undefined) this.queue.remove(this.#idleAlarm);
    if (state.kind === "suspended") state.ask?.settle(ASK_REFUSED.stopped);
    this.#incarnation?.end(ASK_REFUSED.stopped);
    this.#incarnation = undefined;
    this.#emptyMailbox();
    try {
      const result = this.#actor?.stopped?.();
      if (result instanceof Promise) result.catch((error) => this.#failedToStop(error));
    } catch (error) {
      this.#failedToStop(error);
    }
    this.#host.ended(this);
    if (state.kind === "given-up") this.#host.escalated(this, state.error);
  }

  #emptyMailbox(): void {
    for (let envelope = this.#mailbox.take(); envelope; envelope = this.#mailbox.take()) {
      const { ask, timer } = envelope;
      envelope.clear();
      if (timer === undefined) this.#host.counters.dropped++;
      ask?.settle(ASK_REFUSED.stopped);
    }
  }

  #failedToStop(error: unknown): void {
    this.log.error("actor failed while it was stopped", { error });
  }

  get #idle(): boolean {
    return this.#state === RUNNING && this.#mailbox.isEmpty && this.#incarnation!.quiet;
  }

  #watchIdleness(): void {
    const idleMs = this.table.idleMs;
    if (idleMs === undefined || this.#state !== RUNNING || this.#idleAlarm?.pending) return;
    this.#idleAlarm ??= new Alarm((nowMs) => this.#idleDue(nowMs, idleMs));
    this.queue.add(this.#idleAlarm, this.#activeMs + idleMs);
  }

  #idleDue(nowMs: number, idleMs: number): void {
    const dueMs = this.#activeMs + idleMs;
    if (this.#state !== RUNNING) return; // The slice that ends that state watches again.
    if (this.#idle && dueMs <= nowMs) return this.#signal("passivate");
    // Not idle, or not yet for long enough: one alarm per idle time is cheaper than per message.
    this.queue.add(this.#idleAlarm!, dueMs > nowMs ? dueMs : nowMs + idleMs);
  }
}

/** Handlers in the order of the kind's messages. */
function resolveHandlers(table: KindTable, actor: AnyActor): readonly Handler[] {
  const byName = actor as Readonly<Record<string, unknown>>;
  return table.messages.map(({ name }) => {
    const handler = byName[name];
    if (typeof handler === "function") return handler as Handler;
    throw new TypeError(`Cannot start ${table.name}: it has no handler for ${name}`);
  });
}
