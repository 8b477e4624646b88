/**
 * Who is told what a viewer of the load generator received.
 *
 * @module
 */

/** Counts what comes; one for all viewers of a process. */
export interface MediaSink {
  /**
   * A whole audio, video or data message came.
   *
   * @param tail The last {@link STAMP_BYTES} bytes of a video message; undefined behind others.
   */
  message(typeId: number, tail: Uint8Array | undefined): void;
  /** So many packets are missing in a row of numbered ones. */
  lost(packets: number): void;
  /** One of them comes behind a later one: it was not lost after all. */
  late(): void;
}

/** Takes the bytes of one connection, in pieces of any size; keeps none of them. */
export interface Scanner {
  /** @throws {Error} The server sent what its protocol does not allow, or a refusal. */
  feed(bytes: Uint8Array, end: number): void;
}
