/**
 * What a backup publisher sent since its newest key frame: a log of its own, which nobody reads
 * before it is played.
 *
 * Bounded by bytes and number, and counted in the node's budget for media: where it has no room it
 * forgets what it has and goes on with the next key frame.
 *
 * @module
 */
import type { Track } from "../../protocols/media/track.ts";
import type { IngestFrame } from "./ingest.ts";
import type { MediaBudget } from "./media_budget.ts";

/** Script data or video metadata, as a publisher sent it. */
export interface IngestData {
  readonly carrier: "script" | "video";
  readonly name: string;
  readonly payload: Uint8Array;
}

/** One thing that a publisher sent. */
export type KeptItem =
  | { readonly kind: "frame"; readonly frame: IngestFrame }
  | { readonly kind: "track"; readonly track: Track }
  | { readonly kind: "data"; readonly data: IngestData };

/** Most bytes: ten seconds of 20 Mbit/s, the longest groups of pictures that encoders make. */
export const BACKUP_BYTES_MAX = 25 * 1024 * 1024;

/** Most items: ten seconds of 60 pictures and 100 audio frames a second, and some more. */
export const BACKUP_ITEMS_MAX = 2_048;

/** What an item costs besides its payload, as in a stream's log. */
const ITEM_OVERHEAD_BYTES = 256;

export class BackupLog {
  readonly #budget: MediaBudget;
  #items: KeptItem[] = [];
  #tracks: readonly Track[] = [];
  #bytes = 0;
  #keyframeAtMs: number | undefined;

  constructor(budget: MediaBudget) {
    this.#budget = budget;
  }

  /** When its first frame came, a key frame, on the monotonic clock in milliseconds. */
  get keyframeAtMs(): number | undefined {
    return this.#keyframeAtMs;
  }

  /** What came since, in order. */
  get items(): readonly KeptItem[] {
    return this.#items;
  }

  /** Tracks in force at its first frame. */
  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  /** Payload and overhead of what it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Begins anew in front of a key frame that has just come. */
  begin(tracks: readonly Track[], nowMs: number): void {
    this.clear();
    if (this.#budget.exhausted) return;
    this.#tracks = tracks;
    this.#keyframeAtMs = nowMs;
  }

  /** Adds what came next; nothing before the first key frame. */
  push(item: KeptItem): void {
    if (this.#keyframeAtMs === undefined) return;
    const bytes = ITEM_OVERHEAD_BYTES + payloadOf(item);
    const full = this.#items.length === BACKUP_ITEMS_MAX || this.#bytes + bytes > BACKUP_BYTES_MAX;
    if (full || this.#budget.exhausted) return this.clear();
    this.#items.push(item);
    this.#bytes += bytes;
    this.#budget.take(bytes);
  }

  /** Forgets everything and gives its memory back. */
  clear(): void {
    this.#budget.give(this.#bytes);
    this.#bytes = 0;
    this.#items = [];
    this.#tracks = [];
    this.#keyframeAtMs = undefined;
  }
}

function payloadOf(item: KeptItem): number {
  if (item.kind === "frame") return item.frame.data.length;
  return item.kind === "data" ? item.data.payload.length : 0;
}
