/**
 * Gets the clients of a node that drains to go to other nodes, a few at a time.
 *
 * Clients that understand it are asked to connect elsewhere and given time to do so; the others,
 * and those who stay, are sent away later, publishers between two groups of pictures. All of it is
 * spread over the time of the drain, so that the other nodes are never met by everybody at once.
 * While there is no other node nobody is asked or sent away.
 *
 * @module
 */
import type { Ports, Timer } from "../runtime/ports.ts";
import type { Session, SessionTable } from "./session_table.ts";

/** How often some are asked or sent away, in milliseconds. */
const TICK_MS = 100;

/** Shares of the drain's time: until when everybody was asked, who understands that. */
const ASKED_AT = 1 / 3;

/** From when on those are sent away who do not understand it, and those who did not go. */
const MUTE_FROM = 1 / 3;
const ASKED_FROM = 0.6;

/** Until when everybody was sent away. */
const SENT_AT = 0.8;

/** From when on publishers are not waited for to come to a key frame. */
const FORCED_FROM = 0.9;

const REASON = "The node leaves; connect to another one.";

/** Where clients may go. */
export interface Elsewhere {
  /** Another node takes clients. */
  readonly open: boolean;
  /** The node for a session's client, "host:port" of the listener of its protocol. */
  choose(session: Session): string | undefined;
}

export interface DeparturesOptions {
  readonly ports: Ports;
  readonly sessions: SessionTable;
  readonly elsewhere: Elsewhere;
  /** Time for all of it, in milliseconds. */
  readonly timeMs: number;
}

/** How far a client is: asked, found not to understand that, or sent away. */
type Stage = "asked" | "mute" | "sent";

export class Departures {
  readonly #options: DeparturesOptions;
  readonly #stages = new WeakMap<Session, Stage>();
  #startMs: number | undefined;
  #timer: Timer | undefined;

  constructor(options: DeparturesOptions) {
    this.#options = options;
  }

  /** Begins; once. */
  start(): void {
    if (this.#timer === undefined) this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    this.#timer = this.#options.ports.timers.after(TICK_MS, () => {
      this.#tick();
      this.#arm();
    });
  }

  #tick(): void {
    const { elsewhere, ports: { clock }, timeMs } = this.#options;
    // Without another node time stands still.
    if (!elsewhere.open) return void (this.#startMs = undefined);
    const nowMs = clock.nowMs();
    this.#startMs ??= nowMs;
    const elapsedMs = nowMs - this.#startMs;
    const due = (from: number, to: number, of: readonly Session[]) => {
      return of.slice(
        0,
        dueCount(of.length, { elapsedMs, fromMs: from * timeMs, toMs: to * timeMs }),
      );
    };
    for (const session of due(0, ASKED_AT, this.#at(undefined))) this.#ask(session);
    for (const session of due(MUTE_FROM, SENT_AT, this.#at("mute"))) this.#send(session, false);
    for (const session of due(ASKED_FROM, SENT_AT, this.#at("asked"))) this.#send(session, false);
    if (elapsedMs < FORCED_FROM * timeMs) return;
    for (const session of this.#at("sent")) this.#send(session, true);
  }

  /** Sessions at a stage, publishers first: their streams are waited for. */
  #at(stage: Stage | undefined): Session[] {
    const all = [...this.#options.sessions.values()].filter((session) =>
      this.#stages.get(session) === stage
    );
    const publish = all.filter(({ role }) => role === "publish");
    return [...publish, ...all.filter(({ role }) => role === "play")];
  }

  #ask(session: Session): void {
    const address = session.redirect && this.#options.elsewhere.choose(session);
    const asked = address !== undefined && session.redirect?.(address) === true;
    this.#stages.set(session, asked ? "asked" : "mute");
  }

  #send(session: Session, now: boolean): void {
    this.#stages.set(session, "sent");
    session.depart(REASON, now);
  }
}

/** How many of `count` are due now, when all are to have had their turn at `toMs`. */
export function dueCount(
  count: number,
  { elapsedMs, fromMs, toMs }: {
    readonly elapsedMs: number;
    readonly fromMs: number;
    readonly toMs: number;
  },
): number {
  if (elapsedMs < fromMs) return 0;
  const ticksLeft = Math.ceil((toMs - elapsedMs) / TICK_MS);
  return ticksLeft <= 1 ? count : Math.ceil(count / ticksLeft);
}
