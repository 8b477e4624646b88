/**
 * The HLS feeds of this node: made when somebody asks, forgotten when nobody does any more.
 *
 * @module
 */
import type { HlsContainers } from "../../protocols/hls/containers.ts";
import type { Clock } from "../runtime/ports.ts";
import { HlsFeed } from "./hls_feed.ts";
import type { StreamHub } from "./stream_hub.ts";
import { streamKey, type StreamName } from "./stream_key.ts";

/** A feed that nobody asked for this long is closed: some target durations and a reload. */
const UNUSED_MS_MAX = 30_000;

/** Players go on asking for a stream that has ended; so often it is looked for on other nodes. */
const LOOK_AGAIN_MS = 1_000;

export interface HlsFeedsOptions {
  readonly hub: StreamHub;
  readonly clock: Clock;
  readonly containers: HlsContainers;
}

export class HlsFeeds {
  readonly #options: HlsFeedsOptions;
  readonly #byKey = new Map<string, HlsFeed>();

  constructor(options: HlsFeedsOptions) {
    this.#options = options;
  }

  /**
   * The feed of a stream that is live, or ended a moment ago; with `open`, also of one that is
   * still to come.
   *
   * @returns `undefined` when there is none, or the node has as many streams as it can hold.
   */
  use(name: StreamName, open: boolean): HlsFeed | undefined {
    const { hub, clock } = this.#options;
    const key = streamKey(name);
    const known = this.#byKey.get(key);
    const present = hub.get(name);
    // One that was only looked for, or that others wait for, has nothing to wait for here.
    const live = present?.live && !present.ended ? present : undefined;
    let feed = known;
    // A publisher that came back after the end starts a stream of its own.
    if (feed === undefined || (feed.core.ended && live !== undefined)) {
      const core = live ?? (open ? hub.open(name) : undefined);
      if (core === undefined) return undefined;
      known?.close();
      const { containers } = this.#options;
      feed = new HlsFeed(core, { containers, budget: hub.budget });
      this.#byKey.set(key, feed);
    }
    feed.usedAtMs = clock.nowMs();
    return feed;
  }

  /**
   * A feed is there that can answer: its stream is live here, or has ended. Whether an ended one
   * has begun again elsewhere is worth a look now and then; false tells that it is time.
   */
  has(name: StreamName): boolean {
    const feed = this.#byKey.get(streamKey(name));
    if (feed === undefined) return false;
    const { core } = feed;
    if (!core.ended) return core.live && core.current;
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - feed.lookedAtMs < LOOK_AGAIN_MS) return true;
    feed.lookedAtMs = nowMs;
    return false;
  }

  /** A feed is there, whatever has become of its stream. */
  knows(name: StreamName): boolean {
    return this.#byKey.has(streamKey(name));
  }

  /** A feed of a stream that has ended is there: it has the last segments and the end. */
  hasEnded(name: StreamName): boolean {
    return this.#byKey.get(streamKey(name))?.core.ended ?? false;
  }

  /** Closes the feeds that nobody uses. */
  sweep(): void {
    const nowMs = this.#options.clock.nowMs();
    for (const [key, feed] of this.#byKey) {
      if (nowMs - feed.usedAtMs < UNUSED_MS_MAX) continue;
      feed.close();
      this.#byKey.delete(key);
    }
  }
}
