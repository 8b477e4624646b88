/**
 * The server's nonces: made of a time and a seal, so that nothing has to be remembered.
 *
 * Source: RFC 7616, sections 3.3 and 5.4. A nonce is good for one connection and some minutes; a
 * proof that was overheard is of no use on another connection.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** How long a nonce is good, in milliseconds; a client with an older one is asked again. */
export const NONCE_LIFE_MS = 5 * 60_000;

/** Bytes of the seal that go out: nobody guesses 96 bits. */
const SEAL_BYTES = 12;

const TIME_DIGITS = 12;

export class NonceMint {
  readonly #secret: Uint8Array;

  /** @param secret At least 16 bytes of chance, the same on every node that must know a nonce. */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** A nonce for one connection. */
  make(connection: string, wallMs: number): string {
    const time = Math.floor(wallMs).toString(16).padStart(TIME_DIGITS, "0");
    return time + this.#seal(connection, time);
  }

  /** Whether a nonce is one of ours for this connection, and young enough. */
  check(nonce: string, connection: string, wallMs: number): "good" | "stale" | "foreign" {
    const time = nonce.slice(0, TIME_DIGITS);
    const seal = new TextEncoder().encode(nonce.slice(TIME_DIGITS));
    const expected = new TextEncoder().encode(this.#seal(connection, time));
    if (seal.length !== expected.length || !timingSafeEqual(seal, expected)) return "foreign";
    const ageMs = wallMs - parseInt(time, 16);
    // A clock that was set back makes it look young for ever: both ways count.
    return Math.abs(ageMs) <= NONCE_LIFE_MS ? "good" : "stale";
  }

  #seal(connection: string, time: string): string {
    return createHmac("sha256", this.#secret).update(`${time} ${connection}`).digest()
      .subarray(0, SEAL_BYTES).toString("hex");
  }
}
