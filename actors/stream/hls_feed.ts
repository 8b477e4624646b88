/**
 * HLS of one stream on this node: a cursor that feeds the segmenter, and those who wait for it.
 *
 * It is made when somebody first asks and reads the log from its oldest MARK, so it has the whole
 * window at once. It outlives the stream by a while: players fetch the last segments and the end.
 *
 * @module
 */
import {
  type HlsContainers,
  type HlsSupport,
  hlsSupports,
} from "../../protocols/hls/containers.ts";
import type { HlsContainer } from "../../protocols/hls/uri.ts";
import { isDerived } from "../../protocols/media/derived_audio.ts";
import type { LogRecord } from "../../protocols/media/record.ts";
import type { Track } from "../../protocols/media/track.ts";
import { Segmenter } from "../../protocols/hls/segmenter.ts";
import type { MediaBudget } from "./media_budget.ts";
import { DERIVED_WAIT_US_MAX, hlsStart, hlsStartWithout, isDerivedFrame } from "./hls_start.ts";
import type { LogReader, StreamCore } from "./stream_core.ts";

/** Requests of one stream that may be held at a time: as many players, each with one or two. */
export const HELD_REQUESTS_MAX = 20_000;

/** Whole answers kept, the newest of them; parts and segments of the window and some more. */
const WHOLES_MAX = 256;
const WHOLES_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Answers remembered for the present state: playlists by container, delta, encoding, and the
 * credentials that their URIs carry on.
 */
const ANSWERS_MAX = 64;

interface Held {
  readonly fits: () => boolean;
  readonly resolve: () => void;
}

export class HlsFeed implements LogReader {
  readonly playable = true;
  readonly core: StreamCore;
  readonly segmenter: Segmenter;
  readonly #budget: MediaBudget;
  readonly #containers: HlsContainers;
  /** Whether each container carries these tracks, asked once while they stay the same. */
  #supported: { readonly tracks: readonly Track[]; readonly by: Map<HlsContainer, HlsSupport> };
  /** Number of the next record to push. */
  #nextSeq: number;
  #breaks: number;
  #accountedBytes = 0;
  /** The first derived frame is awaited until the log has this decode time. */
  #derivedDueUs: number | undefined;
  #held: Held[] = [];
  #revision = -1;
  readonly #answers = new Map<string, Uint8Array>();
  /** Oldest first. */
  readonly #wholes = new Map<string, Uint8Array>();
  #wholesBytes = 0;
  /** When somebody last asked, on the monotonic clock in milliseconds; kept by the route. */
  usedAtMs = 0;
  /** When an ended stream was last looked for on other nodes, on the same clock. */
  lookedAtMs = -Infinity;

