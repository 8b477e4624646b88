/**
 * The streams that this node subscribes to at one other node, over the link to it.
 *
 * Records are decoded where they are read and handed to their sinks at once; credit is given back
 * as they are.
 *
 * @module
 */
import type { Log } from "../../actors/runtime/ports.ts";
import type {
  UpstreamEnd,
  UpstreamRequest,
  UpstreamSink,
  UpstreamSubscription,
} from "../../actors/stream/upstream.ts";
import {
  FRAME_TYPE,
  HEADER_BYTES,
  malformed,
  type ReceivedFrame,
} from "../../protocols/mrtmp/frame.ts";
import { readRecord, type TrackTable } from "../../protocols/mrtmp/record_codec.ts";
import { readStart } from "../../protocols/mrtmp/start.ts";
import {
  type EndMessage,
  readEnd,
  readState,
  writeCredit,
  writeOpen,
} from "../../protocols/mrtmp/subscription.ts";
import type { Channel } from "./channel.ts";
import { SUBSCRIPTIONS_MAX } from "./link_source.ts";

/** Credit is given back in steps of so many bytes: a quarter of what a subscription has. */
export const CREDIT_STEP_BYTES = 1024 * 1024;

interface Subscription {
  readonly handle: number;
  readonly request: UpstreamRequest;
  readonly sink: UpstreamSink;
  /** Tracks as told so far; one object each, for all frames that refer to it. */
  readonly tracks: TrackTable;
  /** Number of the next record; `undefined` before START. */
  nextSeq: number | undefined;
  /** Bytes taken for which no credit was given yet. */
  takenBytes: number;
}

export interface LinkUpstreamOptions {
  readonly node: string;
  readonly log: Log;
  /** Something is about to be opened: the link is needed. */
  readonly needed: () => void;
}

export class LinkUpstream {
  readonly #options: LinkUpstreamOptions;
  readonly #open = new Map<number, Subscription>();
  #lastHandle = 0;
  /** The control connection of a link that is up. */
  #control: Channel | undefined;

  constructor(options: LinkUpstreamOptions) {
    this.#options = options;
  }

  /** Subscriptions now. */
  get size(): number {
    return this.#open.size;
  }

  /** Subscribes; `undefined` when there are too many. */
  open(request: UpstreamRequest): UpstreamSubscription | undefined {
    if (this.#open.size >= SUBSCRIPTIONS_MAX) return undefined;
    this.#options.needed();
    // The next number that is not in use; after 2^31 of them they begin anew. Fetches have the rest.
    do this.#lastHandle = (this.#lastHandle + 1) & 0x7fffffff; while (
      this.#open.has(this.#lastHandle)
    );
    const handle = this.#lastHandle;
    const { sink, node } = request;
    const subscription: Subscription = {
      ...{ handle, request, sink, tracks: [], nextSeq: undefined, takenBytes: 0 },
    };
    this.#open.set(handle, subscription);
    if (this.#control !== undefined) this.#ask(subscription, this.#control);
    return {
      node,
      close: () => {
        if (!this.#open.delete(handle)) return;
        this.#control?.send(FRAME_TYPE.close, handle);
      },
    };
  }

  /** The link is up: whoever waited for it is asked for now. */
  up(control: Channel): void {
    this.#control = control;
    for (const subscription of this.#open.values()) this.#ask(subscription, control);
  }

  /** The link is gone, or could not be made. */
  lost(): void {
    this.#control = undefined;
    const lost = [...this.#open.values()];
    this.#open.clear();
    for (const { sink } of lost) this.#close(sink, { kind: "lost" });
  }

  /**
   * Takes a frame of the media connection.
   *
   * @throws {ProtocolError} It is malformed or out of order.
   */
  frame(frame: ReceivedFrame): void {
    const subscription = this.#open.get(frame.handle);
    if (subscription === undefined) return; // Closed from this side; this was under way.
    switch (frame.type) {
      case FRAME_TYPE.start:
        return this.#start(subscription, frame);
      case FRAME_TYPE.state:
        return this.#state(subscription, frame);
      case FRAME_TYPE.end:
        this.#open.delete(frame.handle);
        return this.#close(subscription.sink, endOf(readEnd(frame)));
      default:
        return this.#record(subscription, frame);
    }
  }

  #ask({ handle, request }: Subscription, control: Channel): void {
    const { name: { app, name }, mode, epoch, fromSeq } = request;
    control.send(FRAME_TYPE.open, handle, writeOpen({ app, name, mode, epoch, fromSeq }));
  }

  #start(subscription: Subscription, frame: ReceivedFrame): void {
    const { start, caughtUpSeq } = readStart(frame, subscription.tracks);
    subscription.nextSeq = start.seq;
    try {
      subscription.sink.started(start, caughtUpSeq);
    } catch (error) {
      this.#failed(subscription, error);
    }
  }

  #state(subscription: Subscription, frame: ReceivedFrame): void {
    const state = readState(frame);
    if (subscription.nextSeq === undefined) throw malformed("Cannot take STATE: no START", "6");
    try {
      subscription.sink.state(state);
    } catch (error) {
      this.#failed(subscription, error);
    }
  }

  #record(subscription: Subscription, frame: ReceivedFrame): void {
    const record = readRecord(frame, subscription.tracks);
    if (record.seq !== subscription.nextSeq) {
      throw malformed(
        `Cannot take record ${record.seq}: expected ${subscription.nextSeq ?? "START"}`,
        "5",
      );
    }
    subscription.nextSeq++;
    subscription.takenBytes += HEADER_BYTES + frame.end - frame.start;
    try {
      subscription.sink.record(record);
    } catch (error) {
      return this.#failed(subscription, error);
    }
    if (subscription.takenBytes >= CREDIT_STEP_BYTES) this.#giveCredit(subscription);
  }

  #giveCredit(subscription: Subscription): void {
    if (!this.#open.has(subscription.handle)) return; // Its sink has just closed it.
    const body = writeCredit(subscription.takenBytes);
    this.#control?.send(FRAME_TYPE.credit, subscription.handle, body);
    subscription.takenBytes = 0;
  }

  /** A sink threw: a defect of ours that ends its own subscription. */
  #failed({ handle, sink }: Subscription, error: unknown): void {
    this.#options.log.error("link: record cannot be taken", { error: String(error) });
    if (!this.#open.delete(handle)) return;
    this.#control?.send(FRAME_TYPE.close, handle);
    this.#close(sink, { kind: "lost" });
  }

  #close(sink: UpstreamSink, end: UpstreamEnd): void {
    try {
      sink.closed(end);
    } catch (error) {
      this.#options.log.error("link: end of stream cannot be taken", { error: String(error) });
    }
  }
}

function endOf(end: EndMessage): UpstreamEnd {
  switch (end.reason) {
    case "ended":
      return { kind: "ended" };
    case "refused":
      return end.owner === undefined ? { kind: "refused" } : { kind: "refused", owner: end.owner };
    case "moved":
      return { kind: "moved", owner: end.owner, epoch: end.epoch, seq: end.seq };
  }
}
