/**
 * The actor system of one node: which actors run, who is woken by a message, what may still be
 * started, and how it all ends.
 *
 * @module
 */
import type { Actor, Actors } from "./actor.ts";
import { ASK_REFUSED, type AskFailure, type AskReply, AskTable } from "./ask.ts";
import { Cell, type CellHost, type Origin, type RuntimeCounters } from "./cell.ts";
import { DueQueue } from "./due_queue.ts";
import type { AnyActor } from "./incarnation.ts";
import { type KindTable, kindTable, type MessageType } from "./kind_table.ts";
import { LOCAL_LOCATOR, type Locator, type RemoteActors } from "./locator.ts";
import type { Ports } from "./ports.ts";
import { type ActorKind, ASK_TIMEOUT_MS_MAX, type Protocol } from "./protocol.ts";
import { type ActorRef, LocalRef, type RefHost } from "./ref.ts";
import { Scheduler } from "./scheduler.ts";

/** Most actors alive at once: ten times the connections and streams a node can serve. */
export const ACTORS_MAX = 262_144;

/** Most asks in flight at once; more than that are not waiting, they are lost. */
export const ASKS_MAX = 65_536;

/** Most kinds; they are written in the source, a few dozen in all. */
export const KINDS_MAX = 256;

/** Longest key, in characters: the longest stream path, with room for a prefix. */
export const KEY_CHARACTERS_MAX = 2_048;

/** A tell that waited this long is dropped, in milliseconds: what it says is no longer true. */
export const TELL_LIFETIME_MS = 30_000;

/** Construction options of an {@link ActorSystem}. */
export interface ActorSystemOptions {
  /** Where actors live that are not running here; by default all live here. */
  readonly locator?: Locator;
  /** Told of each actor that its supervisor gave up: it failed too often, or cannot be remade. */
  readonly onEscalate?: (kind: string, key: string, error: unknown) => void;
  /** Instead of {@link ACTORS_MAX}. */
  readonly actorsMax?: number;
  /** Instead of {@link ASKS_MAX}. */
  readonly asksMax?: number;
}

/** A kind and its actors that run here. */
interface KindEntry {
  readonly kind: unknown;
  readonly table: KindTable;
  readonly cells: Map<string, Cell>;
  create: ((key: string) => AnyActor) | undefined;
}

/** Runs actors on one node. */
export class ActorSystem implements Actors, RefHost, CellHost {
  readonly ports: Ports;
  readonly scheduler: Scheduler;
  readonly queue: DueQueue;
  readonly counters: RuntimeCounters = {
    refused: 0,
    expired: 0,
    dropped: 0,
    failures: 0,
    escalations: 0,
    late: 0,
  };
  readonly #options: ActorSystemOptions;
  readonly #locator: Locator;
  readonly #actorsMax: number;
  readonly #asks: AskTable;
  readonly #kinds = new Map<string, KindEntry>();
  #count = 0;
  #shutdown: PromiseWithResolvers<void> | undefined;

