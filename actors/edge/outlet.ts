/**
 * The way out of one connection: at most one write outstanding, replies before media, nothing
 * queued but what one write already holds.
 *
 * Media is pulled from the connection's viewers when the socket is free, so a slow socket
 * costs its own viewers only. Replies wait here, bounded, and go out between messages. While its
 * only viewer is in step with others (see `fan_out.ts`), the outlet has nothing to do.
 *
 * @module
 */
import { concatBytes } from "../../protocols/bytes/concat.ts";
import { SweptPace } from "./swept_pace.ts";
import type { LaneOwner, Lanes, LaneSocket } from "../stream/lanes.ts";
import type { Viewer } from "../stream/viewer.ts";

/** Replies one peer may leave unread: hundreds of them; a peer that reads never has any. */
const REPLY_BYTES_MAX = 256 * 1024;

export interface OutletEvents {
  /** A viewer has been given all of a stream that has ended; it is to be removed. */
  viewerOver(viewer: Viewer): void;
  /** The socket failed, or the peer does not read; nothing will be written any more. */
  outletFailed(reason: string): void;
}

/** A connection's socket. */
export interface OutletSocket extends LaneSocket {
  close(): void;
}

export class Outlet implements LaneOwner {
  readonly #socket: OutletSocket;
  readonly #events: OutletEvents;
  readonly #lanes: Lanes;
  readonly #lane: number;
  readonly #replies: Uint8Array[] = [];
  #replyBytes = 0;
  /** The next bytes are being looked for. */
  #choosing = false;
  #closed = false;
  #closeWhenSent = false;
  /** Where media comes from, in turn; most connections have one, publishers none. */
  readonly viewers: Viewer[] = [];
  #turn = 0;
  /** Bytes the socket had taken when it was closed. */
  #bytesAtClose = 0;
  /** What the sweep knows of it. */
  readonly swept = new SweptPace();

  constructor(socket: OutletSocket, events: OutletEvents, lanes: Lanes) {
    this.#socket = socket;
    this.#events = events;
    this.#lanes = lanes;
    this.#lane = lanes.open(socket, this);
  }

  /** A write is outstanding. */
  get busy(): boolean {
    return !this.#closed && this.#lanes.writing(this.#lane);
  }

  /** Bytes the socket took. */
  get bytesOut(): number {
    return this.#closed ? this.#bytesAtClose : this.#lanes.bytesOut(this.#lane);
  }

  /** Sends a reply as soon as the socket is free, ahead of media. */
  send(bytes: Uint8Array): void {
    if (this.#closed || bytes.length === 0) return;
    this.#replies.push(bytes);
    this.#replyBytes += bytes.length;
    if (this.#replyBytes > REPLY_BYTES_MAX) {
      return this.fail(`peer left ${this.#replyBytes} bytes of replies unread`);
    }
    this.pump();
  }

  /** Writes whatever is next, if the socket is free. */
  pump(): void {
    if (this.#closed || this.#choosing) return;
    this.leaveStep();
    if (this.busy) return;
    this.#choosing = true; // Whatever the viewer sends as it joins waits for this turn.
    const next = this.#closeWhenSent ? undefined : this.#nextMedia();
    const media = this.#closeWhenSent ? undefined : next; // A viewer may refuse as it joins.
    const bytes = this.#replies.length === 0 ? media : this.#takeReplies(media);
    this.#choosing = false;
    if (bytes !== undefined) return this.#lanes.write(this.#lane, bytes);
    if (this.#closeWhenSent) return this.close();
    for (const viewer of this.viewers) {
      if (viewer.over) return this.#events.viewerOver(viewer);
    }
    if (this.viewers.length === 1) this.viewers[0].enterStep(this.#lanes, this.#lane);
  }

  /** Asks its viewer again from now on. */
  leaveStep(): void {
    if (!this.#closed && this.#lanes.inStep(this.#lane)) this.viewers[0].leaveStep();
  }

  /** Closes once what was handed over so far is sent; no more media follows. */
  closeWhenSent(): void {
    this.#closeWhenSent = true;
    this.pump();
  }

  /** Closes now. */
  close(): void {
    if (this.#closed) return;
    this.leaveStep();
    this.#bytesAtClose = this.bytesOut;
    this.#closed = true;
    this.#replies.length = 0;
    this.#lanes.close(this.#lane);
    try {
      this.#socket.close();
    } catch {
      // Closed by the peer already.
    }
  }

  /** The socket took all of the last write. */
  wrote(): void {
    this.pump();
  }

  /** The socket will take no more; also called from outside for a peer that does not read. */
  fail(reason: string): void {
    if (this.#closed) return;
    this.close();
    this.#events.outletFailed(reason);
  }

  /** The next stretch of the viewer whose turn it is, or of the one after it. */
  #nextMedia(): Uint8Array | undefined {
    const { viewers } = this;
    for (let i = 0; i < viewers.length; i++) {
      if (++this.#turn >= viewers.length) this.#turn = 0;
      const bytes = viewers[this.#turn].next();
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  #takeReplies(media: Uint8Array | undefined): Uint8Array {
    const parts = media === undefined ? this.#replies : [...this.#replies, media];
    const bytes = parts.length === 1 ? parts[0] : concatBytes(...parts);
    this.#replies.length = 0;
    this.#replyBytes = 0;
    return bytes;
  }
}
