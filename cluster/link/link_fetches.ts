/**
 * The files that this node fetches from one other node, over the link to it.
 *
 * A fetch is bound to one connection: when that breaks it is lost, and whoever wanted the file asks
 * who has it now. Nothing is asked twice here.
 *
 * @module
 */
import type { Ports, Timer } from "../../actors/runtime/ports.ts";
import type { FetchRequest, FetchResult } from "../../actors/stream/fetch.ts";
import {
  FETCH_CAPABILITY,
  type FoundMessage,
  readFound,
  writeFetch,
} from "../../protocols/mrtmp/fetch.ts";
import {
  bodyOf,
  FRAME_TYPE,
  HEADER_BYTES,
  malformed,
  type ReceivedFrame,
} from "../../protocols/mrtmp/frame.ts";
import { readEnd, writeCredit } from "../../protocols/mrtmp/subscription.ts";
import type { Channel } from "./channel.ts";

/** Most fetches under way on one link: as many requests as a node has at a time for all streams. */
export const FETCHES_MAX = 256;

/**
 * Longest that a file may take, in milliseconds: the owner holds a request for up to three target
 * durations, which are a minute each at most.
 */
export const FETCH_MS_MAX = 200_000;

/** Credit is given back in steps of so many bytes: a quarter of what a fetch has. */
const CREDIT_STEP_BYTES = 256 * 1024;

/** Numbers of fetches have this bit, those of subscriptions do not: they never meet. */
const FETCH_HANDLES = 0x80000000;

interface Fetch {
  readonly handle: number;
  readonly request: FetchRequest;
  readonly resolve: (result: FetchResult) => void;
  readonly timer: Timer;
  found: FoundMessage | undefined;
  body: Uint8Array;
  filled: number;
  /** Bytes taken for which no credit was given yet. */
  takenBytes: number;
}

export interface LinkFetchesOptions {
  readonly ports: Ports;
  /** Something is about to be asked for: the link is needed. */
  readonly needed: () => void;
}

export class LinkFetches {
  readonly #options: LinkFetchesOptions;
  readonly #open = new Map<number, Fetch>();
  #lastNumber = 0;
  #control: Channel | undefined;

  constructor(options: LinkFetchesOptions) {
    this.#options = options;
  }

  /** Fetches now. */
  get size(): number {
    return this.#open.size;
  }

  /** Asks for a file. Never rejects. */
  getFile(request: FetchRequest): Promise<FetchResult> {
    if (this.#open.size >= FETCHES_MAX) return Promise.resolve({ kind: "unable" });
    this.#options.needed();
    const { promise, resolve } = Promise.withResolvers<FetchResult>();
    const handle = this.#newHandle();
    const fetch: Fetch = {
      ...{ handle, request, resolve, found: undefined },
      ...{ body: new Uint8Array(0), filled: 0, takenBytes: 0 },
      timer: this.#options.ports.timers.after(FETCH_MS_MAX, () => {
        this.#abandon(fetch, { kind: "lost" });
      }),
    };
    this.#open.set(handle, fetch);
    if (this.#control !== undefined) this.#ask(fetch, this.#control);
    return promise;
  }

