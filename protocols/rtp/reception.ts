/**
 * What a receiver reports of one source: loss, jitter, and when it was last heard of.
 *
 * Source: RFC 3550, section 6.4.1 and appendices A.1, A.3 and A.8. Arrival times are the caller's.
 *
 * @module
 */
import { ticksOfUs } from "./clock.ts";
import type { RtpPacket } from "./packet.ts";
import type { ReportBlock, SenderReport } from "./reports.ts";

/** A number further ahead than this begins a new count (A.1). */
const DROPOUT_MAX = 3_000;

/** A number further behind than this begins a new count (A.1). */
const MISORDER_MAX = 100;

/** Longest delay that a block can say, in microseconds: 16 bits of seconds. */
const DELAY_US_MAX = 65_535_000_000;

export class ReceptionStatistics {
  readonly #clockHz: number;
  #ssrc: number | undefined;
  #first = 0; // number of the first packet
  #highest = 0; // newest number, 16 bits
  #cycles = 0; // times 2^16
  #received = 0;
  #expectedBefore = 0; // at the last report
  #receivedBefore = 0;
  #transit = 0;
  #jitter = 0;
  #report: { readonly ssrc: number; readonly middle: number; readonly atUs: number } | undefined;

  /** @param clockHz Of the track's timestamps. */
  constructor(clockHz: number) {
    this.#clockHz = clockHz;
  }

  /** Packets that were sent and never came, as far as is known; less than 0 with duplicates. */
  get lost(): number {
    return this.#expected - this.#received;
  }

  get received(): number {
    return this.#received;
  }

  /** Notes a packet as it arrives, before it is put in order. */
  packet(packet: RtpPacket, arrivalUs: number): void {
    const ahead = (packet.sequence - this.#highest) & 0xffff;
    const goesOn = ahead < DROPOUT_MAX || ahead >= 0x10000 - MISORDER_MAX;
    const transit = (ticksOfUs(arrivalUs, this.#clockHz) - packet.timestamp) | 0;
    if (packet.ssrc !== this.#ssrc || !goesOn) this.#begin(packet, transit);
    if (ahead < DROPOUT_MAX) {
      if (packet.sequence < this.#highest) this.#cycles += 0x10000;
      this.#highest = packet.sequence;
    }
    this.#received++;
    const change = Math.abs((transit - this.#transit) | 0);
    this.#transit = transit;
    this.#jitter += (change - this.#jitter) / 16;
  }

  /** Notes a report of the source. */
  report({ ssrc, ntpMiddle }: SenderReport, arrivalUs: number): void {
    this.#report = { ssrc, middle: ntpMiddle, atUs: arrivalUs };
  }

  /** The block for the next report; `undefined` before the first packet. */
  block(nowUs: number): ReportBlock | undefined {
    if (this.#ssrc === undefined) return undefined;
    const expected = this.#expected;
    const expectedNow = expected - this.#expectedBefore;
    const lostNow = expectedNow - (this.#received - this.#receivedBefore);
    this.#expectedBefore = expected;
    this.#receivedBefore = this.#received;
    const report = this.#report?.ssrc === this.#ssrc ? this.#report : undefined;
    const delayUs = report === undefined ? 0 : nowUs - report.atUs;
    return {
      ssrc: this.#ssrc,
      fractionLost: lostNow <= 0 ? 0 : Math.min(255, Math.floor(256 * lostNow / expectedNow)),
      lost: this.lost,
      highestSequence: (this.#cycles + this.#highest) >>> 0,
      jitter: Math.floor(this.#jitter),
      lastReport: report?.middle ?? 0,
      lastReportDelay: Math.floor(Math.min(Math.max(delayUs, 0), DELAY_US_MAX) * 65_536 / 1e6),
    };
  }

  get #expected(): number {
    return this.#ssrc === undefined ? 0 : this.#cycles + this.#highest - this.#first + 1;
  }

  #begin(packet: RtpPacket, transit: number): void {
    this.#ssrc = packet.ssrc;
    this.#first = this.#highest = packet.sequence;
    this.#cycles =
      this.#received =
      this.#expectedBefore =
      this.#receivedBefore =
        0;
    this.#transit = transit;
    this.#jitter = 0;
  }
}
