/**
 * Where actors live in a mesh. Streams live where the directory says; publishers and viewers
 * where their sockets are, which their keys tell; a node's actor on the node.
 *
 * It also takes what other nodes send, and checks that it came to the right place.
 *
 * @module
 */
import { ASK_REFUSED, type AskReply } from "../../actors/runtime/ask.ts";
import type { Locator, RemoteActors } from "../../actors/runtime/locator.ts";
import type { Log, Ports } from "../../actors/runtime/ports.ts";
import type { ActorKind, Protocol } from "../../actors/runtime/protocol.ts";
import type { ActorSystem } from "../../actors/runtime/system.ts";
import type { Ownership } from "./ownership.ts";
import type { PeerCalls, PeerReply } from "./peer_calls.ts";
import { isPlaceable } from "./place_stream.ts";
import { activates, isUntaken, type PlacementMesh, StreamRoute } from "./stream_route.ts";

/** Kind of the actors that the directory places. */
const STREAM_KIND = "stream";

/** A message for a stream that is known to be elsewhere is evidence that it is not, when what is
 *  known is older than this, in milliseconds. */
const TRUSTED_MS = 500;

export interface MeshLocatorOptions {
  readonly ports: Ports;
  readonly mesh: PlacementMesh;
  readonly ownership: Ownership;
  readonly peers: PeerCalls;
}

export class MeshLocator implements Locator {
  readonly #options: MeshLocatorOptions;
  readonly #log: Log;
  readonly #route: StreamRoute;
  readonly #toNode: RemoteActors;
  #system: ActorSystem | undefined;

  constructor(options: MeshLocatorOptions) {
    const { ports, mesh, ownership, peers } = options;
    this.#options = options;
    this.#log = ports.log.with({ part: "placement" });
    this.#route = new StreamRoute({
      ports,
      log: this.#log,
      mesh,
      ownership,
      peers,
      deliver: (key, name, req, timeoutMs) => this.#deliver(STREAM_KIND, key, name, req, timeoutMs),
    });
    this.#toNode = {
      ask: async (kind, key, name, req, timeoutMs) => {
        const node = nodeOf(kind, key)!;
        const reply = await peers.ask(node, kind, key, name, req, timeoutMs);
        return !reply.ok && reply.error === "not-owner" ? ASK_REFUSED.unreachable : reply;
      },
      tell: (kind, key, name, req) => peers.tell(nodeOf(kind, key)!, kind, key, name, req),
    };
  }

  /**
   * The system whose actors these are; before any message. The actor of a stream that is not owned
   * here any more is stopped, so that the next message goes to the new owner.
   */
  attach<P extends Protocol>(system: ActorSystem, stream: ActorKind<P>): void {
    this.#system = system;
    this.#options.ownership.onLost((key, reason) => {
      if (reason !== "moved") system.stop(stream, key); // Who moves it is the actor, then stops.
    });
  }

  locate(kind: string, key: string): RemoteActors | undefined {
    if (kind === STREAM_KIND) return this.#options.ownership.use(key) ? undefined : this.#route;
    const node = nodeOf(kind, key);
    return node === undefined || node === this.#options.mesh.node ? undefined : this.#toNode;
  }

  /**
   * Takes an ask from another node. One for a stream that is not owned here is refused, with the
   * owner if known; one that activates the stream makes this node its owner when nobody is.
   */
  async receive(
    kind: string,
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
    fromNode: string,
  ): Promise<PeerReply> {
    const { clock } = this.#options.ports;
    const dueMs = clock.nowMs() + timeoutMs;
    if (kind !== STREAM_KIND) return this.#deliver(kind, key, name, req, timeoutMs);
    const refusal = await this.#admit(key, name);
    if (refusal !== undefined) {
      this.#log.debug("ask refused", { key, message: name, from: fromNode, ...refusal });
      return refusal;
    }
    const reply = await this.#deliver(kind, key, name, req, dueMs - clock.nowMs());
    const { ownership } = this.#options;
    if (!isUntaken(reply) || ownership.ownEpoch(key) !== undefined) return reply;
    return notOwner(ownership.recall(key)?.node);
  }

  /** Takes a tell from another node; false when its actor is not here. */
  receiveTell(kind: string, key: string, name: string, req: unknown): boolean {
    if (kind === STREAM_KIND && !this.#options.ownership.use(key)) return false;
    return this.#system?.receiveTell(kind, key, name, req) ?? false;
  }

  /** Why a message for a stream is refused; `undefined` when the stream is here now. */
  async #admit(key: string, name: string): Promise<PeerReply | undefined> {
    const { ownership, mesh } = this.#options;
    if (ownership.use(key)) return undefined;
    if (activates(name)) ownership.forget(key); // Rare, and it must not be wrong.
    const found = await ownership.find(key, TRUSTED_MS);
    if (found.kind === "unavailable") return ASK_REFUSED.unreachable;
    if (found.kind === "owner") {
      const { node } = found.owner;
      return node === mesh.node ? undefined : notOwner(node);
    }
    const self = mesh.members.get(mesh.node);
    if (!activates(name) || self === undefined || !isPlaceable(self)) return notOwner();
    const outcome = await ownership.claim(key);
    switch (outcome.kind) {
      case "owned":
        return undefined;
      case "elsewhere":
        return notOwner(outcome.owner.node);
      case "full":
        return ASK_REFUSED.busy;
      case "unavailable":
        return ASK_REFUSED.unreachable;
    }
  }

  #deliver(
    kind: string,
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
  ): Promise<AskReply<unknown>> {
    if (this.#system === undefined) return Promise.resolve(ASK_REFUSED.unreachable);
    return this.#system.receiveAsk(kind, key, name, req, timeoutMs);
  }
}

function notOwner(owner?: string): PeerReply {
  return owner === undefined
    ? { ok: false, error: "not-owner" }
    : { ok: false, error: "not-owner", owner };
}

/** The node that an actor is bound to by its key; `undefined` when it is bound to none. */
function nodeOf(kind: string, key: string): string | undefined {
  if (kind === "node") return key;
  if (kind !== "ingest" && kind !== "viewer") return undefined;
  const end = key.lastIndexOf("~");
  return end < 0 ? undefined : key.slice(0, end);
}
