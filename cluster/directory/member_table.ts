/**
 * The members of a mesh in memory: incarnations, leases, dead markers, votes and the view.
 *
 * Does what the scripts of `lua.ts` do, in the same order; a differential test holds the two
 * together. Synchronous; time is passed in by the caller.
 *
 * @module
 */
import { DEAD_KEPT_MS, DEAD_MAX, MEMBERS_MAX, PULSE_GAP_MS_MAX, soundLoad } from "./checks.ts";
import {
  type Directory,
  DirectoryUnavailable,
  type Joined,
  type LoadReport,
  type Member,
  type MembershipView,
  type MemberState,
  type RenewResult,
  type Suspicion,
} from "./directory.ts";

/** Members as of now. Give each call the directory's clock, in microseconds. */
export class MemberTable {
  readonly #members = new Map<string, Member>();
  /** When the lease of a node ends. Every incarnation that joins takes it over. */
  readonly #leases = new Map<string, number>();
  readonly #loads = new Map<string, LoadReport>();
  /** Moments of the votes, by suspected node and voter. */
  readonly #votes = new Map<string, Map<string, number>>();
  /** When each "node:incarnation" died, oldest first. */
  readonly #dead = new Map<string, number>();
  #view = 0;
  /** When the directory was last asked about members; `undefined`: never. */
  #tickMs: number | undefined;
  /** When it was last found that nobody had asked for too long. */
  #blindMs = 0;
  readonly #changed: () => void;

  /** `changed` is called at every change of the view. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** @see Directory.join @throws {DirectoryUnavailable} The mesh is full. */
  join(member: Member, leaseMs: number, nowUs: number): Joined {
    const nowMs = this.#pulse(nowUs);
    const { node } = member;
    const before = this.#members.get(node);
    if (before === undefined && this.#members.size >= MEMBERS_MAX) {
      throw new DirectoryUnavailable(`Cannot join: the mesh has ${MEMBERS_MAX} nodes, its most`);
    }
    let incarnation = member.incarnation;
    const known = before?.incarnation ?? 0;
    if (incarnation === 0 || incarnation < known || this.#dead.has(deadKey(node, incarnation))) {
      incarnation = Math.max(nowUs, known + 1, incarnation + 1);
    }
    if (before !== undefined && before.incarnation !== incarnation) {
      this.#bury(node, before.incarnation, nowUs);
    }
    this.#votes.delete(node);
    const { addresses } = member;
    this.#members.set(node, { ...member, incarnation, addresses: { ...addresses } });
    this.#leases.set(node, nowMs + leaseMs);
    this.#moveView(nowUs);
    return { incarnation, view: this.#view, nowUs };
  }

  /** @see Directory.renew */
  renew(options: Parameters<Directory["renew"]>[0], nowUs: number): RenewResult {
    const nowMs = this.#pulse(nowUs);
    const { node, incarnation } = options;
    if (this.#dead.has(deadKey(node, incarnation))) return { ok: false, reason: "fenced" };
    const member = this.#members.get(node);
    if (member === undefined) return { ok: false, reason: "unknown" };
    if (member.incarnation !== incarnation) return { ok: false, reason: "fenced" };
    this.#leases.set(node, nowMs + options.leaseMs);
    this.#loads.set(node, soundLoad(options.load));
    const silent = options.watched.filter((watched) => !this.#leaseLives(watched, nowMs));
    return { ok: true, view: this.#view, nowUs, silent, loads: new Map(this.#loads) };
  }

  /** @see Directory.members */
  view(nowUs: number): MembershipView {
    this.#pulse(nowUs);
    return { view: this.#view, members: new Map(this.#members) };
  }

  /** @see Directory.isDead */
  isDead(node: string, incarnation: number, nowUs: number): boolean {
    this.#pulse(nowUs);
    const known = this.#members.get(node)?.incarnation ?? 0;
    return incarnation < known || this.#dead.has(deadKey(node, incarnation));
  }

  /** @see Directory.setState */
  setState(node: string, incarnation: number, state: MemberState, nowUs: number): boolean {
    this.#pulse(nowUs);
    const member = this.#members.get(node);
    if (member?.incarnation !== incarnation) return false;
    if (member.state === state) return true;
    this.#members.set(node, { ...member, state });
    this.#moveView(nowUs);
    return true;
  }

  /** @see Directory.suspect */
  suspect(suspicion: Suspicion, nowUs: number): "expelled" | "noted" | "gone" {
    const nowMs = this.#pulse(nowUs);
    const { node, incarnation } = suspicion;
    // A late vote on an incarnation that was replaced meanwhile is harmless.
    if (this.#members.get(node)?.incarnation !== incarnation) return "gone";
    const trusted = nowMs - this.#blindMs >= suspicion.graceMs;
    if (this.#leaseLives(node, nowMs) || !trusted) {
      const votes = this.#vote(suspicion, nowMs);
      if (!suspicion.strong && votes < suspicion.votesNeeded) return "noted";
    }
    this.#remove(node, nowUs);
    return "expelled";
  }

  /** @see Directory.leave */
  leave(node: string, incarnation: number, nowUs: number): void {
    this.#pulse(nowUs);
    if (this.#members.get(node)?.incarnation === incarnation) this.#remove(node, nowUs);
    else this.#bury(node, incarnation, nowUs);
  }

  /** Ends the lease of a node now, as its time would: for tests and the simulator. */
  dropLease(node: string): void {
    this.#leases.delete(node);
  }

  #remove(node: string, nowUs: number): void {
    const member = this.#members.get(node);
    if (member !== undefined) this.#bury(node, member.incarnation, nowUs);
    this.#members.delete(node);
    this.#leases.delete(node);
    this.#loads.delete(node);
    this.#votes.delete(node);
    this.#moveView(nowUs);
  }

  /** Counts the votes of the window with this one. */
  #vote({ node, voter, windowMs }: Suspicion, nowMs: number): number {
    const votes = this.#votes.get(node) ?? new Map<string, number>();
    this.#votes.set(node, votes);
    for (const [other, atMs] of votes) {
      if (nowMs - atMs > windowMs) votes.delete(other);
    }
    votes.set(voter, nowMs);
    return votes.size;
  }

  #bury(node: string, incarnation: number, nowUs: number): void {
    this.#dead.delete(deadKey(node, incarnation)); // To the end: it died last.
    this.#dead.set(deadKey(node, incarnation), nowUs);
    for (const [oldest, atUs] of this.#dead) {
      if (this.#dead.size <= DEAD_MAX && nowUs - atUs <= DEAD_KEPT_MS * 1_000) break;
      this.#dead.delete(oldest);
    }
  }

  #leaseLives(node: string, nowMs: number): boolean {
    return (this.#leases.get(node) ?? 0) > nowMs;
  }

  /** Notes that the directory is asked, and whether it was not for too long. Gives the time. */
  #pulse(nowUs: number): number {
    const nowMs = Math.floor(nowUs / 1_000);
    if (this.#tickMs === undefined || nowMs - this.#tickMs > PULSE_GAP_MS_MAX) {
      this.#blindMs = nowMs;
    }
    this.#tickMs = nowMs;
    return nowMs;
  }

  /** Follows the clock, so that it rises even when the directory forgot where it was. */
  #moveView(nowUs: number): void {
    this.#view = Math.max(this.#view + 1, nowUs);
    this.#changed();
  }
}

function deadKey(node: string, incarnation: number): string {
  return `${node}:${incarnation}`; // The last colon separates: an incarnation has none.
}
