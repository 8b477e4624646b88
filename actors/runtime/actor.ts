/**
 * What an actor is, and what it may ask of the system that runs it.
 *
 * An actor owns its state and takes one message at a time. Handlers are synchronous unless they
 * return a promise; then the actor, and only it, waits until the promise settles or the message's
 * deadline has passed. After that deadline the actor takes further messages although the late
 * handler may still run, so an asynchronous handler checks its state again after each `await`.
 *
 * @module
 */
import type { Log, Ports, Timer } from "./ports.ts";
import type { ActorKind, Protocol } from "./protocol.ts";
import type { ActorRef } from "./ref.ts";

/** Returned by a handler that took a {@link Reply} and answers later. */
export const DEFERRED: unique symbol = Symbol("deferred");

/**
 * Most deferred answers that one actor may owe; beyond, the ask is answered "busy". As many
 * viewers as fit on a node may wait for one stream to begin.
 */
export const DEFERRED_PER_ACTOR_MAX = 16_384;

/** An answer that is owed; expires with the deadline of its ask. */
export interface Reply<Res> {
  /** Whether somebody still waits for it. */
  readonly open: boolean;
  /** Answers. Returns false when nobody waits any more; answers only once. */
  send(value: Res): boolean;
}

/**
 * An actor: one handler for each message of its protocol.
 *
 * A handler that throws, or whose promise rejects, fails the actor: its supervisor discards it
 * and makes a new one. What must survive that lives beside the actor.
 */
export type Actor<P extends Protocol> =
  & {
    [K in keyof P]: (
      req: P[K]["req"],
      context: ActorContext<P>,
    ) => P[K]["res"] | typeof DEFERRED | Promise<P[K]["res"] | typeof DEFERRED>;
  }
  & {
    /** Called before the first message, also after a restart. */
    started?(context: ActorContext<P>): void | Promise<void>;
    /** Called once when the actor ends for good; not when a failed one is replaced. */
    stopped?(): void;
  };

/** What an actor may ask of its system. Works for one incarnation: a restart makes a new one. */
export interface ActorContext<P extends Protocol> {
  readonly key: string;
  readonly self: ActorRef<P>;
  readonly system: Actors;
  readonly ports: Ports;
  /** Its lines carry the actor's kind and key. */
  readonly log: Log;
  /**
   * Sends a message to the actor itself after `delayMs`, 0 to 2^31 - 1. It takes its turn in the
   * mailbox, which never refuses it. Cancelled, it is not delivered, even when it is waiting in
   * the mailbox already; nor is it after a restart.
   *
   * @throws {RangeError} The delay is out of range, or TIMERS_PER_ACTOR_MAX timers are pending.
   */
  sendAfter<K extends keyof P & string>(delayMs: number, name: K, req: P[K]["req"]): Timer;
  /**
   * Takes the answer of the message being handled into the actor's own hands; the handler then
   * returns {@link DEFERRED}. An asynchronous handler calls it before its first `await`. For a
   * tell the reply is closed from the start.
   *
   * @throws {TypeError} No handler is being called.
   */
  defer<Res>(): Reply<Res>;
  /** Ends the actor after this message; what waits in its mailbox is answered "stopped". */
  stop(): void;
}

/** What actors and rooms see of an actor system. */
export interface Actors {
  /**
   * Says how actors of `kind` are made. They are virtual: the first message makes one, and it is
   * stopped when it had none for the kind's `idleMs`.
   *
   * @throws {TypeError} The kind, or another of the same name, is registered.
   */
  register<P extends Protocol>(kind: ActorKind<P>, create: (key: string) => Actor<P>): void;
  /**
   * Starts an actor that is bound to something, such as a socket, and ends by being stopped. The
   * factory form is restarted when it fails; an instance cannot be and is stopped instead.
   *
   * @throws {TypeError} Such an actor is running, or the kind's name belongs to another kind.
   * @throws {RangeError} The key is empty or too long, or the maximum of actors is reached.
   */
  spawn<P extends Protocol>(
    kind: ActorKind<P>,
    key: string,
    actor: Actor<P> | (() => Actor<P>),
  ): ActorRef<P>;
  /**
   * The reference to an actor, whether it runs or not.
   *
   * @throws {TypeError} The kind's name belongs to another kind.
   * @throws {RangeError} The key is empty or too long.
   */
  ref<P extends Protocol>(kind: ActorKind<P>, key: string): ActorRef<P>;
  /** Ends an actor that runs here, before any other message; nothing happens when none does. */
  stop<P extends Protocol>(kind: ActorKind<P>, key: string): void;
  /** Actors that run here, of one kind or of all. */
  count(kindName?: string): number;
}
