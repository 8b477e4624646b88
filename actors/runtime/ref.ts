/**
 * Typed references: how one actor, or the world around, reaches another by kind and key.
 *
 * A reference is cheap, never goes stale and does not tell where its actor is: here, not yet
 * awake, or on another node.
 *
 * @module
 */
import type { Ask, AskReply } from "./ask.ts";
import type { KindTable, MessageType } from "./kind_table.ts";
import type { Protocol } from "./protocol.ts";

/** Options of one ask. */
export interface AskOptions {
  /** Milliseconds until it is answered "deadline", 1 to ASK_TIMEOUT_MS_MAX; else the kind's. */
  readonly timeoutMs?: number;
}

/**
 * Reaches one actor.
 *
 * Requests and answers are plain data and frozen by contract: on one node they are handed over
 * by reference, so neither side changes them after sending.
 */
export interface ActorRef<P extends Protocol> {
  /** Name of the actor's kind. */
  readonly kind: string;
  readonly key: string;
  /**
   * Sends a message and resolves to its answer or to why there is none; never rejects.
   * A `timeoutMs` out of range throws a RangeError.
   */
  readonly ask: {
    readonly [K in keyof P]: (
      req: P[K]["req"],
      options?: AskOptions,
    ) => Promise<AskReply<P[K]["res"]>>;
  };
  /**
   * Sends a message without an answer. Returns false when it was refused: the mailbox is full, or
   * there is no such actor. A hot sender may keep the function: `const send = ref.tell.name`.
   */
  readonly tell: { readonly [K in keyof P]: (req: P[K]["req"]) => boolean };
}

/** An actor that runs here, as a reference remembers it. */
export interface LocalTarget {
  /** It ended; look again. */
  readonly stopped: boolean;
  /** Puts a message into its mailbox. Returns false when it was refused. */
  send(message: MessageType, req: unknown, deadlineMs: number, ask: Ask | undefined): boolean;
}

/** What references need of their system. */
export interface RefHost {
  sendTell(ref: LocalRef, message: MessageType, req: unknown): boolean;
  sendAsk(
    ref: LocalRef,
    message: MessageType,
    req: unknown,
    timeoutMs: number | undefined,
  ): Promise<AskReply<unknown>>;
}

type Tell = (req: unknown) => boolean;
type AskFunction = (req: unknown, options?: AskOptions) => Promise<AskReply<unknown>>;

/** The one implementation of {@link ActorRef}, whose types it forgets. */
export class LocalRef implements ActorRef<Protocol> {
  readonly key: string;
  readonly table: KindTable;
  /** The running actor that was found last; belongs to the system. */
  found: LocalTarget | undefined;
  readonly #host: RefHost;
  #tell: Readonly<Record<string, Tell>> | undefined;
  #ask: Readonly<Record<string, AskFunction>> | undefined;

  constructor(host: RefHost, table: KindTable, key: string) {
    this.#host = host;
    this.table = table;
    this.key = key;
  }

  get kind(): string {
    return this.table.name;
  }

  get tell(): Readonly<Record<string, Tell>> {
    return this.#tell ??= senders(
      this.table,
      (message) => (req) => this.#host.sendTell(this, message, req),
    );
  }

  get ask(): Readonly<Record<string, AskFunction>> {
    return this.#ask ??= senders(
      this.table,
      (message) => (req, options) => this.#host.sendAsk(this, message, req, options?.timeoutMs),
    );
  }
}

/** An object with a function for each message of the kind and nothing else, made when used. */
function senders<F>(table: KindTable, make: (message: MessageType) => F): Record<string, F> {
  const made: Record<string, F> = Object.create(null);
  return new Proxy(made, {
    get(target, name): F | undefined {
      // No prototype, so whatever is found here was made here.
      const known = target[name as string];
      if (known !== undefined) return known;
      const message = typeof name === "string" ? table.byName.get(name) : undefined;
      return message === undefined ? undefined : (target[message.name] = make(message));
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
  });
}
