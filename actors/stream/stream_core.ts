/**
 * A live stream's data on this node: log, encodings and viewers.
 *
 * It lives beside the stream actor, which is only its brain: when the actor is restarted, neither
 * frames nor viewers are lost. Nothing here waits, and nothing here is a message.
 *
 * @module
 */
import type { HlsSettings, LogRecord, SegmentMark } from "../../protocols/media/record.ts";
import type { AudioDerivation } from "./audio_derivation.ts";
import type { StreamName } from "./stream_key.ts";
import { Encodings } from "./encodings.ts";
import type { Flushable, Flusher } from "./flusher.ts";
import type { MediaBudget } from "./media_budget.ts";
import type { Pair } from "./pair.ts";
import { noRepairs, type RepairCounts } from "./timeline_repair.ts";
import { StreamLog } from "./stream_log.ts";
import type { SessionState } from "./upstream.ts";

/** Who publishes a stream: an ingest actor on some node. */
export interface Publisher {
  /** Key of the ingest actor. */
  readonly ingestId: string;
  /** Node whose socket the publisher is connected to. */
  readonly node: string;
}

/** What the owner of a stream allows one publisher. */
export interface Grant {
  /** Rises with every owner of the stream; a lower one is refused everywhere. */
  readonly epoch: number;
  /** Rises with each publish session of the stream; never repeats under its name. */
  readonly generation: number;
  /** Number of the first record. */
  readonly nextSeq: number;
  /** Where on the timeline the first frame belongs, in microseconds. */
  readonly startUs: number;
  /** Frames must lie behind this, in microseconds: what the session before has sent. */
  readonly afterUs: number;
  /** How the session is cut for HLS. */
  readonly hls: HlsSettings;
  /**
   * The stream's newest MARK, so that its HLS playlist goes on; left out when the owner is not
   * sure of it, and numbers then start at the wall clock.
   */
  readonly lastMark?: SegmentMark;
}

/** One publish session, as the stream's owner knows it. */
export interface Publication {
  readonly publisher: Publisher;
  readonly grant: Grant;
  /** Wall clock at its start, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** How long its stream waits for it when its socket is lost, in milliseconds; 0 = not at all. */
  readonly holdMs: number;
}

/** The publisher's socket was lost; it is expected back. */
export interface Hold {
  /** The session that was lost. */
  readonly last: Publication;
  /** When the stream ends if nobody comes, on the monotonic clock, in milliseconds. */
  readonly untilMs: number;
}

/** What a stream knows of its viewers. */
export interface Watcher {
  /** Its place in the stream's list; kept by the stream. */
  index: number;
  /** There may be something to send. */
  wake(): void;
  /** The stream is over at once, whatever was not sent yet. */
  abort(): void;
}

/** A cursor into the log that is not a viewer: a segmenter, a recorder, a link. */
export interface LogReader {
  /** It reads for players that take derived tracks. */
  readonly playable?: boolean;
  /** The log has gained records, or the stream has ended. */
  advance(): void;
}

/** Fills the log with another node's records. */
export interface LogFeed {
  /** Node whose records come. */
  readonly node: string;
  /** Resolves when the log has reached record `seq`, or nothing more will come. */
  reach(seq: number): Promise<void>;
  close(): void;
}

/** Plain numbers the hot paths bump; whoever reports them reads them. */
export interface StreamCounters {
  /** Frames appended. */
  frames: number;
  /** Payload bytes appended. */
  bytes: number;
  /** Late viewers that jumped to a newer key frame. */
  jumps: number;
  /** Frames the ingest could not use. */
  drops: number;
  /** Frames, and their payload bytes, of those appended that another node sent. */
  linkFrames: number;
  linkBytes: number;
  /** Times that the other node left records out: the link, or this node, could not keep up. */
  linkJumps: number;
}

/** Counters of a stream of which nothing is known yet. */
export function noCounts(): StreamCounters {
  return {
    ...{ frames: 0, bytes: 0, jumps: 0, drops: 0 },
    ...{ linkFrames: 0, linkBytes: 0, linkJumps: 0 },
  };
}

export interface StreamCoreOptions {
  readonly budget: MediaBudget;
  /** How far back a log reaches besides its newest group of pictures until a session says. */
  readonly windowUs: number;
  readonly flusher: Flusher<StreamCore>;
}

