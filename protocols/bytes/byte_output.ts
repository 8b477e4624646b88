/**
 * Bytes that a session wants sent: in order, bounded, taken all at once.
 *
 * @module
 */
import { concatBytes } from "./concat.ts";
import { ProtocolError } from "../errors.ts";

/** Options of an output. */
export interface ByteOutputOptions {
  /** Most bytes that may wait to be taken. */
  readonly bytesMax: number;
  /** Protocol and section of an error that says that the peer does not read. */
  readonly protocol: string;
  readonly section: string;
}

/** A bounded queue of encoded messages. */
export class ByteOutput {
  readonly #options: ByteOutputOptions;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  constructor(options: ByteOutputOptions) {
    this.#options = options;
  }

  /** Bytes that wait to be taken. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether so many bytes can be queued without passing the limit. */
  hasRoomFor(bytes: number): boolean {
    return this.#pendingBytes + bytes <= this.#options.bytesMax;
  }

  /**
   * Queues bytes as they are; they must not change any more.
   *
   * @throws {ProtocolError} The peer does not read what it asked for.
   */
  push(bytes: Uint8Array): void {
    if (!this.hasRoomFor(bytes.length)) {
      const { bytesMax, protocol, section } = this.#options;
      throw new ProtocolError(
        `Cannot answer: the peer left ${this.#pendingBytes} bytes unread, ` +
          `at most ${bytesMax} may wait`,
        { protocol, section, offset: 0 },
      );
    }
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** All that waits, in one array of its own; `undefined` when nothing does. */
  take(): Uint8Array | undefined {
    const pending = this.#pending;
    if (pending.length === 0) return undefined;
    const bytes = pending.length === 1 ? pending[0] : concatBytes(...pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }
}
