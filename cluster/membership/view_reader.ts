/**
 * Keeps the cached view of the mesh up to date: reads the members when something says that they
 * may have changed, one read at a time, and tells what is different.
 *
 * @module
 */
import type { Clock, Log } from "../../actors/runtime/ports.ts";
import type { Directory, Member, MembershipView } from "../directory/directory.ts";
import { MemberView, type ViewDiff } from "./member_view.ts";

/** After the directory was away, silence and absence prove nothing for this long. */
export const GRACE_MS = 5_000;

/** What the reader must know of the node itself. */
export interface Self {
  readonly node: string;
  readonly incarnation: number;
  /** Whether it is a member, as far as it knows. */
  readonly joined: boolean;
}

export interface ViewReaderOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  readonly self: Self;
  /** The directory does not list this node: it must find out why. */
  readonly onUnlisted: () => void;
}

export class ViewReader {
  readonly view = new MemberView();
  readonly #options: ViewReaderOptions;
  readonly #listeners: ((diff: ViewDiff) => void)[] = [];
  #reading: Promise<boolean> | undefined;
  #again = false;
  /** Highest view number that was read for because a peer told it. */
  #gossiped = 0;
  #graceEndMs = -Infinity;

  constructor(options: ViewReaderOptions) {
    this.#options = options;
  }

  get inGrace(): boolean {
    return this.#options.clock.nowMs() < this.#graceEndMs;
  }

  /** The directory was away or lost its data: absence proves nothing for a while. */
  beginGrace(): void {
    this.#graceEndMs = this.#options.clock.nowMs() + GRACE_MS;
  }

  onView(callback: (diff: ViewDiff) => void): void {
    this.#listeners.push(callback);
  }

  /** A peer knows this view number. Each number is read for once: the peer may be mistaken. */
  gossip(number: number): void {
    if (number <= this.view.number || number <= this.#gossiped) return;
    this.#gossiped = number;
    this.readSoon();
  }

  /** The directory's view number, as a renewal gave it. */
  renewed(number: number): void {
    const settled = this.view.missing > 0 && !this.inGrace;
    if (number !== this.view.number || settled) this.readSoon();
  }

  /** Reads without anybody waiting for it. */
  readSoon(): void {
    if (this.#options.self.joined) this.read().catch(() => {}); // It never rejects.
  }

  /**
   * Reads the members, in a read that begins after this call.
   *
   * @returns False when the directory cannot be asked, or does not list this node, which then may
   *   be the one that is gone; the view stays as it was.
   */
  read(): Promise<boolean> {
    if (this.#reading !== undefined) {
      this.#again = true;
      return this.#reading;
    }
    return this.#reading = this.#readAll().finally(() => this.#reading = undefined);
  }

  /** Whether an incarnation is gone for good; asks the directory when that is not known here. */
  async isGone(node: string, incarnation: number): Promise<boolean> {
    const { view } = this;
    if (view.isAlive(node, incarnation)) return false;
    if (view.isDead(node, incarnation)) return true;
    // It may have joined since the last look; a read that begins now cannot miss it.
    if (!await this.read() || !this.#options.self.joined) return false;
    if (view.isAlive(node, incarnation)) return false;
    if (view.isDead(node, incarnation)) return true;
    if (this.inGrace && !await this.#isMarkedDead(node, incarnation)) return false;
    view.bury({ node, incarnation });
    return true;
  }

  async #readAll(): Promise<boolean> {
    do {
      this.#again = false;
      try {
        if (!await this.#readOnce()) return false;
      } catch (error) {
        this.#options.log.debug("members not read", { error });
        return false;
      }
    } while (this.#again);
    return true;
  }

  /** Gives false when what was read is not a view of ours. */
  async #readOnce(): Promise<boolean> {
    const { directory, self, onUnlisted } = this.#options;
    const seen = await directory.members();
    if (!self.joined) return false;
    // Without us in it, it is a view of a directory that lost its data, or of a mesh that has
    // expelled us: either way our own renewal decides what it means.
    if (seen.members.get(self.node)?.incarnation !== self.incarnation) {
      onUnlisted();
      return false;
    }
    const kept = this.inGrace ? await this.#mayComeBack(seen) : [];
    const diff = this.view.apply(seen, kept);
    if (diff.joined.length + diff.left.length + diff.changed.length > 0) this.#tell(diff);
    return true;
  }

  /** In grace only a marker of death proves that a member which is not listed is gone. */
  async #mayComeBack(seen: MembershipView): Promise<Member[]> {
    const absent = this.view.absentFrom(seen);
    const dead = await Promise.all(
      absent.map(({ node, incarnation }) => this.#isMarkedDead(node, incarnation)),
    );
    return absent.filter((_, i) => !dead[i]);
  }

  #isMarkedDead(node: string, incarnation: number): Promise<boolean> {
    return this.#options.directory.isDead(node, incarnation).catch(() => false);
  }

  #tell(diff: ViewDiff): void {
    for (const listener of this.#listeners) {
      try {
        listener(diff);
      } catch (error) {
        this.#options.log.error("change of the mesh not handled", { error });
      }
    }
  }
}
