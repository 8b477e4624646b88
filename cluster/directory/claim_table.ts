/**
 * Who owns what, in memory: claims, releases and the timelines that owners leave.
 *
 * Does what the scripts of `lua.ts` do, in the same order; a differential test holds the two
 * together. Synchronous; time is passed in by the caller.
 *
 * @module
 */
import { OWNED_KEPT_MS, RELEASED_KEPT_MS, TIMELINE_KEPT_MS, timelineFields } from "./checks.ts";
import {
  type ClaimRequest,
  type ClaimResult,
  DirectoryUnavailable,
  type OwnedKey,
  type Ownership,
  type Timeline,
} from "./directory.ts";

/** Most things that are owned or were: some hundred bytes each. Released ones give way first. */
export const OWNED_MAX = 200_000;

/** Most timelines kept; the oldest give way. */
export const TIMELINES_MAX = 100_000;

interface Owned extends Ownership {
  /** Of the claim that made it; empty when no retry of one can be meant. */
  readonly token: string;
}

/** Owners as of now. Give each call the directory's clock, in microseconds. */
export class ClaimTable {
  readonly #owned = new Map<string, Owned>();
  /** When a released thing may be forgotten, in milliseconds; the first to go comes first. */
  readonly #released = new Map<string, number>();
  /** When an owned thing may be forgotten unless it is written again; the same way. */
  readonly #kept = new Map<string, number>();
  readonly #timelines = new Map<string, { timeline: Timeline; endsMs: number }>();

  /** @see Directory.claim @throws {DirectoryUnavailable} There is no room for one more. */
  claim(key: OwnedKey, request: ClaimRequest, nowUs: number): ClaimResult {
    if (nowUs > request.deadlineUs) return { kind: "late" };
    const place = placeOf(key);
    const stored = this.#find(place, nowUs);
    if (stored?.token === request.token) return { kind: "won", epoch: stored.epoch };
    const known = stored?.epoch ?? 0;
    if (known !== request.expectedEpoch) return { kind: "lost", owner: publicPart(stored) };
    if (stored === undefined) this.#makeRoom();
    const epoch = Math.max(known + 1, nowUs);
    const { node, incarnation, token } = request;
    this.#write(place, { epoch, node, incarnation, token });
    this.#keep(place, nowUs);
    return { kind: "won", epoch };
  }

  /** @see Directory.lookup */
  lookup(key: OwnedKey, nowUs: number): Ownership | undefined {
    const stored = this.#find(placeOf(key), nowUs);
    return stored === undefined ? undefined : publicPart(stored);
  }

  /** @see Directory.reassert @throws {DirectoryUnavailable} There is no room for one more. */
  reassert(key: OwnedKey, owner: Ownership, nowUs: number): Ownership {
    const place = placeOf(key);
    const stored = this.#find(place, nowUs);
    if (stored !== undefined && stored.epoch > owner.epoch) return publicPart(stored);
    if (stored === undefined) this.#makeRoom();
    this.#write(place, { ...publicPart(owner), token: "" });
    this.#keep(place, nowUs);
    return publicPart(owner);
  }

  /** @see Directory.release */
  release(key: OwnedKey, epoch: number, nowUs: number): boolean {
    const place = placeOf(key);
    if (this.#find(place, nowUs)?.epoch !== epoch) return false;
    // Without the token: a claim that arrives twice must not win what was given up since.
    this.#write(place, { epoch, node: "", incarnation: 0, token: "" });
    this.#released.set(place, nowUs / 1_000 + RELEASED_KEPT_MS);
    return true;
  }

  /** @see Directory.writeTimeline */
  writeTimeline(stream: string, timeline: Timeline, nowUs: number): void {
    const stored = this.readTimeline(stream, nowUs);
    if (stored !== undefined && stored.epoch > timeline.epoch) return;
    this.#timelines.delete(stream); // To the end: it will be the last to go.
    if (this.#timelines.size >= TIMELINES_MAX) {
      for (const oldest of this.#timelines.keys()) {
        this.#timelines.delete(oldest);
        break;
      }
    }
    const endsMs = nowUs / 1_000 + TIMELINE_KEPT_MS;
    this.#timelines.set(stream, { timeline: timelineFields(timeline), endsMs });
  }

  /** @see Directory.readTimeline */
  readTimeline(stream: string, nowUs: number): Timeline | undefined {
    const stored = this.#timelines.get(stream);
    if (stored === undefined || stored.endsMs > nowUs / 1_000) return stored?.timeline;
    this.#timelines.delete(stream);
    return undefined;
  }

  #find(place: string, nowUs: number): Owned | undefined {
    for (const ends of [this.#released, this.#kept]) {
      for (const [oldest, endsMs] of ends) {
        if (endsMs > nowUs / 1_000) break;
        this.#forget(oldest);
      }
    }
    return this.#owned.get(place);
  }

  #write(place: string, owned: Owned): void {
    this.#released.delete(place);
    this.#kept.delete(place);
    this.#owned.set(place, owned);
  }

  #keep(place: string, nowUs: number): void {
    this.#kept.set(place, nowUs / 1_000 + OWNED_KEPT_MS);
  }

  /** An epoch that is forgotten early does no harm: the next one follows the clock. */
  #makeRoom(): void {
    if (this.#owned.size < OWNED_MAX) return;
    for (const oldest of this.#released.keys()) return this.#forget(oldest);
    throw new DirectoryUnavailable(
      `Cannot claim: ${OWNED_MAX} things are owned, the most there are`,
    );
  }

  #forget(place: string): void {
    this.#released.delete(place);
    this.#kept.delete(place);
    this.#owned.delete(place);
  }
}

/** Kinds are single characters, so no two keys share a place. */
function placeOf({ kind, key }: OwnedKey): string {
  return kind + key;
}

function publicPart(owned: Ownership | undefined): Ownership {
  if (owned === undefined) return { epoch: 0, node: "", incarnation: 0 };
  return { epoch: owned.epoch, node: owned.node, incarnation: owned.incarnation };
}
