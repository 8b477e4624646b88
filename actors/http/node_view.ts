/**
 * What the HTTP API may ask of the node. Answers are promises because in a mesh some of them come
 * from other nodes.
 *
 * @module
 */
import type { LinkInfo, NodeInfo, SessionInfo, StreamInfo } from "./schemas.ts";

export type {
  BackupInfo,
  EdgeInfo,
  LinkInfo,
  NodeInfo,
  SessionInfo,
  StreamInfo,
  TrackInfo,
} from "./schemas.ts";

/** What events tell of. */
export const EVENT_KINDS = [
  "stream-started",
  "stream-held",
  "stream-resumed",
  "stream-moved",
  "stream-ended",
  "stream-switched",
  "backup-joined",
  "backup-left",
  "node-joined",
  "node-changed",
  "node-left",
] as const;
export type EventKind = typeof EVENT_KINDS[number];

/** Something that happened somewhere in the mesh. */
export interface ApiEvent {
  /** What it is; the other fields depend on it. */
  readonly kind: EventKind;
  /** Wall clock in milliseconds since 1970. */
  readonly atMs: number;
  readonly [field: string]: unknown;
}

/** What came of the wish to play a stream's backup. */
export type SwitchResult = "switched" | "no-such-stream" | "no-backup" | "backup-silent" | "failed";

/** What came of the wish to move a stream. */
export type MoveResult = "moved" | "there-already" | "no-such-stream" | "no-such-node" | "failed";

/**
 * Which part of a list is wanted. Lists are ordered by a unique key of each item, so that a page
 * stays right while items come and go; {@link pageOf} cuts such pages.
 */
export interface PageRequest {
  /** Most items in the answer, 1 to {@link PAGE_ITEMS_MAX}. */
  readonly limit: number;
  /** Only items whose key sorts after this one, which itself need not exist any more. */
  readonly after?: string;
}

/** One part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Key of the last item when more follow, else `null`. */
  readonly next: string | null;
}

/** Most items in one page: about a megabyte of JSON. */
export const PAGE_ITEMS_MAX = 1_000;

/** The node as the API sees it. A rejected promise becomes a 500 answer and a log line. */
export interface NodeView {
  /** All streams the mesh knows, by {@link streamKey}. */
  streams(page: PageRequest): Promise<Page<StreamInfo>>;
  stream(app: string, name: string): Promise<StreamInfo | undefined>;
  /** Ends the stream: its publisher is disconnected, its viewers see it end. False: not there. */
  deleteStream(app: string, name: string): Promise<boolean>;
  /** Makes another node the stream's owner; who publishes and who watches stays where it is. */
  moveStream(app: string, name: string, to: string): Promise<MoveResult>;
  /** Plays the stream's backup; resolves when it is played. */
  switchStream(app: string, name: string): Promise<SwitchResult>;
  /** All nodes, by name. */
  nodes(page: PageRequest): Promise<Page<NodeInfo>>;
  /** All publishers and viewers, by id. */
  sessions(page: PageRequest): Promise<Page<SessionInfo>>;
  /** Disconnects one publisher or viewer. False: not there. */
  deleteSession(id: string): Promise<boolean>;
  /** Lets a node take no new work, so that its clients leave. False: not there. */
  drainNode(name: string): Promise<boolean>;
  /** Replaces the workers of a host one after another. False: there is none that could. */
  restartHost(host: string): Promise<boolean>;
  /** Every link between nodes, as each end sees it. */
  links(): Promise<readonly LinkInfo[]>;
  /** Tells what happens from now on, until `signal` is aborted. */
  events(listener: (event: ApiEvent) => void, signal: AbortSignal): void;
  /** Whether this process takes new work; says nothing about other nodes or Redis. */
  ready(): { readonly ready: boolean; readonly reason?: string };
}

/** Cuts the requested page out of all items, which may come in any order; keys are unique. */
export function pageOf<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  { limit, after }: PageRequest,
): Page<T> {
  const rest: { key: string; item: T }[] = [];
  for (const item of items) {
    const key = keyOf(item);
    if (after === undefined || key > after) rest.push({ key, item });
  }
  // Compared by code units and not by language, so that every node sorts alike.
  rest.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  const page = rest.slice(0, limit);
  const next = rest.length > limit ? page[page.length - 1].key : null;
  return { items: page.map(({ item }) => item), next };
}
