/**
 * This node's membership of the mesh: it joins, keeps its lease, and knows who else is there.
 *
 * All of it runs in the event loop that serves media, so that a node which cannot serve loses its
 * lease. While the directory cannot be asked the view stays as it is: nobody can take anything
 * from anybody then.
 *
 * @module
 */
import type { Log, Ports, Timer } from "../../actors/runtime/ports.ts";
import type {
  Joined,
  LoadReport,
  Member,
  MemberState,
  RenewResult,
} from "../directory/directory.ts";
import { DirectoryContact, LEASE_MS } from "./directory_contact.ts";
import { LocalHealth } from "./local_health.ts";
import type { ViewDiff } from "./member_view.ts";
import type { MembershipOptions } from "./membership_options.ts";
import { NameGuard } from "./name_guard.ts";
import { type SuspicionResult, Suspicions } from "./suspicions.ts";
import { type Self, ViewReader } from "./view_reader.ts";
import { WatchList } from "./watch_list.ts";

/** Distance of renewals, in milliseconds: three may fail before the lease is lost. */
export const RENEW_MS = 750;

/** Renewals are moved by up to this share, so that the nodes of a mesh do not beat together. */
export const RENEW_JITTER = 0.1;

/** A clock that jumped by more means that this node stood still while its lease ran out. */
export const JUMP_MS = LEASE_MS - RENEW_MS;

/** Distance of attempts to join, in milliseconds; moved by up to half of it. */
const JOIN_RETRY_MS = 300;

type State = "idle" | "joining" | "joined" | "fenced" | "leaving";

export class Membership implements Self {
  readonly node: string;
  readonly #options: MembershipOptions;
  readonly #ports: Ports;
  readonly #log: Log;
  readonly #reader: ViewReader;
  readonly #health: LocalHealth;
  readonly #contact: DirectoryContact;
  readonly #suspicions: Suspicions;
  readonly #name: NameGuard;
  readonly #watchList = new WatchList();
  readonly #firstJoin = Promise.withResolvers<void>();
  #state: State = "idle";
  #wanted: MemberState = "up";
  #incarnation = 0;
  /** The directory lost its data, and does not know yet what this node owns. */
  #forgotten = false;
  /** It was fenced: somebody else may have its name now. */
  #wasFenced = false;
  #timer: Timer | undefined;
  #dueMs = 0;
  #lastSeenMs = 0;
  #beating: Promise<void> | undefined;
  #again = false;

