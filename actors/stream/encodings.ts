/**
 * The encodings of one stream that somebody watches: at most {@link ENCODING_CLASSES_MAX}.
 *
 * A class is a wire format with the parameters that change its bytes. Classes with unusual
 * parameters are bounded separately; a viewer beyond the bound shares the format's usual class and
 * has its bytes re-framed by copying, so that no client can multiply memory.
 *
 * @module
 */
import { PlayablePageEncoder, PlayableView } from "../../protocols/media/derived_audio.ts";
import type { PageEncoder } from "../../protocols/media/page_encoder.ts";
import type { StreamHead } from "../../protocols/media/record.ts";
import { Encoding } from "./encoding.ts";
import type { MediaBudget } from "./media_budget.ts";
import type { StreamLog } from "./stream_log.ts";

/** Most encodings of one stream: each costs as much memory as the log's newest stretch. */
export const ENCODING_CLASSES_MAX = 8;

/** Of these, classes with unusual parameters; the rest is for the formats' usual ones. */
export const UNUSUAL_CLASSES_MAX = 4;

export interface EncodingClass {
  /** Names format and parameters; equal keys mean equal bytes. */
  readonly key: string;
  /** @param head The stream's head where the encoding begins. */
  createEncoder(head: StreamHead): PageEncoder;
  /** Its viewers take every track as it was sent, and none that was made of another. */
  readonly original?: true;
  /**
   * The opening holds every track's configuration: a body ends where a track appears or changes,
   * and who joins then gets a new one.
   */
  readonly fixedTracks?: true;
  /** Only of a class with unusual parameters: how to serve it from the format's usual class. */
  readonly fallback?: {
    readonly usual: EncodingClass;
    /** Copies whole messages of the usual class into this one's form. */
    reframe(bytes: Uint8Array): Uint8Array;
  };
}

/** A viewer's hold on an encoding; give it back with {@link Encodings.release}. */
export interface EncodingLease {
  readonly key: string;
  readonly encoding: Encoding;
  /** What must be done to each stretch before it is sent; absent for most viewers. */
  readonly reframe?: (bytes: Uint8Array) => Uint8Array;
}

export class Encodings {
  readonly #log: StreamLog;
  readonly #budget: MediaBudget;
  readonly #byKey = new Map<string, Encoding>();
  #unusual = 0;

  constructor(log: StreamLog, budget: MediaBudget) {
    this.#log = log;
    this.#budget = budget;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** Finds or makes the encoding for a class; its bytes are up to date on return. */
  acquire(wanted: EncodingClass): EncodingLease {
    const { fallback } = wanted;
    const full = this.#unusual >= UNUSUAL_CLASSES_MAX && !this.#byKey.has(wanted.key);
    if (fallback !== undefined && full) {
      return { ...this.acquire(fallback.usual), reframe: fallback.reframe };
    }
    let encoding = this.#byKey.get(wanted.key);
    if (encoding === undefined) {
      encoding = this.#create(wanted);
      this.#byKey.set(wanted.key, encoding);
      if (fallback !== undefined) this.#unusual++;
      encoding.unusual = fallback !== undefined;
    }
    encoding.viewers++;
    encoding.catchUp();
    return { key: wanted.key, encoding };
  }

  #create({ createEncoder, fixedTracks, original }: EncodingClass): Encoding {
    const head = this.#log.headAt(this.#log.joinSeq ?? this.#log.nextSeq);
    const encoder = original
      ? createEncoder(head)
      : new PlayablePageEncoder(createEncoder(new PlayableView().head(head)));
    const options = { log: this.#log, budget: this.#budget, fixedTracks: fixedTracks ?? false };
    const encoding = new Encoding(encoder, options);
    encoding.original = original ?? false;
    return encoding;
  }

  /** Somebody watches who takes derived tracks. */
  get playable(): boolean {
    return this.#byKey.values().some(({ original }) => !original);
  }

  /** The last viewer of an encoding takes its memory along. */
  release(lease: EncodingLease): void {
    if (--lease.encoding.viewers > 0) return;
    lease.encoding.close();
    if (this.#byKey.get(lease.key) === lease.encoding) this.#byKey.delete(lease.key);
    if (lease.encoding.unusual) this.#unusual--;
  }

  /** Brings every encoding up to the log's end, and its viewers that are in step with it. */
  flush(): void {
    for (const [key, encoding] of this.#byKey) {
      encoding.catchUp();
      if (!encoding.finished) encoding.fanOut.flush();
      else {
        // Its viewers hold it until they have the rest; new ones get another.
        encoding.fanOut.dissolve();
        this.#byKey.delete(key);
      }
    }
  }

  /** From now on each viewer goes its own way. */
  dissolve(): void {
    for (const encoding of this.#byKey.values()) encoding.fanOut.dissolve();
  }
}
