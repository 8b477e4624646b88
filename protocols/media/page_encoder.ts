/**
 * Turns log records into the bytes of one wire format, the same for every viewer.
 *
 * The log's owner asks for the size, makes room in a page and has the record written there:
 * bytes are made once per stream and format. Implementations are pure: what they write depends
 * on the record and on their own construction options alone.
 *
 * @module
 */
import type { LogRecord, StreamHead } from "./record.ts";

export interface PageEncoder {
  /**
   * Bytes that open a connection, before any preface; empty when the format has none. `head` is
   * the stream's head where the viewer joins.
   */
  opening(head: StreamHead): Uint8Array;
  /**
   * What a viewer needs before the first byte of a page it jumps to: metadata and decoder
   * configurations, stamped `dtsUs`.
   */
  preface(head: StreamHead, dtsUs: number): Uint8Array;
  /** Exact bytes that {@link write} will need; 0 when the format does not carry the record. */
  sizeOf(record: LogRecord): number;
  /** Writes the record, exactly `sizeOf(record)` bytes, at `offset`. Not called for size 0. */
  write(record: LogRecord, target: Uint8Array, offset: number): void;
  /** Bytes that end a connection whose stream ended; empty when closing the socket says it all. */
  closing(): Uint8Array;
}
