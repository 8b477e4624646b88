/**
 * The mesh while Redis is away: what the other nodes say of it, and who of them owns what.
 *
 * When everybody has lost it, nobody can take anything from anybody, and all goes on as it was.
 * When this node alone has, the others will take over what it owns once its lease is over: it
 * gives that up a moment before, and serves its viewers as an edge.
 *
 * @module
 */
import { every } from "../actors/runtime/every.ts";
import type { Ports, Timer } from "../actors/runtime/ports.ts";
import { type Carrier, EDGE_STREAM } from "../actors/stream/edge_stream_actor.ts";
import { LEASE_MS } from "./membership/directory_contact.ts";
import type { Membership } from "./membership/membership.ts";
import type { Owner } from "./placement/owner.ts";
import type { Outage } from "./placement/ownership.ts";
import type { PeerCalls } from "./placement/peer_calls.ts";

/** What a node said of Redis is believed this long, in milliseconds: two pings. */
const WORD_MS = 2_500;

/**
 * A node that was answered by Redis a moment before all lost it says so until it asks again, and
 * asks after we did: only what it says so long after our last answer is of a Redis that we alone
 * have lost; in milliseconds.
 */
const PROOF_MS = 2_100;

/**
 * Redis that comes back answers some before others: who has it again proves nothing yet for so long,
 * in milliseconds; a renewal and its time limit.
 */
const BACK_MS = 1_500;

/** A node that does not say in time what it owns is not waited for, in milliseconds. */
const WHO_HAS_MS = 150;

/** Nodes that are asked at once. */
const NODES_ASKED_MAX = 50;

/** An answer is good for so long, in milliseconds, and so many are kept. */
const ANSWER_MS = 500;
const ANSWERS_MAX = 10_000;

/** Ownership is given up this long before the lease is over, and that is looked at this often. */
const GIVE_UP_MS = 450;
const LOOK_MS = 100;

/** How often it is looked whether Redis still answers: less than the time from then to the end. */
const CALM_LOOK_MS = 500;

export interface MeshOutageOptions {
  readonly ports: Ports;
  readonly membership: () => Membership;
  readonly peers: PeerCalls;
  /** This node alone has lost Redis: what it owns is not its own any more. */
  readonly cutOff: () => void;
}

/** What a node said last, when, and since when it says so. */
interface Word {
  readonly ok: boolean;
  readonly atMs: number;
  readonly sinceMs: number;
}

interface Answer {
  readonly atMs: number;
  readonly owner: Promise<Owner | "unknown" | undefined>;
}

export class MeshOutage implements Outage {
  readonly #options: MeshOutageOptions;
  readonly #words = new Map<string, Word>();
  readonly #answers = new Map<string, Answer>();
  #gaveUp = false;
  readonly #calmTimer: Timer;
  /** Looks closely while Redis is away. */
  #timer: Timer | undefined;

  constructor(options: MeshOutageOptions) {
    this.#options = options;
    this.#calmTimer = every(options.ports, CALM_LOOK_MS, () => {
      if (options.membership().redisOk) return;
      this.#timer ??= every(options.ports, LOOK_MS, () => this.#look());
    });
  }

  /** A node said whether Redis answers it. */
  heard(node: string, ok: boolean): void {
    const atMs = this.#nowMs;
    const before = this.#words.get(node);
    const sinceMs = before?.ok === ok ? before.sinceMs : atMs;
    this.#words.set(node, { ok, atMs, sinceMs });
  }

  /** Nobody listens where a node was: it is dead, and not only out of reach. */
  refused(node: string): void {
    this.#words.delete(node);
  }

  /** A node is no member any more. */
  forget(node: string): void {
    this.#words.delete(node);
  }

  /** Whether Redis answers a node, this one included, as far as is known here. */
  redisOf(node: string): "ok" | "away" | "unknown" {
    const membership = this.#options.membership();
    const ok = node === membership.node ? membership.redisOk : this.wordOf(node);
    return ok === undefined ? "unknown" : ok ? "ok" : "away";
  }

  /** What a node says of Redis; `undefined` when it has said nothing of late. */
  wordOf(node: string): boolean | undefined {
    const word = this.#words.get(node);
    return word === undefined || word.atMs < this.#nowMs - WORD_MS ? undefined : word.ok;
  }

  /**
   * Every node that is heard has lost the directory, too, and more than half of those that were
   * heard before still are, this one included: those who are not may be many, and have it.
   */
  get general(): boolean {
    const membership = this.#options.membership();
    // Also who is alone in a view that may be of a directory that had lost its data.
    if (this.#othersHaveIt(0)) return false;
    if (membership.members.size <= 1) return true;
    const nowMs = this.#nowMs;
    const heard = [...this.#words.values()].filter(({ ok, atMs }) => !ok && nowMs - atMs < WORD_MS);
    return 2 * (heard.length + 1) > this.#words.size + 1;
  }

  whoHas(key: string): Promise<Owner | "unknown" | undefined> {
    const nowMs = this.#nowMs;
    const known = this.#answers.get(key);
    if (known !== undefined && nowMs - known.atMs < ANSWER_MS) return known.owner;
    if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
    const owner = this.#askAll(key);
    this.#answers.set(key, { atMs: nowMs, owner });
    return owner;
  }

  stop(): void {
    this.#calmTimer.cancel();
    this.#rest();
  }

  get #nowMs(): number {
    return this.#options.ports.clock.nowMs();
  }

  /** Somebody is answered by Redis, and has been for so long, that does not answer us. */
  #othersHaveIt(forMs: number): boolean {
    const nowMs = this.#nowMs;
    const lostMs = this.#options.membership().leaseEndMs - LEASE_MS;
    const newMs = Math.max(lostMs + PROOF_MS, nowMs - WORD_MS);
    return [...this.#words.values()].some(({ ok, atMs, sinceMs }) =>
      ok && atMs >= newMs && nowMs - sinceMs >= forMs
    );
  }

  /** `unknown` when somebody who is there did not answer in time. */
  async #askAll(key: string): Promise<Owner | "unknown" | undefined> {
    const { peers, membership } = this.#options;
    const { members, node: self } = membership();
    const others = [...members.values()].filter(({ node }) => node !== self);
    let best: Owner | undefined;
    let silent = false;
    await Promise.all(
      others.slice(0, NODES_ASKED_MAX).map(async ({ node, incarnation }) => {
        const reply = await peers.ask(node, EDGE_STREAM.name, key, "has", undefined, WHO_HAS_MS);
        if (!reply.ok && this.wordOf(node) !== undefined) silent = true;
        const has = reply.ok ? reply.value as Carrier | null : null;
        if (has === null || !has.owns) return;
        if (best === undefined || has.epoch > best.epoch) {
          best = { node, incarnation, epoch: has.epoch };
        }
      }),
    );
    return best ?? (silent ? "unknown" : undefined);
  }

  #look(): void {
    const membership = this.#options.membership();
    if (membership.redisOk) {
      this.#gaveUp = false;
      this.#rest();
      return;
    }
    const nowMs = this.#nowMs;
    if (this.#gaveUp || nowMs < membership.leaseEndMs - GIVE_UP_MS || this.general) return;
    const others = this.#othersHaveIt(BACK_MS);
    // Who hears too few to know waits for as long as it may.
    const few = !this.#othersHaveIt(0) && nowMs >= membership.leaseEndMs;
    if (!others && !few) return;
    this.#gaveUp = true;
    this.#options.ports.log.warn("this node has lost the directory, it gives up its streams", {
      why: others ? "others have it" : "too few others are heard",
    });
    this.#options.cutOff();
  }

  #rest(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
