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
import type { Membership } from "./membership/membership.ts";
import type { Owner } from "./placement/owner.ts";
import type { Outage } from "./placement/ownership.ts";
import type { PeerCalls } from "./placement/peer_calls.ts";

/** What a node said of Redis is believed this long, in milliseconds: two pings. */
const WORD_MS = 2_500;

/** A node that does not say in time what it owns is not waited for, in milliseconds. */
const WHO_HAS_MS = 150;

/** Nodes that are asked at once. */
const NODES_ASKED_MAX = 50;

/** An answer is good for so long, in milliseconds, and so many are kept. */
const ANSWER_MS = 500;
const ANSWERS_MAX = 10_000;

/** Ownership is given up this long before the lease is over, and that is looked at this often. */
const GIVE_UP_MS = 750;
const LOOK_MS = 500;

export interface MeshOutageOptions {
  readonly ports: Ports;
  readonly membership: () => Membership;
  readonly peers: PeerCalls;
  /** This node alone has lost Redis: what it owns is not its own any more. */
  readonly cutOff: () => void;
}

interface Answer {
  readonly atMs: number;
  readonly owner: Promise<Owner | undefined>;
}

export class MeshOutage implements Outage {
  readonly #options: MeshOutageOptions;
  readonly #words = new Map<string, { readonly ok: boolean; readonly atMs: number }>();
  readonly #answers = new Map<string, Answer>();
  #gaveUp = false;
  readonly #timer: Timer;

  constructor(options: MeshOutageOptions) {
    this.#options = options;
    this.#timer = every(options.ports, LOOK_MS, () => this.#look());
  }

  /** A node said whether Redis answers it. */
  heard(node: string, ok: boolean): void {
    this.#words.set(node, { ok, atMs: this.#nowMs });
  }

  /** A node is no member any more. */
  forget(node: string): void {
    this.#words.delete(node);
  }

  /** What a node says of Redis; `undefined` when it has said nothing of late. */
  wordOf(node: string): boolean | undefined {
    const word = this.#words.get(node);
    return word === undefined || word.atMs < this.#nowMs - WORD_MS ? undefined : word.ok;
  }

  get general(): boolean {
    const membership = this.#options.membership();
    if (membership.members.size <= 1) return true;
    const words = this.#freshWords();
    return words.length > 0 && words.every((ok) => !ok);
  }

  whoHas(key: string): Promise<Owner | undefined> {
    const nowMs = this.#nowMs;
    const known = this.#answers.get(key);
    if (known !== undefined && nowMs - known.atMs < ANSWER_MS) return known.owner;
    if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
    const owner = this.#askAll(key);
    this.#answers.set(key, { atMs: nowMs, owner });
    return owner;
  }

  stop(): void {
    this.#timer.cancel();
  }

  get #nowMs(): number {
    return this.#options.ports.clock.nowMs();
  }

  #freshWords(): boolean[] {
    const oldestMs = this.#nowMs - WORD_MS;
    return [...this.#words.values()].filter(({ atMs }) => atMs >= oldestMs).map(({ ok }) => ok);
  }

  async #askAll(key: string): Promise<Owner | undefined> {
    const { peers, membership } = this.#options;
    const { members, node: self } = membership();
    const others = [...members.values()].filter(({ node }) => node !== self);
    let best: Owner | undefined;
    await Promise.all(
      others.slice(0, NODES_ASKED_MAX).map(async ({ node, incarnation }) => {
        const reply = await peers.ask(node, EDGE_STREAM.name, key, "has", undefined, WHO_HAS_MS);
        const has = reply.ok ? reply.value as Carrier | null : null;
        if (has === null || !has.owns) return;
        if (best === undefined || has.epoch > best.epoch) {
          best = { node, incarnation, epoch: has.epoch };
        }
      }),
    );
    return best;
  }

  #look(): void {
    const membership = this.#options.membership();
    if (membership.redisOk) {
      this.#gaveUp = false;
      return;
    }
    const over = this.#nowMs > membership.leaseEndMs - GIVE_UP_MS;
    if (this.#gaveUp || !over || !this.#freshWords().some((ok) => ok)) return;
    this.#gaveUp = true;
    this.#options.ports.log.warn("only this node has lost the directory, it gives up its streams");
    this.#options.cutOff();
  }
}
