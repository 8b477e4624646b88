/**
 * What can be known of a thing's owner, and what finding it out needs to know of the mesh.
 *
 * @module
 */

import type { Member } from "../directory/directory.ts";

/** A thing's owner: one start of one node, under an epoch that no other owner has had. */
export interface Owner {
  readonly node: string;
  readonly incarnation: number;
  readonly epoch: number;
}

export type Resolution =
  | { readonly kind: "owner"; readonly owner: Owner }
  /** It was never owned, was released, or its owner is dead; `epoch` is the last one, 0 if none. */
  | {
    readonly kind: "nobody";
    readonly epoch: number;
    /** Its owner died with it: others may have what it had. */
    readonly bereft?: boolean;
  }
  /** It cannot be found out at the moment. */
  | { readonly kind: "unavailable" };

export const UNAVAILABLE: { readonly kind: "unavailable" } = Object.freeze({ kind: "unavailable" });

/** This node's membership, as ownership sees it. */
export interface Standing {
  readonly node: string;
  readonly incarnation: number;
  /** Only a member owns anything. */
  readonly joined: boolean;
  /** The directory answered when it was asked last. */
  readonly redisOk: boolean;
  /** The directory was away, and may have lost records that will be written again. */
  readonly inGrace: boolean;
  readonly members: ReadonlyMap<string, Member>;
  /** The directory's clock, in microseconds. */
  nowUs(): number;
  isAlive(node: string, incarnation: number): boolean;
  isGone(node: string, incarnation: number): Promise<boolean>;
}
