/**
 * What this node owns, who owns the rest, and how that changes: the one door to all of it.
 *
 * A thing counts as owned here only while the directory's record names this incarnation, as far
 * as this node can know. Whatever ends that ends the thing's actor here at once.
 *
 * @module
 */
import type { Log, Ports } from "../../actors/runtime/ports.ts";
import { KEY_CHARACTERS_MAX } from "../../actors/runtime/system.ts";
import type { StreamOwner } from "../../actors/stream/upstream.ts";
import type { Directory } from "../directory/directory.ts";
import { type ClaimOutcome, Claims } from "./claims.ts";
import { type LossReason, OwnedTable } from "./owned_table.ts";
import type { Owner, Resolution, Standing } from "./owner.ts";
import { OwnerBook } from "./owner_book.ts";
import { OwnerLookup } from "./owner_lookup.ts";
import { OwnerWatch } from "./owner_watch.ts";
import { isPlaceable } from "./place_stream.ts";
import { Upkeep } from "./upkeep.ts";

export interface OwnershipOptions {
  readonly directory: Directory;
  readonly ports: Ports;
  readonly mesh: Standing;
  /** Whether somebody uses what this node owns; asked once a second. */
  readonly inUse: (key: string) => boolean;
  /** What the other nodes say while the directory cannot be asked. */
  readonly outage: Outage;
  /** Gives the new owner of a thing what it must know. False: it does not, or will not have it. */
  readonly handOver: (
    to: string,
    key: string,
    session: unknown,
    epoch: number,
  ) => Promise<boolean>;
  /** Tells a node that was made the owner, and would not have it, that it is not any more. */
  readonly takenBack: (from: string, key: string, epoch: number) => void;
}

/** The mesh without its directory. */
export interface Outage {
  /** Every node that we hear has lost the directory, too: nobody can take anything from anybody. */
  readonly general: boolean;
  /**
   * Asks the other nodes who owns a thing; `unknown` when none says so, but not all have answered.
   * Never rejects.
   */
  whoHas(key: string): Promise<Owner | "unknown" | undefined>;
}

export class Ownership {
  readonly #mesh: Standing;
  readonly #handOver: OwnershipOptions["handOver"];
  readonly #takenBack: OwnershipOptions["takenBack"];
  readonly #outage: Outage;
  readonly #log: Log;
  readonly #table: OwnedTable;
  readonly #book: OwnerBook;
  readonly #watch: OwnerWatch;
  readonly #claims: Claims;
  readonly #upkeep: Upkeep;

