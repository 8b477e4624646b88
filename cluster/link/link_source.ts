/**
 * What this node sends over a link that another node dialled: that node's subscriptions.
 *
 * @module
 */
import type { Ports } from "../../actors/runtime/ports.ts";
import type { StreamCore } from "../../actors/stream/stream_core.ts";
import type { FoundFile, ServedFile, ServeFile } from "../../actors/stream/fetch.ts";
import type { SessionState } from "../../actors/stream/upstream.ts";
import { FRAME_TYPE, malformed } from "../../protocols/mrtmp/frame.ts";
import type { FetchMessage } from "../../protocols/mrtmp/fetch.ts";
import { type OpenMessage, writeEnd } from "../../protocols/mrtmp/subscription.ts";
import type { Channel } from "./channel.ts";
import { FetchSource } from "./fetch_source.ts";
import { MediaSender, type MediaSource } from "./media_sender.ts";
import { type SourceCounters, SourceCursor } from "./source_cursor.ts";

/** Most subscriptions of one link: as many streams as a node may have. */
export const SUBSCRIPTIONS_MAX = 20_000;

/** Most files of one link that are looked for or sent; four times what a node of ours asks for. */
export const FETCHES_SERVED_MAX = 1_024;

/** Another node asks for a stream. */
export interface ServeRequest extends OpenMessage {
  /** The node that asks. */
  readonly from: string;
}

/** The stream's data here, or why it is not served. */
export type ServeAnswer =
  | {
    readonly core: StreamCore;
    /** The stream's state as its owner tells it, at the time of the call. */
    readonly state: () => SessionState;
  }
  /** It is not here; `owner` says who might have it. */
  | { readonly refused: true; readonly owner?: string }
  /** This node owns it, and it is over. */
  | { readonly ended: true };

export interface LinkSourceOptions {
  readonly channel: Channel;
  readonly ports: Ports;
  readonly node: string;
  readonly serve: (request: ServeRequest) => ServeAnswer;
  readonly serveFile?: ServeFile;
  readonly counters: SourceCounters;
}

export class LinkSource {
  readonly sender: MediaSender;
  readonly #options: LinkSourceOptions;
  readonly #cursors = new Map<number, SourceCursor>();
  readonly #fetches = new Map<number, FetchSource>();

  constructor(options: LinkSourceOptions) {
    this.#options = options;
    const { channel, ports } = options;
    this.sender = new MediaSender({
      channel,
      ports,
      failed: (source, error) => {
        this.#failed(source, error);
      },
    });
  }

  /** Subscriptions now. */
  get size(): number {
    return this.#cursors.size;
  }

  /** @throws {ProtocolError} The handle is in use. */
  open(handle: number, message: OpenMessage): void {
    this.#requireNew(handle, "4.3");
    const { counters } = this.#options;
    if (this.#cursors.size >= SUBSCRIPTIONS_MAX) return this.#refuse(handle);
    const answer = this.#serve(message);
    if ("refused" in answer) return this.#refuse(handle, answer.owner);
    if ("ended" in answer) return this.#end(handle);
    if (answer.core.ended) return this.#refuse(handle);
    const wake = (woken: SourceCursor) => this.sender.wake(woken);
    const cursor = new SourceCursor({
      handle,
      core: answer.core,
      peer: this.#options.node,
      mode: message.mode,
      state: answer.state,
      fromSeq: message.fromSeq,
      counters,
      wake,
      over: (over) => this.#forget(over),
    });
    this.#cursors.set(handle, cursor);
    answer.core.eager.add(cursor);
    this.sender.wake(cursor);
  }

  /** What the node says; a defect there is not the link's. */
  #serve(message: OpenMessage): ServeAnswer {
    const { serve, node, ports: { log } } = this.#options;
    try {
      return serve({ ...message, from: node });
    } catch (error) {
      log.error("link: stream cannot be served", { error: String(error) });
      return { refused: true };
    }
  }

  /** @throws {ProtocolError} The handle is in use. */
  fetch(handle: number, message: FetchMessage): void {
    this.#requireNew(handle, "4.4");
    const { serveFile } = this.#options;
    if (serveFile === undefined || this.#fetches.size >= FETCHES_SERVED_MAX) {
      return this.#refuse(handle);
    }
    const source = new FetchSource({
      handle,
      wake: (woken) => this.sender.wake(woken),
      over: (over) => this.#forgetFetch(over),
    });
    this.#fetches.set(handle, source);
    this.#serveFile(serveFile, message).then((answer) => {
      if (this.#fetches.get(handle) !== source) return; // Closed meanwhile.
      if ("status" in answer) return source.answer(answer);
      this.#forgetFetch(source);
      if ("gone" in answer) this.#end(handle);
      else this.#refuse(handle, answer.owner);
    });
  }

  async #serveFile(serveFile: ServeFile, message: FetchMessage): Promise<ServedFile> {
    const { app, name: rest, ...wanted } = message;
    try {
      return await serveFile({ ...wanted, name: { app, name: rest } });
    } catch (error) {
      this.#options.ports.log.error("link: file cannot be served", { error: String(error) });
      return FAILED;
    }
  }

  /** @throws {ProtocolError} It is more than a subscription or fetch may have. */
  credit(handle: number, bytes: number): void {
    (this.#cursors.get(handle) ?? this.#fetches.get(handle))?.addCredit(bytes);
  }

  close(handle: number): void {
    const cursor = this.#cursors.get(handle);
    if (cursor !== undefined) return this.#forget(cursor);
    const fetch = this.#fetches.get(handle);
    if (fetch !== undefined) this.#forgetFetch(fetch);
  }

  /** The link is gone. */
  closeAll(): void {
    this.sender.stop();
    for (const cursor of this.#cursors.values()) this.#forget(cursor);
    for (const fetch of this.#fetches.values()) this.#forgetFetch(fetch);
  }

  #forget(cursor: SourceCursor): void {
    this.#cursors.delete(cursor.handle);
    cursor.core.eager.delete(cursor);
    cursor.retire();
  }

  #end(handle: number): void {
    this.#options.channel.send(FRAME_TYPE.end, handle, writeEnd({ reason: "ended" }));
  }

  #forgetFetch(fetch: FetchSource): void {
    this.#fetches.delete(fetch.handle);
    fetch.retire();
  }

  /** @throws {ProtocolError} The handle is in use. */
  #requireNew(handle: number, section: string): void {
    if (!this.#cursors.has(handle) && !this.#fetches.has(handle)) return;
    throw malformed(`Cannot open: handle ${handle} is in use`, section);
  }

  #refuse(handle: number, owner?: string): void {
    const body = writeEnd({ reason: "refused", owner });
    this.#options.channel.send(FRAME_TYPE.end, handle, body);
  }

  #failed(source: MediaSource, error: unknown): void {
    this.#options.ports.log.error("link: stream cannot be sent", { error: String(error) });
    // Who asked for the file may have a part of it, to which no END fits; it waits for its time.
    if (source instanceof FetchSource) return this.#forgetFetch(source);
    const cursor = source as SourceCursor;
    this.#forget(cursor);
    this.#refuse(cursor.handle);
  }
}

/** A defect of ours, as the other node hears of it. */
const FAILED: FoundFile = {
  ...{ status: 500, type: "text/plain", bytes: new TextEncoder().encode("Cannot answer") },
  ...{ maxAgeSeconds: 0, retryAfterSeconds: 0, ended: false },
};
