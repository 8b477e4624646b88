/**
 * The directory: who is in the mesh, and which node owns what. The one place that decides.
 *
 * Its records are the truth; hashes only choose who asks for a record first. Every method is one
 * round trip or none. A rejected promise means *unknown*, never *refused*: what was asked may have
 * been done, so a caller reads again before it acts ({@link DirectoryUnavailable}).
 *
 * @module
 */

/** A node may take new work, or only finishes what it has. */
export type MemberState = "up" | "draining";

/** What a node may own: an edge owns no stream, an origin takes no clients. */
export type Role = "any" | "edge" | "origin";

/** A node as it introduces itself. Immutable but for its state. */
export interface Member {
  /** Unique within the mesh; 1 to 128 characters. */
  readonly node: string;
  /** This start of the node: microseconds of the directory's clock when it joined. */
  readonly incarnation: number;
  /** Where its mesh port is reached. */
  readonly address: string;
  readonly port: number;
  /** Host it runs on, as its operator named it: the node's own name unless it is one worker of several. */
  readonly host: string;
  readonly zone: string;
  readonly role: Role;
  readonly state: MemberState;
  /** Client addresses by protocol, "host:port". */
  readonly addresses: Readonly<Record<string, string>>;
  /** Relative capacity; 1 is usual. */
  readonly weight: number;
}

/** What a node tells about its load with each renewal. */
export interface LoadReport {
  /** Cores in use. */
  readonly cpu: number;
  /** 99th percentile of event-loop lateness, in milliseconds. */
  readonly lagMs: number;
  readonly egressKbps: number;
  /** Streams it owns; placement compares this. */
  readonly streams: number;
  readonly viewers: number;
}

/** What {@link Directory.join} found. */
export interface Joined {
  /**
   * Given by the directory when the node brought none (0), or one that is dead or older than
   * another of this node. In that case it was fenced: it drops all it owned before it goes on.
   */
  readonly incarnation: number;
  readonly view: number;
  /** The directory's clock, in microseconds since 1970. */
  readonly nowUs: number;
}

export type RenewResult =
  | {
    readonly ok: true;
    /**
     * Rises with every join, leave, expulsion and change of state, also when the directory lost its
     * data: it follows the clock, so it is large and has gaps.
     */
    readonly view: number;
    readonly nowUs: number;
    /** Of the watched nodes, those without a living lease. */
    readonly silent: readonly string[];
    /** Newest report of every node. */
    readonly loads: ReadonlyMap<string, LoadReport>;
  }
  /** `fenced`: this incarnation is dead, or a newer one of the node exists: drop all ownership and
   *  join anew. `unknown`: the directory lost its data: join again with the same incarnation. */
  | { readonly ok: false; readonly reason: "fenced" | "unknown" };

/** Who is there, as of one view. */
export interface MembershipView {
  readonly view: number;
  /** By name. */
  readonly members: ReadonlyMap<string, Member>;
}

/** A vote that an incarnation is dead. */
export interface Suspicion {
  readonly node: string;
  readonly incarnation: number;
  readonly voter: string;
  /** Votes of different nodes that expel while the lease lives, within `windowMs`. */
  readonly votesNeeded: number;
  readonly windowMs: number;
  /** The node's port refused a connection: proof that needs no second vote. */
  readonly strong: boolean;
  /** After the directory was away, lease silence alone proves nothing for this long. */
  readonly graceMs: number;
}

/** Who owns a thing; `node` is empty when it was released. */
export interface Ownership {
  /** Fences: rises with every owner, never repeats, not even after the directory lost its data. */
  readonly epoch: number;
  readonly node: string;
  readonly incarnation: number;
}

export interface ClaimRequest {
  readonly node: string;
  readonly incarnation: number;
  /** Epoch of the record that the claimer knows; 0 when it knows of none. */
  readonly expectedEpoch: number;
  /** The directory's clock after which the claim must not be carried out any more. */
  readonly deadlineUs: number;
  /** Chosen by the claimer for this attempt: a retry with the same token is the same claim. */
  readonly token: string;
}

export type ClaimResult =
  | { readonly kind: "won"; readonly epoch: number }
  /** Somebody else was faster, or the expected epoch was wrong: this is the record. */
  | { readonly kind: "lost"; readonly owner: Ownership }
  /** It arrived after its deadline and changed nothing. */
  | { readonly kind: "late" };

/** What an owner leaves for whoever owns a stream after it; written at publish and hand-over. */
export interface Timeline {
  readonly epoch: number;
  readonly generation: number;
  readonly nextSeq: number;
  /** Newest decode time, in microseconds. */
  readonly newestDtsUs: number;
  readonly segment: number;
  readonly discontinuities: number;
}

/** The directory cannot be asked now; what was asked may or may not have been done. */
export class DirectoryUnavailable extends Error {
  override readonly name = "DirectoryUnavailable";
}

/**
 * Keys of things that are owned: a stream's is "s" and its key, a device session's "d", a job's "j".
 * Any UTF-8 text; implementations encode it so that no key can touch another.
 */
export interface OwnedKey {
  readonly kind: "s" | "d" | "j";
  readonly key: string;
}

/** @see the module's text for what a rejection means. */
export interface Directory {
  /** Adds or replaces the node; an incarnation of 0 asks for a new one. */
  join(member: Member, leaseMs: number): Promise<Joined>;
  /** Keeps the lease, reports the load, and looks at the leases of the watched nodes. */
  renew(options: {
    readonly node: string;
    readonly incarnation: number;
    readonly leaseMs: number;
    readonly load: LoadReport;
    readonly watched: readonly string[];
  }): Promise<RenewResult>;
  members(): Promise<MembershipView>;
  /** Whether an incarnation was expelled or has left. */
  isDead(node: string, incarnation: number): Promise<boolean>;
  /** Returns false when the incarnation is not a member. */
  setState(node: string, incarnation: number, state: MemberState): Promise<boolean>;
  suspect(suspicion: Suspicion): Promise<"expelled" | "noted" | "gone">;
  /** Leaves for good: the incarnation is dead from now on. */
  leave(node: string, incarnation: number): Promise<void>;
  claim(key: OwnedKey, request: ClaimRequest): Promise<ClaimResult>;
  /** Owners of several things at once, in their order; `undefined` where there never was one. */
  lookup(keys: readonly OwnedKey[]): Promise<(Ownership | undefined)[]>;
  /** After data was lost, and each hour, for what is not written is forgotten in the end: writes `owner` unless a higher epoch is stored; gives what is stored. */
  reassert(key: OwnedKey, owner: Ownership): Promise<Ownership>;
  /**
   * Gives ownership up; the epoch is remembered for a day. False: somebody else has a newer epoch,
   * or the record is gone. Doing it twice is doing it once.
   */
  release(key: OwnedKey, epoch: number): Promise<boolean>;
  /** Kept for an hour. A timeline of a lower epoch than the stored one changes nothing. */
  writeTimeline(stream: string, timeline: Timeline): Promise<void>;
  readTimeline(stream: string): Promise<Timeline | undefined>;
  /** A text that all nodes of the mesh share: the first one written stays. */
  sharedSecret(proposed: string): Promise<string>;
  /** Calls back when the view may have changed; a hint that may be lost, doubled or late. */
  onHint(callback: () => void): void;
  /** Round trips so far: commands or pipelines sent, each counted once. */
  readonly roundTrips: number;
  close(): Promise<void>;
}