  /** Its chores run from here on, until {@link Ownership.stop}. */
  constructor(options: OwnershipOptions) {
    const { directory, ports, mesh, inUse, handOver, takenBack, outage } = options;
    const { clock, timers } = ports;
    const log = this.#log = ports.log.with({ part: "ownership" });
    this.#mesh = mesh;
    this.#handOver = handOver;
    this.#takenBack = takenBack;
    this.#outage = outage;
    const onHeld = (key: string) => this.#watch.appeared(key);
    const table = this.#table = new OwnedTable({ clock, log, mesh, onHeld });
    const lookup = new OwnerLookup(directory, timers);
    const book = this.#book = new OwnerBook({
      clock,
      lookup,
      mesh,
      own: (key, record) => table.judge(key, record),
      dropped: (key) => table.droppedEpoch(key),
      onFound: (key) => this.#watch.appeared(key),
    });
    this.#watch = new OwnerWatch(timers, book);
    const raise = (key: string, epoch: number) => this.#raise(key, epoch);
    const upkeep = { directory, ports, log, mesh, table, book, lookup, inUse, raise };
    this.#upkeep = new Upkeep(upkeep);
    const released = (key: string) => this.#upkeep.released(key);
    this.#claims = new Claims({ directory, ports, mesh, table, book, lookup, released });
  }

  get node(): string {
    return this.#mesh.node;
  }

  /** Things owned here. */
  get size(): number {
    return this.#table.size;
  }

  /** Keys of what is owned here. */
  keys(): string[] {
    return this.#table.keys();
  }

  /**
   * Calls back as soon as a thing is not owned here any more; where that is this node's own doing,
   * before another one can own it.
   */
  onLost(callback: (key: string, reason: LossReason) => void): void {
    this.#table.onLost(callback);
  }

  ownEpoch(key: string): number | undefined {
    return this.#table.epochOf(key);
  }

  /** Since when it has been owned here, on the monotonic clock in milliseconds. */
  ownedSinceMs(key: string): number | undefined {
    return this.#table.sinceMs(key);
  }

  /** Whether it is owned here; if so it counts as used now. */
  use(key: string): boolean {
    return this.#table.use(key);
  }

  /**
   * Finds the owner, this node included. Never rejects.
   *
   * @param ageMs Oldest knowledge that will do, in milliseconds; by default any of an owner.
   */
  find(key: string, ageMs?: number): Promise<Resolution> {
    const { node, incarnation } = this.#mesh;
    const epoch = this.#table.epochOf(key);
    if (epoch !== undefined) {
      return Promise.resolve({ kind: "owner", owner: { node, incarnation, epoch } });
    }
    if (!isKey(key)) return Promise.resolve({ kind: "nobody", epoch: 0 });
    return this.#found(key, ageMs);
  }

  /** While the directory is away the other nodes are asked. */
  async #found(key: string, ageMs?: number): Promise<Resolution> {
    const found = await this.#book.find(key, ageMs);
    if (found.kind !== "unavailable" || this.#mesh.redisOk) return found;
    const owner = await this.#outage.whoHas(key);
    if (owner === "unknown") return found;
    if (owner !== undefined && this.accepts(key, owner.epoch)) return { kind: "owner", owner };
    return this.#outage.general ? { kind: "nobody", epoch: 0 } : found;
  }

  async resolve(key: string, fresh = false): Promise<StreamOwner | undefined> {
    const found = await this.find(key, fresh ? 0 : undefined);
    if (found.kind !== "owner") return undefined;
    const { node, epoch } = found.owner;
    return { node, epoch };
  }

  /** The owner as far as is known here, without asking anybody. */
  recall(key: string): StreamOwner | undefined {
    const epoch = this.#table.epochOf(key);
    return epoch === undefined ? this.#book.recall(key) : { node: this.node, epoch };
  }

  /** What is known may be wrong: it is looked up. With `owner`, only if that is what is known. */
  forget(key: string, owner?: StreamOwner): void {
    const known = this.#book.recall(key);
    if (owner !== undefined && known !== undefined) {
      if (known.node !== owner.node || known.epoch !== owner.epoch) return;
    }
    this.#book.forget(key);
  }

  /** The link to a node is gone: what it owned is looked up when next asked for. */
  forgetNode(node: string): void {
    this.#book.forgetNode(node);
  }

  /** Calls back once when somebody owns it; see {@link OwnerWatch.add}. */
  watch(key: string, appeared: () => void): () => void {
    if (!isKey(key)) return () => {};
    const cancel = this.#watch.add(key, appeared);
    if (this.recall(key) !== undefined) this.#watch.appeared(key);
    return cancel;
  }

  gone(node: string): boolean {
    return !this.#mesh.members.has(node);
  }

  /**
   * Whether an epoch that was heard of is the highest so far, which is remembered. One higher than
   * our own makes this node look whether it still owns the thing.
   */
  accepts(key: string, epoch: number): boolean {
    if (!this.#book.saw(key, epoch)) return false;
    const own = this.#table.epochOf(key);
    if (own !== undefined && epoch > own) this.#upkeep.doubt(key);
    return true;
  }

  /** Highest epoch heard of; 0 when none was. */
  highestEpoch(key: string): number {
    return this.#book.highest(key);
  }

  /** Makes this node the owner unless another one is. Never rejects. */
  claim(key: string): Promise<ClaimOutcome> {
    const epoch = this.#table.use(key) ? this.#table.epochOf(key) : undefined;
    if (epoch !== undefined) return Promise.resolve({ kind: "owned", epoch });
    if (!isKey(key)) return Promise.resolve({ kind: "unavailable" });
    return this.#claim(key);
  }

  /**
   * Without a directory nothing can be claimed. What nobody owns then is owned provisionally: the
   * directory is told once it is back, and of several such owners the latest stays.
   */
  async #claim(key: string): Promise<ClaimOutcome> {
    const outcome = await this.#claims.claim(key);
    const mesh = this.#mesh;
    if (outcome.kind !== "unavailable" || mesh.redisOk || !mesh.joined) return outcome;
    const found = await this.find(key);
    if (found.kind === "owner") {
      const { owner } = found;
      return owner.node === mesh.node
        ? { kind: "owned", epoch: owner.epoch }
        : { kind: "elsewhere", owner };
    }
    if (found.kind === "unavailable" || mesh.redisOk) return outcome;
    const own = this.#table.epochOf(key);
    if (own !== undefined) return { kind: "owned", epoch: own }; // Claimed meanwhile.
    const epoch = this.#book.above(key, mesh.nowUs());
    this.#table.hold(key, epoch);
    this.#upkeep.unwritten(key);
    this.#log.warn("stream owned provisionally, the directory is away", { key, epoch });
    return { kind: "owned", epoch };
  }

  async takeOver(key: string): Promise<boolean> {
    return (await this.claim(key)).kind === "owned";
  }

  /** Looks whether it is still ours, and under what epoch. Never rejects. */
  confirm(key: string): Promise<void> {
    return this.#upkeep.verify(key);
  }

  /** Whether it is owned here since its owner before died. */
  inherited(key: string): boolean {
    return this.#table.inherited(key);
  }

  /** Gives a thing up. Resolves when the directory knows, or cannot be told now. */
  release(key: string): Promise<void> {
    return this.#upkeep.release(key);
  }

  async transfer(key: string, to: string, session: unknown): Promise<number | undefined> {
    const epoch = this.#table.epochOf(key);
    const target = this.#mesh.members.get(to);
    if (epoch === undefined || target === undefined || to === this.node) return undefined;
    if (!isPlaceable(target)) return undefined;
    const { incarnation } = target;
    const newEpoch = await this.#claims.transfer(key, { epoch, to: { node: to, incarnation } });
    if (newEpoch === undefined) {
      // Lost to somebody else, or the directory cannot say.
      await this.#upkeep.verify(key);
      return undefined;
    }
    this.#table.lose(key, "moved");
    this.#book.forget(key);
    this.#book.saw(key, newEpoch);
    if (await this.#handOver(to, key, session, newEpoch)) return newEpoch;
    await this.#takeBack(to, key, newEpoch);
    return undefined;
  }

  /** The directory lost its data: tells it again what is owned here. Never rejects. */
  reassertAll(): Promise<void> {
    return this.#upkeep.reassertAll();
  }

  /** This node stood still: others may have taken over what it owns. */
  doubtAll(): void {
    this.#upkeep.doubtAll();
  }

  /** This incarnation is dead: nothing is ours any more. */
  dropAll(): void {
    if (this.size > 0) this.#log.warn("ownership lost", { streams: this.size });
    this.#upkeep.dropAll("fenced");
  }

  /** Gives everything up, before the node leaves, but what is to be `kept` until it is gone. */
  releaseAll(kept: (key: string) => boolean = () => false): Promise<void> {
    return this.#upkeep.releaseAll(kept);
  }

  stop(): void {
    this.#upkeep.stop();
    this.#watch.stop();
  }

  /** Others heard of a higher epoch, which the directory lost: ours must be beyond it. */
  async #raise(key: string, epoch: number): Promise<void> {
    const { node, incarnation } = this.#mesh;
    const newEpoch = await this.#claims.transfer(key, { epoch, to: { node, incarnation } });
    if (newEpoch === undefined || this.#table.epochOf(key) !== epoch) return;
    this.#log.info("epoch raised", { key, from: epoch, to: newEpoch });
    this.#book.saw(key, newEpoch);
    this.#table.hold(key, newEpoch);
  }

  /** A new owner that does not know of it, or would not have it, must not keep it. */
  async #takeBack(from: string, key: string, epoch: number): Promise<void> {
    const { node, incarnation } = this.#mesh;
    const newEpoch = await this.#claims.transfer(key, { epoch, to: { node, incarnation } });
    this.#log.warn("hand-over failed", { key, takenBack: newEpoch !== undefined });
    if (newEpoch === undefined) return this.#table.announceLoss(key, "superseded");
    this.#table.hold(key, newEpoch);
    this.#takenBack(from, key, newEpoch);
  }
}

function isKey(key: string): boolean {
  return key.length > 0 && key.length <= KEY_CHARACTERS_MAX && key.isWellFormed();
}
