/**
 * The whole mesh as the API of any node shows it: every node is asked for its part when somebody
 * asks, and the parts are put together.
 *
 * @module
 */
import {
  type LinkInfo,
  type NodeInfo,
  type NodeView,
  type Page,
  pageOf,
  type PageRequest,
  type SessionInfo,
  type StreamInfo,
  type SwitchResult,
} from "../actors/http/node_view.ts";
import type { MetricsPart } from "../actors/http/metrics_source.ts";
import { VIEWER } from "../actors/edge/viewer_actor.ts";
import type { AskReply } from "../actors/runtime/ask.ts";
import type { ActorRef } from "../actors/runtime/ref.ts";
import type { ActorSystem } from "../actors/runtime/system.ts";
import { STREAM } from "../actors/stream/stream_protocol.ts";
import { addCounts } from "../actors/stream/stream_hub.ts";
import { streamKey } from "../actors/stream/stream_key.ts";
import type { MeshEvent } from "./event_ring.ts";
import type { Authority, StreamPart } from "./local_view.ts";
import { NODE, type NodeProtocol } from "./node_actor.ts";

/** A node that does not answer within this is left out of a list, in milliseconds. */
const NODE_TIMEOUT_MS = 1_500;

/** A backup begins with a key frame, and encoders send one each ten seconds at least. */
const SWITCH_TIMEOUT_MS = 12_000;

/** What follows a node's events waits longer than the node does before it answers "nothing". */
const EVENTS_TIMEOUT_MS = 4_000;

/** Pause before a node that could not be asked for events is asked again, in milliseconds. */
const EVENTS_RETRY_MS = 500;

/** Who knows best about a stream, best first. */
const BY_AUTHORITY: readonly Authority[] = ["owner", "ingest", "edge", "waiting"];

export interface MeshViewOptions {
  readonly system: ActorSystem;
  /** Every member as this node knows them, itself included. */
  readonly nodes: () => readonly NodeInfo[];
  readonly draining: () => boolean;
  /** Adds what this node sees by itself of the mesh, such as nodes that come and go. */
  readonly onMeshEvent: (listener: (event: MeshEvent) => void) => () => void;
}

type Node = ActorRef<NodeProtocol>;

export class MeshView implements NodeView {
  readonly #options: MeshViewOptions;

  constructor(options: MeshViewOptions) {
    this.#options = options;
  }

