/**
 * Asks that wait for another node's answer: each is answered once, by a REPLY, by its deadline, or
 * by the end of the link.
 *
 * @module
 */
import { ASK_REFUSED } from "../../actors/runtime/ask.ts";
import { Due, type DueQueue } from "../../actors/runtime/due_queue.ts";
import type { Clock } from "../../actors/runtime/ports.ts";
import type { CallReply } from "../../protocols/mrtmp/call.ts";

/** Most asks of one link that wait; a node that owes more answers nobody. */
export const CALLS_MAX = 16_384;

/** One of them. */
class PendingCall extends Due {
  readonly handle: number;
  readonly #calls: PendingCalls;
  readonly #resolve: (reply: CallReply) => void;

  constructor(calls: PendingCalls, handle: number, resolve: (reply: CallReply) => void) {
    super();
    this.#calls = calls;
    this.handle = handle;
    this.#resolve = resolve;
  }

  due(): void {
    this.#calls.settle(this.handle, ASK_REFUSED.deadline);
  }

  answer(reply: CallReply): void {
    this.#resolve(reply);
  }
}

export class PendingCalls {
  readonly #queue: DueQueue;
  readonly #clock: Clock;
  readonly #open = new Map<number, PendingCall>();
  #lastHandle = 0;

  constructor(queue: DueQueue, clock: Clock) {
    this.#queue = queue;
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Opens one that is answered "deadline" by itself; `undefined` when there are too many. */
  open(
    timeoutMs: number,
  ): { readonly handle: number; readonly reply: Promise<CallReply> } | undefined {
    if (this.#open.size >= CALLS_MAX) return undefined;
    do this.#lastHandle = (this.#lastHandle + 1) >>> 0; while (this.#open.has(this.#lastHandle));
    const { promise, resolve } = Promise.withResolvers<CallReply>();
    const call = new PendingCall(this, this.#lastHandle, resolve);
    this.#open.set(call.handle, call);
    this.#queue.add(call, this.#clock.nowMs() + timeoutMs);
    return { handle: call.handle, reply: promise };
  }

  /** Whether somebody still waits for it. */
  has(handle: number): boolean {
    return this.#open.has(handle);
  }

  /** Answers one; nothing happens when it is over. */
  settle(handle: number, reply: CallReply): void {
    const call = this.#open.get(handle);
    if (call === undefined) return;
    this.#open.delete(handle);
    this.#queue.remove(call);
    call.answer(reply);
  }

  /** Answers all. */
  settleAll(reply: CallReply): void {
    for (const handle of [...this.#open.keys()]) this.settle(handle, reply);
  }
}