export class StreamCore implements Flushable {
  readonly name: StreamName;
  readonly log: StreamLog;
  readonly encodings: Encodings;
  readonly counters = noCounts();
  /** Timestamps the ingest repaired, by kind. */
  readonly repairs: RepairCounts = noRepairs();
  /** Viewers that are woken at each flush. */
  readonly viewers: Watcher[] = [];
  /** Viewers that are served in step, without being woken. */
  #inStep = 0;
  /** Cursors besides the viewers'; whoever owns one adds and deletes it. */
  readonly readers = new Set<LogReader>();
  /** Cursors that are told of each record at once, not at the flush: links to other nodes. */
  readonly eager = new Set<LogReader>();
  readonly #flusher: Flusher<StreamCore>;
  /** Who publishes into the log, under what grant; set by the stream's actor on its owner. */
  publication: Publication | undefined;
  /** The wait for a publisher that was lost; never beside a {@link publication}. */
  hold: Hold | undefined;
  /** Its two publishers, where it has or may have a backup; kept by the stream's actor. */
  pair: Pair | undefined;
  /** What the stream's owner said last, while another node owns it. */
  session: SessionState | undefined;
  /** The session of a publisher that is connected to this node, whoever owns the stream. */
  ingest: Publication | undefined;
  /** Makes AAC of the audio of the publisher that is connected to this node. */
  derivation: AudioDerivation | undefined;
  /** What fills the log when no publisher here does. */
  feed: LogFeed | undefined;
  /** What filled the log was lost, and has not been found again: others may have more of it. */
  starved = false;
  /** Those who wait to hear whether it is live; kept by whoever finds out. */
  finds = 0;
  /** When the newest frame came, on the monotonic clock in milliseconds; kept by the ingest. */
  newestAtMs = 0;
  /**
   * Frames up to here are on this node's timeline already, by a session whose end was given up
   * elsewhere: of the session after it they are left out, in microseconds.
   */
  afterUs: number | undefined;
  /** The stream is over for good: viewers that have all of it are done. */
  ended = false;
  dirty = false;

  constructor(name: StreamName, options: StreamCoreOptions) {
    const { budget, windowUs, flusher } = options;
    this.name = name;
    this.log = new StreamLog({ budget, windowUs });
    this.encodings = new Encodings(this.log, budget);
    this.#flusher = flusher;
  }

  /** Adds the next record; viewers see it at the next flush. */
  append(record: LogRecord): void {
    this.log.append(record);
    if (record.kind === "frame") {
      this.counters.frames++;
      this.counters.bytes += record.data.length;
    }
    this.#flusher.mark(this);
    if (this.eager.size > 0) { for (const reader of this.eager) reader.advance(); }
  }

  /** Somebody publishes, or is expected back: viewers may join. */
  get live(): boolean {
    return this.publication !== undefined || this.hold !== undefined ||
      this.session !== undefined || this.ingest !== undefined;
  }

  /** Something fills the log, or this node is the one that decides about it. */
  get fed(): boolean {
    return this.feed !== undefined || this.ingest !== undefined ||
      this.publication !== undefined || this.hold !== undefined;
  }

  /** The log has what there is, as far as this node can know. */
  get current(): boolean {
    return this.fed && !this.starved && !this.log.behind;
  }

  /** Nobody publishes, watches or looks for it: it may be forgotten. */
  get idle(): boolean {
    return !this.live && !this.watched && this.eager.size === 0 && this.finds === 0 &&
      this.feed === undefined;
  }

  /** Somebody on this node wants it: viewers, or segmenters for those who ask now and then. */
  get watched(): boolean {
    return this.viewers.length + this.#inStep > 0 || this.readers.size > 0;
  }

  /** The stream ends: viewers are handed what is left and are then over. */
  end(): void {
    this.#over();
    this.encodings.dissolve(); // Each is to be told that it is over.
    this.flush();
    for (const reader of this.eager) reader.advance();
    this.log.clear();
  }

  /** Ends without handing out what is left: making bytes of it failed. */
  fail(): void {
    this.#over();
    for (const reader of this.eager) reader.advance();
    this.log.clear();
    this.encodings.dissolve();
    for (const viewer of [...this.viewers]) viewer.abort();
  }

  #over(): void {
    this.publication = this.hold = this.session = undefined;
    this.ingest = this.pair = undefined;
    this.feed?.close();
    this.feed = undefined;
    this.ended = true;
  }

  /** Called by the viewer itself as it comes. */
  attach(viewer: Watcher): void {
    this.#add(viewer);
    this.#flusher.viewers++;
  }

  /** Called by the viewer itself as it leaves. */
  detach(viewer: Watcher): void {
    this.#remove(viewer);
    this.#flusher.viewers--;
  }

  /** Called by the viewer itself as it comes into step: it is not woken any more. */
  enterStep(viewer: Watcher): void {
    this.#remove(viewer);
    this.#inStep++;
  }

  /** Called by the viewer itself: it is to be woken again. */
  leaveStep(viewer: Watcher): void {
    this.#add(viewer);
    this.#inStep--;
  }

  #add(viewer: Watcher): void {
    viewer.index = this.viewers.length;
    this.viewers.push(viewer);
  }

  #remove(viewer: Watcher): void {
    const last = this.viewers.pop()!;
    if (last !== viewer) {
      this.viewers[viewer.index] = last;
      last.index = viewer.index;
    }
  }

  /** Makes bytes of what is new and offers them to every viewer. */
  flush(): void {
    this.dirty = false;
    for (const reader of this.readers) reader.advance();
    if (this.viewers.length + this.#inStep === 0) return;
    this.encodings.flush();
    // A viewer may leave while it is woken; walking backwards, a swap brings in one already woken.
    for (let i = this.viewers.length - 1; i >= 0; i--) this.viewers[i].wake();
  }
}
