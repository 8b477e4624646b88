/**
 * A node's way to the simulated directory: slow, cut, lossy, doubling; and the directory's own
 * moods, to stand still and to lose its data.
 *
 * What is asked may be carried out although its caller was told no, twice, or long after it.
 *
 * @module
 */
import type { Random } from "../../actors/runtime/ports.ts";
import {
  type ClaimRequest,
  type Directory,
  DirectoryUnavailable,
  type Member,
  type MemberState,
  type OwnedKey,
  type Ownership,
  type Suspicion,
  type Timeline,
} from "../../cluster/directory/directory.ts";
import { MemoryDirectory } from "../../cluster/directory/memory_directory.ts";
import type { SimProcess } from "./sim_process.ts";
import type { SimStore } from "./sim_store.ts";
import type { SimTime } from "./sim_time.ts";

/** As ioredis does with a command that is not answered in time, in milliseconds. */
const TIMEOUT_MS = 300;

/** Longest that a command may wander before it is carried out, in milliseconds. */
const LATE_MS_MAX = 2_500;

/** Usual time each way, in milliseconds. */
const WAY_MS = 0.3;

/** The directory itself, and what lies between it and the nodes. */
export class DirectoryWeather {
  readonly store: SimStore;
  readonly #time: SimTime;
  readonly #random: Random;
  /** Nodes that do not reach it, and how often that was said. */
  readonly #cut = new Map<string, number>();
  /** Added each way for a node, in milliseconds. */
  readonly slowMs = new Map<string, number>();
  /** Chance of each mishap of a call: lost, answer lost, late, twice. */
  lossy = 0;
  /** Added each way for all, in milliseconds. */
  crawlMs = 0;
  #away = 0;
  #stalled = false;
  #waiting: (() => void)[] = [];

  constructor(store: SimStore, time: SimTime, random: Random) {
    this.store = store;
    this.#time = time;
    this.#random = random;
  }

  /** Whether a node does not reach it now. */
  isCut(node: string): boolean {
    return this.#away > 0 || (this.#cut.get(node) ?? 0) > 0;
  }

  /** Whether it answers anybody, and does so before long. */
  get answers(): boolean {
    const slow = 2 * this.crawlMs > TIMEOUT_MS / 2;
    return this.#away === 0 && !this.#stalled && this.lossy === 0 && !slow;
  }

  /** Nobody reaches it. */
  leave(): void {
    this.#away++;
  }

  comeBack(): void {
    this.#away = Math.max(0, this.#away - 1);
  }

  cut(node: string): void {
    this.#cut.set(node, (this.#cut.get(node) ?? 0) + 1);
  }

  heal(node: string): void {
    this.#cut.set(node, Math.max(0, (this.#cut.get(node) ?? 0) - 1));
  }

  /** Everything works again. */
  calm(): void {
    this.#cut.clear();
    this.slowMs.clear();
    this.lossy = this.crawlMs = this.#away = 0;
    this.resume();
  }

  stall(): void {
    this.#stalled = true;
  }

  /** It goes on with what was asked meanwhile. */
  resume(): void {
    this.#stalled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const command of waiting) this.#time.after(0, () => this.carryOut(command));
  }

  /** One way to or from a node, in milliseconds. */
  wayMs(node: string): number {
    return WAY_MS * (0.5 + this.#random.next()) + this.crawlMs +
      (this.slowMs.get(node) ?? 0);
  }

  /** Whether a mishap happens to a call. */
  mishap(): boolean {
    return this.lossy > 0 && this.#random.next() < this.lossy;
  }

  lateMs(): number {
    return this.#random.next() * LATE_MS_MAX;
  }

  carryOut(command: () => void): void {
    if (this.#stalled) this.#waiting.push(command);
    else command();
  }

  after(delayMs: number, callback: () => void): void {
    this.#time.after(delayMs, callback);
  }
}

/** One process's directory. */
export class SimDirectory implements Directory {
  readonly #process: SimProcess;
  readonly #weather: DirectoryWeather;
  readonly #inner: MemoryDirectory;

  constructor(process: SimProcess, weather: DirectoryWeather) {
    this.#process = process;
    this.#weather = weather;
    this.#inner = new MemoryDirectory(weather.store);
  }

  get roundTrips(): number {
    return this.#inner.roundTrips;
  }

  join(member: Member, leaseMs: number) {
    return this.#pass("join", () => this.#inner.join(member, leaseMs));
  }

  renew(options: Parameters<Directory["renew"]>[0]) {
    return this.#pass("renew", () => this.#inner.renew(options));
  }

  members() {
    return this.#pass("members", () => this.#inner.members());
  }

  isDead(node: string, incarnation: number) {
    return this.#pass("isDead", () => this.#inner.isDead(node, incarnation));
  }

  setState(node: string, incarnation: number, state: MemberState) {
    return this.#pass("setState", () => this.#inner.setState(node, incarnation, state));
  }

  suspect(suspicion: Suspicion) {
    return this.#pass("suspect", () => this.#inner.suspect(suspicion));
  }

  leave(node: string, incarnation: number) {
    return this.#pass("leave", () => this.#inner.leave(node, incarnation));
  }

  claim(key: OwnedKey, request: ClaimRequest) {
    return this.#pass("claim", () => this.#inner.claim(key, request));
  }

  lookup(keys: readonly OwnedKey[]) {
    return this.#pass("lookup", () => this.#inner.lookup(keys));
  }

  reassert(key: OwnedKey, owner: Ownership) {
    return this.#pass("reassert", () => this.#inner.reassert(key, owner));
  }

  release(key: OwnedKey, epoch: number) {
    return this.#pass("release", () => this.#inner.release(key, epoch));
  }

  writeTimeline(stream: string, timeline: Timeline) {
    return this.#pass("writeTimeline", () => this.#inner.writeTimeline(stream, timeline));
  }

  readTimeline(stream: string) {
    return this.#pass("readTimeline", () => this.#inner.readTimeline(stream));
  }

  sharedSecret(proposed: string) {
    return this.#pass("sharedSecret", () => this.#inner.sharedSecret(proposed));
  }

  onHint(callback: () => void): void {
    const { name } = this.#process;
    this.#inner.onHint(() => {
      if (this.#process.dead || this.#weather.isCut(name) || this.#weather.mishap()) return;
      this.#weather.after(this.#weather.wayMs(name), () => this.#process.run(callback));
    });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #pass<T>(name: string, call: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const weather = this.#weather;
    const node = this.#process.name;
    const refuse = () => reject(new DirectoryUnavailable(`Cannot ${name}: no answer`));
    const timeout = this.#process.timers.after(TIMEOUT_MS, refuse);
    if (weather.isCut(node) || weather.mishap()) return promise; // Lost on the way.
    const deaf = weather.mishap();
    const settle = (answer: () => void) => {
      if (deaf) return;
      weather.after(weather.wayMs(node), () => {
        if (weather.isCut(node)) return;
        this.#process.run(() => {
          timeout.cancel();
          answer();
        });
      });
    };
    const carryOut = () =>
      weather.carryOut(() => {
        call().then(
          (value) => settle(() => resolve(value)),
          (error) => settle(() => reject(error)),
        );
      });
    weather.after(weather.wayMs(node) + (weather.mishap() ? weather.lateMs() : 0), carryOut);
    if (weather.mishap()) weather.after(weather.lateMs(), carryOut); // Once more.
    return promise;
  }
}
