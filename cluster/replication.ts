/**
 * Keeps a second copy of every stream that this node owns on another node, so that its death costs
 * nobody anything. An edge with viewers is such a copy already, and so is the publisher's node.
 *
 * @module
 */
import { every } from "../actors/runtime/every.ts";
import type { Ports, Timer } from "../actors/runtime/ports.ts";
import { EDGE_STREAM } from "../actors/stream/edge_stream_actor.ts";
import type { StreamCore } from "../actors/stream/stream_core.ts";
import type { StreamHub } from "../actors/stream/stream_hub.ts";
import { streamKey } from "../actors/stream/stream_key.ts";
import { SourceCursor } from "./link/source_cursor.ts";
import type { Membership } from "./membership/membership.ts";
import type { PeerCalls } from "./placement/peer_calls.ts";
import { rankNodes } from "./placement/rendezvous.ts";

/** How often copies are counted, in milliseconds. */
const COUNT_MS = 1_000;

/** Counts after which a node that stands by is asked again: it would stop otherwise. */
const ASK_AGAIN_COUNTS = 5;

export interface ReplicationOptions {
  readonly ports: Ports;
  readonly hub: StreamHub;
  readonly membership: Membership;
  readonly peers: PeerCalls;
  readonly wanted: number;
  /** The list of nodes that carry a stream has changed. */
  readonly changed: (core: StreamCore) => void;
}

/** Nodes that get a stream from here, longest first. */
export function replicasOf(core: StreamCore): string[] {
  const nodes = new Set<string>();
  for (const reader of core.eager) {
    if (reader instanceof SourceCursor && reader.mode === "edge") nodes.add(reader.peer);
  }
  return [...nodes];
}

export class Replication {
  readonly #options: ReplicationOptions;
  readonly #told = new WeakMap<StreamCore, string>();
  readonly #timer: Timer;
  #counts = 0;

  constructor(options: ReplicationOptions) {
    this.#options = options;
    this.#timer = every(options.ports, COUNT_MS, () => this.#count());
  }

  stop(): void {
    this.#timer.cancel();
  }

  #count(): void {
    this.#counts++;
    for (const core of this.#options.hub.values()) {
      if (core.publication !== undefined || core.hold !== undefined) this.#look(core);
    }
  }

  #look(core: StreamCore): void {
    const replicas = replicasOf(core);
    const list = replicas.join(" ");
    if ((this.#told.get(core) ?? "") !== list) {
      this.#told.set(core, list);
      this.#options.changed(core);
    }
    const { membership, wanted } = this.#options;
    if (membership.members.size < 2) return;
    const ingest = core.publication?.publisher.node ?? membership.node;
    const copies = new Set([...replicas, ingest]);
    copies.delete(membership.node);
    // Those who stand by are asked again before they stop, also when they are enough.
    if (copies.size < wanted || this.#counts % ASK_AGAIN_COUNTS === 0) this.#ask(core, ingest);
  }

  /** The next nodes in rank, of other hosts first, stand by; always the same ones while the mesh stays as it is. */
  #ask(core: StreamCore, ingest: string): void {
    const { membership, peers, wanted } = this.#options;
    const wantedHere = ingest === membership.node ? wanted : wanted - 1;
    const others = [...membership.members.values()].filter(({ node, state, role }) =>
      node !== membership.node && node !== ingest && state === "up" && role !== "edge"
    );
    const key = streamKey(core.name);
    const host = membership.members.get(membership.node)?.host;
    // Workers of a host may all die together: those of other hosts come first.
    const ranked = [
      ...rankNodes(key, others.filter((member) => member.host !== host)),
      ...rankNodes(key, others.filter((member) => member.host === host)),
    ];
    for (const { node } of ranked.slice(0, wantedHere)) {
      peers.tell(node, EDGE_STREAM.name, key, "standBy", undefined);
    }
  }
}
