/**
 * Who is connected: one entry per publisher and per viewer, for the API and the metrics.
 *
 * @module
 */
import type { StreamName } from "../stream/stream_key.ts";
import type { Viewer } from "../stream/viewer.ts";
import type { Outlet } from "./outlet.ts";

/** How clients reach a stream. */
export type EdgeProtocol = "rtmp" | "rtsp" | "http-flv" | "ws-flv" | "http-ts" | "http-mp4";

/** One publisher or viewer; a connection may be several of them. */
export interface Session {
  /** Unique in the mesh: the node's name and a number. */
  readonly id: string;
  readonly protocol: EdgeProtocol;
  readonly role: "publish" | "play";
  readonly stream: StreamName;
  readonly remoteAddress: string;
  /** Its connection is in TLS. */
  readonly secure?: boolean;
  readonly userAgent: string;
  readonly startedAtMs: number;
  readonly outlet: Outlet;
  /** The cursor of a viewer. */
  readonly viewer?: Viewer;
  /** Bytes read from its connection. */
  bytesIn(): number;
  /**
   * Disconnects it, with a reason for the peer where its protocol has a place for one. Called by
   * its actor, which others reach from any node.
   */
  kick(reason: string): void;
  /**
   * Asks its client to connect to another node, "host:port" of its listener of the same protocol;
   * false when the client cannot. Left out where the protocol has no words for it.
   */
  redirect?(address: string): boolean;
  /**
   * Sends it away because the node leaves, and its stream goes on elsewhere: a publisher at its
   * next key frame, or with `now` at once, and a viewer between two frames.
   */
  depart(reason: string, now: boolean): void;
}

export class SessionTable {
  readonly #node: string;
  readonly #byId = new Map<string, Session>();
  /** Sessions by application; an entry goes with its last. */
  readonly #countByApp = new Map<string, number>();
  #lastNumber = 0;

  /** @param node Name of this node, which makes its ids unique in the mesh. */
  constructor(node: string) {
    this.#node = node;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** An id never used before in this process. */
  newId(): string {
    return `${this.#node}~${++this.#lastNumber}`;
  }

  add(session: Session): void {
    this.#byId.set(session.id, session);
    const { app } = session.stream;
    this.#countByApp.set(app, this.countOf(app) + 1);
  }

  delete(id: string): void {
    const app = this.#byId.get(id)?.stream.app;
    if (app === undefined) return;
    this.#byId.delete(id);
    const left = this.countOf(app) - 1;
    if (left > 0) this.#countByApp.set(app, left);
    else this.#countByApp.delete(app);
  }

  /** Publishers and viewers of one application. */
  countOf(app: string): number {
    return this.#countByApp.get(app) ?? 0;
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  values(): IterableIterator<Session> {
    return this.#byId.values();
  }
}
