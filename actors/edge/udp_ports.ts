/**
 * UDP ports for media: pairs of an even one for packets and the next one for reports, out of a
 * range that the operator named.
 *
 * @module
 */
import type { Log } from "../runtime/ports.ts";
import { SharedPackets } from "./shared_packets.ts";

/** First and last port; `undefined` = no media over UDP. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Two sockets on neighbouring ports. */
export interface UdpPair {
  /** The even one. */
  readonly port: number;
  readonly rtp: Deno.DatagramConn;
  readonly rtcp: Deno.DatagramConn;
}

export class UdpPorts {
  /** What goes to all viewers, split once. */
  readonly packets = new SharedPackets();
  readonly #range: PortRange | undefined;
  readonly #log: Log;
  /** Even ports in use. */
  readonly #used = new Set<number>();
  /** Where the next search begins: a port rests after use, for packets may still be on the way. */
  #next: number;

  constructor(range: PortRange | undefined, log: Log) {
    this.#range = range;
    this.#log = log;
    this.#next = firstOf(range);
  }

  /** Pairs in use. */
  get size(): number {
    return this.#used.size;
  }

  /** Opens a pair on a local address; `undefined` when there is none left, or none wanted. */
  open(hostname: string): UdpPair | undefined {
    const range = this.#range;
    if (range === undefined) return undefined;
    const first = firstOf(range);
    const pairs = (range.to + 1 - first) >> 1;
    for (let tries = 0; tries < pairs; tries++) {
      const port = this.#next;
      this.#next = port + 3 > range.to ? first : port + 2;
      if (this.#used.has(port)) continue;
      const pair = this.#bind(hostname, port);
      if (pair === undefined) continue; // Another program has one of them.
      this.#used.add(port);
      return pair;
    }
    this.#log.warn("no UDP ports left", { from: range.from, to: range.to, used: this.#used.size });
    return undefined;
  }

  close({ port, rtp, rtcp }: UdpPair): void {
    if (!this.#used.delete(port)) return;
    rtp.close();
    rtcp.close();
  }

  #bind(hostname: string, port: number): UdpPair | undefined {
    let rtp: Deno.DatagramConn | undefined;
    try {
      rtp = Deno.listenDatagram({ transport: "udp", hostname, port });
      const rtcp = Deno.listenDatagram({ transport: "udp", hostname, port: port + 1 });
      return { port, rtp, rtcp };
    } catch (error) {
      rtp?.close();
      if (!(error instanceof Deno.errors.AddrInUse)) {
        this.#log.warn("UDP port cannot be bound", { hostname, port, error: String(error) });
      }
      return undefined;
    }
  }
}

/** The first even port of a range. */
function firstOf(range: PortRange | undefined): number {
  return range === undefined ? 0 : range.from + (range.from & 1);
}
