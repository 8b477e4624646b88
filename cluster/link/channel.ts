/**
 * One of the two connections of a link: bytes in, frames out, and the other way.
 *
 * Small frames wait in a bounded queue while a write is outstanding and go out together in the next
 * one. Media is not queued: whoever has some is asked for it when the socket is free.
 *
 * @module
 */
import type { Timers } from "../../actors/runtime/ports.ts";
import {
  type FrameType,
  HANDSHAKE_BODY_BYTES_MAX,
  type ReceivedFrame,
} from "../../protocols/mrtmp/frame.ts";
import { FrameReader } from "../../protocols/mrtmp/frame_reader.ts";
import { FrameWriter } from "../../protocols/mrtmp/frame_writer.ts";
import type { LinkSocket } from "./transport.ts";

/** Small frames that may wait, in bytes; actor messages are refused beyond it. */
export const QUEUE_BYTES_MAX = 1024 * 1024;

/** With so much waiting a node does not read what it asked for: answers, credit, states. */
const QUEUE_BYTES_HARD_MAX = 2 * QUEUE_BYTES_MAX;

/** Room for small frames that is kept. */
const QUEUE_INITIAL_BYTES = 1024;

/** Longest that last words may take, in milliseconds. */
const FAREWELL_MS_MAX = 1_000;

/** How a channel ended. */
export interface ChannelEnd {
  readonly reason: string;
  /** The other node broke a rule, or a limit of ours. */
  readonly fault: boolean;
}

/** Whoever owns a channel at the moment: the handshake first, then the link. */
export interface ChannelEvents {
  /** Takes a frame. What it throws ends the channel. */
  frame(frame: ReceivedFrame): void;
  /** All that one read brought has been handed out. */
  parsed(): void;
  /** The socket is free and nothing small waits. */
  drained(): void;
  /** Over; called once. */
  closed(end: ChannelEnd): void;
}

/** Sums over both channels of a link; plain numbers that the hot paths bump. */
export interface LinkTraffic {
  bytesIn: number;
  bytesOut: number;
  framesIn: number;
  framesOut: number;
}

export interface ChannelOptions {
  readonly socket: LinkSocket;
  readonly traffic: LinkTraffic;
  readonly arenaBytes: number;
  /** Called before what a read brought is handled. */
  readonly reading: () => void;
  readonly events: ChannelEvents;
}

export class Channel {
  events: ChannelEvents;
  readonly remoteAddress: string;
  /** Milliseconds since something came, since something was sent, and of a write under way. */
  silentMs = 0;
  idleMs = 0;
  stalledMs = 0;
  readonly #socket: LinkSocket;
  #traffic: LinkTraffic;
  readonly #reading: () => void;
  readonly #reader: FrameReader;
  #queued = new FrameWriter(QUEUE_INITIAL_BYTES);
  #sending = new FrameWriter(QUEUE_INITIAL_BYTES);
  #rest: Uint8Array = new Uint8Array(0);
  #busy = false;
  #closed = false;

