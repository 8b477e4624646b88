/**
 * Tells when an Acknowledgement is due.
 *
 * Source: Adobe RTMP 1.0, sections 5.4.3 and 5.4.4.
 *
 * @module
 */

/**
 * Window until the peer announces one, in bytes. 5.4.4 wants it announced first, but encoders exist
 * that never do and still wait for acknowledgements.
 */
export const WINDOW_BYTES_DEFAULT = 2_500_000;

/** Counts what was received against the peer's window. */
export class AcknowledgementWindow {
  #windowBytes = WINDOW_BYTES_DEFAULT;
  #acknowledgedBytes = 0;

  /** Takes the peer's Window Acknowledgement Size; 0, which no ack could satisfy, is ignored. */
  resize(windowBytes: number): void {
    if (windowBytes > 0) this.#windowBytes = windowBytes;
  }

  /**
   * Whether to acknowledge now; if so, `receivedBytes` counts as acknowledged.
   *
   * @param receivedBytes All bytes received on the connection so far.
   */
  due(receivedBytes: number): boolean {
    if (receivedBytes - this.#acknowledgedBytes < this.#windowBytes) return false;
    this.#acknowledgedBytes = receivedBytes;
    return true;
  }
}