  constructor(core: StreamCore, options: { containers: HlsContainers; budget: MediaBudget }) {
    this.core = core;
    this.#budget = options.budget;
    this.#containers = options.containers;
    this.#supported = { tracks: [], by: new Map() };
    const { log } = core;
    const start = hlsStart(log);
    if (start === undefined) this.#derivedDueUs = log.newestDtsUs + DERIVED_WAIT_US_MAX;
    this.#nextSeq = start ?? log.nextSeq;
    this.#breaks = log.breaks;
    const anchor = log.anchorAt(this.#nextSeq);
    const { tracks } = log.headAt(this.#nextSeq);
    this.segmenter = new Segmenter({
      containers: options.containers,
      start: anchor === undefined ? undefined : { anchor, tracks },
    });
    core.readers.add(this);
    this.advance();
  }

  /** Pushes what the log has gained and answers those whose wait is over. */
  advance(): void {
    const { log } = this.core;
    // Records may be gone, or the log has gone back to another node's numbers.
    const { firstSeq, nextSeq, breaks } = log;
    const gap = this.#nextSeq < firstSeq || this.#nextSeq > nextSeq || this.#breaks !== breaks;
    this.#breaks = breaks;
    if (gap) this.#skipTo(firstSeq);
    while (this.#nextSeq < log.nextSeq) {
      if (this.#derivedDueUs !== undefined && !this.#derivedCame(this.#derivedDueUs)) break;
      this.#push(log.at(this.#nextSeq++)!);
    }
    if (this.core.ended) this.segmenter.end();
    this.#account();
    this.#release();
  }

  /**
   * Waits until `fits` or the time is over.
   *
   * @param sleep Resolves when the time is over; cancelled when it is no longer needed.
   * @returns Whether it fits; `undefined` when too many are waiting already.
   */
  async until(
    fits: () => boolean,
    sleep: (wake: () => void) => { cancel(): void },
  ): Promise<boolean | undefined> {
    if (fits()) return true;
    if (this.#held.length >= HELD_REQUESTS_MAX) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const held: Held = { fits, resolve };
    this.#held.push(held);
    const timer = sleep(() => {
      this.#held = this.#held.filter((other) => other !== held);
      resolve();
    });
    await promise;
    timer.cancel();
    return fits();
  }

  /** Whether the stream as it is now can be served in a container, as far as that is known. */
  supports(container: HlsContainer): HlsSupport {
    const { core, segmenter } = this;
    // A publisher that has just come back has not told its tracks yet: its segments will.
    const newest = segmenter.open ?? segmenter.listed.at(-1);
    const tracks = newest?.init.tracks ?? core.log.head.tracks;
    if (tracks.length === 0) return { ok: true };
    if (tracks !== this.#supported.tracks) this.#supported = { tracks, by: new Map() };
    let support = this.#supported.by.get(container);
    if (support === undefined) {
      support = hlsSupports(this.#containers, container, tracks);
      this.#supported.by.set(container, support);
    }
    return support;
  }

  /** An answer made once for all who ask the same of the present state. */
  answer(key: string, make: () => Uint8Array): Uint8Array {
    if (this.#revision !== this.segmenter.revision) {
      this.#revision = this.segmenter.revision;
      this.#answers.clear();
    }
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = make();
    if (this.#answers.size >= ANSWERS_MAX) this.#answers.clear();
    this.#answers.set(key, answer);
    return answer;
  }

  /** The whole answer for a resource that never changes, made once while it is in demand. */
  whole(name: string, make: () => Uint8Array): Uint8Array {
    const known = this.#wholes.get(name);
    if (known !== undefined) return known;
    const answer = make();
    this.#wholes.set(name, answer);
    this.#wholesBytes += answer.length;
    for (const [oldest, { length }] of this.#wholes) {
      if (this.#wholes.size <= WHOLES_MAX && this.#wholesBytes <= WHOLES_BYTES_MAX) break;
      this.#wholes.delete(oldest);
      this.#wholesBytes -= length;
    }
    return answer;
  }

  /** Leaves the stream and gives its memory back; those who wait find nothing. */
  close(): void {
    this.core.readers.delete(this);
    this.segmenter.end();
    this.#release();
    this.#budget.give(this.#accountedBytes);
    this.#accountedBytes = 0;
  }

  /** Records were dropped before we saw them: the segmenter starts again at a MARK. */
  #skipTo(seq: number): void {
    const { log } = this.core;
    this.#nextSeq = seq;
    const anchor = log.anchorAt(seq);
    if (anchor !== undefined) this.segmenter.resume({ anchor, tracks: log.headAt(seq).tracks });
  }

  #push(record: LogRecord): void {
    const { segmenter } = this;
    segmenter.push(record);
    const begun = segmenter.hasSegment || segmenter.open !== undefined;
    if (begun || record.kind !== "track" || !isDerived(record.track)) return;
    this.#derivedDueUs = record.dtsUs + DERIVED_WAIT_US_MAX;
  }

  /** Passes over what is there until the first derived frame; false when it is still awaited. */
  #derivedCame(dueUs: number): boolean {
    const { log } = this.core;
    while (this.#nextSeq < log.nextSeq && !isDerivedFrame(log.at(this.#nextSeq)!)) this.#nextSeq++;
    const found = this.#nextSeq < log.nextSeq;
    if (!found && log.newestDtsUs < dueUs) return false;
    this.#derivedDueUs = undefined;
    this.#skipTo(found ? this.#nextSeq : hlsStartWithout(log));
    return true;
  }

  #release(): void {
    if (this.#held.length === 0) return;
    const still: Held[] = [];
    for (const held of this.#held) {
      if (held.fits()) held.resolve();
      else still.push(held);
    }
    this.#held = still;
  }

  #account(): void {
    const bytes = this.segmenter.bytes + this.#wholesBytes;
    this.#budget.take(bytes - this.#accountedBytes);
    this.#accountedBytes = bytes;
  }
}
