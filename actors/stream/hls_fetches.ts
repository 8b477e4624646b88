/**
 * HLS of streams that this node has no log of, file by file from their owners.
 *
 * A stream comes here as a whole once it is worth it; until then each file crosses the mesh once,
 * whoever asks for it: those who ask at the same time share a fetch, and media are kept a while.
 * Playlists change, and are fetched each time.
 *
 * @module
 */
import type { Ports } from "../runtime/ports.ts";
import type { Fetcher, FetchResult, FileRequest, FoundFile } from "./fetch.ts";
import { FetchedFiles } from "./fetched_files.ts";
import type { StreamFinder } from "./stream_finder.ts";
import type { StreamHub } from "./stream_hub.ts";
import { streamKey, type StreamName } from "./stream_key.ts";
import type { StreamOwner, Whereabouts } from "./upstream.ts";

/**
 * More requests for a stream within the time bring it here: five players of two-second segments
 * make about so many. They would have every segment fetched anyway, and a log also serves whoever
 * comes by another protocol, and outlives its owner.
 */
export const REQUESTS_MAX = 50;
export const REQUESTS_MS = 10_000;

/** Files on their way; more are asked to come again. */
export const FETCHING_MAX = 256;

/** Streams of which requests are counted. */
const STREAMS_MAX = 4_096;

/** A stream that nobody asked for this long is forgotten. */
const UNUSED_MS_MAX = 60_000;

/** A stream has another owner by then, even where two nodes were all there were. */
const FAILOVER_MS_MAX = 6_000;

/** Pause before a lost owner is looked for again: doubled each time, with chance. */
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 500;

export interface HlsFetchesOptions {
  readonly ports: Pick<Ports, "clock" | "timers" | "random">;
  readonly hub: StreamHub;
  readonly whereabouts: Pick<Whereabouts, "node" | "resolve" | "forget" | "highestEpoch">;
  readonly fetcher: Fetcher;
  readonly finder: Pick<StreamFinder, "find">;
}

/** A stream of which something was fetched. */
interface Fetched {
  /** Node that answered last. */
  node: string;
  usedAtMs: number;
  /** Requests since then. */
  requests: number;
  sinceMs: number;
  /** It is being brought here. */
  coming: boolean;
}

/** Totals since the start. */
export interface FetchCounters {
  /** Files that were fetched, and their bytes. */
  fetches: number;
  bytes: number;
  /** Requests that cost no fetch of their own. */
  shared: number;
}

export class HlsFetches {
  readonly counters: FetchCounters = { fetches: 0, bytes: 0, shared: 0 };
  readonly #options: HlsFetchesOptions;
  readonly #files: FetchedFiles;
  readonly #streams = new Map<string, Fetched>();
  readonly #fetching = new Map<string, Promise<FoundFile | undefined>>();

  constructor(options: HlsFetchesOptions) {
    this.#options = options;
    this.#files = new FetchedFiles(options.hub.budget, options.ports.clock);
  }

  /** Memory of the files that are kept or on their way, in bytes. */
  get heldBytes(): number {
    return this.#files.heldBytes;
  }

  /**
   * Whether requests for a stream are to be answered by fetching: it is not here, and not about to
   * be. Counts as a request, the last of too many of which brings it here.
   */
  takes(name: StreamName): boolean {
    const core = this.#options.hub.get(name);
    const here = core !== undefined && !core.ended && core.live;
    // One whose owner is lost has more in its log than anybody else may have.
    if (here && (core.current || core.starved)) return false;
    const stream = this.#streams.get(streamKey(name));
    if (stream !== undefined) this.#count(name, stream);
    return true;
  }