  constructor({ socket, traffic, arenaBytes, reading, events }: ChannelOptions) {
    this.events = events;
    this.#reading = reading;
    this.remoteAddress = socket.remoteAddress;
    this.#socket = socket;
    this.#traffic = traffic;
    this.#reader = new FrameReader((frame) => {
      this.#traffic.framesIn++;
      this.events.frame(frame);
    }, { arenaBytes, bodyBytesMax: HANDSHAKE_BODY_BYTES_MAX });
  }

  /** Longest body it accepts, in bytes; that of a handshake at first. */
  set bodyBytesMax(bytes: number) {
    this.#reader.bodyBytesMax = bytes;
  }

  /** Counts for a link from now on; what was counted so far is added to it. */
  countInto(traffic: LinkTraffic): void {
    traffic.bytesIn += this.#traffic.bytesIn;
    traffic.bytesOut += this.#traffic.bytesOut;
    traffic.framesIn += this.#traffic.framesIn;
    traffic.framesOut += this.#traffic.framesOut;
    this.#traffic = traffic;
  }

  /** A write is outstanding. */
  get busy(): boolean {
    return this.#busy;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** There is room for messages that may be refused. */
  get hasRoom(): boolean {
    return !this.#closed && this.#queued.length < QUEUE_BYTES_MAX;
  }

  /** Reads until it is over. Never rejects. */
  async run(): Promise<void> {
    try {
      while (!this.#closed) {
        const bytes = await this.#socket.read(this.#reader.space());
        if (this.#closed) return;
        if (bytes === null) return this.close("the other node closed it");
        this.#take(bytes);
      }
    } catch (error) {
      this.close(messageOf(error));
    }
  }

  /** Sends a small frame as soon as the socket is free; it is copied. */
  send(type: FrameType, handle: number, body?: Uint8Array): void {
    if (this.#closed) return;
    this.#queued.frame(type, handle, body);
    this.#flush();
  }

  /** The same for a frame that is whole already. */
  sendWhole(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#queued.whole(frame);
    this.#flush();
  }

  /**
   * Writes media; the bytes must hold until it is drained.
   *
   * @throws {TypeError} It is {@link busy}.
   */
  write(bytes: Uint8Array, frames: number): void {
    if (this.#busy) throw new TypeError("Cannot write: the write before is not over");
    this.#busy = true;
    this.idleMs = 0;
    this.#rest = bytes;
    this.#traffic.framesOut += frames;
    this.#push();
  }

  /** Ends it now. */
  close(reason: string, fault = false): void {
    if (this.#closed) return;
    this.#closed = this.#reader.stopped = true;
    this.#socket.close();
    this.events.closed({ reason, fault });
  }

  /** Ends it now; nobody is told. */
  closeSilently(reason: string): void {
    this.events = IGNORE;
    this.close(reason);
  }

  /** Takes nothing more, sends what is queued within a short time, and ends. Nobody is told. */
  closeWhenSent(reason: string, timers: Timers): void {
    this.events = IGNORE;
    if (this.#closed || !this.#busy) return this.close(reason);
    const timer = timers.after(FAREWELL_MS_MAX, () => this.close(reason));
    this.events = { ...IGNORE, drained: () => this.close(reason), closed: () => timer.cancel() };
  }

  /** Lets `elapsedMs` pass. */
  tick(elapsedMs: number): void {
    this.silentMs += elapsedMs;
    this.idleMs += elapsedMs;
    if (this.#busy) this.stalledMs += elapsedMs;
  }

  /** Parses what was read. Whatever is thrown there is a fault, the other node's or our own. */
  #take(bytes: number): void {
    this.#reading();
    if (this.#closed) return;
    this.silentMs = 0;
    this.#traffic.bytesIn += bytes;
    try {
      this.#reader.filled(bytes);
      this.events.parsed();
    } catch (error) {
      this.close(messageOf(error), true);
    }
  }

  #flush(): void {
    if (this.#queued.length > QUEUE_BYTES_HARD_MAX) {
      return this.close(`the other node left ${this.#queued.length} bytes unread`, true);
    }
    if (this.#busy) return;
    const queued = this.#queued;
    this.#queued = this.#sending;
    this.#sending = queued;
    this.write(queued.taken(), queued.frames);
  }

  #push(): void {
    this.#socket.write(this.#rest).then(this.#onWritten, this.#onFailed);
  }

  // Made once per channel: a write must not cost a closure.
  readonly #onWritten = (bytes: number): void => {
    if (this.#closed) return;
    this.stalledMs = 0;
    this.#traffic.bytesOut += bytes;
    if (bytes < this.#rest.length) {
      this.#rest = this.#rest.subarray(bytes);
      return this.#push();
    }
    this.#busy = false;
    this.#sending.clear();
    if (this.#queued.length > 0) this.#flush();
    else this.events.drained();
  };

  readonly #onFailed = (error: unknown): void => {
    this.close(messageOf(error));
  };
}

/** Events of a channel that nobody listens to. */
export const IGNORE: ChannelEvents = { frame() {}, parsed() {}, drained() {}, closed() {} };

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
