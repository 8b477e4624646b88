/**
 * Carries messages to streams, wherever they are owned: finds the owner, or places the stream,
 * and tries again while there is time.
 *
 * @module
 */
import { ASK_REFUSED, type AskReply } from "../../actors/runtime/ask.ts";
import type { RemoteActors } from "../../actors/runtime/locator.ts";
import type { Log, Ports } from "../../actors/runtime/ports.ts";
import type { LoadReport } from "../directory/directory.ts";
import type { Standing } from "./owner.ts";
import type { Ownership } from "./ownership.ts";
import type { PeerCalls } from "./peer_calls.ts";
import { placeStream } from "./place_stream.ts";

/** Times that a message follows "not the owner, that one may be" before it pauses. */
export const FORWARDS_MAX = 2;

/** Pauses between tries, doubling, in milliseconds; each is cut by up to half of it. */
export const RETRY_MS_MIN = 25;
export const RETRY_MS_MAX = 200;

/** How long a tell tries to reach its stream, in milliseconds. */
export const TELL_MS = 5_000;

/** Tells on their way; more are refused. */
export const TELLS_MAX = 1_024;

/** Messages that make a stream which nobody owns; to all others it does not exist. */
const ACTIVATING: ReadonlySet<string> = new Set(["publish", "adopt"]);

/** Whether a message to a stream makes its receiver the owner of one that nobody owns. */
export function activates(name: string): boolean {
  return ACTIVATING.has(name);
}

/** The mesh as placement sees it. */
export interface PlacementMesh extends Standing {
  readonly loads: ReadonlyMap<string, LoadReport>;
}

export interface StreamRouteOptions {
  readonly ports: Ports;
  readonly log: Log;
  readonly mesh: PlacementMesh;
  readonly ownership: Ownership;
  readonly peers: PeerCalls;
  /** Hands a message to the stream's actor on this node. */
  readonly deliver: (
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
  ) => Promise<AskReply<unknown>>;
}

/** One message on its way. */
interface Trip {
  readonly key: string;
  readonly name: string;
  readonly req: unknown;
  readonly dueMs: number;
  /** Nodes that could not be reached, or would not have it. */
  readonly avoid: Set<string>;
  /** Node to try next, on somebody's word. */
  hint: string | undefined;
  forwards: number;
}

/** What one try came to: an answer, or whether to try again at once. */
type Step =
  | { readonly kind: "answered"; readonly reply: AskReply<unknown> }
  | { readonly kind: "again" }
  | { readonly kind: "later" };

const AGAIN: Step = { kind: "again" };
const LATER: Step = { kind: "later" };

export class StreamRoute implements RemoteActors {
  readonly #options: StreamRouteOptions;
  /** The last tell on its way to each stream: the next one waits for it. */
  readonly #lanes = new Map<string, Promise<void>>();
  #tells = 0;

  constructor(options: StreamRouteOptions) {
    this.#options = options;
  }

  /** Tells on their way. */
  get tells(): number {
    return this.#tells;
  }

