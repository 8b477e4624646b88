/**
 * Questions that wait for their answer: each is answered exactly once, by the actor, by its
 * deadline, or by whatever ended the actor.
 *
 * @module
 */
import { Due, type DueQueue } from "./due_queue.ts";

/** Why an ask got no answer. */
export type AskFailure =
  /** A maximum was reached: the mailbox, asks in flight, deferred answers or living actors. */
  | "busy"
  /** Nobody answered in time. */
  | "deadline"
  /** The actor ended before it answered. */
  | "stopped"
  /** The handler threw, or the actor was restarted before it answered. */
  | "failed"
  /** No such actor, kind or message name, or its node cannot be reached. */
  | "unreachable";

/** What an ask resolves to; it never rejects. */
export type AskReply<Res> =
  | { readonly ok: true; readonly value: Res }
  | { readonly ok: false; readonly error: AskFailure };

/** One shared value per refusal. */
export const ASK_REFUSED: {
  readonly [E in AskFailure]: { readonly ok: false; readonly error: E };
} = {
  busy: Object.freeze({ ok: false, error: "busy" }),
  deadline: Object.freeze({ ok: false, error: "deadline" }),
  stopped: Object.freeze({ ok: false, error: "stopped" }),
  failed: Object.freeze({ ok: false, error: "failed" }),
  unreachable: Object.freeze({ ok: false, error: "unreachable" }),
};

/** One ask in flight. */
export class Ask extends Due {
  /** Told once when the ask is answered; used by the actor that holds it as a deferred answer. */
  onSettled: ((ask: Ask) => void) | undefined;
  readonly #table: AskTable;
  #resolve: ((reply: AskReply<unknown>) => void) | undefined;

  constructor(table: AskTable, resolve: (reply: AskReply<unknown>) => void) {
    super();
    this.#table = table;
    this.#resolve = resolve;
  }

  get settled(): boolean {
    return this.#resolve === undefined;
  }

  /** Answers. Returns false, and changes nothing, when it was answered before. */
  settle(reply: AskReply<unknown>): boolean {
    const resolve = this.#resolve;
    if (resolve === undefined) return false;
    this.#resolve = undefined;
    this.#table.release(this);
    this.onSettled?.(this);
    this.onSettled = undefined;
    resolve(reply);
    return true;
  }

  due(): void {
    this.settle(ASK_REFUSED.deadline);
  }
}

/** All asks in flight of a system, at most `asksMax`. */
export class AskTable {
  readonly #queue: DueQueue;
  readonly #asksMax: number;
  readonly #open = new Set<Ask>();

  constructor(options: { queue: DueQueue; asksMax: number }) {
    this.#queue = options.queue;
    this.#asksMax = options.asksMax;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Opens an ask that is answered "deadline" after `timeoutMs`; `undefined` at the maximum. */
  open(
    timeoutMs: number,
    nowMs: number,
    resolve: (reply: AskReply<unknown>) => void,
  ): Ask | undefined {
    if (this.#open.size >= this.#asksMax) return undefined;
    const ask = new Ask(this, resolve);
    this.#open.add(ask);
    this.#queue.add(ask, nowMs + timeoutMs);
    return ask;
  }

  /** Forgets an answered ask. */
  release(ask: Ask): void {
    this.#open.delete(ask);
    this.#queue.remove(ask);
  }

  /** Answers all that are left. */
  settleAll(reply: AskReply<unknown>): void {
    for (const ask of this.#open) ask.settle(reply);
  }
}
