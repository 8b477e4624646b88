/**
 * What both sides of the RTMP handshake share: packet size, version, collecting packets.
 *
 * Source: Adobe RTMP 1.0, section 5.2.
 *
 * @module
 */

/** Size of C1, S1, C2 and S2, in bytes (5.2.3). */
export const HANDSHAKE_BYTES = 1536;

/** The protocol's version, in C0 and S0 (5.2.2). */
export const RTMP_VERSION = 3;

/** Collects one packet of known size out of input in pieces. */
export class PacketCollector {
  readonly packet: Uint8Array;
  #filled = 0;

  constructor(size: number) {
    this.packet = new Uint8Array(size);
  }

  /** All bytes are there. */
  get full(): boolean {
    return this.#filled === this.packet.length;
  }

  /** Bytes collected so far. */
  get filled(): number {
    return this.#filled;
  }

  /** Takes what fits; returns how many bytes that was. */
  take(bytes: Uint8Array, offset: number): number {
    const size = Math.min(this.packet.length - this.#filled, bytes.length - offset);
    this.packet.set(bytes.subarray(offset, offset + size), this.#filled);
    this.#filled += size;
    return size;
  }
}

/** A copy of the owner's random bytes, to become a packet. */
export function randomPacket(random: Uint8Array): Uint8Array {
  if (random.length !== HANDSHAKE_BYTES) {
    throw new RangeError(
      `Cannot start handshake: ${random.length} random bytes given, ${HANDSHAKE_BYTES} needed`,
    );
  }
  return random.slice();
}