  async ask(
    _kind: string,
    key: string,
    name: string,
    req: unknown,
    timeoutMs: number,
  ): Promise<AskReply<unknown>> {
    const dueMs = this.#nowMs + timeoutMs;
    const trip: Trip = { key, name, req, dueMs, avoid: new Set(), hint: undefined, forwards: 0 };
    for (let pauseMs = RETRY_MS_MIN;;) {
      const step = await this.#try(trip);
      if (step.kind === "answered") return step.reply;
      if (step.kind === "later") {
        const waitMs = pauseMs * (1 - this.#options.ports.random.next() / 2);
        if (this.#nowMs + waitMs >= dueMs) return ASK_REFUSED.unreachable;
        await this.#wait(waitMs);
        trip.forwards = 0;
        pauseMs = Math.min(RETRY_MS_MAX, 2 * pauseMs);
      }
    }
  }

  /**
   * Sends in order of the calls for one stream. As an ask, whose answer says when the stream is
   * not where it was thought to be.
   */
  tell(kind: string, key: string, name: string, req: unknown): boolean {
    if (this.#tells >= TELLS_MAX) return false;
    this.#tells++;
    const before = this.#lanes.get(key) ?? Promise.resolve();
    const lane = before
      .then(() => this.ask(kind, key, name, req, TELL_MS))
      .then((reply) => {
        if (!reply.ok) this.#options.log.debug("tell did not arrive", { key, message: name });
      })
      .finally(() => {
        this.#tells--;
        if (this.#lanes.get(key) === lane) this.#lanes.delete(key);
      });
    this.#lanes.set(key, lane);
    return true;
  }

  get #nowMs(): number {
    return this.#options.ports.clock.nowMs();
  }

  /** Whether this node may own streams: a draining one too, where no other may claim. */
  get #mayOwn(): boolean {
    const { mesh } = this.#options;
    const self = mesh.members.get(mesh.node);
    return mesh.joined && self !== undefined && self.role !== "edge";
  }

  async #try(trip: Trip): Promise<Step> {
    const { mesh, ownership } = this.#options;
    const { hint, key, name } = trip;
    trip.hint = undefined;
    if (hint !== undefined && hint !== mesh.node) return this.#askPeer(hint, trip);
    // The record still names us, who gave it up: to the others we are its owner, so we must be.
    if (hint === mesh.node && this.#mayOwn && activates(name)) return this.#claimHere(trip);
    const found = await ownership.find(key);
    if (found.kind === "owner") {
      const { node } = found.owner;
      return node === mesh.node ? this.#askHere(trip) : this.#askPeer(node, trip);
    }
    if (found.kind === "unavailable" || !mesh.joined) return LATER;
    if (!activates(name)) return { kind: "answered", reply: ASK_REFUSED.unreachable };
    const { members, loads } = mesh;
    const { avoid } = trip;
    const node = placeStream({ key, members, loads, ingest: ingestOf(trip.req), avoid });
    if (node === undefined) {
      avoid.clear(); // All were tried; by the next time the mesh may be another.
      return LATER;
    }
    return node === mesh.node ? this.#claimHere(trip) : this.#askPeer(node, trip);
  }

  async #claimHere(trip: Trip): Promise<Step> {
    const outcome = await this.#options.ownership.claim(trip.key);
    switch (outcome.kind) {
      case "owned":
        return this.#askHere(trip);
      case "elsewhere":
        return AGAIN; // It is known now who has it.
      case "full":
        return { kind: "answered", reply: ASK_REFUSED.busy };
      case "unavailable":
        return LATER;
    }
  }

  async #askHere({ key, name, req, dueMs }: Trip): Promise<Step> {
    const { deliver, ownership } = this.#options;
    const reply = await deliver(key, name, req, Math.max(1, dueMs - this.#nowMs));
    // It went to another owner before its actor took the message.
    const lost = isUntaken(reply) && ownership.ownEpoch(key) === undefined;
    return lost ? LATER : { kind: "answered", reply };
  }

  async #askPeer(node: string, trip: Trip): Promise<Step> {
    const { peers, ownership } = this.#options;
    const { key, name, req, dueMs, avoid } = trip;
    const leftMs = dueMs - this.#nowMs;
    if (leftMs < 1) return { kind: "answered", reply: ASK_REFUSED.deadline };
    const reply = await peers.ask(node, "stream", key, name, req, leftMs)
      .catch(() => ASK_REFUSED.unreachable);
    if (reply.ok) {
      // It has an owner now; that nobody had it a moment ago is no answer to who asks next.
      if (activates(name) && ownership.recall(key) === undefined) ownership.forget(key);
      return { kind: "answered", reply };
    }
    if (reply.error !== "not-owner") {
      if (reply.error !== "unreachable") return { kind: "answered", reply };
      ownership.forget(key);
      avoid.add(node);
      return LATER;
    }
    ownership.forget(key);
    if (reply.owner === undefined) avoid.add(node);
    else if (reply.owner !== node) trip.hint = reply.owner;
    return ++trip.forwards > FORWARDS_MAX ? LATER : AGAIN;
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.ports.timers.after(ms, resolve));
  }
}

/** Whether a reply says that the actor was not there for the message. */
export function isUntaken(reply: AskReply<unknown>): boolean {
  return !reply.ok && (reply.error === "unreachable" || reply.error === "stopped");
}

/** Node of the publisher that an activating message is about, which carries it or its session. */
function ingestOf(req: unknown): string | undefined {
  if (typeof req !== "object" || req === null) return undefined;
  if ("session" in req) return ingestOf(req.session);
  if ("publisher" in req) return ingestOf(req.publisher);
  return "node" in req && typeof req.node === "string" ? req.node : undefined;
}
