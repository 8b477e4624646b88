/**
 * Packets of one track in order: reordering within a window, loss, duplicates, new sources.
 *
 * Source: RFC 3550, sections 5.1, 8.2 and appendix A.1. Packets are borrowed for the call; those
 * that must wait are copied. Has no clock: the caller says when it is, and calls
 * {@link PacketSequence.expire} when {@link PacketSequence.dueUs} has come.
 *
 * @module
 */
import type { RtpPacket } from "./packet.ts";

/** Widest window, in packets: a tenth of a second of 60 Mbit/s. */
export const REORDER_PACKETS_MAX = 512;

/** Most bytes of packets that wait; at 1,500 each, as many as the window has places. */
const HELD_BYTES_MAX = 1024 * 1024;

/** Longest that a packet waits for those before it, in microseconds; paths differ by less. */
export const REORDER_HOLD_US = 100_000;

/** A step ahead of fewer packets is loss, a longer one another sequence (RFC 3550, A.1). */
const DROPOUT_MAX = 3_000;

/** Receives packets in order. Called synchronously. */
export interface SequenceSink {
  /** The next packet. Its views are valid during the call only. */
  packet(packet: RtpPacket, arrivalUs: number): void;
  /** So many packets before the next one never came. */
  lost(packets: number): void;
  /** The next packet is of another source, or its numbers do not follow those before. */
  restarted(): void;
}

export interface SequenceOptions {
  /** False on TCP, where a gap is a loss at once. */
  readonly reorders: boolean;
  /** How long a packet may wait; {@link REORDER_HOLD_US} when left out. */
  readonly holdUs?: number;
}

interface Held {
  readonly packet: RtpPacket;
  readonly arrivalUs: number;
}

export class PacketSequence {
  readonly #sink: SequenceSink;
  readonly #window: number;
  readonly #holdUs: number;
  readonly #held: (Held | undefined)[];
  #heldCount = 0;
  #heldBytes = 0;
  /** Number expected next, and the source it belongs to; unknown before the first packet. */
  #next = 0;
  #ssrc: number | undefined;
  /** A packet that does not follow: two in a row make a new sequence (A.1, probation). */
  #stranger: Held | undefined;
  /** Packets left out: duplicates, and such as came after their turn. */
  late = 0;

  constructor(sink: SequenceSink, { reorders, holdUs = REORDER_HOLD_US }: SequenceOptions) {
    this.#sink = sink;
    this.#window = reorders ? REORDER_PACKETS_MAX : 0;
    this.#holdUs = holdUs;
    this.#held = new Array(this.#window).fill(undefined);
  }

  /** Source of the sequence at hand, `undefined` before the first packet. */
  get ssrc(): number | undefined {
    return this.#ssrc;
  }

  /** When {@link expire} has something to do, on the caller's clock; `undefined` = nothing waits. */
  get dueUs(): number | undefined {
    if (this.#heldCount === 0) return undefined;
    let oldestUs = Number.POSITIVE_INFINITY;
    for (const held of this.#held) {
      if (held !== undefined && held.arrivalUs < oldestUs) oldestUs = held.arrivalUs;
    }
    return oldestUs + this.#holdUs;
  }

  /** Takes one packet, which arrived at `nowUs`. */
  push(packet: RtpPacket, nowUs: number): void {
    if (this.#ssrc === undefined) return this.#begin(packet, nowUs);
    if (packet.ssrc !== this.#ssrc) return this.#strange(packet, nowUs);
    const ahead = signed16(packet.sequence - this.#next);
    if (ahead === 0) {
      this.#stranger = undefined;
      this.#deliver(packet, nowUs);
      return this.#drain();
    }
    if (ahead >= DROPOUT_MAX || ahead < -REORDER_PACKETS_MAX) return this.#strange(packet, nowUs);
    this.#stranger = undefined;
    if (ahead < 0) this.late++;
    else this.#wait(packet, ahead, nowUs);
    if (this.#heldCount > 0) this.expire(nowUs);
  }

  /** Gives up on packets for which others have waited too long. */
  expire(nowUs: number): void {
    while (this.#heldCount > 0 && (this.dueUs ?? nowUs) <= nowUs) this.#skipGap();
  }

  /** Hands out all that waits: nothing more will come. */
  flush(): void {
    while (this.#heldCount > 0) this.#skipGap();
  }

  #begin(packet: RtpPacket, nowUs: number): void {
    this.#ssrc = packet.ssrc;
    this.#next = packet.sequence;
    this.#deliver(packet, nowUs);
  }

  /** Another source, or the same one far away: believed when it goes on (A.1). */
  #strange(packet: RtpPacket, nowUs: number): void {
    const first = this.#stranger;
    const follows = first !== undefined && first.packet.ssrc === packet.ssrc &&
      signed16(packet.sequence - first.packet.sequence) === 1;
    if (!follows) {
      this.#stranger = { packet: copyOf(packet), arrivalUs: nowUs };
      return;
    }
    this.flush();
    this.#stranger = undefined;
    this.#sink.restarted();
    this.#begin(first.packet, first.arrivalUs);
    this.#deliver(packet, nowUs);
  }

  #wait(packet: RtpPacket, ahead: number, nowUs: number): void {
    const { length } = packet.payload;
    // What does not fit the window pushes it on: the packets at its start are given up.
    let distance = ahead;
    while (
      this.#heldCount > 0 && (distance >= this.#window || this.#heldBytes + length > HELD_BYTES_MAX)
    ) {
      this.#skipGap();
      distance = signed16(packet.sequence - this.#next);
    }
    if (distance < 0) {
      this.late++; // To make room those behind it went first.
      return;
    }
    if (distance === 0 || distance >= this.#window) {
      if (distance > 0) this.#sink.lost(distance);
      this.#deliver(packet, nowUs);
      return this.#drain();
    }
    const place = packet.sequence % this.#window;
    if (this.#held[place] !== undefined) {
      this.late++;
      return;
    }
    this.#held[place] = { packet: copyOf(packet), arrivalUs: nowUs };
    this.#heldCount++;
    this.#heldBytes += length;
  }

  /** Goes on at the first packet that waits. */
  #skipGap(): void {
    let lost = 0;
    while (this.#held[this.#next % this.#window] === undefined) {
      this.#next = (this.#next + 1) & 0xffff;
      lost++;
    }
    if (lost > 0) this.#sink.lost(lost);
    this.#drain();
  }

  #drain(): void {
    while (this.#heldCount > 0) {
      const place = this.#next % this.#window;
      const held = this.#held[place];
      if (held === undefined) return;
      this.#held[place] = undefined;
      this.#heldCount--;
      this.#heldBytes -= held.packet.payload.length;
      this.#deliver(held.packet, held.arrivalUs);
    }
  }

  #deliver(packet: RtpPacket, arrivalUs: number): void {
    this.#next = (packet.sequence + 1) & 0xffff;
    this.#sink.packet(packet, arrivalUs);
  }
}

/** A 16-bit difference, taken the shorter way round: -32768 to 32767. */
function signed16(difference: number): number {
  return (difference << 16) >> 16;
}

function copyOf(packet: RtpPacket): RtpPacket {
  const { extension } = packet;
  return {
    ...packet,
    payload: packet.payload.slice(),
    extension: extension && { ...extension, data: extension.data.slice() },
  };
}