  async streams(request: PageRequest): Promise<Page<StreamInfo>> {
    const page = await this.#merged(request, {
      ask: (node, part) => node.ask.streams(part, { timeoutMs: NODE_TIMEOUT_MS }),
      keyOf: streamKey,
      merge: mergeParts,
    });
    return { items: page.items.map(infoOf), next: page.next };
  }

  async stream(app: string, name: string): Promise<StreamInfo | undefined> {
    const parts = await this.#each((node) =>
      node.ask.stream({ app, name }, { timeoutMs: NODE_TIMEOUT_MS })
    );
    const found = parts.filter((part) => part !== null);
    return found.length === 0 ? undefined : infoOf(mergeParts(found));
  }

  async deleteStream(app: string, name: string): Promise<boolean> {
    const answer = await this.#options.system.ref(STREAM, streamKey({ app, name }))
      .ask.end({ reason: "ended by an operator" });
    if (answer.ok) return answer.value;
    if (answer.error === "unreachable") return false; // Nobody owns it.
    throw new Error(`stream actor does not answer: ${answer.error}`);
  }

  async moveStream(app: string, name: string, to: string) {
    if (!this.#options.nodes().some((node) => node.name === to && node.state === "up")) {
      return "no-such-node";
    }
    const answer = await this.#options.system.ref(STREAM, streamKey({ app, name }))
      .ask.move({ to });
    if (answer.ok) return answer.value;
    return answer.error === "unreachable" ? "no-such-stream" : "failed";
  }

  async switchStream(app: string, name: string): Promise<SwitchResult> {
    const answer = await this.#options.system.ref(STREAM, streamKey({ app, name }))
      .ask.switch(undefined, { timeoutMs: SWITCH_TIMEOUT_MS });
    if (answer.ok) return answer.value;
    return answer.error === "unreachable" ? "no-such-stream" : "failed";
  }

  nodes(request: PageRequest): Promise<Page<NodeInfo>> {
    return Promise.resolve(pageOf(this.#options.nodes(), ({ name }) => name, request));
  }

  async drainNode(name: string): Promise<boolean> {
    if (!this.#options.nodes().some((node) => node.name === name)) return false;
    const answer = await this.#options.system.ref(NODE, name).ask.drain();
    return answer.ok && answer.value;
  }

  async restartHost(host: string): Promise<boolean> {
    for (const { name } of this.#options.nodes().filter((node) => node.host === host)) {
      const answer = await this.#options.system.ref(NODE, name).ask.restart();
      if (answer.ok && answer.value) return true; // Any of its workers tells the supervisor.
    }
    return false;
  }

  /** Numbers of the workers of a host, of those that answered. */
  async workerMetrics(host: string): Promise<MetricsPart[]> {
    const { system, nodes } = this.#options;
    const workers = nodes().filter((node) => node.host === host);
    const answers = await Promise.all(workers.map(({ name }) => {
      return system.ref(NODE, name).ask.metrics(undefined, { timeoutMs: NODE_TIMEOUT_MS });
    }));
    return answers.filter((answer) => answer.ok).map(({ value }) => value);
  }

  sessions(request: PageRequest): Promise<Page<SessionInfo>> {
    return this.#merged(request, {
      ask: (node, part) => node.ask.sessions(part, { timeoutMs: NODE_TIMEOUT_MS }),
      keyOf: ({ id }) => id,
      merge: ([only]) => only,
    });
  }

  async deleteSession(id: string): Promise<boolean> {
    const reason = "disconnected by an operator";
    const answer = await this.#options.system.ref(VIEWER, id).ask.kick({ reason });
    return answer.ok && answer.value;
  }

  async links(): Promise<readonly LinkInfo[]> {
    const lists = await this.#each((node) =>
      node.ask.links(undefined, { timeoutMs: NODE_TIMEOUT_MS })
    );
    return lists.flat();
  }

  /** Follows every node's events until told to stop. */
  events(listener: (event: MeshEvent) => void, signal: AbortSignal): void {
    const following = new Set<string>();
    const follow = () => {
      for (const { name } of this.#options.nodes()) {
        if (following.has(name)) continue;
        following.add(name);
        this.#follow(name, listener, signal).finally(() => following.delete(name));
      }
    };
    const forget = this.#options.onMeshEvent((event) => {
      listener(event);
      follow();
    });
    signal.addEventListener("abort", forget, { once: true });
    follow();
  }

  ready(): { ready: boolean; reason?: string } {
    return this.#options.draining() ? { ready: false, reason: "draining" } : { ready: true };
  }

  async #follow(
    name: string,
    listener: (event: MeshEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { system, nodes } = this.#options;
    const node = system.ref(NODE, name);
    let after: number | null = null;
    while (!signal.aborted && nodes().some((info) => info.name === name)) {
      const answer: AskReply<{ events: readonly MeshEvent[]; next: number }> = await node.ask
        .events({ after }, { timeoutMs: EVENTS_TIMEOUT_MS });
      if (signal.aborted) return;
      if (answer.ok) {
        after = answer.value.next;
        for (const event of answer.value.events) listener({ ...event, node: name });
      } else {
        const { timers } = system.ports;
        await new Promise<void>((done) => void timers.after(EVENTS_RETRY_MS, done));
      }
    }
  }

  /** The answers of all nodes that gave one. */
  async #each<T>(ask: (node: Node) => Promise<AskReply<T>>): Promise<T[]> {
    const { system, nodes } = this.#options;
    const answers = await Promise.all(nodes().map(({ name }) => ask(system.ref(NODE, name))));
    return answers.filter((answer) => answer.ok).map(({ value }) => value);
  }

  /** One page of what lies on many nodes, which answer with small ones. */
  async #merged<T>(request: PageRequest, options: {
    ask: (node: Node, part: PageRequest) => Promise<AskReply<Page<T>>>;
    keyOf: (item: T) => string;
    merge: (parts: T[]) => T;
  }): Promise<Page<T>> {
    const { ask, keyOf, merge } = options;
    const items: T[] = [];
    let { after } = request;
    for (;;) {
      const limit = request.limit - items.length;
      const pages = await this.#each((node) => ask(node, { limit, after }));
      // What lies beyond the end of a page that was cut may not be complete.
      const cuts = pages.map(({ next }) => next).filter((next) => next !== null).sort(byCodeUnits);
      const byKey = new Map<string, T[]>();
      for (const item of pages.flatMap((page) => page.items)) {
        const key = keyOf(item);
        if (cuts.length > 0 && key > cuts[0]) continue;
        const parts = byKey.get(key);
        if (parts === undefined) byKey.set(key, [item]);
        else parts.push(item);
      }
      const keys = [...byKey.keys()].sort(byCodeUnits);
      const taken = keys.slice(0, limit);
      for (const key of taken) items.push(merge(byKey.get(key)!));
      const more = cuts.length > 0 || taken.length < keys.length;
      if (!more) return { items, next: null };
      after = taken.at(-1) ?? cuts[0];
      if (items.length === request.limit) return { items, next: after };
    }
  }
}

/** As `pageOf` sorts, which every node does alike. */
function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One stream out of what several nodes say of it. */
function mergeParts(parts: readonly StreamPart[]): StreamPart {
  const rank = ({ authority }: StreamPart) => BY_AUTHORITY.indexOf(authority);
  const [best, ...others] = [...parts].sort((a, b) => rank(a) - rank(b));
  const byProtocol = { ...best.viewers.byProtocol };
  const repairsByKind = { ...best.repairsByKind };
  let { drops, repairs, viewers: { total } } = best;
  for (const part of others) {
    total += part.viewers.total;
    drops += part.drops;
    repairs += part.repairs;
    for (const [protocol, count] of Object.entries(part.viewers.byProtocol)) {
      byProtocol[protocol] = (byProtocol[protocol] ?? 0) + count;
    }
    addCounts(repairsByKind, part.repairsByKind);
  }
  const edges = parts.flatMap((part) => part.edges);
  return { ...best, viewers: { total, byProtocol }, drops, repairs, repairsByKind, edges };
}

function infoOf({ authority: _, ...info }: StreamPart): StreamInfo {
  return info;
}
