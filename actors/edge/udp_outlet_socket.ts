/**
 * The socket of a viewer over UDP: takes the pages that all viewers share and sends their packets
 * as datagrams, without what frames them on TCP.
 *
 * @module
 */
import type { OutletSocket } from "./outlet.ts";
import type { SharedPackets } from "./shared_packets.ts";
import type { UdpMedium } from "./udp_medium.ts";

/** Where one medium's packets go. */
export type DatagramWay = Pick<UdpMedium, "send">;

/** The sockets of the media; closing them is the connection's. */
export class UdpOutletSocket implements OutletSocket {
  /** By channel of the pages; channels without one are not wanted. */
  readonly #byChannel: (DatagramWay | undefined)[] = [];
  readonly #packets: SharedPackets;

  /** @param media By medium, whose channels are twice its number and the next. */
  constructor(media: ReadonlyMap<number, DatagramWay>, packets: SharedPackets) {
    this.#packets = packets;
    for (const [index, medium] of media) {
      this.#byChannel[2 * index] = this.#byChannel[2 * index + 1] = medium;
    }
  }

  /**
   * Sends all packets; resolves when the system has them. One after the other: several at a time
   * overtake each other once the event loop has more to do than it does in a turn, and cost more.
   */
  async write(bytes: Uint8Array): Promise<number> {
    for (const { channel, packet } of this.#packets.of(bytes)) {
      const medium = this.#byChannel[channel];
      if (medium === undefined) continue;
      try {
        await medium.send((channel & 1) === 1 ? "rtcp" : "rtp", packet);
      } catch {
        continue; // Lost on the way, as datagrams are.
      }
    }
    return bytes.length;
  }

  close(): void {}
}
