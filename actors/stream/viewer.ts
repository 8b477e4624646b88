/**
 * A viewer: a cursor into one encoding of a stream. It owns no bytes and no queue.
 *
 * The connection's outlet asks for the {@link Viewer.next} bytes whenever its socket is free. One
 * that has everything comes into step with the others (see `fan_out.ts`): all that happens per
 * viewer and flush is then one write.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import type { EncodingClass, EncodingLease } from "./encodings.ts";
import type { Lanes } from "./lanes.ts";
import type { Page } from "./page.ts";
import type { StreamCore, Watcher } from "./stream_core.ts";

/**
 * Unsent bytes beyond which a viewer is late: some seconds of a good picture. What it had to
 * catch up with when it joined does not count against it.
 */
const LATE_BYTES = 4 * 1024 * 1024;

export interface ViewerEvents {
  /**
   * The first bytes are about to be handed out: the time to send a response head. `first` gives
   * a copy of the preface and of the page that they begin with; call it at once or never.
   */
  readonly joined: (first: () => Uint8Array) => void;
  /** There may be something to send: the outlet should ask when it is free. */
  readonly wake: () => void;
}

type Phase = "joining" | "live" | "paused" | "over";

export class Viewer implements Watcher {
  readonly core: StreamCore;
  /** There may be something to send: the outlet should ask when it is free. */
  readonly wake: () => void;
  readonly #joined: ViewerEvents["joined"];
  #lease: EncodingLease;
  #phase: Phase = "joining";
  #opened = false;
  #closed = false;
  #position = 0;
  /** The lane on which it is served in step with others; the fan-out knows its position then. */
  #lane: number | undefined;
  /** How far behind the end it may be before it counts as late. */
  #allowanceBytes = LATE_BYTES;
  /** Where the encoding ended when it was last asked what it made. */
  #offeredFrom: number | undefined;
  /** The head whose preface it was last given. */
  #head: Page["head"] | undefined;
  #stalled = false;
  /** How often it jumped to a newer key frame because it was late. */
  jumps = 0;
  index = -1;

  constructor(core: StreamCore, wanted: EncodingClass, events: ViewerEvents) {
    this.core = core;
    this.wake = events.wake;
    this.#joined = events.joined;
    this.#lease = core.encodings.acquire(wanted);
    core.attach(this);
  }

  /** Everything was handed out and the stream has ended. */
  get over(): boolean {
    return this.#phase === "over";
  }

  /** Bytes ready to be sent but not yet handed out. */
  get unsentBytes(): number {
    const { encoding } = this.#lease;
    const position = this.#lane === undefined ? this.#position : encoding.fanOut.position;
    return this.#phase === "live" ? encoding.end - position : 0;
  }

  /** Bytes that were made for it since the last call; none while it is paused or joining. */
  takeOffered(): number {
    const { end } = this.#lease.encoding;
    const from = this.#phase === "live" ? this.#offeredFrom ?? end : end;
    this.#offeredFrom = end;
    return end - from;
  }

