/**
 * What the metrics are made of: plain numbers that the hot paths bump, read once per scrape.
 *
 * Every label comes from a small closed set (a protocol, a reason from our own code); stream names
 * and client text are never labels, so the number of series has a limit. {@link LABEL_VALUES_MAX}
 * holds even if a caller gets that wrong.
 *
 * @module
 */

/** Numbers by label value. */
export type ByLabel = Readonly<Record<string, number>>;

/** Most values of one label that are shown; the rest is summed as "other". */
export const LABEL_VALUES_MAX = 64;

/** Numbers of links by node; node names are an operator's, and of a mesh there are not many. */
export interface LinkNumbers {
  /** Bytes and frames (media and messages) since the node was first linked to. */
  readonly bytesIn: ByLabel;
  readonly bytesOut: ByLabel;
  readonly framesIn: ByLabel;
  readonly framesOut: ByLabel;
  /** Smoothed round-trip time in milliseconds; 0 until it is known. */
  readonly rttMs: ByLabel;
  /** Streams that come from, and go to, that node now. */
  readonly streamsIn: ByLabel;
  readonly streamsOut: ByLabel;
  /** Times that a stream waited for that node to take more. */
  readonly creditStalls: ByLabel;
  /** Times that a stream to that node left records out to catch up. */
  readonly jumps: ByLabel;
}

/** A snapshot. Those marked "since start" only ever rise. */
export interface MetricsSnapshot {
  /** Open client connections by protocol ("rtmp", "http", ...). */
  readonly connections: ByLabel;
  /** Publishers connected by protocol. */
  readonly publishers: ByLabel;
  /** Viewers connected by protocol ("rtmp", "http-flv", "ws-flv"). */
  readonly viewers: ByLabel;
  /** Streams by state ("live", "hold", "idle"). */
  readonly streams: ByLabel;
  /** Publishers connected here that are the backup of another one. */
  readonly backups: number;
  /** Times since start that a stream owned here went over to its backup, by reason. */
  readonly switches: ByLabel;
  /** Bytes read from clients since start, by protocol. */
  readonly bytesIn: ByLabel;
  /** Bytes written to clients since start, by protocol. */
  readonly bytesOut: ByLabel;
  /** Media frames taken from publishers since start. */
  readonly framesIn: number;
  /** Media frames, and their bytes, taken from other nodes since start. */
  readonly linkFramesIn: number;
  readonly linkBytesIn: number;
  /** Times since start that a stream from another node went on at a newer key frame. */
  readonly linkJumpsIn: number;
  /** Files of HLS, and their bytes, fetched from other nodes since start. */
  readonly hlsFetches: number;
  readonly hlsFetchedBytes: number;
  /** Requests since start that shared such a fetch, or found its file kept. */
  readonly hlsFetchesShared: number;
  /** Links to other nodes, both directions together, by the other node's name. */
  readonly links: LinkNumbers;
  /** Times since start that a late viewer was moved to the newest key frame. */
  readonly lateJumps: number;
  /** Viewers dropped since start because they took nothing, or too little, for --viewer-timeout. */
  readonly viewersTimedOut: number;
  /** Timestamp repairs since start, by kind. */
  readonly repairs: ByLabel;
  /** Connections, publishers and viewers refused since start, by reason. */
  readonly refused: ByLabel;
  /** Present flush window in milliseconds. */
  readonly flushWindowMs: number;
  /** Lateness of the event loop over the last seconds, in milliseconds. */
  readonly loopLatenessMs: { readonly p50: number; readonly p99: number };
  /** Memory of all logs and pages, and its budget, in bytes. */
  readonly mediaMemory: { readonly usedBytes: number; readonly limitBytes: number };
  /** Messages that full actor mailboxes refused since start, by actor kind. */
  readonly mailboxRefusals: ByLabel;
  /** Actors that are awake. */
  readonly actors: number;
  /** Timers that neither fired nor were cancelled yet. */
  readonly timers: number;
  /** Whether Redis, or what is there in its place, answers. */
  readonly redisOk: boolean;
}

/** What the operating system says of a process. */
export interface ProcessUsage {
  readonly userCpuSeconds: number;
  readonly systemCpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** Seconds since 1970. */
  readonly startSeconds: number;
}

/** What one worker adds to the metrics of its host. */
export interface MetricsPart {
  readonly worker: string;
  readonly snapshot: MetricsSnapshot;
  readonly usage: ProcessUsage;
}

/** Where a scrape gets its numbers; called once per scrape, must not block. */
export interface MetricsSource {
  snapshot(): MetricsSnapshot;
}
