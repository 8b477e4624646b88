/**
 * One NetStream of an RTMP connection as the server sees it, and the table of them.
 *
 * Source: Adobe RTMP 1.0, sections 7.2.1.3 (createStream) and 7.2.2.
 *
 * @module
 */

/**
 * Most message streams of one connection, stream 0 aside. Encoders use one, pages with several
 * players a handful; each holds a name and a class of encoded pages.
 */
export const NET_STREAMS_MAX = 32;

/** Idle until publish or play; each request waits for a decision first. */
export type NetStreamState =
  | { readonly kind: "idle" }
  | { readonly kind: "publish-requested" | "publishing"; readonly streamName: string }
  | { readonly kind: "play-requested"; readonly reset: boolean }
  | { readonly kind: "playing" };

const NET_STREAM_IDLE: NetStreamState = { kind: "idle" };

/** A message stream that carries at most one publish or play at a time. */
export class NetStream {
  /** Message stream id. */
  readonly id: number;
  state: NetStreamState = NET_STREAM_IDLE;
  /** What receiveAudio and receiveVideo asked for last; outlives a play. */
  readonly receives = { audio: true, video: true };
  paused = false;

  constructor(id: number) {
    this.id = id;
  }

  get plays(): boolean {
    return this.state.kind === "playing" || this.state.kind === "play-requested";
  }

  get publishes(): boolean {
    return this.state.kind === "publishing";
  }

  /** Back to idle, ready for another publish or play. */
  settle(): void {
    this.state = NET_STREAM_IDLE;
    this.paused = false;
  }
}

/** The message streams of a connection, by id; ids that were freed are handed out again. */
export class NetStreamTable {
  readonly #streams: (NetStream | undefined)[] = new Array(NET_STREAMS_MAX + 1).fill(undefined);

  get(id: number): NetStream | undefined {
    return id >= 0 && id <= NET_STREAMS_MAX ? this.#streams[id] : undefined;
  }

  /** Opens the lowest free stream from 1 on; `undefined` when {@link NET_STREAMS_MAX} are open. */
  create(): NetStream | undefined {
    const id = this.#streams.indexOf(undefined, 1);
    return id < 0 ? undefined : this.#open(id);
  }

  delete(id: number): void {
    if (this.get(id) !== undefined) this.#streams[id] = undefined;
  }

  /**
   * The stream that a publish or play is for. Encoders that take no notice of ids send it on
   * stream 0, or on a stream that they never created; what they meant is plain, so it is opened.
   */
  obtain(id: number): NetStream | undefined {
    const stream = this.get(id);
    if (stream !== undefined) return stream;
    if (id > NET_STREAMS_MAX) return undefined;
    const created = id === 0 ? this.#last((other) => other.state.kind === "idle") : undefined;
    return created ?? this.#open(id);
  }

  /** The publishing stream, if there is exactly one. */
  solePublisher(): NetStream | undefined {
    const publishers = this.#streams.filter((stream) => stream?.publishes);
    return publishers.length === 1 ? publishers[0] : undefined;
  }

  /** The stream that publishes `streamName`, as the client wrote it. */
  publisherOf(streamName: string): NetStream | undefined {
    return this.#last(({ state }) =>
      state.kind === "publishing" && state.streamName === streamName
    );
  }

  #open(id: number): NetStream {
    const stream = new NetStream(id);
    this.#streams[id] = stream;
    return stream;
  }

  #last(matches: (stream: NetStream) => boolean): NetStream | undefined {
    return this.#streams.findLast((stream) => stream !== undefined && matches(stream));
  }
}
