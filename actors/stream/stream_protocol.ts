/**
 * What the owner of a stream understands, wherever it is.
 *
 * @module
 */
import type { SegmentMark } from "../../protocols/media/record.ts";
import { actorKind } from "../runtime/protocol.ts";
import type { Grant, Publication, Publisher, StreamCore } from "./stream_core.ts";
import type { SessionState } from "./upstream.ts";
import type { Vitals } from "./vitals.ts";

/** What a node has of a stream, at the end of its log. */
export interface LogEnd {
  readonly generation: number;
  readonly nextSeq: number;
  readonly newestDtsUs: number;
  readonly lastMark?: SegmentMark;
}

/** Somebody wants to publish. */
export interface PublishRequest extends Publisher {
  /** What its node has of the stream, which may be more than the owner has. */
  readonly has?: LogEnd;
  /** It can be the backup of another one. */
  readonly pairs?: true;
  /** It is the backup, was asked to be played, and has a key frame. */
  readonly ready?: true;
}

export type PublishResult =
  | {
    readonly ok: true;
    readonly grant: Grant;
    readonly startedAtMs: number;
    readonly holdMs: number;
  }
  /**
   * `busy`: somebody else publishes; `full`: the node has no room for another stream; `moved`: this
   * node does not own the stream any more; `backed-up`: somebody else publishes it and another one
   * is the backup; `backup`: somebody else publishes it, and this one is the backup.
   */
  | {
    readonly ok: false;
    readonly reason: "busy" | "full" | "moved" | "backed-up" | "backup";
  };

/** What came of the wish to publish from this node. */
export type IngestStart =
  | {
    readonly ok: true;
    readonly core: StreamCore;
    readonly grant: Grant;
    /** When a frame of the session before came last, on the monotonic clock in milliseconds. */
    readonly seenAtMs: number;
  }
  | Extract<PublishResult, { ok: false }>
  /** The owner gave no answer; `error` says why. */
  | { readonly ok: false; readonly reason: "unreachable"; readonly error: string };

/** What one of two publishers tells the owner a few times a second. */
export interface PairReport extends Publisher {
  /** It stands by, as far as it knows. */
  readonly backup: boolean;
  /** Wall clock since when, in milliseconds since 1970. */
  readonly sinceMs: number;
  /** Of its session; 0 of a backup. */
  readonly generation: number;
  readonly vitals: Vitals;
}

/** What it is for the owner. */
export type PairAnswer =
  | { readonly role: "played" }
  | {
    readonly role: "backup";
    /** Node of the one that is played; empty when there is none. */
    readonly played: string;
    /** It is to be played from a key frame on that is younger than this, in milliseconds. */
    readonly wantedMs?: number;
  }
  /** The stream has two publishers besides it. */
  | { readonly role: "none" };

export type SwitchResult = "switched" | "no-such-stream" | "no-backup" | "backup-silent" | "failed";

/** What the owner knows about its stream. */
export type StreamDescription =
  | { readonly state: "idle" }
  | ({ readonly state: "live" | "hold" } & Publication);

/** A session that goes on under another owner. */
export interface Adoption {
  readonly session: Publication;
  /** Its publisher is lost and is still waited for this long, in milliseconds. */
  readonly heldMs?: number;
  /** Under which its owner before made this node the owner; left out by anybody else. */
  readonly epoch?: number;
}

export type MoveResult = "moved" | "there-already" | "no-such-stream" | "failed";

/** A publisher is gone. */
export interface Unpublish {
  readonly ingestId: string;
  /** Its socket was lost, which the stream may outlive. */
  readonly lost: boolean;
  /** Number after its last record, which the owner may still be waiting for. */
  readonly nextSeq: number;
}

/** What filled the stream's log does not any more. */
export interface FeedLoss {
  readonly ingestId: string;
  readonly tries: number;
  /** The session goes on far behind what was seen here. */
  readonly rewound: boolean;
}

export type StreamProtocol = {
  publish: { req: PublishRequest; res: PublishResult };
  /** The publisher ended its stream, or its socket was lost; answers whether the stream ended. */
  unpublish: { req: Unpublish; res: boolean };
  /** A session whose owner is gone finds another one here; false: it is over, a newer one is on. */
  adopt: { req: Adoption; res: boolean };
  /** Makes another node the owner. */
  move: { req: { readonly to: string }; res: MoveResult };
  /** Ends the stream, published or held; false when it is neither. */
  end: { req: { readonly reason: string }; res: boolean };
  /** Somebody needs the frames of the derived track, for some time more. */
  derive: { req: void; res: void };
  describe: { req: void; res: StreamDescription };
  /** A publisher of two says how it is and hears what it is. */
  report: { req: PairReport; res: PairAnswer };
  /** Plays the backup; answers when it is played. */
  switch: { req: void; res: SwitchResult };
  /** The wait for a lost publisher may be over; a timer's message. */
  holdOver: { req: void; res: void };
  /** The link to the publisher's node is gone, or is to be tried again. */
  feed: { req: FeedLoss; res: void };
};

/** Messages waiting at one stream: publishers and API calls of a moment, never frames. */
const STREAM_MAILBOX_MAX = 1_024;

/** An actor that hears nothing is forgotten after this long; the stream goes on. */
const STREAM_IDLE_MS = 10_000;

export const STREAM = actorKind<StreamProtocol>({
  name: "stream",
  messages: [
    "publish",
    "unpublish",
    "adopt",
    "move",
    "end",
    "derive",
    "describe",
    "report",
    "switch",
    "holdOver",
    "feed",
  ],
  mailboxMax: STREAM_MAILBOX_MAX,
  idleMs: STREAM_IDLE_MS,
});

/** What a log ends with; `undefined` when it holds nothing of a session. */
export function logEndOf({ log }: StreamCore): LogEnd | undefined {
  const generation = log.anchorAt(log.nextSeq)?.generation;
  if (generation === undefined) return undefined;
  const { nextSeq, newestDtsUs, lastMark } = log;
  return { generation, nextSeq, newestDtsUs, lastMark };
}

/** What an owner tells those who carry its stream; `undefined` when it owns none. */
export function sessionStateOf(
  { publication, hold }: StreamCore,
  node: string,
): SessionState | undefined {
  const known = publication ?? hold?.last;
  if (known === undefined) return undefined;
  return {
    state: publication === undefined ? "hold" : "live",
    epoch: known.grant.epoch,
    generation: known.grant.generation,
    owner: node,
    ingest: publication?.publisher.node ?? "",
    startedAtMs: known.startedAtMs,
    replicas: [],
  };
}
