/**
 * Fills a stream's log with the records of another node.
 *
 * It goes on from the log's end where it can, so that a link that breaks and comes back costs
 * nobody a frame; what comes twice is dropped by its number.
 *
 * @module
 */
import type { AnchorRecord, Frame, LogRecord } from "../../protocols/media/record.ts";
import type { Clock } from "../runtime/ports.ts";
import { logWindowUs } from "./log_window.ts";
import type { StreamCore } from "./stream_core.ts";
import type {
  LogStart,
  SessionState,
  Upstream,
  UpstreamEnd,
  UpstreamRequest,
  UpstreamSink,
  UpstreamSubscription,
} from "./upstream.ts";

export interface FeedOptions extends Pick<UpstreamRequest, "node" | "mode" | "epoch"> {
  readonly upstream: Upstream;
  readonly clock: Clock;
  /** The owner has said something new; called before the records that follow. */
  readonly state?: (state: SessionState) => void;
  /** Whatever was there when it began has come; called once. */
  readonly caughtUp?: () => void;
  /** It is over; not called after {@link Feed.close}. */
  readonly closed: (end: UpstreamEnd) => void;
}

/**
 * A session farther back on the timeline than this begins a new one, and who watches comes anew;
 * they would stand still as long until it is where they have been.
 */
export const REWIND_US_MAX = 2_000_000;

interface Awaited {
  readonly seq: number;
  readonly resolve: () => void;
}

export class Feed implements UpstreamSink {
  readonly node: string;
  readonly #core: StreamCore;
  readonly #options: FeedOptions;
  readonly #subscription: UpstreamSubscription;
  #caughtUp = false;
  /** The first record that is not of the past. */
  #caughtUpSeq = 0;
  #over = false;
  #awaited: Awaited | undefined;
  /** That node is still in a session before ours: its records do not follow ours. */
  #earlier = false;

  constructor(core: StreamCore, options: FeedOptions) {
    const { node, mode, epoch, upstream } = options;
    this.node = node;
    this.#core = core;
    this.#options = options;
    const { nextSeq } = core.log;
    const fromSeq = nextSeq > 0 ? nextSeq : undefined;
    this.#subscription = upstream.open({ node, mode, epoch, name: core.name, fromSeq, sink: this });
  }

  started(start: LogStart, caughtUpSeq: number): void {
    const { log } = this.#core;
    this.#caughtUpSeq = caughtUpSeq;
    // What that node has of the past we have, too; what comes of it again is dropped.
    const sessions = this.#compare(start);
    this.#earlier = sessions < 0;
    if (start.seq > log.nextSeq || sessions > 0) this.#begin(start);
    if (start.anchor !== undefined) this.#widen(start.anchor);
    this.#progress();
  }

  state(state: SessionState): void {
    this.#options.state?.(state);
  }

  record(record: LogRecord): void {
    const { log } = this.#core;
    // Came from another node, or is of a session before ours.
    if ((this.#earlier || record.seq < log.nextSeq) && !this.#conflicts(record)) return;
    if (record.seq > log.nextSeq) return this.#fail();
    if (record.kind === "anchor") this.#widen(record);
    if (record.kind === "frame" && this.#core.afterUs !== undefined && !this.#passes(record)) {
      return;
    }
    this.#core.newestAtMs = this.#options.clock.nowMs();
    if (record.kind === "frame") {
      const { counters } = this.#core;
      counters.linkFrames++;
      counters.linkBytes += record.data.length;
    }
    this.#core.append(record);
    if (!this.#caughtUp || this.#awaited !== undefined) this.#progress();
  }

  closed(end: UpstreamEnd): void {
    if (this.#over) return;
    this.#finish();
    this.#options.closed(end);
  }

  /** Resolves when the log has reached record `seq`, or when this feed is over. */
  reach(seq: number): Promise<void> {
    if (this.#over || this.#core.log.nextSeq >= seq) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited?.resolve();
    this.#awaited = { seq, resolve };
    return promise;
  }

  /** Ends it from this side. */
  close(): void {
    if (this.#over) return;
    this.#finish();
    this.#subscription.close();
  }

  #finish(): void {
    this.#over = true;
    this.#awaited?.resolve();
    this.#awaited = undefined;
  }

  /**
   * A later session goes on from an earlier number than we have: what its owner never got of the
   * session before is given up here, too.
   */
  #conflicts(record: LogRecord): boolean {
    const { log } = this.#core;
    const known = log.anchorAt(log.nextSeq);
    if (record.kind !== "anchor" || known === undefined) return false;
    if (record.generation < known.generation) return false;
    this.#earlier = false;
    if (record.generation === known.generation) return false; // Here it is in our session, too.
    const { head, lastMark } = log;
    this.#begin({ seq: record.seq, head, anchor: undefined, lastMark });
    return true;
  }

  /**
   * Above 0: it goes on in a later session than ours, whose beginning it does not send any more, or
   * we have nothing. Below: it is in one before ours.
   */
  #compare({ anchor }: LogStart): number {
    const { log } = this.#core;
    if (log.nextSeq === 0) return 1;
    const known = log.anchorAt(log.nextSeq);
    if (anchor === undefined) return 0;
    // Without an anchor there are no tracks either: a publisher was granted it, and left at once.
    return known === undefined ? 1 : anchor.generation - known.generation;
  }

  /** Goes on from a place that does not follow ours. */
  #begin(start: LogStart): void {
    const { log } = this.#core;
    if (log.nextSeq > 0) {
      this.#core.counters.linkJumps++;
      this.#core.afterUs = log.newestDtsUs;
    }
    log.begin(start, this.#caughtUpSeq);
  }

  /** Whether a frame lies behind all that was seen here; one that does not is left out. */
  #passes({ seq, dtsUs }: Frame): boolean {
    const { log } = this.#core;
    const behindUs = this.#core.afterUs! - dtsUs;
    if (behindUs < 0) {
      this.#core.afterUs = undefined;
      return true;
    }
    if (behindUs > REWIND_US_MAX) {
      this.#subscription.close();
      this.closed({ kind: "ended", rewound: true });
      return false;
    }
    const { head, lastMark } = log;
    log.begin({ seq: seq + 1, head, anchor: log.anchorAt(seq), lastMark }, this.#caughtUpSeq);
    this.#progress();
    return false;
  }

  /** Numbers are missing, which no link loses by itself: it is opened anew. */
  #fail(): void {
    this.#subscription.close();
    this.closed({ kind: "lost" });
  }

  #progress(): void {
    const { log } = this.#core;
    const awaited = this.#awaited;
    if (awaited !== undefined && log.nextSeq >= awaited.seq) {
      this.#awaited = undefined;
      awaited.resolve();
    }
    if (this.#caughtUp || log.nextSeq < this.#caughtUpSeq) return;
    this.#caughtUp = true;
    this.#core.starved = false;
    this.#options.caughtUp?.();
  }

  /** Every node keeps as much of a stream as its owner does: HLS is the same on all of them. */
  #widen({ hls }: AnchorRecord): void {
    this.#core.log.windowUs = logWindowUs(hls);
  }
}
