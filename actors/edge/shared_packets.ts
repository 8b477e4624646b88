/**
 * Pages as packets: what viewers in step are given is split once for all of them.
 *
 * @module
 */
import { forEachInterleaved } from "../../protocols/rtp/interleaved.ts";

/** One packet, and the channel of the pages on which it goes. */
export interface SharedPacket {
  readonly channel: number;
  /** A view. */
  readonly packet: Uint8Array;
}

export class SharedPackets {
  /** What was asked for last; so much of a stream is kept for the next one who asks. */
  #bytes: Uint8Array | undefined;
  #packets: readonly SharedPacket[] = [];

  /**
   * The packets of a stretch of pages.
   *
   * @throws {TypeError} The bytes are not whole packets of ours.
   */
  of(bytes: Uint8Array): readonly SharedPacket[] {
    if (bytes === this.#bytes) return this.#packets;
    const packets: SharedPacket[] = [];
    forEachInterleaved(bytes, (channel, packet) => packets.push({ channel, packet }));
    this.#packets = packets;
    this.#bytes = bytes;
    return packets;
  }
}
