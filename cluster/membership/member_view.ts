/**
 * Who is in the mesh, as this node saw it last: a cache of the directory's members.
 *
 * It also remembers whom it saw go. That memory is bounded, and what it forgets the directory
 * still knows; it answers at once where nobody can wait for the directory.
 *
 * @module
 */
import type { LoadReport, Member, MembershipView } from "../directory/directory.ts";

/** Dead incarnations remembered: a restart of a thousand nodes each minute for an hour. */
export const DEAD_MAX = 65_536;

/** One start of a node. */
export interface NodeStart {
  readonly node: string;
  readonly incarnation: number;
}

/** What is different from the view before. */
export interface ViewDiff {
  readonly joined: readonly Member[];
  /** Gone for good; a node that was started anew is in here and in `joined`. */
  readonly left: readonly NodeStart[];
  /** Same incarnation, other state or addresses; as they are now. */
  readonly changed: readonly Member[];
}

/** The cached view; changed only by its membership. */
export class MemberView {
  #number = 0;
  #members: ReadonlyMap<string, Member> = new Map();
  /** Newest load report of each node. */
  loads: ReadonlyMap<string, LoadReport> = new Map();
  /** Members that the directory did not list when it was read last, but that may be back. */
  missing = 0;
  readonly #dead = new Set<string>();

  get number(): number {
    return this.#number;
  }

  get members(): ReadonlyMap<string, Member> {
    return this.#members;
  }

  /** Whether the incarnation is a member, as far as is known here. */
  isAlive(node: string, incarnation: number): boolean {
    return this.#members.get(node)?.incarnation === incarnation;
  }

  /** Whether the incarnation is known to be dead; false for one that was never seen. */
  isDead(node: string, incarnation: number): boolean {
    const present = this.#members.get(node);
    // A newer start of a node ends all older ones. One that is listed lives, whatever was seen of
    // it: a directory that lost its data has forgotten that it was expelled, and let it in again.
    if (present !== undefined && incarnation <= present.incarnation) {
      return incarnation < present.incarnation;
    }
    return this.#dead.has(deadKey({ node, incarnation }));
  }

  /** Members that `seen` does not list, neither as they were nor started anew. */
  absentFrom(seen: MembershipView): Member[] {
    return [...this.#members.values()].filter(({ node }) => !seen.members.has(node));
  }

  /**
   * Replaces the view.
   *
   * @param kept Members that stay although the directory does not list them.
   */
  apply(seen: MembershipView, kept: readonly Member[] = []): ViewDiff {
    const before = this.#members;
    const after = new Map(seen.members);
    for (const member of kept) after.set(member.node, member);
    const joined: Member[] = [];
    const changed: Member[] = [];
    const left: NodeStart[] = [];
    for (const member of after.values()) {
      const old = before.get(member.node);
      if (old?.incarnation !== member.incarnation) joined.push(member);
      else if (!sameMember(old, member)) changed.push(member);
    }
    for (const { node, incarnation } of before.values()) {
      if (after.get(node)?.incarnation !== incarnation) left.push({ node, incarnation });
    }
    this.#number = seen.view;
    this.#members = after;
    this.missing = kept.length;
    for (const start of left) this.bury(start);
    return { joined, left, changed };
  }

  /** Remembers an incarnation as dead. */
  bury(start: NodeStart): void {
    this.#dead.add(deadKey(start));
    if (this.#dead.size <= DEAD_MAX) return;
    for (const oldest of this.#dead) return void this.#dead.delete(oldest);
  }
}

function deadKey({ node, incarnation }: NodeStart): string {
  return `${incarnation}:${node}`;
}

/** Same state and addresses; the other fields never change within an incarnation. */
function sameMember(a: Member, b: Member): boolean {
  if (a.state !== b.state || a.address !== b.address || a.port !== b.port) return false;
  const names = Object.keys(a.addresses);
  return names.length === Object.keys(b.addresses).length &&
    names.every((name) => a.addresses[name] === b.addresses[name]);
}
