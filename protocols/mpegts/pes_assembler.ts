/**
 * PES packets out of the payloads of one PID.
 *
 * Source: ISO/IEC 13818-1, section 2.4.3.6. A packet is over when it has the length it announced,
 * else when the next one begins. Grows with what arrives, never by what is announced.
 *
 * @module
 */
import { PES_START_BYTES } from "./pes.ts";

const BUFFER_BYTES_MIN = 4 * 1024;

/** What became of a payload. */
export interface PesEvents {
  /** A whole packet; a view that is valid during the call only. */
  packet(pes: Uint8Array, randomAccess: boolean): void;
  /** A packet exceeded the limit and is left out. */
  tooLarge(): void;
}

export class PesAssembler {
  readonly #events: PesEvents;
  readonly #bytesMax: number;
  #buffer = new Uint8Array(0);
  #used = 0;
  #open = false;
  #randomAccess = false;

  /** @param bytesMax Most bytes of a packet, header included. */
  constructor(bytesMax: number, events: PesEvents) {
    this.#bytesMax = bytesMax;
    this.#events = events;
  }

  /** A packet has begun and is not over. */
  get open(): boolean {
    return this.#open;
  }

  /** Takes the payload of one transport packet. */
  push(payload: Uint8Array, payloadStart: boolean, randomAccess: boolean): void {
    if (payloadStart) {
      this.flush();
      this.#open = true;
      this.#randomAccess = randomAccess;
    }
    if (!this.#open) return;
    if (this.#used + payload.length > this.#bytesMax) {
      this.reset();
      return this.#events.tooLarge();
    }
    this.#append(payload);
    const whole = this.#announcedBytes();
    if (whole !== 0 && this.#used >= whole) this.#emit(whole);
  }

  /** Ends a packet that did not say how long it is; one that is short of its length too. */
  flush(): void {
    if (this.#open) this.#emit(this.#used);
  }

  /** Forgets what is not whole, as after a lost packet. */
  reset(): void {
    this.#open = false;
    this.#used = 0;
  }

  #emit(bytes: number): void {
    const pes = this.#buffer.subarray(0, bytes);
    const randomAccess = this.#randomAccess;
    this.reset();
    this.#events.packet(pes, randomAccess);
  }

  /** Size of the packet as it says itself; 0 while unknown or when it does not. */
  #announcedBytes(): number {
    if (this.#used < PES_START_BYTES) return 0;
    const length = this.#buffer[4] << 8 | this.#buffer[5]; // PES_packet_length
    return length === 0 ? 0 : PES_START_BYTES + length;
  }

  #append(payload: Uint8Array): void {
    const needed = this.#used + payload.length;
    if (needed > this.#buffer.length) {
      const bytes = Math.max(BUFFER_BYTES_MIN, needed, 2 * this.#buffer.length);
      const larger = new Uint8Array(Math.min(bytes, this.#bytesMax));
      larger.set(this.#buffer.subarray(0, this.#used));
      this.#buffer = larger;
    }
    this.#buffer.set(payload, this.#used);
    this.#used = needed;
  }
}
