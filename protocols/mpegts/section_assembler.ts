/**
 * Sections out of the payloads of one PID.
 *
 * Source: ISO/IEC 13818-1, section 2.4.4.1 and 2.4.4.2 (pointer_field). Sections of the two tables
 * that are read end within {@link SECTION_BYTES_MAX}; longer ones are left out.
 *
 * @module
 */
import { SECTION_BYTES_MAX, sectionBytes } from "./psi.ts";

/** What stands behind the last section of a packet. */
const STUFFING = 0xff;

export class SectionAssembler {
  readonly #visit: (section: Uint8Array) => void;
  readonly #buffer = new Uint8Array(SECTION_BYTES_MAX);
  #used = 0;
  /** A section is under way. */
  #open = false;

  /** @param visit Gets each whole section; a view that is valid during the call only. */
  constructor(visit: (section: Uint8Array) => void) {
    this.#visit = visit;
  }

  /** Takes the payload of one packet. */
  push(payload: Uint8Array, payloadStart: boolean): void {
    if (!payloadStart) return this.#append(payload);
    const start = 1 + payload[0]; // pointer_field
    this.#append(payload.subarray(1, start));
    this.reset();
    if (start > payload.length) return;
    this.#open = true;
    this.#append(payload.subarray(start));
  }

  /** Forgets a section that is not whole, as after a lost packet. */
  reset(): void {
    this.#open = false;
    this.#used = 0;
  }

  #append(bytes: Uint8Array): void {
    let rest = bytes;
    while (this.#open && rest.length > 0) {
      if (this.#used === 0 && rest[0] === STUFFING) return this.reset();
      const part = rest.subarray(0, this.#buffer.length - this.#used);
      this.#buffer.set(part, this.#used);
      const known = this.#used + part.length;
      const whole = sectionBytes(this.#buffer.subarray(0, known));
      if (whole === undefined || (whole > known && whole <= SECTION_BYTES_MAX)) {
        this.#used = known;
        return;
      }
      if (whole > SECTION_BYTES_MAX) return this.reset();
      rest = rest.subarray(whole - this.#used);
      this.#used = 0;
      this.#visit(this.#buffer.subarray(0, whole));
    }
  }
}
