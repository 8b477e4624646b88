/**
 * Node actor: what a node tells the others of itself, for the API that any of them serves.
 *
 * @module
 */
import type { MetricsPart } from "../actors/http/metrics_source.ts";
import type { LinkInfo, Page, PageRequest, SessionInfo } from "../actors/http/node_view.ts";
import { type Actor, type ActorContext, DEFERRED, type Reply } from "../actors/runtime/actor.ts";
import { actorKind } from "../actors/runtime/protocol.ts";
import type { StreamName } from "../actors/stream/stream_key.ts";
import type { EventPage, EventRing } from "./event_ring.ts";
import type { LocalView, StreamPart } from "./local_view.ts";

export type NodeProtocol = {
  streams: { req: PageRequest; res: Page<StreamPart> };
  stream: { req: StreamName; res: StreamPart | null };
  sessions: { req: PageRequest; res: Page<SessionInfo> };
  links: { req: void; res: readonly LinkInfo[] };
  /** Events after a number; answers as soon as there is one, or with none after a while. */
  events: { req: { readonly after: number | null }; res: EventPage };
  /** Takes no new work from now on; its clients leave. */
  drain: { req: void; res: boolean };
  /** Replaces the workers of the node's host one after another. */
  restart: { req: void; res: boolean };
  metrics: { req: void; res: MetricsPart };
};

/** Operators' scripts and dashboards ask, some at once. */
const NODE_MAILBOX_MAX = 4_096;

export const NODE = actorKind<NodeProtocol>({
  name: "node",
  messages: ["streams", "stream", "sessions", "links", "events", "drain", "restart", "metrics"],
  mailboxMax: NODE_MAILBOX_MAX,
});

/** Items in one answer: with the longest names they stay below what a link carries at once. */
export const NODE_PAGE_ITEMS_MAX = 24;

/** Who waits for events is answered after this long, in milliseconds, so that no ask runs out. */
const EVENTS_WAIT_MS = 2_000;

export interface NodeActorOptions {
  readonly view: LocalView;
  readonly events: EventRing;
  readonly drain: () => void;
  /** Left out when nobody could start a worker again. */
  readonly restart?: () => void;
  readonly metrics: () => MetricsPart;
}

type Context = ActorContext<NodeProtocol>;

export class NodeActor implements Actor<NodeProtocol> {
  readonly #options: NodeActorOptions;

  constructor(options: NodeActorOptions) {
    this.#options = options;
  }

  streams(request: PageRequest): Page<StreamPart> {
    return this.#options.view.streams(bounded(request));
  }

  stream(name: StreamName): StreamPart | null {
    return this.#options.view.stream(name) ?? null;
  }

  sessions(request: PageRequest): Page<SessionInfo> {
    return this.#options.view.sessions(bounded(request));
  }

  links(): readonly LinkInfo[] {
    return this.#options.view.links();
  }

  events({ after }: { after: number | null }, context: Context): EventPage | typeof DEFERRED {
    const { events } = this.#options;
    const page = events.after(after);
    if (page.events.length > 0 || after === null) return page;
    const reply: Reply<EventPage> = context.defer();
    const answer = () => {
      timer.cancel();
      reply.send(events.after(after));
    };
    const forget = events.onNext(answer);
    const timer = context.ports.timers.after(EVENTS_WAIT_MS, () => {
      forget();
      answer();
    });
    return DEFERRED;
  }

  drain(): boolean {
    this.#options.drain();
    return true;
  }

  restart(): boolean {
    this.#options.restart?.();
    return this.#options.restart !== undefined;
  }

  metrics(): MetricsPart {
    return this.#options.metrics();
  }
}

function bounded({ limit, after }: PageRequest): PageRequest {
  const most = Math.min(limit, NODE_PAGE_ITEMS_MAX);
  // A link has no word for "left out".
  return after === undefined || after === null ? { limit: most } : { limit: most, after };
}
