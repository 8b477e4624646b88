/**
 * A scripted actor and a system on virtual time, for the tests of the actor runtime.
 *
 * @module
 */
import {
  type Actor,
  type ActorContext,
  DEFERRED,
  type Reply,
} from "../../../actors/runtime/actor.ts";
import { actorKind } from "../../../actors/runtime/protocol.ts";
import { ActorSystem, type ActorSystemOptions } from "../../../actors/runtime/system.ts";
import { VirtualPorts } from "../../support/virtual_ports.ts";

/** Messages of the scripted actor. */
export type Script = {
  /** Notes the text and answers with the number of notes. */
  note: { req: string; res: number };
  /** Like note; a full mailbox drops the oldest. */
  gauge: { req: string; res: undefined };
  /** Like note; the part before "=" is the key that coalesces. */
  setting: { req: string; res: undefined };
  /** Runs a function with the actor's context, and answers what it returns. */
  act: { req: (context: ActorContext<Script>) => unknown; res: unknown };
};

/** Capacity of the scripted actor's mailbox. */
export const SCRIPT_MAILBOX_MAX = 8;

export const SCRIPT = actorKind<Script>({
  name: "script",
  messages: ["note", "gauge", "setting", "act"],
  mailboxMax: SCRIPT_MAILBOX_MAX,
  idleMs: 10_000,
  policies: { gauge: "drop-oldest", setting: { coalesce: (req) => req.split("=")[0] } },
});

/** What the actors of one test did, in order. */
export class Journal {
  readonly entries: string[] = [];

  /** The entries so far; forgets them. */
  take(): string[] {
    return this.entries.splice(0);
  }
}

/** Does what its messages say and writes it into a journal. */
export class ScriptActor implements Actor<Script> {
  readonly #journal: Journal;
  readonly #prefix: string;
  #count = 0;

  constructor(journal: Journal, prefix = "") {
    this.#journal = journal;
    this.#prefix = prefix;
  }

  started(_context: ActorContext<Script>): void {
    this.#write("started");
  }

  stopped(): void {
    this.#write("stopped");
  }

  note(text: string): number {
    this.#write(text);
    return ++this.#count;
  }

  gauge(text: string): undefined {
    this.#write(text);
  }

  setting(text: string): undefined {
    this.#write(text);
  }

  act(action: (context: ActorContext<Script>) => unknown, context: ActorContext<Script>): unknown {
    return action(context);
  }

  #write(text: string): void {
    this.#journal.entries.push(this.#prefix + text);
  }
}

/** A system on virtual time with the scripted kind registered. */
export function scriptSystem(options: ActorSystemOptions = {}) {
  const ports = new VirtualPorts();
  const journal = new Journal();
  const system = new ActorSystem(ports, options);
  system.register(SCRIPT, () => new ScriptActor(journal));
  return { ports, journal, system, ref: system.ref(SCRIPT, "a") };
}

/** Defers the answer and hands the reply to `keep`. */
export function deferTo(keep: (reply: Reply<unknown>) => void) {
  return (context: ActorContext<Script>): unknown => {
    keep(context.defer<unknown>());
    return DEFERRED;
  };
}

/** Throws, as a broken actor does. */
export function crash(): never {
  throw new Error("broken on purpose");
}
