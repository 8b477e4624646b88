/**
 * One medium over UDP: a pair of sockets, and the one peer that may use them.
 *
 * Packets are taken from the address of the RTSP connection alone, and sent to it alone.
 *
 * @module
 */
import type { UdpPair, UdpPorts } from "./udp_ports.ts";

/** Largest datagram that is read, in bytes: a jumbo frame; what is longer is cut, and dropped. */
const DATAGRAM_BYTES_MAX = 9 * 1024;

/** After so many errors a socket is not read any more: something is wrong with it. */
const RECEIVE_ERRORS_MAX = 1_000;

const NOWHERE = Promise.resolve();

export interface UdpMediumOptions {
  readonly ports: UdpPorts;
  readonly pair: UdpPair;
  /** Address of the client. */
  readonly remoteHost: string;
  /** Its ports of packets and reports. */
  readonly remotePorts: readonly [rtp: number, rtcp: number];
  /**
   * Told of each datagram of the client.
   *
   * @param packet Borrowed for the call.
   */
  readonly received: (kind: "rtp" | "rtcp", packet: Uint8Array) => void;
}

export class UdpMedium {
  readonly #options: UdpMediumOptions;
  readonly #rtp: Deno.NetAddr;
  readonly #rtcp: Deno.NetAddr;
  #closed = false;

  constructor(options: UdpMediumOptions) {
    const { remoteHost: hostname, remotePorts: [rtp, rtcp], pair } = options;
    this.#options = options;
    this.#rtp = { transport: "udp", hostname, port: rtp };
    this.#rtcp = { transport: "udp", hostname, port: rtcp };
    this.#receive("rtp", pair.rtp);
    this.#receive("rtcp", pair.rtcp);
  }

  /** Our ports of packets and reports. */
  get localPorts(): readonly [number, number] {
    const { port } = this.#options.pair;
    return [port, port + 1];
  }

  /**
   * Sends to the client; resolves when the system has it, rejects when it could not take it. Of two
   * that wait at a time the second may be the first to go.
   */
  send(kind: "rtp" | "rtcp", packet: Uint8Array): Promise<unknown> {
    if (this.#closed) return NOWHERE;
    const { pair } = this.#options;
    return kind === "rtp" ? pair.rtp.send(packet, this.#rtp) : pair.rtcp.send(packet, this.#rtcp);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.ports.close(this.#options.pair);
  }

  async #receive(kind: "rtp" | "rtcp", socket: Deno.DatagramConn): Promise<void> {
    const buffer = new Uint8Array(DATAGRAM_BYTES_MAX);
    const { remoteHost, received } = this.#options;
    let errors = 0;
    while (!this.#closed) {
      try {
        const [packet, from] = await socket.receive(buffer);
        const known = (from as Deno.NetAddr).hostname === remoteHost;
        if (known && packet.length > 0 && packet.length < buffer.length) received(kind, packet);
      } catch {
        // An error of one datagram does not end the socket.
        if (this.#closed || ++errors > RECEIVE_ERRORS_MAX) return;
      }
    }
  }
}