  constructor(options: MembershipOptions) {
    const { directory, ports: { clock, log }, self } = options;
    this.#options = options;
    this.#ports = options.ports;
    this.#log = log.with({ part: "membership" });
    this.node = self.node;
    this.#health = new LocalHealth(clock, options.latenessMs);
    this.#contact = new DirectoryContact({
      clock,
      log: this.#log,
      health: this.#health,
      onBack: () => this.#reader.beginGrace(),
    });
    this.#reader = new ViewReader({
      directory,
      clock,
      log: this.#log,
      self: this,
      onUnlisted: () => this.#beatSoon(),
    });
    this.#suspicions = new Suspicions({
      directory,
      self: this,
      reader: this.#reader,
      health: this.#health,
    });
    this.#name = new NameGuard({
      directory,
      log: this.#log,
      suspicions: this.#suspicions,
      self,
    });
    this.onView(() => this.#watchList.choose(this.node, this.members.keys()));
  }

  /** This start of the node, as the directory named it; 0 while it has none. */
  get incarnation(): number {
    return this.#incarnation;
  }

  /** Whether it is a member, as far as it knows. */
  get joined(): boolean {
    return this.#state === "joined";
  }

  /** Whether the directory answered when it was asked last. */
  get redisOk(): boolean {
    return this.#contact.ok;
  }

  /** When the lease ends unless it is renewed, on the monotonic clock in milliseconds. */
  get leaseEndMs(): number {
    return this.#contact.leaseEndMs;
  }

  get viewNumber(): number {
    return this.#reader.view.number;
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#reader.view.members;
  }

  /** Newest load report of each node, at most a renewal old. */
  get loads(): ReadonlyMap<string, LoadReport> {
    return this.#reader.view.loads;
  }

  /** Whether absence and silence prove nothing at the moment: the directory was away. */
  get inGrace(): boolean {
    return this.#reader.inGrace;
  }

  /** The directory's clock as estimated here, in microseconds since 1970. */
  nowUs(): number {
    return this.#contact.nowUs();
  }

  /** Whether the incarnation is a member, as far as is known here. */
  isAlive(node: string, incarnation: number): boolean {
    return this.#reader.view.isAlive(node, incarnation);
  }

  /** Whether the incarnation was seen to die; never waits, so it may not know yet. */
  isDead(node: string, incarnation: number): boolean {
    return this.#reader.view.isDead(node, incarnation);
  }

  /** Whether an incarnation is gone for good; asks the directory when that is not known here. */
  isGone(node: string, incarnation: number): Promise<boolean> {
    return this.#reader.isGone(node, incarnation);
  }

  /** Calls back whenever somebody came, went or changed; at first with all members. */
  onView(callback: (diff: ViewDiff) => void): void {
    this.#reader.onView(callback);
  }

  /** A peer knows this view number. */
  gossip(number: number): void {
    this.#reader.gossip(number);
  }

  /**
   * Votes that a node is dead, if this node is fit to judge.
   *
   * @param strong Its port refused a connection, which needs no second vote.
   */
  suspectPeer(node: string, strong: boolean): Promise<SuspicionResult> {
    return this.#suspicions.peer(node, strong);
  }

  /**
   * Joins, and keeps trying.
   *
   * @returns When the node is a member and has seen the others; not as long as nobody answers.
   */
  start(): Promise<void> {
    if (this.#state !== "idle") throw new TypeError("Cannot start membership: it was started");
    this.#state = "joining";
    this.#dueMs = this.#lastSeenMs = this.#nowMs;
    this.#options.directory.onHint(() => this.#reader.readSoon());
    this.#tick();
    return this.#firstJoin.promise;
  }

  /**
   * Looks whether this node stood still. Links call it before they handle what came in, so that
   * nothing is answered in the name of what may belong to others by now.
   */
  checkClock(): void {
    const nowMs = this.#nowMs;
    const stoodMs = nowMs - this.#lastSeenMs;
    this.#lastSeenMs = nowMs;
    if (stoodMs <= JUMP_MS || this.#state === "idle" || this.#state === "leaving") return;
    this.#health.ticked(stoodMs);
    this.#log.warn("node stood still", { ms: Math.round(stoodMs) });
    this.#options.onJump(stoodMs);
    this.#beatSoon();
  }

  /** Announces whether this node takes new work; told again until the mesh knows. */
  async setState(state: MemberState): Promise<void> {
    this.#wanted = state;
    if (this.joined) await this.#announce();
  }

  /** Leaves for good. Resolves when the directory knows, or cannot be told. */
  async leave(): Promise<void> {
    if (this.#state === "leaving") return;
    this.#state = "leaving";
    this.#timer?.cancel();
    await this.#beating;
    if (this.#incarnation === 0) return;
    try {
      await this.#options.directory.leave(this.node, this.#incarnation);
    } catch (error) {
      this.#log.info("directory not told of leaving, the lease will run out", { error });
    }
  }

  get #nowMs(): number {
    return this.#ports.clock.nowMs();
  }

  /** Renews, or joins. At most one renewal is in flight. */
  #tick(): void {
    const lateMs = this.#nowMs - this.#dueMs;
    this.checkClock();
    this.#health.ticked(lateMs);
    this.#arm();
    if (this.#beating !== undefined) return this.#contact.failed("no answer since the last beat");
    this.#beating = this.#beat()
      .catch((error) => this.#log.error("membership failed", { error }))
      .finally(() => {
        this.#beating = undefined;
        if (this.#again) this.#beatSoon();
      });
  }

  #arm(): void {
    const spread = 2 * this.#ports.random.next() - 1;
    const patient = this.joined || this.#name.taken;
    this.#armIn(
      patient ? RENEW_MS * (1 + RENEW_JITTER * spread) : JOIN_RETRY_MS * (1 + spread / 2),
    );
  }

  #armIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#dueMs = this.#nowMs + delayMs;
    this.#timer = this.#ports.timers.after(delayMs, () => this.#tick());
  }

  /** Brings the next beat forward, to the end of the one under way if there is one. */
  #beatSoon(): void {
    if (this.#timer === undefined || this.#state === "leaving") return;
    this.#again = this.#beating !== undefined;
    if (!this.#again) this.#armIn(0);
  }

  #beat(): Promise<void> {
    if (this.joined) return this.#renew();
    return this.#state === "joining" ? this.#join() : Promise.resolve();
  }

  async #join(): Promise<void> {
    const { directory, self } = this.#options;
    try {
      if (this.#wasFenced && await this.#name.look()) return;
      const sentMs = this.#nowMs;
      const member = { ...self, incarnation: this.#incarnation, state: this.#wanted };
      const { incarnation, nowUs } = await directory.join(member, LEASE_MS);
      this.#incarnation = incarnation;
      if (this.#state !== "joining") return; // It leaves, which waits for this.
      this.#contact.renewed(sentMs, nowUs);
    } catch (error) {
      return this.#contact.failed(error);
    }
    this.#wasFenced = false;
    this.#state = "joined";
    this.#arm();
    await this.#reader.read();
    this.#log.info("joined the mesh", { incarnation: this.#incarnation });
    this.#firstJoin.resolve();
  }

  async #renew(): Promise<void> {
    const { directory, load } = this.#options;
    const sentMs = this.#nowMs;
    let result: RenewResult;
    try {
      result = await directory.renew({
        node: this.node,
        incarnation: this.#incarnation,
        leaseMs: LEASE_MS,
        load: load(),
        watched: this.#watchList.next(),
      });
    } catch (error) {
      return this.#contact.failed(error);
    }
    if (!this.joined) return;
    if (!result.ok) return result.reason === "fenced" ? this.#fenced() : this.#reassert(sentMs);
    this.#contact.renewed(sentMs, result.nowUs);
    // Told to join again, in a call whose answer was lost.
    if (this.#forgotten) this.#tellOwned();
    this.#reader.view.loads = result.loads;
    this.#reader.renewed(result.view);
    this.#suspicions.silent(result.silent);
    const known = this.members.get(this.node)?.state;
    if (known !== undefined && known !== this.#wanted) await this.#announce();
  }

  async #fenced(): Promise<void> {
    await this.#drop();
    if (this.#is("leaving")) return;
    this.#incarnation = 0;
    this.#wasFenced = true;
    this.#state = "joining";
    this.#beatSoon();
  }

  /** Ends this incarnation, which is dead in the directory. */
  async #drop(): Promise<void> {
    const { node, incarnation } = this;
    this.#log.warn("expelled from the mesh, or replaced: joining anew", { incarnation });
    this.#state = "fenced";
    this.#contact.leaseEndMs = -Infinity;
    this.#reader.view.bury({ node, incarnation });
    try {
      await this.#options.onFenced();
    } catch (error) {
      this.#log.error("loss of ownership not handled", { error });
    }
  }

  /** The directory does not know this node: it lost its data, so it is told all of it again. */
  async #reassert(sentMs: number): Promise<void> {
    const { directory, self } = this.#options;
    const before = this.#incarnation;
    this.#reader.beginGrace();
    if (!this.#forgotten) this.#log.warn("directory lost its data, telling it again");
    this.#forgotten = true;
    let joined: Joined;
    try {
      const member = { ...self, incarnation: before, state: this.#wanted };
      joined = await directory.join(member, LEASE_MS);
    } catch (error) {
      return this.#contact.failed(error); // The next renewal finds the same.
    }
    if (this.#is("leaving")) return;
    this.#contact.renewed(sentMs, joined.nowUs);
    if (joined.incarnation !== before) {
      // Expelled or replaced between the renewal and now.
      await this.#drop();
      if (this.#is("leaving")) return void (this.#incarnation = joined.incarnation);
      this.#incarnation = joined.incarnation;
      this.#state = "joined";
    }
    await this.#reader.read();
    this.#tellOwned();
  }

  /** Not waited for: it may take longer than the lease lasts. */
  #tellOwned(): void {
    this.#forgotten = false;
    Promise.try(this.#options.onReassert)
      .catch((error) => this.#log.error("ownership not told again", { error }));
  }

  async #announce(): Promise<void> {
    try {
      const { directory } = this.#options;
      await directory.setState(this.node, this.#incarnation, this.#wanted);
      await this.#reader.read();
    } catch (error) {
      this.#log.debug("state not announced yet", { error });
    }
  }

  #is(state: State): boolean {
    return this.#state === state; // Asked after an await, when anything may have happened.
  }
}
