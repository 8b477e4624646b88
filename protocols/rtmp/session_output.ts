/**
 * What an RTMP session wants sent: whole messages, in order, bounded.
 *
 * Source: Adobe RTMP 1.0, section 5.3.1 (each message with a type-0 header, so that a shared page
 * of media may go out between any two of them).
 *
 * @module
 */
import { ByteOutput } from "../bytes/byte_output.ts";
import {
  CHUNK_BYTES_DEFAULT,
  chunkedMessageBytes,
  type MessageHead,
  writeChunkedMessage,
} from "./chunk_writer.ts";

const NO_BYTES = new Uint8Array(0);

/** A bounded queue of encoded messages. */
export class SessionOutput extends ByteOutput {
  /** Chunk size of messages sent from now on, in bytes; change it behind a Set Chunk Size. */
  chunkBytes = CHUNK_BYTES_DEFAULT;

  /** @param bytesMax Most bytes that may wait to be taken. */
  constructor(bytesMax: number) {
    super({ bytesMax, protocol: "RTMP", section: "7.1" });
  }

  /** Whether a message with a body of `bodyBytes` can be sent without passing the limit. */
  fits(head: MessageHead, bodyBytes: number): boolean {
    return this.hasRoomFor(chunkedMessageBytes(head, bodyBytes, this.chunkBytes));
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
}