  constructor(ports: Ports, options: ActorSystemOptions = {}) {
    this.ports = ports;
    this.#options = options;
    this.#locator = options.locator ?? LOCAL_LOCATOR;
    this.#actorsMax = options.actorsMax ?? ACTORS_MAX;
    this.scheduler = new Scheduler(ports.clock, ports.timers);
    this.queue = new DueQueue(ports.clock, ports.timers);
    this.#asks = new AskTable({
      queue: this.queue,
      asksMax: options.asksMax ?? ASKS_MAX,
    });
  }

  get actors(): Actors {
    return this;
  }

  register<P extends Protocol>(kind: ActorKind<P>, create: (key: string) => Actor<P>): void {
    const entry = this.#entry(kind);
    if (entry.create !== undefined) {
      throw new TypeError(`Cannot register ${kind.name}: it is registered`);
    }
    entry.create = create as (key: string) => AnyActor;
  }

  spawn<P extends Protocol>(
    kind: ActorKind<P>,
    key: string,
    actor: Actor<P> | (() => Actor<P>),
  ): ActorRef<P> {
    const entry = this.#entry(kind);
    checkKey(kind.name, key);
    const problem = (text: string) => `Cannot spawn ${kind.name} ${JSON.stringify(key)}: ${text}`;
    if (entry.cells.has(key)) throw new TypeError(problem("it is running"));
    if (this.#shutdown !== undefined) throw new TypeError(problem("the system has shut down"));
    if (this.#count >= this.#actorsMax) {
      throw new RangeError(problem(`${this.#actorsMax} actors are running, which is the maximum`));
    }
    const origin: Origin = typeof actor === "function"
      ? { kind: "factory", create: actor as () => AnyActor }
      : { kind: "instance", create: () => actor as AnyActor };
    return this.#add(entry, new LocalRef(this, entry.table, key), origin)
      .self as unknown as ActorRef<P>;
  }

  ref<P extends Protocol>(kind: ActorKind<P>, key: string): ActorRef<P> {
    const entry = this.#entry(kind);
    checkKey(kind.name, key);
    const ref = entry.cells.get(key)?.self ?? new LocalRef(this, entry.table, key);
    return ref as unknown as ActorRef<P>;
  }

  stop<P extends Protocol>(kind: ActorKind<P>, key: string): void {
    this.#entry(kind).cells.get(key)?.stop();
  }

  count(kindName?: string): number {
    if (kindName === undefined) return this.#count;
    return this.#kinds.get(kindName)?.cells.size ?? 0;
  }

  /** Asks in flight, this node's own and those that came from other nodes. */
  get asksInFlight(): number {
    return this.#asks.size;
  }

  /**
   * Ends every actor and starts no more. What waits in mailboxes is answered "stopped", as is
   * every ask from now on. Resolves when the last actor has been told.
   */
  shutdown(): Promise<void> {
    if (this.#shutdown === undefined) {
      this.#shutdown = Promise.withResolvers();
      for (const { cells } of this.#kinds.values()) {
        for (const cell of cells.values()) cell.stop();
      }
      if (this.#count === 0) this.#finishShutdown();
    }
    return this.#shutdown.promise;
  }

  #finishShutdown(): void {
    this.#asks.settleAll(ASK_REFUSED.stopped);
    this.queue.clear();
    this.#shutdown?.resolve();
  }

  /**
   * Takes an ask that came from another node. Nothing in it is trusted: a kind, key or message
   * that this node does not have is answered "unreachable". It is never passed on.
   *
   * @param timeoutMs What is left of the caller's time; brought into the range of asks.
   */
  receiveAsk(
    kind: string,
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
  ): Promise<AskReply<unknown>> {
    const target = this.#received(kind, key, name);
    if (target === undefined) {
      this.counters.refused++;
      return Promise.resolve(ASK_REFUSED.unreachable);
    }
    const boundedMs = timeoutMs >= 1 ? Math.min(timeoutMs, ASK_TIMEOUT_MS_MAX) : 1;
    return this.#ask(target.ref, target.message, req, boundedMs, false);
  }

  /** Takes a tell that came from another node, like {@link receiveAsk}. */
  receiveTell(kind: string, key: string, name: string, req: unknown): boolean {
    const target = this.#received(kind, key, name);
    if (target === undefined) {
      this.counters.refused++;
      return false;
    }
    try {
      return this.#tell(target.ref, target.message, req, false);
    } catch (error) {
      // A coalescing rule could make no sense of the request.
      this.counters.refused++;
      this.ports.log.debug("message from another node refused", { kind, message: name, error });
      return false;
    }
  }

  #received(
    kind: string,
    key: string,
    name: string,
  ): { ref: LocalRef; message: MessageType } | undefined {
    const entry = this.#kinds.get(kind);
    const message = entry?.table.byName.get(name);
    if (entry === undefined || message === undefined || !isKey(key)) return undefined;
    const ref = entry.cells.get(key)?.self ?? new LocalRef(this, entry.table, key);
    return { ref, message };
  }

  sendTell(ref: LocalRef, message: MessageType, req: unknown): boolean {
    const found = ref.found;
    if (found === undefined || found.stopped) return this.#tell(ref, message, req, true);
    return found.send(message, req, this.scheduler.freshNowMs() + TELL_LIFETIME_MS, undefined);
  }

  sendAsk(
    ref: LocalRef,
    message: MessageType,
    req: unknown,
    timeoutMs: number | undefined,
  ): Promise<AskReply<unknown>> {
    const usedMs = timeoutMs ?? ref.table.askTimeoutMs;
    if (!(usedMs >= 1 && usedMs <= ASK_TIMEOUT_MS_MAX)) {
      throw new RangeError(
        `Cannot ask: timeout is ${usedMs} ms, expected 1 to ${ASK_TIMEOUT_MS_MAX}`,
      );
    }
    return this.#ask(ref, message, req, usedMs, true);
  }

  #tell(ref: LocalRef, message: MessageType, req: unknown, mayLeave: boolean): boolean {
    const target = this.#find(ref, mayLeave);
    if (typeof target === "string") {
      this.counters.refused++;
      return false;
    }
    if (target instanceof Cell) {
      return target.send(message, req, this.scheduler.freshNowMs() + TELL_LIFETIME_MS, undefined);
    }
    try {
      return target.tell(ref.kind, ref.key, message.name, req);
    } catch (error) {
      this.ports.log.debug("tell did not leave the node", { kind: ref.kind, error });
      return false;
    }
  }

  #ask(
    ref: LocalRef,
    message: MessageType,
    req: unknown,
    timeoutMs: number,
    mayLeave: boolean,
  ): Promise<AskReply<unknown>> {
    const target = this.#find(ref, mayLeave);
    if (typeof target === "string") {
      this.counters.refused++;
      return Promise.resolve(ASK_REFUSED[target]);
    }
    const { promise, resolve } = Promise.withResolvers<AskReply<unknown>>();
    const ask = this.#asks.open(timeoutMs, this.scheduler.freshNowMs(), resolve);
    if (ask === undefined) {
      this.counters.refused++;
      return Promise.resolve(ASK_REFUSED.busy);
    }
    if (target instanceof Cell) {
      if (!target.send(message, req, ask.dueMs, ask)) ask.settle(ASK_REFUSED.busy);
      return promise;
    }
    const unreachable = (error: unknown) => {
      this.ports.log.debug("ask did not reach its node", { kind: ref.kind, error });
      ask.settle(ASK_REFUSED.unreachable);
    };
    try {
      target.ask(ref.kind, ref.key, message.name, req, timeoutMs)
        .then((reply) => ask.settle(reply), unreachable);
    } catch (error) {
      unreachable(error);
    }
    return promise;
  }

  /** Finds the actor here, or where it lives, or wakes it, or says why not. */
  #find(ref: LocalRef, mayLeave: boolean): Cell | RemoteActors | AskFailure {
    const entry = this.#kinds.get(ref.kind)!;
    const running = entry.cells.get(ref.key);
    if (running !== undefined) {
      ref.found = running;
      return running;
    }
    if (this.#shutdown !== undefined) return "stopped";
    const remote = this.#locator.locate(ref.kind, ref.key);
    if (remote !== undefined) return mayLeave ? remote : "unreachable";
    const create = entry.create;
    if (create === undefined) return "unreachable";
    if (this.#count >= this.#actorsMax) return "busy";
    return this.#add(entry, ref, { kind: "virtual", create: () => create(ref.key) });
  }

  #add(entry: KindEntry, ref: LocalRef, origin: Origin): Cell {
    const cell = new Cell(this, ref, origin);
    ref.found = cell;
    entry.cells.set(ref.key, cell);
    this.#count++;
    return cell;
  }

  ended(cell: Cell): void {
    this.#kinds.get(cell.table.name)!.cells.delete(cell.key);
    this.#count--;
    if (this.#count === 0 && this.#shutdown !== undefined) this.#finishShutdown();
  }

  escalated(cell: Cell, error: unknown): void {
    this.counters.escalations++;
    cell.log.error("actor given up", { error });
    try {
      this.#options.onEscalate?.(cell.table.name, cell.key, error);
    } catch (hookError) {
      cell.log.error("escalation hook failed", { error: hookError });
    }
  }

  #entry<P extends Protocol>(kind: ActorKind<P>): KindEntry {
    const known = this.#kinds.get(kind.name);
    if (known !== undefined) {
      if (known.kind === kind) return known;
      throw new TypeError(`Cannot use actor kind ${kind.name}: the name belongs to another kind`);
    }
    if (this.#kinds.size >= KINDS_MAX) {
      throw new RangeError(`Cannot use actor kind ${kind.name}: ${KINDS_MAX} kinds are in use`);
    }
    const entry: KindEntry = {
      kind,
      table: kindTable(kind),
      cells: new Map(),
      create: undefined,
    };
    this.#kinds.set(kind.name, entry);
    return entry;
  }
}

function isKey(key: unknown): key is string {
  return typeof key === "string" && key.length > 0 && key.length <= KEY_CHARACTERS_MAX;
}

function checkKey(kindName: string, key: string): void {
  const characters = key.length;
  if (isKey(key)) return;
  throw new RangeError(
    `Cannot reach ${kindName}: key has ${characters} characters, at least 1 and at most ` +
      `${KEY_CHARACTERS_MAX} fit`,
  );
}
