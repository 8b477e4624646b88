/**
 * One fetch as the serving node has it: an answer that is sent in pieces while its credit lasts.
 *
 * It copies nothing: the bytes are the stream's own until they are gathered for a write.
 *
 * @module
 */
import type { FoundFile } from "../../actors/stream/fetch.ts";
import {
  FETCH_CREDIT_BYTES,
  FETCHED_BYTES_MAX,
  PIECE_BYTES_MAX,
  writeFound,
} from "../../protocols/mrtmp/fetch.ts";
import { FRAME_TYPE, malformed } from "../../protocols/mrtmp/frame.ts";
import type { FrameWriter } from "../../protocols/mrtmp/frame_writer.ts";
import { CREDIT_BYTES_MAX } from "../../protocols/mrtmp/subscription.ts";
import type { MediaSource } from "./media_sender.ts";

const NOTHING = new Uint8Array(0);

export interface FetchSourceOptions {
  readonly handle: number;
  /** It has something to send. */
  readonly wake: (source: FetchSource) => void;
  /** All of it was sent; it is to be forgotten. */
  readonly over: (source: FetchSource) => void;
}

export class FetchSource implements MediaSource {
  queued = false;
  readonly handle: number;
  readonly #options: FetchSourceOptions;
  #credit = FETCH_CREDIT_BYTES;
  #file: FoundFile | undefined;
  #announced = false;
  #rest: Uint8Array = NOTHING;
  #retired = false;

  constructor(options: FetchSourceOptions) {
    this.#options = options;
    this.handle = options.handle;
  }

  /** It is there; one that is too large is refused by its size. */
  answer(file: FoundFile): void {
    if (this.#retired) return;
    this.#file = file.bytes.length <= FETCHED_BYTES_MAX
      ? file
      : { ...file, status: 413, bytes: NOTHING };
    this.#rest = this.#file.bytes;
    this.#options.wake(this);
  }

  /** @throws {ProtocolError} The fetch then has more credit than it may have. */
  addCredit(bytes: number): void {
    this.#credit += bytes;
    if (this.#credit > CREDIT_BYTES_MAX) {
      const text = `Cannot take credit: ${this.#credit} bytes, at most ${CREDIT_BYTES_MAX}`;
      throw malformed(text, "4.4");
    }
    if (this.#file !== undefined) this.#options.wake(this);
  }

  /** Sends nothing more, should it still be waiting for its turn. */
  retire(): void {
    this.#retired = true;
    this.#file = undefined;
    this.#rest = NOTHING;
  }

  fill(writer: FrameWriter, bytes: number): boolean {
    if (this.#retired || this.#file === undefined) return false;
    if (!this.#announced) this.#announce(writer, this.#file);
    const until = writer.length + bytes;
    while (this.#rest.length > 0 && writer.length < until) {
      if (this.#credit <= 0) return false;
      const piece = this.#rest.subarray(0, PIECE_BYTES_MAX);
      this.#credit -= writer.frame(FRAME_TYPE.piece, this.handle, piece);
      this.#rest = this.#rest.subarray(piece.length);
    }
    if (this.#rest.length > 0) return true;
    this.#options.over(this);
    return false;
  }

  #announce(writer: FrameWriter, file: FoundFile): void {
    this.#announced = true;
    const { status, type, bytes, maxAgeSeconds: maxAge, ended } = file;
    const retryAfter = file.retryAfterSeconds;
    const found = { status, type, bytes: bytes.length, maxAge, retryAfter, ended };
    writer.frame(FRAME_TYPE.found, this.handle, writeFound(found));
  }
}
