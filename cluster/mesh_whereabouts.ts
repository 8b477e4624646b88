/**
 * Where streams are, as actors ask for it: the ownership of this node, and what its peers carry.
 *
 * @module
 */
import type { Ports } from "../actors/runtime/ports.ts";
import { type Carrier, EDGE_STREAM } from "../actors/stream/edge_stream_actor.ts";
import type { LogEnd, StreamOwner, Whereabouts } from "../actors/stream/upstream.ts";
import type { Membership } from "./membership/membership.ts";
import type { Ownership } from "./placement/ownership.ts";
import type { PeerCalls } from "./placement/peer_calls.ts";

/** The mesh's clock is later than this: 2020, in milliseconds since 1970. */
const KNOWN_MS_MIN = Date.UTC(2020, 0, 1);

/** A node that does not say in time what it carries is not waited for, in milliseconds. */
const CARRIER_MS = 150;

/** A node that is to go on with a stream has it by then, in milliseconds. */
const PREPARE_MS = 3_000;

/** Pause before it is asked again, in milliseconds. */
const PREPARE_AGAIN_MS = 50;

/** Nodes that are asked at once what they carry. */
const CARRIERS_ASKED_MAX = 50;

export interface MeshWhereaboutsOptions {
  readonly ports: Ports;
  readonly ownership: Ownership;
  readonly membership: Membership;
  readonly peers: PeerCalls;
}

export class MeshWhereabouts implements Whereabouts {
  readonly #options: MeshWhereaboutsOptions;

  constructor(options: MeshWhereaboutsOptions) {
    this.#options = options;
  }

  get node(): string {
    return this.#options.membership.node;
  }

  nowMs(): number | undefined {
    const nowMs = this.#options.membership.nowUs() / 1_000;
    // Before the directory has told its clock this is our monotonic one, which counts from a start.
    return nowMs > KNOWN_MS_MIN ? nowMs : undefined;
  }

  resolve(key: string, fresh?: boolean): Promise<StreamOwner | undefined> {
    return this.#options.ownership.resolve(key, fresh);
  }

  takeOver(key: string): Promise<boolean> {
    const self = this.#options.membership.members.get(this.node);
    // An edge owns nothing, whatever happens.
    if (self?.role === "edge") return Promise.resolve(false);
    return this.#options.ownership.takeOver(key);
  }

  accepts(key: string, epoch: number): boolean {
    return this.#options.ownership.accepts(key, epoch);
  }

  confirm(key: string): Promise<void> {
    return this.#options.ownership.confirm(key);
  }

  highestEpoch(key: string): number {
    return this.#options.ownership.highestEpoch(key);
  }

  forget(key: string, owner: StreamOwner): void {
    this.#options.ownership.forget(key, owner);
  }

  watch(key: string, appeared: () => void): () => void {
    return this.#options.ownership.watch(key, appeared);
  }

  ownEpoch(key: string): number | undefined {
    return this.#options.ownership.ownEpoch(key);
  }

  transfer(key: string, to: string, session: unknown): Promise<number | undefined> {
    return this.#options.ownership.transfer(key, to, session);
  }

  gone(node: string): boolean {
    return this.#options.ownership.gone(node);
  }

  leaving(node: string): boolean {
    return this.#options.membership.members.get(node)?.state === "draining";
  }

  async carrier(key: string, known?: LogEnd): Promise<string | undefined> {
    const { ownership, membership, peers } = this.#options;
    if (!ownership.inherited(key)) return undefined;
    const others = [...membership.members.keys()].filter((node) => node !== this.node);
    const answers = await Promise.all(
      others.slice(0, CARRIERS_ASKED_MAX).map(async (node) => {
        const reply = await peers.ask(node, EDGE_STREAM.name, key, "has", undefined, CARRIER_MS);
        return { node, has: reply.ok ? reply.value as Carrier | null : null };
      }),
    );
    let best: string | undefined;
    let most = known;
    for (const { node, has } of answers) {
      if (has === null || (most !== undefined && !isAhead(has, most))) continue;
      [best, most] = [node, has];
    }
    return best;
  }

  async reaches(key: string, node: string): Promise<boolean> {
    const { peers } = this.#options;
    const reply = await peers.ask(node, EDGE_STREAM.name, key, "has", undefined, CARRIER_MS);
    return reply.ok && (reply.value as Carrier | null)?.owns === true;
  }

  async prepare(key: string, node: string): Promise<boolean> {
    const { peers, ports: { clock, timers }, membership } = this.#options;
    const dueMs = clock.nowMs() + PREPARE_MS;
    // The first links of two nodes may be in the making, or be made anew at this very moment.
    for (let leftMs = PREPARE_MS; leftMs > 0; leftMs = dueMs - clock.nowMs()) {
      const reply = await peers.ask(node, EDGE_STREAM.name, key, "find", undefined, leftMs);
      if (reply.ok && reply.value === true) return true;
      if (!membership.members.has(node)) return false;
      await new Promise<void>((done) => void timers.after(PREPARE_AGAIN_MS, done));
    }
    return false;
  }
}

function isAhead(a: LogEnd, b: LogEnd): boolean {
  return a.generation > b.generation || (a.generation === b.generation && a.nextSeq > b.nextSeq);
}
