/**
 * The socket of a viewer over UDP: takes the pages that all viewers share and sends their packets
 * as datagrams, without what frames them on TCP.
 *
 * @module
 */
import { forEachInterleaved } from "../../protocols/rtp/interleaved.ts";
import type { OutletSocket } from "./outlet.ts";
import type { UdpMedium } from "./udp_medium.ts";

/** The sockets of the media; closing them is the connection's. */
export class UdpOutletSocket implements OutletSocket {
  /** By channel of the pages; channels without one are not wanted. */
  readonly #byChannel: (UdpMedium | undefined)[] = [];

  /** @param media By medium, whose channels are twice its number and the next. */
  constructor(media: ReadonlyMap<number, UdpMedium>) {
    for (const [index, medium] of media) {
      this.#byChannel[2 * index] = this.#byChannel[2 * index + 1] = medium;
    }
  }

  /** Sends all packets; resolves when the system has them. */
  async write(bytes: Uint8Array): Promise<number> {
    const sending: Promise<void>[] = [];
    forEachInterleaved(bytes, (channel, packet) => {
      const medium = this.#byChannel[channel];
      if (medium !== undefined) sending.push(medium.send(channel & 1 ? "rtcp" : "rtp", packet));
    });
    await Promise.all(sending);
    return bytes.length;
  }

  close(): void {}
}