  /** The link is up, and that node can do these things: what waited for it is asked for now. */
  up(control: Channel, capabilities: readonly string[]): void {
    if (capabilities.includes(FETCH_CAPABILITY)) {
      this.#control = control;
      for (const fetch of [...this.#open.values()]) this.#ask(fetch, control);
      return;
    }
    this.#settleAll({ kind: "unable" });
  }

  /** The link is gone, or could not be made. */
  lost(): void {
    this.#control = undefined;
    this.#settleAll({ kind: "lost" });
  }

  /** Whether a frame of the media connection is one of a fetch. */
  isOurs({ handle }: ReceivedFrame): boolean {
    return handle >= FETCH_HANDLES;
  }

  /**
   * Takes such a frame.
   *
   * @throws {ProtocolError} It is malformed or out of order.
   */
  frame(frame: ReceivedFrame): void {
    const fetch = this.#open.get(frame.handle);
    if (fetch === undefined) return; // Closed from this side; this was under way.
    switch (frame.type) {
      case FRAME_TYPE.found:
        return this.#found(fetch, readFound(frame));
      case FRAME_TYPE.piece:
        return this.#piece(fetch, frame);
      case FRAME_TYPE.end:
        return this.#end(fetch, frame);
      default:
        throw malformed(`Cannot take frame type ${frame.type} for a fetch`, "7");
    }
  }

  #newHandle(): number {
    do this.#lastNumber = (this.#lastNumber + 1) & 0x7fffffff; while (
      this.#open.has(this.#lastNumber + FETCH_HANDLES)
    );
    return this.#lastNumber + FETCH_HANDLES;
  }

  #ask(fetch: Fetch, control: Channel): void {
    if (!control.hasRoom) return this.#settle(fetch, { kind: "unable" });
    const { name: { app, name }, epoch, file, query, carry } = fetch.request;
    const body = writeFetch({ app, name, epoch, file, query, carry });
    control.send(FRAME_TYPE.fetch, fetch.handle, body);
  }

  #found(fetch: Fetch, found: FoundMessage): void {
    if (fetch.found !== undefined) throw malformed("Cannot take FOUND: it has come already", "7.1");
    if (!fetch.request.room(found.bytes)) return this.#abandon(fetch, { kind: "unable" });
    fetch.found = found;
    fetch.body = new Uint8Array(found.bytes);
    if (found.bytes === 0) this.#whole(fetch, found);
  }

  #piece(fetch: Fetch, frame: ReceivedFrame): void {
    const { found, body } = fetch;
    if (found === undefined) throw malformed("Cannot take PIECE: no FOUND", "7.2");
    const piece = bodyOf(frame);
    if (piece.length === 0 || fetch.filled + piece.length > body.length) {
      throw malformed(`Cannot take PIECE: ${piece.length} bytes at ${fetch.filled}`, "7.2");
    }
    body.set(piece, fetch.filled);
    fetch.filled += piece.length;
    if (fetch.filled === body.length) return this.#whole(fetch, found);
    fetch.takenBytes += HEADER_BYTES + piece.length;
    if (fetch.takenBytes < CREDIT_STEP_BYTES) return;
    this.#control?.send(FRAME_TYPE.credit, fetch.handle, writeCredit(fetch.takenBytes));
    fetch.takenBytes = 0;
  }

  #end(fetch: Fetch, frame: ReceivedFrame): void {
    const end = readEnd(frame);
    if (end.reason === "moved" || fetch.found !== undefined) {
      throw malformed(`Cannot take END of a fetch: ${end.reason}`, "7");
    }
    const gone = end.reason === "ended";
    this.#settle(fetch, gone ? { kind: "gone" } : { kind: "refused", owner: end.owner });
  }

  #whole(fetch: Fetch, { status, type, maxAge, retryAfter, ended }: FoundMessage): void {
    const file = { status, type, bytes: fetch.body, ended };
    const ages = { maxAgeSeconds: maxAge, retryAfterSeconds: retryAfter };
    this.#settle(fetch, { kind: "found", file: { ...file, ...ages } });
  }

  /** Gives up a fetch whose answer may still come. */
  #abandon(fetch: Fetch, result: FetchResult): void {
    this.#control?.send(FRAME_TYPE.close, fetch.handle);
    this.#settle(fetch, result);
  }

  #settle({ handle, timer, resolve }: Fetch, result: FetchResult): void {
    this.#open.delete(handle);
    timer.cancel();
    resolve(result);
  }

  #settleAll(result: FetchResult): void {
    for (const fetch of [...this.#open.values()]) this.#settle(fetch, result);
  }
}
