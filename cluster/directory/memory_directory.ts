/**
 * The directory of one host without Redis, of tests and of the simulator: all in memory.
 *
 * A {@link DirectoryStore} is the data, which nodes of one process share; a
 * {@link MemoryDirectory} is one node's way to it. Nothing survives the process: nodes find that
 * out as they do with a Redis that lost its data.
 *
 * @module
 */
import type { Clock } from "../../actors/runtime/ports.ts";
import {
  checkClaim,
  checkEpoch,
  checkIncarnation,
  checkKey,
  checkMember,
  checkOwner,
  checkSecret,
  checkSpan,
  checkState,
  checkSuspicion,
  checkTimeline,
  checkWatched,
} from "./checks.ts";
import { ClaimTable } from "./claim_table.ts";
import {
  type ClaimRequest,
  type ClaimResult,
  type Directory,
  DirectoryUnavailable,
  type Joined,
  type Member,
  type MembershipView,
  type MemberState,
  type OwnedKey,
  type Ownership,
  type RenewResult,
  type Suspicion,
  type Timeline,
} from "./directory.ts";
import { MemberTable } from "./member_table.ts";

/** The data of a memory directory, and its clock. */
export class DirectoryStore {
  #members = this.#newMembers();
  #claims = new ClaimTable();
  #secret: string | undefined;
  readonly #clock: Clock;
  readonly #startUs: number;
  #lastUs = 0;
  readonly #hints = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startUs = (clock.wallMs() - clock.nowMs()) * 1_000;
  }

  get members(): MemberTable {
    return this.#members;
  }

  get claims(): ClaimTable {
    return this.#claims;
  }

  /**
   * The wall clock at the start and monotonic from there, in whole microseconds: somebody who sets
   * the clock must not end leases. Each call gives a later moment than the one before, as calls to
   * a real one do; so no epoch is ahead of the clock, and none comes again after {@link wipe}.
   */
  nowUs(): number {
    const clockUs = Math.floor(this.#startUs + this.#clock.nowMs() * 1_000);
    return this.#lastUs = Math.max(clockUs, this.#lastUs + 1);
  }

  /** The secret of the mesh: the first one proposed. */
  sharedSecret(proposed: string): string {
    return this.#secret ??= proposed;
  }

  /** Forgets everything, as a database does that was restarted without its file. */
  wipe(): void {
    this.#members = this.#newMembers();
    this.#claims = new ClaimTable();
    this.#secret = undefined;
  }

  /** Calls back in a microtask after each change of the view, until the answer is called. */
  subscribe(callback: () => void): () => void {
    const own = () => callback(); // The same callback may be given twice.
    this.#hints.add(own);
    return () => void this.#hints.delete(own);
  }

  #newMembers(): MemberTable {
    return new MemberTable(() => {
      for (const callback of this.#hints) queueMicrotask(callback);
    });
  }
}

/** One node's way to a {@link DirectoryStore}; answers within a microtask. */
export class MemoryDirectory implements Directory {
  readonly #store: DirectoryStore;
  readonly #unsubscribe: (() => void)[] = [];
  #roundTrips = 0;
  #closed = false;

  constructor(store: DirectoryStore) {
    this.#store = store;
  }

  get roundTrips(): number {
    return this.#roundTrips;
  }

  async join(member: Member, leaseMs: number): Promise<Joined> {
    checkMember(member);
    checkSpan("leaseMs", leaseMs);
    return await this.#ask(({ members }, nowUs) => members.join(member, leaseMs, nowUs));
  }

  async renew(options: Parameters<Directory["renew"]>[0]): Promise<RenewResult> {
    checkIncarnation(options.node, options.incarnation);
    checkSpan("leaseMs", options.leaseMs);
    checkWatched(options.watched);
    return await this.#ask(({ members }, nowUs) => members.renew(options, nowUs));
  }

  async members(): Promise<MembershipView> {
    return await this.#ask(({ members }, nowUs) => members.view(nowUs));
  }

  async isDead(node: string, incarnation: number): Promise<boolean> {
    checkIncarnation(node, incarnation);
    return await this.#ask(({ members }, nowUs) => members.isDead(node, incarnation, nowUs));
  }

  async setState(node: string, incarnation: number, state: MemberState): Promise<boolean> {
    checkIncarnation(node, incarnation);
    checkState(state);
    return await this.#ask(({ members }, now) => members.setState(node, incarnation, state, now));
  }

  async suspect(suspicion: Suspicion): Promise<"expelled" | "noted" | "gone"> {
    checkSuspicion(suspicion);
    return await this.#ask(({ members }, nowUs) => members.suspect(suspicion, nowUs));
  }

  async leave(node: string, incarnation: number): Promise<void> {
    checkIncarnation(node, incarnation);
    return await this.#ask(({ members }, nowUs) => members.leave(node, incarnation, nowUs));
  }

  async claim(key: OwnedKey, request: ClaimRequest): Promise<ClaimResult> {
    checkKey(key);
    checkClaim(request);
    return await this.#ask(({ claims }, nowUs) => claims.claim(key, request, nowUs));
  }

  async lookup(keys: readonly OwnedKey[]): Promise<(Ownership | undefined)[]> {
    keys.forEach(checkKey);
    if (keys.length === 0) return [];
    return await this.#ask(({ claims }, nowUs) => keys.map((key) => claims.lookup(key, nowUs)));
  }

  async reassert(key: OwnedKey, owner: Ownership): Promise<Ownership> {
    checkKey(key);
    checkOwner(owner);
    return await this.#ask(({ claims }, nowUs) => claims.reassert(key, owner, nowUs));
  }

  async release(key: OwnedKey, epoch: number): Promise<boolean> {
    checkKey(key);
    checkEpoch(epoch);
    return await this.#ask(({ claims }, nowUs) => claims.release(key, epoch, nowUs));
  }

  async writeTimeline(stream: string, timeline: Timeline): Promise<void> {
    checkKey({ kind: "s", key: stream });
    checkTimeline(timeline);
    return await this.#ask(({ claims }, nowUs) => claims.writeTimeline(stream, timeline, nowUs));
  }

  async readTimeline(stream: string): Promise<Timeline | undefined> {
    checkKey({ kind: "s", key: stream });
    return await this.#ask(({ claims }, nowUs) => claims.readTimeline(stream, nowUs));
  }

  async sharedSecret(proposed: string): Promise<string> {
    checkSecret(proposed);
    return await this.#ask((store) => store.sharedSecret(proposed));
  }

  onHint(callback: () => void): void {
    if (this.#closed) return;
    this.#unsubscribe.push(this.#store.subscribe(() => this.#closed || callback()));
  }

  /** Ends this node's way only; the data stays for the others. */
  close(): Promise<void> {
    this.#closed = true;
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    return Promise.resolve();
  }

  #ask<T>(call: (store: DirectoryStore, nowUs: number) => T): T {
    if (this.#closed) throw new DirectoryUnavailable("Cannot ask the directory: it was closed");
    this.#roundTrips++;
    return call(this.#store, this.#store.nowUs());
  }
}
