/**
 * What an RTMP session wants sent: whole messages, in order, bounded.
 *
 * Source: Adobe RTMP 1.0, section 5.3.1 (each message with a type-0 header, so that a shared page
 * of media may go out between any two of them).
 *
 * @module
 */
import { ProtocolError } from "../errors.ts";
import {
  CHUNK_BYTES_DEFAULT,
  chunkedMessageBytes,
  type MessageHead,
  writeChunkedMessage,
} from "./chunk_writer.ts";

const NO_BYTES = new Uint8Array(0);

/** A bounded queue of encoded messages. */
export class SessionOutput {
  /** Chunk size of messages sent from now on, in bytes; change it behind a Set Chunk Size. */
  chunkBytes = CHUNK_BYTES_DEFAULT;

  readonly #bytesMax: number;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;

  /** @param bytesMax Most bytes that may wait to be taken. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that wait to be taken. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Whether a message with a body of `bodyBytes` can be sent without passing the limit. */
  fits(head: MessageHead, bodyBytes: number): boolean {
    const bytes = chunkedMessageBytes(head, bodyBytes, this.chunkBytes);
    return this.#pendingBytes + bytes <= this.#bytesMax;
  }

  /**
   * Queues bytes as they are; they must not change any more.
   *
   * @throws {ProtocolError} The peer does not read what it asked for.
   */
  push(bytes: Uint8Array): void {
    const pendingBytes = this.#pendingBytes + bytes.length;
    if (pendingBytes > this.#bytesMax) {
      throw new ProtocolError(
        `Cannot answer: the peer left ${this.#pendingBytes} bytes unread, ` +
          `at most ${this.#bytesMax} may wait`,
        { protocol: "RTMP", section: "7.1", offset: 0 },
      );
    }
    this.#pending.push(bytes);
    this.#pendingBytes = pendingBytes;
  }

  /**
   * Queues a message; `body` is copied.
   *
   * @throws {ProtocolError} As {@link push}.
   */
  send(head: MessageHead, body: Uint8Array, bodyHead: Uint8Array = NO_BYTES): void {
    const bytes = new Uint8Array(
      chunkedMessageBytes(head, bodyHead.length + body.length, this.chunkBytes),
    );
    writeChunkedMessage(head, bodyHead, bodyHead.length, body, this.chunkBytes, bytes, 0);
    this.push(bytes);
  }

  /** All that waits, in one array of its own; `undefined` when nothing does. */
  take(): Uint8Array | undefined {
    const pending = this.#pending;
    if (pending.length === 0) return undefined;
    const bytes = pending.length === 1 ? pending[0] : joined(pending, this.#pendingBytes);
    this.#pending = [];
    this.#pendingBytes = 0;
    return bytes;
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const target = new Uint8Array(bytes);
  let offset = 0;
  for (const part of parts) {
    target.set(part, offset);
    offset += part.length;
  }
  return target;
}
