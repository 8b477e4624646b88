/**
 * What the runtime derives from a kind once: a closed table of its messages.
 *
 * Names from another node are looked up here and nowhere else, so "constructor" or "__proto__"
 * find nothing.
 *
 * @module
 */
import { type ActorKind, ASK_TIMEOUT_MS, type MailboxPolicy, type Protocol } from "./protocol.ts";

/** One message of a kind. */
export interface MessageType {
  readonly name: string;
  /** Position in the kind's list; also the position of its handler. */
  readonly index: number;
  readonly dropOldest: boolean;
  readonly coalesce: ((req: unknown) => string) | undefined;
}

/** A kind's messages and limits. */
export interface KindTable {
  readonly name: string;
  readonly messages: readonly MessageType[];
  readonly byName: ReadonlyMap<string, MessageType>;
  readonly mailboxMax: number;
  readonly idleMs: number | undefined;
  readonly askTimeoutMs: number;
}

/** Builds the table of `kind`. */
export function kindTable<P extends Protocol>(kind: ActorKind<P>): KindTable {
  const messages = kind.messages.map((name, index) => {
    const policy = kind.policies?.[name] as MailboxPolicy<unknown> | undefined;
    return {
      name,
      index,
      dropOldest: policy === "drop-oldest",
      coalesce: typeof policy === "object" ? policy.coalesce : undefined,
    };
  });
  return {
    name: kind.name,
    messages,
    byName: new Map(messages.map((message) => [message.name, message])),
    mailboxMax: kind.mailboxMax,
    idleMs: kind.idleMs,
    askTimeoutMs: kind.askTimeoutMs ?? ASK_TIMEOUT_MS,
  };
}
