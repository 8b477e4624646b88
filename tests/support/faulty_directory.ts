/**
 * A node's way to a directory that can be slow, cut, or lose answers.
 *
 * @module
 */
import type { Ports } from "../../actors/runtime/ports.ts";
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

/** What befalls a call. */
export type DirectoryFault =
  | "none"
  /** It is refused before it is sent. */
  | "cut"
  /** It is carried out, and its answer is lost. */
  | "deaf"
  /** It is carried out after {@link FaultyDirectory.lateMs}, long after its caller was told no. */
  | "late";

/** As ioredis does with a command that is not answered in time, in milliseconds. */
const TIMEOUT_MS = 300;

/** Passes calls on, with delay and faults; `calls` counts them by name. */
export class FaultyDirectory implements Directory {
  fault: DirectoryFault = "none";
  /** Faults of single kinds of calls, by name. */
  readonly faults: Record<string, DirectoryFault> = {};
  /** Time each way, in milliseconds; called with the call's name for each way of each call. */
  delayMs: (call: string) => number = () => 0;
  lateMs = 1_000;
  readonly calls: Record<string, number> = {};
  readonly #inner: Directory;
  readonly #ports: Ports;

  constructor(inner: Directory, ports: Ports) {
    this.#inner = inner;
    this.#ports = ports;
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
    this.#inner.onHint(() => {
      if (this.fault === "none") callback();
    });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  async #pass<T>(name: string, call: () => Promise<T>): Promise<T> {
    this.calls[name] = (this.calls[name] ?? 0) + 1;
    const fault = this.faults[name] ?? this.fault;
    if (fault === "cut") throw new DirectoryUnavailable(`Cannot ${name}: cut off`);
    if (fault === "late") this.#ports.timers.after(this.lateMs, () => void call().catch(() => {}));
    await this.#wait(this.delayMs(name));
    if (fault !== "late") {
      const result = await call();
      await this.#wait(this.delayMs(name));
      if (fault !== "deaf" && this.fault !== "cut") return result;
    }
    await this.#wait(TIMEOUT_MS);
    throw new DirectoryUnavailable(`Cannot ${name}: no answer`);
  }

  #wait(ms: number): Promise<void> | undefined {
    if (ms <= 0) return undefined;
    return new Promise((resolve) => void this.#ports.timers.after(ms, resolve));
  }
}