  /**
   * Fetches a file, or gives one that is here.
   *
   * @param immutable Its content never changes: it may be kept.
   * @returns `undefined` when it cannot be had so: nobody owns the stream, or it is too large.
   */
  get(request: FileRequest, immutable: boolean): Promise<FoundFile | undefined> {
    const { name, file, query, carry } = request;
    const key = `${streamKey(name)}\n${file}\n${query}\n${carry}`;
    const kept = immutable ? this.#files.use(key) : undefined;
    if (kept !== undefined) {
      this.counters.shared++;
      return Promise.resolve(kept);
    }
    const fetching = this.#fetching.get(key);
    if (fetching !== undefined) {
      this.counters.shared++;
      return fetching;
    }
    if (this.#fetching.size >= FETCHING_MAX) return Promise.resolve(BUSY);
    const fetched = this.#fetchOne(request, immutable ? key : undefined);
    this.#fetching.set(key, fetched);
    return fetched.finally(() => this.#fetching.delete(key));
  }

  /** Forgets what nobody asks for any more. */
  sweep(): void {
    this.#files.sweep();
    const oldestMs = this.#options.ports.clock.nowMs() - UNUSED_MS_MAX;
    for (const [key, { usedAtMs }] of this.#streams) {
      if (usedAtMs < oldestMs) this.#streams.delete(key);
    }
  }

  #count(name: StreamName, stream: Fetched): void {
    const nowMs = stream.usedAtMs = this.#options.ports.clock.nowMs();
    if (nowMs - stream.sinceMs > REQUESTS_MS) {
      stream.sinceMs = nowMs;
      stream.requests = 0;
    }
    if (++stream.requests <= REQUESTS_MAX || stream.coming) return;
    // Meanwhile files are fetched: players need not wait for all of its window.
    stream.coming = true;
    const over = () => {
      stream.coming = false;
      stream.requests = 0;
    };
    this.#options.finder.find(name)?.then(over, over) ?? over();
  }

  /** @param key Under which it is kept; not kept without one. */
  async #fetchOne(request: FileRequest, key: string | undefined): Promise<FoundFile | undefined> {
    let reserved: number | undefined;
    const room = (bytes: number) => {
      // A try before this one may have been cut off.
      if (reserved !== undefined) this.#files.release(reserved);
      reserved = this.#files.reserve(bytes) ? bytes : undefined;
      return reserved !== undefined;
    };
    const file = await this.#ask(request, room);
    if (file !== undefined) {
      this.counters.fetches++;
      this.counters.bytes += file.bytes.length;
    }
    if (reserved === undefined) return file;
    if (key !== undefined && file?.status === 200) this.#files.keep(key, file);
    else this.#files.release(reserved);
    return file;
  }

  /** Asks the owner, and the next one when it is lost. */
  async #ask(
    request: FileRequest,
    room: (bytes: number) => boolean,
  ): Promise<FoundFile | undefined> {
    const { ports: { clock }, whereabouts } = this.#options;
    const key = streamKey(request.name);
    const giveUpMs = clock.nowMs() + FAILOVER_MS_MAX;
    for (let tries = 0; clock.nowMs() <= giveUpMs; tries++) {
      if (tries > 0) await this.#pause(tries);
      const owner = await whereabouts.resolve(key, tries > 0);
      // Of one that is over its last owner has the rest.
      const node = owner?.node ?? this.#streams.get(key)?.node;
      if (node === undefined || node === whereabouts.node) return undefined;
      const result = await this.#askNode(request, { node, owner, room });
      if (result.kind === "found") return this.#found(key, { node, owner, file: result.file });
      if (owner !== undefined) whereabouts.forget(key, owner);
      const nowhere = result.kind === "refused" && owner === undefined;
      if (nowhere || result.kind === "gone") this.#streams.delete(key);
      if (nowhere || result.kind === "gone" || result.kind === "unable") return undefined;
    }
    return undefined;
  }

  #askNode(
    request: FileRequest,
    { node, owner, room }: Asking & { readonly room: (bytes: number) => boolean },
  ): Promise<FetchResult> {
    const { whereabouts, fetcher } = this.#options;
    const highest = whereabouts.highestEpoch(streamKey(request.name));
    const epoch = Math.max(owner?.epoch ?? 0, highest);
    return fetcher.getFile({ ...request, node, epoch, room });
  }

  #found(key: string, { node, owner, file }: Asking & { readonly file: FoundFile }) {
    // Somebody may begin it anew, anywhere.
    if (file.ended && owner !== undefined) this.#options.whereabouts.forget(key, owner);
    if (file.status === TOO_LARGE) return undefined;
    const stream = this.#streams.get(key);
    if (stream !== undefined) {
      stream.node = node;
      return file;
    }
    const nowMs = this.#options.ports.clock.nowMs();
    this.#streams.set(key, { node, usedAtMs: nowMs, requests: 1, sinceMs: nowMs, coming: false });
    if (this.#streams.size > STREAMS_MAX) {
      this.#streams.delete(this.#streams.keys().next().value!);
    }
    return file;
  }

  #pause(tries: number): Promise<void> {
    const { timers, random } = this.#options.ports;
    const fullMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(tries - 1, 8));
    return new Promise((done) => void timers.after(fullMs * (0.5 + random.next() / 2), done));
  }
}

interface Asking {
  readonly node: string;
  /** Nobody owns it any more when left out. */
  readonly owner: StreamOwner | undefined;
}

/** What an owner says of a file that it may not send. */
const TOO_LARGE = 413;

/** What more are told. */
const BUSY: FoundFile = {
  ...{ status: 503, type: "text/plain", maxAgeSeconds: 0, retryAfterSeconds: 1, ended: false },
  bytes: new TextEncoder().encode("Cannot fetch the file: as many are on their way as may be"),
};
