/**
 * Where this node gets the records of a stream that enters the mesh at, or is owned by, another
 * node: one subscription per stream and node, whatever the number of viewers.
 *
 * The mesh implements {@link Upstream} over its links; {@link EdgeStreamActor} uses it.
 *
 * @module
 */
import type {
  AnchorRecord,
  LogRecord,
  SegmentMark,
  StreamHead,
} from "../../protocols/media/record.ts";
import type { StreamName } from "./stream_key.ts";

/** What a log knows at one of its records besides the records: enough to go on from there. */
export interface LogStart {
  /** Number of the first record that follows. */
  readonly seq: number;
  /** Tracks and standing data in force at it. */
  readonly head: StreamHead;
  /** Anchor in force at it. */
  readonly anchor: AnchorRecord | undefined;
  /** Newest MARK before it. */
  readonly lastMark: SegmentMark | undefined;
}

/** What a stream's owner tells those who carry it, and tells again whenever it changes. */
export interface SessionState {
  readonly state: "live" | "hold";
  /** Rises with every owner; a subscriber refuses what is lower than it has seen. */
  readonly epoch: number;
  /** Publish session of the newest records; 0 while none has begun. */
  readonly generation: number;
  readonly owner: string;
  /** Node whose socket the publisher is connected to; empty while it is lost. */
  readonly ingest: string;
  readonly startedAtMs: number;
  /** Nodes that carry the stream, best successor first. */
  readonly replicas: readonly string[];
}

/** Why a subscription is over. */
export type UpstreamEnd =
  /** The stream has ended for good; `rewound`: for who has seen more than what it goes on with. */
  | { readonly kind: "ended"; readonly rewound?: true }
  /** The link is gone; the stream may well go on. */
  | { readonly kind: "lost" }
  /** That node does not have it; `owner` says who might. */
  | { readonly kind: "refused"; readonly owner?: string }
  /** Another node goes on from record `seq`. */
  | {
    readonly kind: "moved";
    readonly owner: string;
    readonly epoch: number;
    readonly seq: number;
  };

/**
 * Told what comes; in order, never after {@link UpstreamSink.closed}. Runs where bytes are parsed:
 * nothing in it waits or throws.
 */
export interface UpstreamSink {
  /** Records follow from `start.seq` on; up to `caughtUpSeq` they are of the past. May come again
   *  when records in between are gone. */
  started(start: LogStart, caughtUpSeq: number): void;
  state(state: SessionState): void;
  record(record: LogRecord): void;
  closed(end: UpstreamEnd): void;
}

export interface UpstreamRequest {
  readonly node: string;
  readonly name: StreamName;
  /** `edge`: only the stream's owner may answer. `any`: whoever has records of it may. */
  readonly mode: "edge" | "any";
  /** Highest epoch known; an owner of a lower one must refuse. */
  readonly epoch: number;
  /** First record wanted; the whole log when left out. */
  readonly fromSeq?: number;
  readonly sink: UpstreamSink;
}

export interface UpstreamSubscription {
  readonly node: string;
  /** Ends it from this side; the sink hears nothing more. */
  close(): void;
}

export interface Upstream {
  /** Subscribes; every failure is told to the sink, later. */
  open(request: UpstreamRequest): UpstreamSubscription;
}

/** Who owns a stream, as far as this node knows. */
export interface StreamOwner {
  readonly node: string;
  readonly epoch: number;
}

/** How far a log reaches. */
export interface LogEnd {
  readonly generation: number;
  readonly nextSeq: number;
}

/** What this node knows of the whereabouts of streams; the directory behind it is the truth. */
export interface Whereabouts {
  /** Name of this node. */
  readonly node: string;
  /**
   * The mesh's clock, in milliseconds since 1970, which is the same on all nodes; `undefined` while
   * it is not known.
   */
  nowMs(): number | undefined;
  /**
   * Finds the owner, this node included; `undefined` when there is none. Never rejects.
   *
   * @param fresh What was found a moment ago will not do.
   */
  resolve(key: string, fresh?: boolean): Promise<StreamOwner | undefined>;
  /** Makes this node the owner of a stream that nobody owns; false when it is not. */
  takeOver(key: string): Promise<boolean>;
  /**
   * The node that has most of a stream whose owner died, and more than this one, which has
   * `known`; `undefined` when there is none, or the owner did not die.
   */
  carrier(key: string, known?: LogEnd): Promise<string | undefined>;
  /** Whether a node answers that it has the stream, soon. Never rejects. */
  reaches(key: string, node: string): Promise<boolean>;
  /** Lets another node carry a stream that this one owns, up to its present end. */
  prepare(key: string, node: string): Promise<boolean>;
  /** An epoch that was heard of is the highest so far. */
  accepts(key: string, epoch: number): boolean;
  /** Highest epoch heard of; 0 when none was. */
  highestEpoch(key: string): number;
  /** What was found is wrong: it is looked up again when next asked for. */
  forget(key: string, owner: StreamOwner): void;
  /** Calls back once when somebody owns it. Returns what ends the wait. */
  watch(key: string, appeared: () => void): () => void;
  /** Looks whether this node still owns it, and under what epoch. Never rejects. */
  confirm(key: string): Promise<void>;
  /** The epoch under which this node owns it; `undefined` when it does not. */
  ownEpoch(key: string): number | undefined;
  /**
   * Makes another node the owner and hands it the session.
   *
   * @returns The new owner's epoch; `undefined` when nothing has changed.
   */
  transfer(key: string, to: string, session: unknown): Promise<number | undefined>;
  /** That node is known to be no member any more. */
  gone(node: string): boolean;
  /** That node drains: its clients are asked to connect elsewhere. */
  leaving(node: string): boolean;
}
