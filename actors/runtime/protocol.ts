/**
 * What an actor understands: message names with their request and answer, and how its mailbox
 * treats them when it is full.
 *
 * A request is handed over by reference while both ends live on one node and as a copy when they
 * do not, so requests and answers are plain data that neither side changes after sending.
 *
 * @module
 */

/**
 * Message names of an actor with the type of request and answer. Declare protocols with `type`:
 * an `interface` has no index signature and does not fit.
 */
export type Protocol = {
  readonly [name: string]: { readonly req: unknown; readonly res: unknown };
};

/**
 * What happens to a message that finds the mailbox full.
 *
 * - `"reject"`: it is refused (`tell` gives false, `ask` answers "busy"). The default.
 * - `"drop-oldest"`: the oldest waiting message of the same name makes room (an ask among them is
 *   answered "busy"); refused when none waits.
 * - `{coalesce}`: at any time a tell replaces the waiting tell of the same name and the same
 *   returned text, and keeps that one's place; refused when none waits and the mailbox is full.
 */
export type MailboxPolicy<Req> =
  | "reject"
  | "drop-oldest"
  | { readonly coalesce: (req: Req) => string };

/** A family of actors that speak one protocol; instances are told apart by their key. */
export interface ActorKind<P extends Protocol> {
  /** Unique within a system and the same on every node. */
  readonly name: string;
  /** Every message name of the protocol; a name that is not listed never reaches an actor. */
  readonly messages: readonly (keyof P & string)[];
  /** Most waiting messages, 1 to {@link MAILBOX_MAX}; the actor's own timers come on top. */
  readonly mailboxMax: number;
  /** A registered actor is stopped after this long without a message; never when left out. */
  readonly idleMs?: number;
  /** Policies other than `"reject"`, by message name. */
  readonly policies?: { readonly [K in keyof P]?: MailboxPolicy<P[K]["req"]> };
  /**
   * Deadline of an ask that names none and of a promise that a tell's or timer's handler returned,
   * in milliseconds; {@link ASK_TIMEOUT_MS} when left out.
   */
  readonly askTimeoutMs?: number;
}

/** Usual deadline of an ask, in milliseconds: longer than any failover, shorter than patience. */
export const ASK_TIMEOUT_MS = 5_000;

/** Longest deadline of an ask, in milliseconds; beyond ten minutes a caller should ask again. */
export const ASK_TIMEOUT_MS_MAX = 600_000;

/** Largest mailbox; 65,536 waiting messages are a second of work for the fastest handlers. */
export const MAILBOX_MAX = 65_536;

/** Most message names of a kind; an actor that needs more is several actors. */
export const MESSAGE_NAMES_MAX = 64;

/** Longest delay of any timer, in milliseconds: what 32-bit event loops can express. */
export const DELAY_MS_MAX = 0x7fffffff;

/** Names with a meaning of their own, for the runtime or for promises. */
const RESERVED_NAMES: ReadonlySet<string> = new Set([
  ...Object.getOwnPropertyNames(Object.prototype),
  "prototype",
  "then",
  "started",
  "stopped",
]);

const NAME_PATTERN = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/**
 * Checks and freezes the description of a kind.
 *
 * @throws {TypeError} A name is malformed, reserved or listed twice, or a policy has no message.
 * @throws {RangeError} A number is outside its range.
 */
export function actorKind<P extends Protocol>(options: ActorKind<P>): ActorKind<P> {
  const { name, messages } = options;
  if (!NAME_PATTERN.test(name)) {
    throw new TypeError(`Cannot make actor kind: name ${JSON.stringify(name)} is malformed`);
  }
  const problem = (text: string) => `Cannot make actor kind ${name}: ${text}`;
  if (messages.length === 0 || messages.length > MESSAGE_NAMES_MAX) {
    throw new RangeError(
      problem(`${messages.length} message names, expected 1 to ${MESSAGE_NAMES_MAX}`),
    );
  }
  for (const [index, message] of messages.entries()) {
    if (!NAME_PATTERN.test(message) || RESERVED_NAMES.has(message)) {
      throw new TypeError(
        problem(`message name ${JSON.stringify(message)} is malformed or reserved`),
      );
    }
    if (messages.indexOf(message) !== index) {
      throw new TypeError(problem(`message ${message} is listed twice`));
    }
  }
  for (const message of Object.keys(options.policies ?? {})) {
    if (!messages.includes(message)) {
      throw new TypeError(problem(`policy for ${message}, which is not listed`));
    }
  }
  checkInteger(options.mailboxMax, MAILBOX_MAX, problem("mailboxMax"));
  if (options.idleMs !== undefined) checkInteger(options.idleMs, DELAY_MS_MAX, problem("idleMs"));
  if (options.askTimeoutMs !== undefined) {
    checkInteger(options.askTimeoutMs, ASK_TIMEOUT_MS_MAX, problem("askTimeoutMs"));
  }
  return Object.freeze({
    ...options,
    messages: Object.freeze([...messages]),
    policies: Object.freeze({ ...options.policies }),
  });
}

function checkInteger(value: number, max: number, subject: string): void {
  if (!Number.isInteger(value) || value < 1 || value > max) {
    throw new RangeError(`${subject} is ${value}, expected 1 to ${max}`);
  }
}
