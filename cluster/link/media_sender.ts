/**
 * Fills the media connection of a link: gathers what the cursors have into few large writes.
 *
 * At most one write is outstanding. A cursor says when it has something; all who said so take turns
 * within a write, so that nobody's backlog stands in front of somebody's live end.
 *
 * @module
 */
import type { Ports, Timer } from "../../actors/runtime/ports.ts";
import { FrameWriter } from "../../protocols/mrtmp/frame_writer.ts";
import type { Channel } from "./channel.ts";

/** Bytes after which a write is full; one frame may take it beyond. */
export const GATHER_BYTES = 512 * 1024;

/** What one cursor may add before the next one's turn, in bytes. */
export const TURN_BYTES = 64 * 1024;

/** Writes are this far apart, in milliseconds: what comes meanwhile costs no write of its own. */
const GATHER_MS = 2;

/** Room of the buffer that is kept. */
const INITIAL_BYTES = 64 * 1024;

/** Somebody who has something to send. */
export interface MediaSource {
  /** Waiting for its turn; kept by the sender. */
  queued: boolean;
  /**
   * Adds about `bytes` bytes at most; returns whether there is more. Never calls the sender.
   */
  fill(writer: FrameWriter, bytes: number): boolean;
}

export interface MediaSenderOptions {
  readonly channel: Channel;
  readonly ports: Ports;
  /** A source threw: a defect of ours that must not reach the others. */
  readonly failed: (source: MediaSource, error: unknown) => void;
}

export class MediaSender {
  readonly #options: MediaSenderOptions;
  readonly #writer = new FrameWriter(INITIAL_BYTES);
  #queue: MediaSource[] = [];
  #spare: MediaSource[] = [];
  readonly #failures: [source: MediaSource, error: unknown][] = [];
  #sentAtMs = -Infinity;
  #armed = false;
  #timer: Timer | undefined;

  constructor(options: MediaSenderOptions) {
    this.#options = options;
  }

  /** `source` has something to send. Cheap when it said so already. */
  wake(source: MediaSource): void {
    if (source.queued) return;
    source.queued = true;
    this.#queue.push(source);
    if (!this.#armed && !this.#options.channel.busy) this.#arm();
  }

  /** The channel is free again. */
  drained(): void {
    const full = this.#writer.length >= GATHER_BYTES;
    this.#writer.clear();
    if (this.#queue.length === 0 || this.#armed) return;
    if (full) this.#send();
    else this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#queue.length = 0;
  }

  /** The first after a quiet time goes out in the next turn of the loop, others after a pause. */
  #arm(): void {
    this.#armed = true;
    const { clock, timers } = this.#options.ports;
    const leftMs = this.#sentAtMs + GATHER_MS - clock.nowMs();
    if (leftMs <= 0) timers.soon(this.#due);
    else this.#timer = timers.after(leftMs, this.#due);
  }

  readonly #due = (): void => {
    this.#armed = false;
    this.#timer = undefined;
    if (!this.#options.channel.busy) this.#send();
  };

  #send(): void {
    const { channel, ports } = this.#options;
    if (channel.closed) return;
    this.#gather();
    if (this.#writer.length > 0) {
      this.#sentAtMs = ports.clock.nowMs();
      channel.write(this.#writer.taken(), this.#writer.frames);
    }
    // Told now: it may want to send something itself.
    if (this.#failures.length === 0) return;
    for (const [source, error] of this.#failures.splice(0)) this.#options.failed(source, error);
  }

  #gather(): void {
    const writer = this.#writer;
    while (this.#queue.length > 0 && writer.length < GATHER_BYTES) {
      const queue = this.#queue;
      this.#queue = this.#spare;
      let served = 0;
      while (served < queue.length && writer.length < GATHER_BYTES) this.#serve(queue[served++]);
      if (served < queue.length) {
        // Those who had no turn come before those who had one.
        queue.copyWithin(0, served);
        queue.length -= served;
        queue.push(...this.#queue);
        this.#spare = this.#queue;
        this.#spare.length = 0;
        this.#queue = queue;
        return;
      }
      queue.length = 0;
      this.#spare = queue;
    }
  }

  #serve(source: MediaSource): void {
    source.queued = false;
    try {
      if (!source.fill(this.#writer, TURN_BYTES)) return;
    } catch (error) {
      this.#failures.push([source, error]);
      return;
    }
    source.queued = true;
    this.#queue.push(source);
  }
}