  /**
   * The next bytes for the socket, ending at a message boundary; `undefined` when there are none
   * now. Shared with other viewers: never write into them.
   */
  next(): Uint8Array | undefined {
    if (this.#phase === "joining") return this.#join();
    if (this.#phase !== "live") return undefined;
    const encoding = this.#lease.encoding;
    const unsentBytes = encoding.end - this.#position;
    if (unsentBytes === 0) {
      return this.core.ended || encoding.finished ? this.#finish() : undefined;
    }
    if (unsentBytes > this.#allowanceBytes || this.#stalled) {
      this.#stalled = false;
      const page = this.#pageAhead();
      if (page !== undefined) return this.#jump(page);
    } else if (unsentBytes < LATE_BYTES) {
      this.#allowanceBytes = LATE_BYTES; // What it was born with is paid off.
    }
    const bytes = encoding.read(this.#position);
    if (bytes === undefined) return this.#lost();
    this.#position += bytes.length;
    return this.#lease.reframe === undefined ? bytes : this.#reframed(this.#lease.reframe(bytes));
  }

  /**
   * Has what comes next written to `lane`, which is free, together with all others in step.
   *
   * @returns False when it must be asked for its {@link next} bytes as before.
   */
  enterStep(lanes: Lanes, lane: number): boolean {
    const { encoding, reframe } = this.#lease;
    if (this.#phase !== "live" || this.#position !== encoding.end) return false;
    if (reframe !== undefined || this.#stalled || this.core.ended || encoding.finished) {
      return false;
    }
    if (!encoding.fanOut.enter(lanes, lane)) return false;
    this.#lane = lane;
    this.#allowanceBytes = LATE_BYTES;
    this.core.enterStep(this);
    return true;
  }

  /** Is asked for its {@link next} bytes again from now on. */
  leaveStep(): void {
    if (this.#lane === undefined) return;
    const { fanOut } = this.#lease.encoding;
    fanOut.leave(this.#lane);
    this.#lane = undefined;
    this.#position = fanOut.position;
    this.core.leaveStep(this);
  }

  /** It made no progress for a while: at its next turn it jumps. */
  stall(): void {
    this.leaveStep();
    this.#stalled = true;
  }

  /** Stops handing out media; {@link resume} joins again at a key frame. */
  pause(): void {
    this.leaveStep();
    if (this.#phase !== "over") this.#phase = "paused";
  }

  resume(): void {
    if (this.#phase === "paused") this.#phase = "joining";
    this.wake();
  }

  /** Changes the wire format; joins again at a key frame unless paused. */
  reclass(wanted: EncodingClass): void {
    this.leaveStep();
    const old = this.#lease;
    this.#lease = this.core.encodings.acquire(wanted);
    this.core.encodings.release(old);
    this.#head = undefined;
    this.#offeredFrom = undefined;
    if (this.#phase === "live") this.#phase = "joining";
    this.wake();
  }

  /** Is over at once, whatever is left. */
  abort(): void {
    this.leaveStep();
    this.#phase = "over";
    this.wake();
  }

  /** Leaves the stream. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.leaveStep();
    this.#phase = "over";
    this.core.detach(this);
    this.core.encodings.release(this.#lease);
  }

  /** A viewer that wants one kind only may find nothing in a stretch. */
  #reframed(bytes: Uint8Array): Uint8Array | undefined {
    return bytes.length === 0 ? this.next() : bytes;
  }

  #join(): Uint8Array | undefined {
    const page = this.core.log.settled ? this.#lease.encoding.joinPage : undefined;
    if (page === undefined) {
      if (this.core.ended) this.#phase = "over";
      return undefined;
    }
    this.#phase = "live";
    const opening = this.#opened ? undefined : this.#lease.encoding.encoder.opening(page.head);
    if (!this.#opened) this.#joined(() => this.#startOf(page));
    this.#opened = true;
    return joinBytes(opening, this.#moveTo(page)) ?? this.next();
  }

  #startOf(page: Page): Uint8Array {
    const { encoding: { encoder }, reframe } = this.#lease;
    const preface = page.preface((head, dtsUs) => encoder.preface(head, dtsUs));
    const start = concatBytes(preface, page.bytes.subarray(0, page.used));
    return reframe === undefined ? start : reframe(start);
  }

  /** The newest key frame's page, if it is ahead. */
  #pageAhead(): Page | undefined {
    const page = this.#lease.encoding.joinPage;
    return page === undefined || page.base <= this.#position ? undefined : page;
  }

  /** Leaves out what lies before `page`. */
  #jump(page: Page): Uint8Array | undefined {
    this.jumps++;
    this.core.counters.jumps++;
    return this.#moveTo(page) ?? this.next();
  }

  /** What it wanted to read is gone: the newest key frame, or the next one. */
  #lost(): Uint8Array | undefined {
    const page = this.#pageAhead();
    if (page !== undefined) return this.#jump(page);
    this.jumps++;
    this.core.counters.jumps++;
    this.#phase = "joining";
    return undefined;
  }

  /** Goes to a page's first byte; returns what must be told before it, if anything. */
  #moveTo(page: Page): Uint8Array | undefined {
    const { encoding, reframe } = this.#lease;
    this.#position = page.base;
    this.#allowanceBytes = LATE_BYTES + encoding.end - page.base;
    if (page.head === this.#head) return undefined;
    this.#head = page.head;
    const preface = page.preface((head, dtsUs) => encoding.encoder.preface(head, dtsUs));
    if (preface.length === 0) return undefined;
    return reframe === undefined ? preface : reframe(preface);
  }

  #finish(): Uint8Array | undefined {
    this.#phase = "over";
    const closing = this.#lease.encoding.encoder.closing();
    return closing.length === 0 ? undefined : closing;
  }
}

function joinBytes(first?: Uint8Array, second?: Uint8Array): Uint8Array | undefined {
  if (first === undefined || first.length === 0) return second;
  if (second === undefined) return first;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
